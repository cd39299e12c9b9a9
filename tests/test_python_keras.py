"""Networks of Keras, saved in every form, and their outputs here. sys.argv[1]: the program keras_outputs. Prints TAP."""
import logging
import subprocess
import sys
import tempfile
import warnings
import zipfile

import h5py
import keras
import numpy as np

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
program = sys.argv[1]
random = np.random.default_rng(0)
layers = keras.layers
count = failures = 0


def check(name, net, weights, x, order=""):
    """Both outputs for x, whose images are channels-last."""
    global count, failures
    count += 1
    want = keras.ops.convert_to_numpy(net(x, training=False))
    np.save(f"{folder}/x.npy", np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    run = subprocess.run([program, name.split(":")[0], weights, order, f"{folder}/x.npy", f"{folder}/y.npy"], capture_output=True, text=True)
    far = np.abs(np.load(f"{folder}/y.npy") - want).max() if run.returncode == 0 else np.inf
    good = far < 1e-5 * max(1, np.abs(want).max())
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}: differs by {far:.2g} {run.stderr.strip()}")


def fill(net):
    net.set_weights([random.uniform(0.5, 1.5, w.shape) if "variance" in w.path or "gamma" in w.path else random.normal(0, 0.3, w.shape)
                     for w in net.weights])
    return net


def all_forms(name, net, x):
    fill(net)
    net.compile("adam", "mse")                  # its slots are in the file too
    net.fit(x[:2], np.zeros_like(keras.ops.convert_to_numpy(net(x[:2]))), verbose=0)
    net.save_weights(f"{folder}/a.weights.h5")
    net.save(f"{folder}/a.h5")
    net.save(f"{folder}/a.keras")
    with zipfile.ZipFile(f"{folder}/a.keras") as archive:
        archive.extract("model.weights.h5", folder)
    with h5py.File(f"{folder}/a.h5") as whole, h5py.File(f"{folder}/b.h5", "w") as file:  # Keras 2's save_weights
        whole.copy("model_weights", file, name="copy")
        for key, value in file["copy"].attrs.items():
            file.attrs[key] = value
        for key in file["copy"]:
            file.move(f"copy/{key}", key)
        del file["copy"]
    check(f"{name}: .weights.h5", net, f"{folder}/a.weights.h5", x)
    check(f"{name}: .h5 of a whole model", net, f"{folder}/a.h5", x)
    check(f"{name}: .h5 of weights", net, f"{folder}/b.h5", x)
    check(f"{name}: the member of a .keras", net, f"{folder}/model.weights.h5", x)
    weighted = ",".join(layer.name for layer in net.layers if layer.weights)
    check(f"{name}: .weights.h5, layers named", net, f"{folder}/a.weights.h5", x, weighted)
    check(f"{name}: .h5, layers named", net, f"{folder}/a.h5", x, weighted)


class Own(keras.Model):
    """Some of its layers are saved by the names of its fields."""

    def __init__(self):
        super().__init__()
        self.zebra, self.apple, self.head = layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(6, 1), layers.Dense(4, use_bias=False)
        self.pool = layers.GlobalAveragePooling2D()

    def call(self, x):
        return self.head(self.pool(self.apple(self.zebra(x))))


with tempfile.TemporaryDirectory() as folder:
    vectors = random.standard_normal((5, 8)).astype(np.float32)
    pictures = random.standard_normal((5, 16, 16, 3)).astype(np.float32)
    all_forms("deep", keras.Sequential([keras.Input((8,))] + [layers.Dense(8, activation="tanh") for _ in range(12)]), vectors)
    all_forms("images", keras.Sequential([
        keras.Input((16, 16, 3)), layers.Conv2D(8, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(2), layers.Conv2D(12, (3, 1), groups=4, activation="relu"), layers.Flatten(), layers.BatchNormalization(),
        layers.Dense(32, activation="relu"), layers.Dropout(0.5), layers.Dense(5)]), pictures)
    x = keras.Input((16, 16, 3))
    y = layers.Conv2D(6, 1, name="apple")(layers.Conv2D(8, 3, activation="relu", name="zebra")(x))
    y = layers.Dense(4, use_bias=False, name="head")(layers.GlobalAveragePooling2D()(y))
    all_forms("pooled", keras.Model(x, y), pictures)
    own = Own()
    own(pictures)
    fill(own).save_weights(f"{folder}/own.weights.h5")
    check("pooled: a class of one's own, layers named", own, f"{folder}/own.weights.h5", pictures,
          ",".join(layer.name for layer in (own.zebra, own.apple, own.head)))
    count += 1
    nested = keras.Sequential([keras.Input((8,)), keras.Sequential([layers.Dense(8)]), layers.Dense(8)])
    nested.save_weights(f"{folder}/nested.weights.h5")
    run = subprocess.run([program, "deep", f"{folder}/nested.weights.h5", "", f"{folder}/x.npy", f"{folder}/y.npy"], capture_output=True, text=True)
    good = run.returncode == 1 and "nested models are not read" in run.stderr
    failures += not good
    print(f"{'ok' if good else 'not ok'} {count} - a nested model is refused: {run.stderr.strip()}")
print(f"1..{count}")
sys.exit(failures > 0)
