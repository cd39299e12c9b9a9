#!/usr/bin/env python3
"""PyTorch's side of attention.c: the same shapes; extra memory is how far the process grows in its first call."""
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


def resident(line):
    with open("/proc/self/status") as status:
        return next(int(text.split()[1]) / 1024 for text in status if text.startswith(line))


def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def measure(length, causal):
    x, g = [torch.randn(1, length, 8, 64, requires_grad=True) for _ in range(3)], torch.randn(1, 8, length, 64)
    forward = backward = float("inf")
    forget_peak()
    before, end, turn, extra = resident("VmRSS"), time.perf_counter() + 1, 0, None
    while turn < 3 or time.perf_counter() < end:
        turn += 1
        for t in x:
            t.grad = None
        start = time.perf_counter()
        y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in x), is_causal=causal)
        middle = time.perf_counter()
        y.backward(g)
        forward, backward = min(forward, middle - start), min(backward, time.perf_counter() - middle)
        extra = extra or resident("VmHWM") - before
    print(f"torch      length {length:5d} {'causal' if causal else '':6s}  forward {forward * 1e3:9.3f} ms  backward {backward * 1e3:9.3f} ms  "
          f"extra {extra:8.1f} MiB", flush=True)


F.scaled_dot_product_attention(*(torch.randn(1, 8, 64, 64, requires_grad=True) for _ in range(3))).sum().backward()  # threads start
for causal in (False, True):
    for length in (128, 256, 512, 1024, 2048, 4096, 8192):
        if len(sys.argv) < 2 or int(sys.argv[1]) == length:
            measure(length, causal)
