"""Writes tests/golden_keras/: a small network of Keras's as its file formats hold it, with an input and what Keras makes of it. Run with
KERAS_BACKEND=torch by a Python with keras, h5py and safetensors: python3 tools/make_keras_goldens.py tests/golden_keras"""
import sys

import h5py
import keras
import numpy as np
import safetensors.numpy as st

folder = sys.argv[1]
layers = keras.layers
random = np.random.default_rng(1)
keras.utils.set_random_seed(1)
net = keras.Sequential([
    keras.Input((8, 8, 3)),
    layers.Conv2D(4, (3, 2), padding="valid", activation="relu"),
    layers.BatchNormalization(),
    layers.MaxPooling2D(2),
    layers.Dropout(0.3),
    layers.Conv2D(5, 2, use_bias=False),
    layers.Flatten(),
    layers.Dense(6, activation="relu"),
    layers.BatchNormalization(scale=False, center=False),
    layers.Dense(3),
])
net.set_weights([random.uniform(0.5 if "var" in w.path else -1, 1.5, w.shape).astype(np.float32) for w in net.weights])
x = random.standard_normal((4, 8, 8, 3)).astype(np.float32)
y = np.asarray(keras.ops.convert_to_numpy(net(x, training=False)))
st.save_file({"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2)), "y": y}, f"{folder}/outputs.safetensors")
net.save_weights(f"{folder}/three.weights.h5")
net.save(f"{folder}/three.h5")

# The layout of Keras 2, which has strings of fixed length and names with ":0".
with h5py.File(f"{folder}/two.h5", "w") as file:
    with_weights = [layer for layer in net.layers]
    file.attrs["layer_names"] = np.array([layer.name.encode() for layer in with_weights])
    file.attrs["backend"] = b"tensorflow"
    for layer in with_weights:
        group = file.create_group(layer.name)
        names = [f"{layer.name}/{w.name}:0".encode() for w in layer.weights]
        group.attrs["weight_names"] = np.array(names) if names else np.zeros(0)
        for name, weight in zip(names, layer.get_weights()):
            group.create_dataset(name.decode(), data=weight)
