"""Models between PyTorch and this library, both ways. sys.argv[1]: the program model_files. Prints TAP."""
import subprocess
import sys
import tempfile
import warnings

import torch
from safetensors.torch import load_file, save_file
from torch import nn

warnings.simplefilter("ignore")
program = sys.argv[1]
count = failures = 0


def check(name, action, *arguments):
    global count, failures
    count += 1
    try:
        action(*arguments)
        print(f"ok {count} - {name}")
    except Exception as reason:  # whatever it was, the case failed
        failures += 1
        print(f"not ok {count} - {name}\n# {type(reason).__name__}: {str(reason)[:500]!r}")


def ours(*words):
    run = subprocess.run([program, *words], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr or run.returncode)
    return run.stdout


# ---- ResNet-18, with the names that torchvision gave it ---------------------------------------------------------------------------
class BasicBlock(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet18(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for i, width in enumerate((64, 128, 256, 512)):
            first = BasicBlock(width // 2 if i else 64, width, 2 if i else 1)
            self.add_module(f"layer{i + 1}", nn.Sequential(first, BasicBlock(width, width, 1)))
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Classifier(nn.Module):
    """The children of a sequential of embedding, sinusoidal positions, an encoder and a linear layer."""

    def __init__(self):
        super().__init__()
        self.add_module("0", nn.Embedding(11, 12))
        self.add_module("2", nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 2, 48, 0, batch_first=True), 1))
        self.add_module("3", nn.Linear(12, 3))
        angle = torch.arange(9.0, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, 12, 2, dtype=torch.float64) / 12)
        self.register_buffer("table", torch.stack((angle.sin(), angle.cos()), -1).reshape(9, 12).float(), persistent=False)

    def forward(self, x):
        parts = dict(self.named_children())
        return parts["3"](parts["2"](parts["0"](x) + self.table[:x.shape[1]]))


def encoder(**options):
    norm = nn.LayerNorm(12) if options.get("norm_first") else None
    layer = nn.TransformerEncoderLayer(12, 2, options.pop("hidden"), 0, batch_first=True, **options)
    return nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)


class First(nn.Module):
    """A recurrent net whose last states nobody asks for."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def state_dict(self):
        return self.net.state_dict()

    def load_state_dict(self, state, strict):
        self.net.load_state_dict(state, strict)

    def forward(self, x):
        return self.net(x)[0]


SEQUENCE, TOKENS = (2, 5, 12), (2, 5)
NETS = {
    "resnet18": (lambda: ResNet18(10), (2, 3, 64, 64)),
    "encoder": (lambda: encoder(hidden=20), SEQUENCE),
    "block": (lambda: nn.TransformerEncoderLayer(12, 3, 20, 0, batch_first=True), SEQUENCE),
    "classifier": (Classifier, TOKENS),
    "mlp": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 4)), (2, 3, 8, 8)),
    "lstm": (lambda: First(nn.LSTM(12, 4, 2, bidirectional=True, batch_first=True)), SEQUENCE),
    "gru": (lambda: First(nn.GRU(12, 4, 2, batch_first=True)), SEQUENCE),
}


def input_of(shape):
    return torch.randint(0, 11, shape) if shape == TOKENS else torch.randn(shape)


def output_of(net, x):
    net.eval()
    with torch.no_grad():
        return net(x)


def stirred(net, shape):
    """Running values other than the first ones."""
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(input_of(shape))
    return net


def compare(net, name, weights, folder, shape):
    x = input_of(shape)
    save_file({"x": x}, f"{folder}/x.safetensors")
    ours("run", name, weights, f"{folder}/x.safetensors", f"{folder}/y.safetensors")
    torch.testing.assert_close(load_file(f"{folder}/y.safetensors")["y"], output_of(net, x), rtol=1e-4, atol=1e-5)


def from_torch(folder, name, make, shape):
    torch.manual_seed(1)
    net = stirred(make(), shape)
    save_file(net.state_dict(), f"{folder}/torch.safetensors")
    compare(net, name, f"{folder}/torch.safetensors", folder, shape)


def to_torch(folder, name, make, shape):
    ours("save", name, f"{folder}/ours.safetensors")
    net = make()
    net.load_state_dict(load_file(f"{folder}/ours.safetensors"), strict=True)
    compare(net, name, f"{folder}/ours.safetensors", folder, shape)


def partly(folder):
    net = ResNet18(10)
    state = {name: t for name, t in net.state_dict().items() if not name.startswith("layer3.")}
    state |= {"extra": torch.zeros(2), "fc.scale": torch.ones(3)}
    save_file(state, f"{folder}/part.safetensors")
    missing, unexpected = (sorted(names) for names in net.load_state_dict(state, strict=False))
    want = [f"missing {n}" for n in missing] + [f"unexpected {n}" for n in unexpected]
    got = ours("partly", "resnet18", f"{folder}/part.safetensors").split("\n")
    assert sorted(filter(None, got)) == want, got


with tempfile.TemporaryDirectory() as folder:
    for name, (make, shape) in NETS.items():
        check(f"{name}: PyTorch's weights give PyTorch's outputs", from_torch, folder, name, make, shape)
        check(f"{name}: our weights load strictly into PyTorch", to_torch, folder, name, make, shape)
    check("partly: PyTorch's lists of missing and unexpected names", partly, folder)
print(f"1..{count}")
sys.exit(failures > 0)
