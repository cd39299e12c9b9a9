# Sourced by test.sh and test-full.sh: builds, runs of all test programs, and the count of their cases.
# shellcheck shell=sh

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$root/build-test                           # a folder for each build; ignored by git
mkdir -p "$work"
passed=0 failed=0 skipped=0
: > "$work/table.txt"
: > "$work/skipped.txt"
: > "$work/failed.txt"
# Settings of the caller's must not decide what is tested.
unset COTANGENT_ISA COTANGENT_GEMM COTANGENT_WINOGRAD COTANGENT_NO_CACHE COTANGENT_ABORT_ON_ERROR CT_TEST_QUICK OMP_NUM_THREADS BLIS_ARCH_TYPE

headline() {
    printf '\n== %s\n' "$1"
}

row() {                                         # STAGE PASSED FAILED SKIPPED SECONDS
    printf '%-34s %6d %6d %7d %6d s\n' "$@" >> "$work/table.txt"
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
}

# build STAGE FOLDER MESON_OPTIONS...; a build that fails is a failed case, and its tests are left out.
build() {
    stage=$1 folder=$work/$2
    shift 2
    headline "$stage: building"
    start=$(date +%s)
    # A tree that was moved or copied has build folders that point elsewhere.
    if [ -d "$folder" ] && ! grep -qsF "\"source\": \"$root\"" "$folder/meson-info/meson-info.json"; then
        rm -rf "$folder"
    fi
    if { [ ! -f "$folder/build.ninja" ] || meson configure "$folder" "$@"; } > "$folder.log" 2>&1 &&
        { [ -f "$folder/build.ninja" ] || meson setup "$folder" "$root" "$@"; } >> "$folder.log" 2>&1 &&
        meson compile -C "$folder" >> "$folder.log" 2>&1; then
        echo "built in $(($(date +%s) - start)) s"
        return 0
    fi
    grep -E -A 8 'error:|ERROR:|^FAILED|undefined reference' "$folder.log" | tail -n 60 || tail -n 60 "$folder.log"
    echo "$stage: the build failed; all of it: $folder.log"
    echo "$stage: build" >> "$work/failed.txt"
    row "$stage" 0 1 0 $(($(date +%s) - start))
    return 1
}

# run STAGE FOLDER MESON_TEST_OPTIONS...: every test program of that build, in the environment of the caller.
run() {
    stage=$1 folder=$work/$2
    shift 2
    headline "$stage: running"
    start=$(date +%s)
    log=$(printf '%s' "$stage" | tr -c 'A-Za-z0-9\n' '_')
    rm -f "$folder/meson-logs/$log.json"
    meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$log" "$@" || true
    counts=$(count "$stage" "$folder/meson-logs/$log.json")
    # shellcheck disable=SC2086
    row "$stage" $counts $(($(date +%s) - start))
}

# stage STAGE COMMAND...: a program that prints TAP, outside meson.
stage() {
    name=$1
    shift
    headline "$name: running"
    start=$(date +%s)
    "$@" | tee "$work/$name.tap" || true
    good=$(grep -c '^ok ' "$work/$name.tap" || true) bad=$(grep -c '^not ok ' "$work/$name.tap" || true)
    grep '^not ok ' "$work/$name.tap" | sed "s/^/$name: /" >> "$work/failed.txt" || true
    if [ "$((good + bad))" -eq 0 ]; then
        echo "$name: no results" >> "$work/failed.txt"
        bad=1
    fi
    row "$name" "$good" "$bad" 0 $(($(date +%s) - start))
}

# Reads meson's log, an object a line, with what a program printed as one string in it. A program that prints TAP counts by its
# lines, any other as one case. One that crashed, ran out of time or exited with an error without a failed line is a failed case.
count() {
    if [ ! -s "$2" ]; then
        echo "$1: no results" >> "$work/failed.txt"
        echo "0 1 0"
        return
    fi
    awk -v stage="$1" -v failures="$work/failed.txt" -v skips="$work/skipped.txt" '
        function text(key,    at, rest) {
            at = index($0, "\"" key "\": \"")
            if (!at)
                return ""
            rest = substr($0, at + length(key) + 5)
            if (!match(rest, /^([^"\\]|\\.)*"/))
                return ""
            return substr(rest, 1, RLENGTH - 1)
        }
        {
            name = text("name"); result = text("result"); out = text("stdout")
            code = match($0, /"returncode": -?[0-9]+/) ? substr($0, RSTART + 14, RLENGTH - 14) + 0 : 0
            gsub(/\\\\/, "\001", out)
            n = split(out, line, /(\\r)?\\n/)
            cases = bad = left_out = 0
            told = 12
            for (i = 1; i <= n; i++) {
                if (line[i] !~ /^(not )?ok( |$)/) {
                    if (told < 12 && line[i] ~ /^# ./)   # what a failed case says of itself
                        print "    " substr(line[i], 3) >> failures
                    told++
                    continue
                }
                cases++
                told = 12
                if (toupper(line[i]) ~ /# *SKIP/) {
                    left_out++
                    print stage ": " name ": " line[i] >> skips
                } else if (line[i] ~ /^not /) {
                    bad++
                    told = 0
                    print stage ": " name ": " line[i] >> failures
                } else
                    passed++
            }
            failed += bad
            skipped += left_out
            killed = code < 0 || code > 128
            if (result == "FAIL" && !code && left_out)  # cmocka says "not ok" of what it skips, which meson takes for a failure
                result = "OK"
            if (result == "SKIP" && !cases) {
                skipped++
                print stage ": " name >> skips
            } else if (result != "OK" && result != "SKIP" && result != "EXPECTEDFAIL" && (!bad || killed)) {
                failed++
                print stage ": " name ": " result ", status " code >> failures
            } else if (!cases)
                passed++
        }
        END { print passed + 0, failed + 0, skipped + 0 }' "$2"
}

short_stages() {
    release_built=no
    if build "release" release --buildtype=release -Dwerror=true; then
        release_built=yes
        run "release" release
    fi
    if build "ASan, UBSan" asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false; then
        export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1
        export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
        # A layout of each kind, unless asked for all: those of the release build have been through every one.
        [ "${1:-}" = every_layout ] || export CT_TEST_QUICK=1
        run "ASan, UBSan" asan --timeout-multiplier 3
        unset ASAN_OPTIONS UBSAN_OPTIONS CT_TEST_QUICK
    fi
}

finish() {
    headline "Results"
    printf '%-34s %6s %6s %7s %8s\n' "stage" passed failed skipped time
    cat "$work/table.txt"
    if [ -s "$work/skipped.txt" ]; then
        printf '\nSkipped:\n'
        sed 's/^/  /' "$work/skipped.txt"
    fi
    if [ -s "$work/failed.txt" ]; then
        printf '\nFailed:\n'
        sed 's/^/  /' "$work/failed.txt"
    fi
    echo
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
