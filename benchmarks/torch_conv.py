#!/usr/bin/env python3
"""Milliseconds of PyTorch's convolutions and their gradients for the layers that benchmarks/conv times, in its words: torch_conv.py [FILE]
reads the lines of benchmarks/conv (standard input without FILE) and adds PyTorch's times, channels first and last, to each. CONV_SECONDS: time
for each figure; CONV_BEST=1: the best round instead of the median."""
import os
import re
import statistics
import sys
import time

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
SECONDS = float(os.environ.get("CONV_SECONDS", 0.05))


def milliseconds(body):
    body()
    took, begin = [], time.perf_counter()
    while len(took) < 15 and (len(took) < 3 or time.perf_counter() - begin < SECONDS):
        start = time.perf_counter()
        body()
        took.append(time.perf_counter() - start)
    return (min(took) if os.environ.get("CONV_BEST") else statistics.median(took)) * 1e3


def bodies(batch, channels, size, out, kernel, stride, groups, memory_format):
    x = torch.randn(batch, channels, size, size).contiguous(memory_format=memory_format)
    w = torch.randn(out, channels // groups, kernel, kernel).contiguous(memory_format=memory_format)
    pad = [kernel // 2] * 2
    y = torch.nn.functional.conv2d(x, w, None, stride, pad, 1, groups)
    dy = torch.randn_like(y)

    def backward(*wanted):
        return torch.ops.aten.convolution_backward(dy, x, w, None, [stride] * 2, pad, [1, 1], False, [0, 0], groups, [*wanted, False])

    return {"forward": lambda: torch.nn.functional.conv2d(x, w, None, stride, pad, 1, groups),
            "dx": lambda: backward(True, False), "dw": lambda: backward(False, True)}


def main():
    lines = open(sys.argv[1]) if len(sys.argv) > 1 else sys.stdin
    pattern = re.compile(r"\S+ (\d+)x(\d+)x(\d+)->(\d+) k(\d+) s(\d+) g(\d+) (\S+)")
    with torch.no_grad():
        for line in lines:
            match = pattern.match(line)
            if not match:
                continue
            shape = [int(n) for n in match.groups()[:7]]
            first, last = (milliseconds(bodies(*shape, memory_format)[match[8]])
                           for memory_format in (torch.contiguous_format, torch.channels_last))
            ours = re.search(r"([0-9.]+) ms [0-9]+ GFLOP/s( \(chosen\))?", line)
            print(f"{line.rstrip()} pytorch {first:.3f} ms channels-last {last:.3f} ms ratio {float(ours[1]) / min(first, last):.2f}", flush=True)


main()
