#!/bin/sh
# Installs what building (build), testing (test) or the long tests (full) need and this machine lacks. Quick where all is there.
set -eu

usage() {
    echo "usage: install_packages.sh build|test|full"
    echo "Installs missing tools and libraries with apt-get, or says what they are where there is none."
}

case ${1:-} in
    build) level=1 ;;
    test) level=2 ;;
    full) level=3 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

packages=
wants=
lacks() {                                       # PACKAGES WHAT
    packages="$packages $1"
    wants="$wants
  $2"
}

have() {
    command -v "$1" > /dev/null 2>&1
}

# What is found is what works, wherever it came from: a package, a build of one's own, another system.
compiles() {                                    # COMPILER LANGUAGE HEADER
    have "$1" && printf '#include <stddef.h>\n#if !__has_include(<%s>)\n#error missing\n#endif\n' "$3" |
        "$1" -E -x "$2" - > /dev/null 2>&1
}

new_enough() {                                  # meson of at least 1.0
    have meson && case $(meson --version) in 0.* | '') false ;; esac
}

fuzzes() {                                      # clang finds its libFuzzer
    archive=$(clang -print-runtime-dir 2> /dev/null)/libclang_rt.fuzzer-$(uname -m).a
    [ -e "$archive" ] || [ -e "$(clang -print-file-name=libclang_rt.fuzzer.a 2> /dev/null)" ]
}

check() {
    packages=
    wants=
    cc=${CC:-cc}
    compiles "$cc" c stdio.h || lacks "gcc libc6-dev" "a C compiler (gcc or clang) with the C library's headers"
    new_enough || lacks meson "meson 1.0 or later"
    have ninja || lacks ninja-build "ninja"
    have pkg-config || lacks pkg-config "pkg-config"
    # The plain header, or a build of BLIS that brings a .pc file; Debian's serial, pthread and OpenMP variants all do.
    compiles "$cc" c blis.h || { have pkg-config && pkg-config --exists blis; } || lacks libblis-dev "BLIS, with headers"
    # Debian has its headers in a folder of the architecture, which every compiler there looks into.
    compiles "$cc" c curl/curl.h || lacks libcurl4-openssl-dev "libcurl, with headers"
    compiles "$cc" c zlib.h || lacks zlib1g-dev "zlib, with headers"
    compiles "$cc" c png.h || lacks libpng-dev "libpng, with headers"
    compiles "$cc" c zip.h || lacks libzip-dev "libzip, with headers"
    compiles "$cc" c jansson.h || lacks libjansson-dev "jansson 2.7 or later, with headers"
    if [ "$level" -ge 2 ]; then
        compiles "$cc" c cmocka.h || lacks libcmocka-dev "cmocka, with headers"
        compiles "${CXX:-g++}" c++ vector || lacks g++ "a C++ compiler (g++)"
    fi
    if [ "$level" -ge 3 ]; then
        have clang || lacks clang "clang"
        have dot || lacks graphviz "Graphviz"
        fuzzes || lacks libclang-rt-dev "libFuzzer, which comes with clang's runtime"
        # Without the C library's debug symbols, Debian's valgrind does not start.
        { have valgrind && valgrind -q true > /dev/null 2>&1; } || lacks "valgrind libc6-dbg" "valgrind, able to run"
        # Ubuntu's package only fetches a snap; the test that wants a browser is skipped without.
        have chromium || ! grep -qs '^ID=debian' /etc/os-release || lacks chromium "chromium"
    fi
}

check
[ -n "$packages" ] || exit 0
if ! have apt-get; then
    echo "install_packages.sh: this system has no apt-get; please install:$wants" >&2
    exit 1
fi
root=
if [ "$(id -u)" -ne 0 ]; then
    if ! have sudo; then
        echo "install_packages.sh: neither root nor sudo; please install as root: apt-get install$packages" >&2
        exit 1
    fi
    root="sudo"
fi

echo "Installing:$packages"
apt() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" > "$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists may be absent or too old to fetch by.
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $packages; then
    if ! apt update || ! apt install -y --no-install-recommends $packages; then
        cat "$log" >&2
        echo "install_packages.sh: apt-get could not install$packages" >&2
        exit 1
    fi
fi
check
if [ -n "$packages" ]; then
    echo "install_packages.sh: still missing after the installation:$wants" >&2
    exit 1
fi
