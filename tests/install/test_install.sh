#!/bin/sh
# The library as another project finds it: installed, found by pkg-config, compiled against, linked both ways.
# $1: the build folder, $2: the source folder. Prints TAP.
set -u

build=$1
source=$2
here=$source/tests/install
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

tests=0
failures=0

# check NAME COMMAND...: one line of TAP, with what the command printed if it failed
check() {
    name=$1
    shift
    tests=$((tests + 1))
    if "$@" > "$work/log" 2>&1; then
        echo "ok $tests - $name"
    else
        echo "not ok $tests - $name"
        sed 's/^/# /' "$work/log"
        failures=$((failures + 1))
    fi
}

finish() {
    echo "1..$tests"
    [ "$failures" -eq 0 ]
    exit
}

# ---- Installing -----------------------------------------------------------------------------------------------------
check "installs" meson install -C "$build" --no-rebuild --destdir "$work/there"
[ "$failures" -eq 0 ] || finish
pc=$(find "$work/there" -name cotangent.pc)
library=$(dirname "$(dirname "$pc")")
# The copy lies under a destination folder of which its prefix knows nothing.
prefix=$(sed -n 's/^prefix=//p' "$pc")
sed "s|^prefix=.*|prefix=$work/there$prefix|" "$pc" > "$work/pc" && mv "$work/pc" "$pc"
export PKG_CONFIG_PATH="$library/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
headers=$(pkg-config --variable=includedir cotangent)/cotangent
check "pkg-config finds it" pkg-config --exists --print-errors cotangent
check "pkg-config knows what a static link needs" pkg-config --static --libs cotangent

installs_public_headers_only() {
    (cd "$headers" && find . -type f | sort) > "$work/installed"
    printf './%s\n' autograd/autograd.h autograd/inspect.h autograd/sugar.h cotangent.h data/data.h data/table.h data/text.h io/io.h nn/model.h nn/nn.h \
        nn/sequence.h optim/optim.h train/callbacks.h train/fit.h train/tensorboard.h train/train.h | sort | diff - "$work/installed"
}
check "installs the public headers and no other" installs_public_headers_only

# ---- What the shared library shows -----------------------------------------------------------------------------------
shared=$library/libcotangent.so
soname() {
    readelf -d "$shared" | grep SONAME | tee /dev/stderr | grep -q '\[libcotangent\.so\.0\]'
}
exports_its_names_only() {
    ! nm -D --defined-only "$shared" | awk '{ print $NF }' | grep -v '^ct_'
}
check "its soname is libcotangent.so.0" soname
check "exports ct_ names only" exports_its_names_only

every_declared_function_is_exported() {
    nm -D --defined-only "$shared" | awk '{ print $NF }' | sort -u > "$work/exported"
    find "$headers" -name '*.h' -exec cat {} + | grep -v '^#' | tr '\n' ' ' | tr ';' '\n' |
        sed -n 's/.*CT_API \([^(]*\)(.*/\1/p' | sed 's/.*[ *]//' | sort -u > "$work/declared"
    [ -s "$work/declared" ] && ! comm -23 "$work/declared" "$work/exported" | grep .
}
check "every declared function is there" every_declared_function_is_exported

# ---- Programs ---------------------------------------------------------------------------------------------------------
strict="-Wall -Wextra -Wpedantic -Werror"
cflags=$(pkg-config --cflags cotangent)

compile_and_run() {                             # COMPILER FILE FLAGS...
    compiler=$1 file=$2
    shift 2
    # shellcheck disable=SC2086
    $compiler $strict "$file" -o "$work/program" $cflags "$@" &&
        (cd "$work" && LD_LIBRARY_PATH="$library" ./program)
}

compile_header() {                              # COMPILER LANGUAGE STANDARD HEADER
    printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$4" "$4" > "$work/header.c"
    # shellcheck disable=SC2086
    "$1" -std="$3" $strict -fsyntax-only $cflags -x "$2" "$work/header.c"
}

brings_no_other_folders() {
    [ "$(pkg-config --cflags cotangent | wc -w)" -eq 1 ]
}
check "users see none of the headers below it" brings_no_other_folders

can_link_statically() {                         # COMPILER: are there archives of everything?
    echo 'int main(void) { return 0; }' > "$work/empty.c"
    # shellcheck disable=SC2046
    "$1" -static "$work/empty.c" -o "$work/empty" $(pkg-config --static --libs cotangent | sed 's/-lcotangent//') > /dev/null 2>&1
}

uses_the_archive() {
    ! readelf -d "$work/program" | grep 'NEEDED.*cotangent'
}

# The C blocks of the README that are whole programs, in order.
awk -v to="$work/readme" '
    /^```c$/ { inside = 1; text = ""; next }
    /^```$/ && inside { inside = 0; if (text ~ /int main\(/) { n++; printf "%s", text > (to n ".c") } next }
    inside { text = text $0 "\n" }' "$source/README.md"

shows_xor() {
    sed 1d "$source/examples/xor.c" | diff - "$work/readme2.c"
}
check "the README shows examples/xor.c as it is" shows_xor

export XDG_CACHE_HOME="$work/cache"
unset COTANGENT_DATA
for compiler in gcc clang; do
    command -v $compiler > /dev/null || continue
    libs=$(pkg-config --libs cotangent)
    archive=$(pkg-config --static --libs cotangent | sed "s|-lcotangent|$library/libcotangent.a|")
    # shellcheck disable=SC2086
    check "$compiler, C11, shared" compile_and_run $compiler "$here/outside.c" -std=c11 $libs
    # shellcheck disable=SC2086
    check "$compiler, C11, static" compile_and_run $compiler "$here/outside.c" -std=c11 $archive
    check "$compiler, the archive alone was used" uses_the_archive
    if can_link_statically $compiler; then
        # shellcheck disable=SC2086
        check "$compiler, C11, nothing shared" compile_and_run $compiler "$here/outside.c" -std=c11 -static $archive
    fi
    for program in "$work"/readme*.c; do
        rm -rf "$work/run"                      # what the program on training keeps
        # shellcheck disable=SC2086
        check "$compiler, README program $(basename "$program" .c)" compile_and_run $compiler "$program" -std=c11 $libs
    done
    for header in cotangent.h autograd/autograd.h data/data.h io/io.h nn/model.h nn/nn.h optim/optim.h train/fit.h train/tensorboard.h train/train.h; do
        for standard in c11 gnu17; do
            check "$compiler, $standard: $header stands alone" compile_header $compiler c $standard $header
        done
    done
done
for compiler in g++ clang++; do
    command -v $compiler > /dev/null || continue
    libs=$(pkg-config --libs cotangent)
    # shellcheck disable=SC2086
    check "$compiler, C++11, shared" compile_and_run $compiler "$here/outside.cpp" -std=c++11 $libs
    for header in cotangent.h autograd/autograd.h data/data.h io/io.h nn/model.h nn/nn.h optim/optim.h train/fit.h train/tensorboard.h train/train.h; do
        check "$compiler, c++11: $header stands alone" compile_header $compiler c++ c++11 $header
    done
done
finish
