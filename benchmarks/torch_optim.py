"""PyTorch's side of optim.c: a step of each optimizer, its fused form where it has one, in rows of the same form.

Usage: OMP_NUM_THREADS=2 python3 torch_optim.py
"""
import time

import torch
from torch import nn, optim


def race(name, parameters, steps):
    rows = {"sgd": lambda: optim.SGD(parameters, 1e-3), "sgd fused": lambda: optim.SGD(parameters, 1e-3, fused=True),
            "momentum": lambda: optim.SGD(parameters, 1e-3, momentum=0.9), "adagrad": lambda: optim.Adagrad(parameters),
            "rmsprop": lambda: optim.RMSprop(parameters), "adadelta": lambda: optim.Adadelta(parameters),
            "adam": lambda: optim.Adam(parameters), "adam foreach": lambda: optim.Adam(parameters, foreach=True),
            "adam fused": lambda: optim.Adam(parameters, fused=True), "adamw fused": lambda: optim.AdamW(parameters, fused=True)}
    for row, make in rows.items():
        optimizer, times = make(), []
        for _ in range(steps):
            start = time.perf_counter()
            optimizer.step()
            times.append(time.perf_counter() - start)
        times.sort()
        print(f"{name:8s} {row:12s} {times[steps // 2] * 1e6:10.1f} us  best {times[0] * 1e6:10.1f}", flush=True)


def with_gradients(tensors):
    for p in tensors:
        p.grad = torch.randn_like(p)
    return tensors


torch.manual_seed(0)
race("10^7/60", with_gradients([nn.Parameter(torch.randn(10**7 // 60)) for _ in range(60)]), 20)
net = nn.Sequential(nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10))
race("mlp", with_gradients(list(net.parameters())), 300)
