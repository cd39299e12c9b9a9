#!/bin/sh
# What README.md and docs/design.md name must be there. $1: the source folder. Prints TAP.
set -u
cd "$1" || exit 1

tests=0
failures=0

# check NAME MISSING: one line of TAP; what is missing, a name a line, fails it
check() {
    tests=$((tests + 1))
    if [ -z "$2" ]; then
        echo "ok $tests - $1"
    else
        echo "not ok $tests - $1"
        echo "$2" | sed 's/^/# missing: /'
        failures=$((failures + 1))
    fi
}

# Words of a form in a document that a search does not find: DOCUMENT FORM SEARCH...
unknown() {
    document=$1
    form=$2
    shift 2
    grep -oE "$form" "$document" | sort -u | while read -r word; do
        "$@" "$word" || echo "$word"
    done
}

is_declared() {
    grep -qw -e "$1" cotangent.h ./*/*.h
}

# test_name, defined in some test program, or tests/test_name.c
is_tested() {
    [ -e "tests/$1.c" ] || [ -e "tests/$1.sh" ] || grep -qw -e "$1" tests/*.c
}

# A program is there if its source is.
is_file() {
    for path in $1; do
        [ -e "$path" ] || [ -e "$path.c" ] || return 1
    done
}

reads_variable() {
    grep -rqw -e "\"$1\"" autograd data io nn optim train
}

for document in README.md docs/design.md; do
    check "$document: functions and macros" "$(unknown $document '\b(ct|CT)_[A-Za-z0-9_]*[A-Za-z0-9]\b' is_declared)"
    check "$document: files" "$(unknown $document \
        '\b(autograd|io|nn|optim|data|train|tests|examples|benchmarks|docs|tools)/[A-Za-z0-9_/*-]*(\.[a-z]+)?' is_file)"
    check "$document: tests" "$(unknown $document '\btest_[a-z0-9_]+' is_tested)"
    check "$document: variables" "$(unknown $document '\bCOTANGENT_[A-Z_]+' reads_variable)"
done

# What is left out of the page by mistake is a rule that nobody keeps.
numbers=$(sed -n 's/^\([0-9][0-9]*\)\. \*\*.*/\1/p' docs/design.md | tr '\n' ' ')
check "docs/design.md: invariants 1 to 12" "$([ "$numbers" = "1 2 3 4 5 6 7 8 9 10 11 12 " ] || echo "they are: $numbers")"
check "README.md: no figure is left open" "$(grep -w TBD README.md)"

echo "1..$tests"
[ "$failures" -eq 0 ]
