#!/bin/sh
# Runs the fuzz targets of a build with -Dfuzz=true one after another, FUZZ_MINUTES each (default 1). $1: the build folder. Corpora and
# findings stay in its fuzz folder, so that the next run goes on where this one ended. Prints TAP.
set -u

build=$1
seconds=$((${FUZZ_MINUTES:-1} * 60))
work=$build/fuzz
mkdir -p "$work/seeds" "$work/findings"
"$build/tests/fuzz/make_seeds" "$work/seeds" || exit 1

tests=0
failures=0
for program in "$build"/tests/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=${program##*/fuzz_}
    tests=$((tests + 1))
    mkdir -p "$work/corpus/$name"
    # jansson and libzip allocate by a header's word only what the file can hold: a larger single allocation is a finding.
    if nice -n 10 "$program" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 \
        -artifact_prefix="$work/findings/$name-" "$work/corpus/$name" "$work/seeds/$name" > "$work/$name.log" 2>&1; then
        echo "ok $tests - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log") inputs in $seconds s"
    else
        echo "not ok $tests - $name"
        tail -n 40 "$work/$name.log" | sed 's/^/# /'
        failures=$((failures + 1))
    fi
done
echo "1..$tests"
[ "$failures" -eq 0 ]
