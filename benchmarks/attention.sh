#!/bin/sh
# Attention, forward and backward, over lengths: milliseconds and extra memory of Cotangent and of PyTorch in one table.
set -eu

usage() {
    cat <<END
usage: attention.sh [--threads N] BUILD_DIR [length ...]
A length at a time, the two in turn, so that both meet the same minutes; the best of a second's calls each.
  --threads N   threads for both (default: OMP_NUM_THREADS, else the CPUs that this process may use)
  BUILD_DIR     where meson built Cotangent
  length        default: 128 256 512 1024 2048 4096 8192
PYTHON names the Python that has PyTorch (default: python3).
END
}

refuse() {
    echo "attention.sh: $1" >&2
    exit 2
}

threads=${OMP_NUM_THREADS:-$(nproc)}
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0 ;;
        --threads)
            [ $# -gt 1 ] || refuse "$1: want a number after it"
            case $2 in '' | *[!0-9]*) refuse "$1 $2: want a number" ;; esac
            threads=$2
            shift 2 ;;
        -*) refuse "unknown option $1 (--help lists them)" ;;
        *) break ;;
    esac
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
here=$(dirname "$0")
ours=$1/benchmarks/attention
shift
[ -x "$ours" ] || refuse "$ours: is not there: meson setup and meson compile make it"
[ $# -gt 0 ] || set -- 128 256 512 1024 2048 4096 8192
for length; do
    case $length in '' | *[!0-9]*) refuse "$length: want a length" ;; esac
done
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null || refuse "$python has no PyTorch"

export OMP_NUM_THREADS="$threads"
printf '%s threads, 8 heads of 64; ms forward and backward, MiB beside the operands; torch %s\n' "$threads" "$("$python" -c 'import torch; print(torch.__version__)')"
printf '%-14s %10s %10s %9s | %10s %10s %9s | %6s\n' length cotangent backward memory torch backward memory ratio
for length; do
    { "$ours" "$length"; "$python" "$here/torch_attention.py" "$length"; } | awk '
        { key = $3 ($4 == "causal" ? " causal" : "")
          for (i = 3; i < NF; i++) {
              if ($i == "forward") forward[$1, key] = $(i + 1)
              if ($i == "backward") backward[$1, key] = $(i + 1)
              if ($i == "extra") extra[$1, key] = $(i + 1)
          }
          if ($1 == "torch") order[++n] = key }
        END { for (i = 1; i <= n; i++) { k = order[i]
              printf "%-14s %10.3f %10.3f %9.1f | %10.3f %10.3f %9.1f | %6.2f\n", k, forward["cotangent", k], backward["cotangent", k],
                  extra["cotangent", k], forward["torch", k], backward["torch", k], extra["torch", k],
                  (forward["cotangent", k] + backward["cotangent", k]) / (forward["torch", k] + backward["torch", k]) } }'
done
