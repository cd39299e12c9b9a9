#!/bin/sh
# Cotangent and PyTorch on the same training steps: one process a row, the two in turn, medians over the rounds.
set -eu

usage() {
    cat <<END
usage: compare.sh [--threads N] [--seconds S] [--rounds N] BUILD_DIR [row ...]
Prints the median time of each row for Cotangent and for PyTorch, and how many times faster Cotangent is.
  --threads N   threads for both (default: OMP_NUM_THREADS, else the CPUs that this process may use)
  --seconds S   time for each row in each round (default 3)
  --rounds N    rounds, the two in turn (default 5)
  BUILD_DIR     where meson built Cotangent
  row           mlp, cnn, resnet18, resnet18b128, attn, gpt, overhead (default: all)
PYTHON names the Python that has PyTorch (default: python3).
END
}

refuse() {
    echo "compare.sh: $1" >&2
    exit 2
}

threads=${OMP_NUM_THREADS:-$(nproc)}
seconds=3
rounds=5
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0 ;;
        --threads | --seconds | --rounds)
            [ $# -gt 1 ] || refuse "$1: want a number after it"
            case $2 in '' | *[!0-9.]*) refuse "$1 $2: want a number" ;; esac
            case $1 in --threads) threads=$2 ;; --seconds) seconds=$2 ;; --rounds) rounds=$2 ;; esac
            shift 2 ;;
        -*) refuse "unknown option $1 (--help lists them)" ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
build=$1
shift
[ $# -gt 0 ] || set -- mlp cnn resnet18 resnet18b128 attn gpt overhead

here=$(dirname "$0")
ours=
for place in "$build/train_step" "$build/benchmarks/train_step"; do
    [ -x "$place" ] && ours=$place
done
[ -n "$ours" ] || refuse "$build: has no train_step: meson setup $build && meson compile -C $build"
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null ||
    refuse "$python has no PyTorch: python3 -m venv v && v/bin/pip install torch, then PYTHON=v/bin/python $0 ..."

export OMP_NUM_THREADS="$threads"
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT INT TERM

# The figure of a row: what stands before its unit.
figure() {
    awk '{ for (i = 2; i <= NF; i++) if ($i == "ms/step" || $i == "ns/op") { print $(i - 1), $i; exit } }'
}

middle() {
    sort -n "$1" | awk '{ x[NR] = $1 } END { if (NR) print (x[int((NR + 1) / 2)] + x[int((NR + 2) / 2)]) / 2 }'
}

printf '%s threads, %s rounds of %s s; %s; torch %s\n' "$threads" "$rounds" "$seconds" \
    "$("$ours" --seconds 0.01 overhead | head -n 1)" "$("$python" -c 'import torch; print(torch.__version__)')"
printf '%-10s %14s %14s %10s\n' row cotangent torch ratio
for row; do
    round=0
    while [ "$round" -lt "$rounds" ]; do
        "$ours" --seconds "$seconds" "$row" | figure >> "$found/$row.ours"
        "$python" "$here/torch_step.py" --seconds "$seconds" "$row" | figure >> "$found/$row.torch"
        round=$((round + 1))
    done
    unit=$(awk 'NR == 1 { print $2 }' "$found/$row.ours")
    a=$(middle "$found/$row.ours")
    b=$(middle "$found/$row.torch")
    [ -n "$a" ] && [ -n "$b" ] || refuse "$row: gave no figure"
    awk -v row="$row" -v a="$a" -v b="$b" -v unit="$unit" \
        'BEGIN { digits = unit == "ms/step" ? 3 : 1
                 printf "%-10s %14.*f %14.*f %9.2fx  (%s)\n", row, digits, a, digits, b, b / a, unit }'
done
