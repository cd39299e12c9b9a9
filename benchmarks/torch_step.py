"""PyTorch's side of train_step.c: the same networks, batches, losses and optimizers, in rows of the same form.

Usage: OMP_NUM_THREADS=2 python3 torch_step.py [--seconds S] [row ...]
"""
import argparse
import os
import resource
import time

import torch
from torch import nn
from torch.nn import functional as F

MOST_STEPS, FEWEST_STEPS, WARM_UP = 3000, 8, 3


def train(name, net, optimizer, x, y, seconds):
    times, end = [], time.perf_counter() + seconds
    while len(times) < FEWEST_STEPS or (len(times) < MOST_STEPS and time.perf_counter() < end):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    times = sorted(times[WARM_UP:])
    median, batch = times[len(times) // 2], len(x)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:10s} batch {batch:4d}  {median * 1e3:10.3f} ms/step  min {times[0] * 1e3:10.3f}  "
          f"{batch / median:10.1f} samples/s  peak {peak:7.0f} MiB", flush=True)


def mlp(name, seconds):
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    train(name, net, adam, torch.randn(64, 784), torch.randint(0, 10, (64,)), seconds)


def cnn(name, seconds):
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
                        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Linear(128, 10))
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    train(name, net, adam, torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,)), seconds)


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input goes, by a 1x1 convolution where its shape changes."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        changes = stride != 1 or into != out
        self.around = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out)) if changes else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.around(x))


def resnet18(name, seconds, batch=32):
    layers, channels = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for out, stride in (64, 1), (128, 2), (256, 2), (512, 2):
        layers += [Residual(channels, out, stride), Residual(out, out, 1)]
        channels = out
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    sgd = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    train(name, net, sgd, torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,)), seconds)


def resnet18b128(name, seconds):
    resnet18(name, seconds, 128)


def overhead(name, seconds):
    rounds, ops = 30, 1000
    x, best = torch.ones((), requires_grad=True), 1e9
    for _ in range(rounds):
        start = time.perf_counter()
        y = x
        for _ in range(ops):
            y = y + x
        y.backward()
        best = min(best, time.perf_counter() - start)
    print(f"{name:10s} scalar add fwd+bwd {best * 1e9 / ops:8.1f} ns/op", flush=True)


ROWS = {"mlp": mlp, "cnn": cnn, "resnet18": resnet18, "resnet18b128": resnet18b128, "overhead": overhead}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each row")
    parser.add_argument("row", nargs="*", metavar="row", help=f"one or more of: {' '.join(ROWS)}")
    arguments = parser.parse_args()
    for row in arguments.row:
        if row not in ROWS:
            parser.error(f"{row}: no such row")
    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    print("torch", torch.__version__, "threads", torch.get_num_threads())
    for row in arguments.row or ROWS:
        ROWS[row](row, arguments.seconds)
