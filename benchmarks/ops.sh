#!/bin/sh
# Cotangent and PyTorch op by op, on the same inputs; the figures of both, their ratio, and what misses the goals.
set -eu

usage() {
    cat <<END
usage: ops.sh [--threads N] [--seconds S] [--sizes LIST] [--tsv FILE] BUILD_DIR [row ...]
Prints for each row the microseconds of Cotangent and of PyTorch, the first by the second, GB/s and the share of the memory's.
A row ends in +grad if recording and the gradient are included; at 1e3 all rows that have one are such.
  --threads N   threads for both (default: OMP_NUM_THREADS, else the CPUs that this process may use)
  --seconds S   time for each figure (default 0.04; all rows take some ten minutes)
  --sizes LIST  of 1e3,1e6,1e7,own (default: all); own: shapes that the row's name gives
  --tsv FILE    the table once more, tab-separated
  BUILD_DIR     where meson built Cotangent
  row           a name (softmax: softmax__columns, too) or a pattern ('scatter*'); default: all
PYTHON names the Python that has PyTorch (default: python3).
END
}

refuse() {
    echo "ops.sh: $1" >&2
    exit 2
}

threads=${OMP_NUM_THREADS:-$(nproc)}
seconds=0.04
sizes=1e3,1e6,1e7,own
tsv=/dev/null
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0 ;;
        --threads | --seconds | --sizes | --tsv)
            [ $# -gt 1 ] || refuse "$1: want a value after it"
            case $1 in --threads) threads=$2 ;; --seconds) seconds=$2 ;; --sizes) sizes=$2 ;; --tsv) tsv=$2 ;; esac
            shift 2 ;;
        -*) refuse "unknown option $1 (--help lists them)" ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $threads in '' | *[!0-9]*) refuse "--threads $threads: want a number" ;; esac
case $seconds in '' | *[!0-9.]*) refuse "--seconds $seconds: want a number" ;; esac
build=$1
shift

here=$(dirname "$0")
ours=
for place in "$build/ops" "$build/benchmarks/ops"; do
    [ -f "$place" ] && [ -x "$place" ] && ours=$place
done
[ -n "$ours" ] || refuse "$build: has no program ops: meson setup $build && meson compile -C $build"
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null ||
    refuse "$python has no PyTorch: python3 -m venv v && v/bin/pip install torch, then PYTHON=v/bin/python $0 ..."

export OMP_NUM_THREADS="$threads"
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT INT TERM

"$ours" --list | sort > "$found/ours.names"
"$python" "$here/torch_ops.py" --list | sort > "$found/torch.names"
if ! diff "$found/ours.names" "$found/torch.names" >&2; then
    refuse "rows that one side alone has (< ops.c, > torch_ops.py)"
fi

"$ours" --seconds "$seconds" --sizes "$sizes" "$@" > "$found/ours" || refuse "Cotangent's side failed"
"$python" "$here/torch_ops.py" --seconds "$seconds" --sizes "$sizes" "$@" > "$found/torch" || refuse "PyTorch's side failed"

grep -h '^#' "$found/ours" "$found/torch"
awk -F '\t' -v tsv="$tsv" '
    FNR == 1 { file++ }
    /^#/ { if ($0 ~ /GB\/s$/) { split($0, words, " "); bandwidth = words[2] } next }
    file == 1 { ours[$1 "\t" $2] = $3; bytes[$1 "\t" $2] = $4; key[++count] = $1 "\t" $2; next }
    { torch[$1 "\t" $2] = $3 }
    END {
        print "row\tsize\tours_us\ttorch_us\tratio\tGB/s\tof_bandwidth" > tsv
        printf "%-40s %4s %12s %12s %7s %8s %6s\n", "row", "size", "ours us", "torch us", "ratio", "GB/s", "of bw"
        for (i = 1; i <= count; i++) {
            split(key[i], part, "\t")
            name = part[1]; size = part[2]
            if (!(key[i] in torch)) { print "ops.sh: " name " at " size " has no figure of PyTorch" > "/dev/stderr"; failed = 1; continue }
            us = ours[key[i]]; ratio = us / torch[key[i]]; rate = bytes[key[i]] / us / 1000
            printf "%-40s %4s %12.2f %12.2f %7.3f %8.1f %6.2f\n", name, size, us, torch[key[i]], ratio, rate, rate / bandwidth
            printf "%s\t%s\t%.3f\t%.3f\t%.4f\t%.2f\t%.3f\n", name, size, us, torch[key[i]], ratio, rate, rate / bandwidth > tsv
            if (!(size in rows)) order[++kinds] = size
            rows[size]++; logs[size] += log(ratio)
            if (ratio > (size == "1e3" ? 0.3 : 1.2)) { over[size]++; list[size] = list[size] sprintf(" %s (%.2f)", name, ratio) }
            if (size == "1e7" && name ~ /^(exp|tanh|erf|softmax|sum|clone|contiguous__transposed)(__[a-z]*)?$/)
                floor = floor sprintf("  %-38s %5.2f\n", name, bandwidth / rate)
        }
        for (i = 1; i <= kinds; i++) {
            size = order[i]
            printf "\n%s: %d rows, geometric mean of the ratios %.3f%s; %d above %s:%s\n", size, rows[size], exp(logs[size] / rows[size]),
                size == "1e3" ? "" : " (goal 0.9)", over[size], size == "1e3" ? "0.3" : "1.2", list[size]
        }
        if (floor != "") printf "\nat 1e7, times what the memory needs (goal 1.3):\n%s", floor
        exit failed
    }' "$found/ours" "$found/torch"
