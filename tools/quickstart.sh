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
if [ -f "$build/build.ninja" ]; then
    meson configure "$build" -Dbuildtype=release
else
    meson setup "$build" "$root" --buildtype=release > /dev/null || {
        cat "$build/meson-logs/meson-log.txt" >&2
        exit 1
    }
fi
ninja -C "$build" --quiet

headline "Training: examples/mnist_mlp.c"
exec "$build/examples/mnist_mlp" "$@"
