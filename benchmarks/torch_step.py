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


class Block(nn.Module):
    """Attention and GELU, each behind a norm and around it x."""

    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        parts = [t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, 2)]
        x = x + self.out(F.scaled_dot_product_attention(*parts, is_causal=self.causal).transpose(1, 2).flatten(2))
        return x + self.feed(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, vocabulary, length, width, heads, layers, out, causal):
        super().__init__()
        self.tokens, self.positions, self.causal = nn.Embedding(vocabulary, width), nn.Embedding(length, width), causal
        self.blocks = nn.Sequential(*[Block(width, heads, causal) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, out)

    def forward(self, x):
        z = self.norm(self.blocks(self.tokens(x) + self.positions.weight[: x.shape[1]]))
        return self.head(z.flatten(0, 1) if self.causal else z.mean(1))


def attn(name, seconds):
    net = Transformer(10000, 64, 128, 4, 2, 2, False)
    train(name, net, torch.optim.AdamW(net.parameters(), 1e-3), torch.randint(10000, (32, 64)), torch.randint(2, (32,)), seconds)


def gpt(name, seconds):
    net = Transformer(65, 128, 192, 6, 4, 65, True)
    train(name, net, torch.optim.AdamW(net.parameters(), 1e-3), torch.randint(65, (16, 128)), torch.randint(65, (16 * 128,)), seconds)


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


ROWS = {"mlp": mlp, "cnn": cnn, "resnet18": resnet18, "resnet18b128": resnet18b128, "attn": attn, "gpt": gpt, "overhead": overhead}

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
