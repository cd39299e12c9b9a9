#!/bin/sh
# From a fresh copy to a trained network: installs what is missing, builds, trains. Arguments go to the training program.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build

headline() {
    printf '\n== %s\n' "$1"
}

headline "Tools and libraries"
"$root/tools/install_packages.sh" build
echo "all there"

headline "Building in $build"
if [ ! -f "$build/build.ninja" ]; then
    echo "about a minute the first time"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A tree that was moved or copied has a build folder that points elsewhere.
if [ -d "$build" ] && ! grep -qsF "\"source\": \"$root\"" "$build/meson-info/meson-info.json"; then
    rm -rf "$build"
fi
if ! { [ -f "$build/build.ninja" ] || meson setup "$build" "$root" --buildtype=release; } > "$log" 2>&1 ||
    ! meson compile -C "$build" >> "$log" 2>&1; then
    cat "$log" >&2
    echo "quickstart.sh: the build failed" >&2
    exit 1
fi
echo "built"

headline "Training: examples/mnist_mlp.c"
"$build/examples/mnist_mlp" "$@"
