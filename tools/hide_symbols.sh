#!/bin/sh
# hide_symbols.sh IN.a OUT.a COMPILER...: joins the objects of IN.a into one and makes its hidden symbols local.
# Without objcopy, or where the compiler cannot join objects, OUT.a is IN.a with its symbols as they are.
set -eu
in=$1 out=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$out"
if command -v objcopy > /dev/null &&
    "$@" -r -nostdlib -o "$work/cotangent.o" -Wl,--whole-archive "$in" -Wl,--no-whole-archive 2> /dev/null &&
    objcopy --localize-hidden "$work/cotangent.o"; then
    ar rcs "$out" "$work/cotangent.o"
else
    printf 'create %s\naddlib %s\nsave\nend\n' "$out" "$in" | ar -M
fi
