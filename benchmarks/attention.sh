#!/bin/sh
# Attention over lengths, ours and PyTorch's, a length at a time so that both meet the same minutes:
#     benchmarks/attention.sh [build folder [python with torch]]
set -e
here=$(dirname "$0")
for length in 128 256 512 1024 2048 4096 8192; do
    "${1:-$here/../build}/benchmarks/attention" $length
    "${2:-python3}" "$here/torch_attention.py" $length
done
