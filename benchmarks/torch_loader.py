#!/usr/bin/env python3
"""Images a second out of PyTorch's DataLoader: crop, flip, normalize, as benchmarks/loader.c; torchvision is not needed."""
import argparse
import time

import torch
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """Byte images in memory; a sample is cropped out of its padded self, flipped half the time and normalized."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels
        self.mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
        self.deviation = torch.tensor([0.2470, 0.2435, 0.2616]).view(3, 1, 1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        x = torch.nn.functional.pad(self.images[index], (4, 4, 4, 4))
        top, left, side = torch.randint(0, 9, (3,)).tolist()
        x = x[:, top:top + 32, left:left + 32]
        if side % 2:
            x = x.flip(2)
        return (x.float().div_(255) - self.mean).div_(self.deviation), self.labels[index]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--batch-size", type=int, default=128)
parser.add_argument("--count", type=int, default=20000, help="images an epoch")
parser.add_argument("--seconds", type=float, default=3, help="least time a row; whole epochs are run")
arguments = parser.parse_args()
images = torch.randint(0, 256, (arguments.count, 3, 32, 32), dtype=torch.uint8)
labels = torch.randint(0, 10, (arguments.count,))
print("torch", torch.__version__)
for workers in range(3):
    loader = DataLoader(Images(images, labels), batch_size=arguments.batch_size, shuffle=True, num_workers=workers,
                        persistent_workers=workers > 0)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < arguments.seconds:
        for x, _ in loader:
            count += len(x)
    print(f"crop, flip, normalize        {workers} workers {count / (time.perf_counter() - start):12.0f} images/s", flush=True)
