#!/bin/sh
# What test.sh does, with every layout under sanitizers too, then what takes longer: other instruction sets, one thread, every product by BLIS, clang, the fuzz
# targets (FUZZ_MINUTES each, 1), ThreadSanitizer, valgrind. The last line counts the cases; the exit status is 0 if none failed.
set -eu

"$(dirname -- "$0")/install_packages.sh" full
# shellcheck source=tools/stages.sh
. "$(dirname -- "$0")/stages.sh"
if [ -z "${CT_TEST_PYTHON:-}" ]; then           # from PyPI; without a network those tests are skipped
    modules="numpy safetensors torch onnx onnxruntime h5py keras tensorboard perfetto viztracer"
    # shellcheck disable=SC2086
    if python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet $modules; then
        export CT_TEST_PYTHON="$work/venv/bin/python"
    fi
fi
export CT_TEST_KILLS=2000
short_stages every_layout
unset CT_TEST_KILLS

with() {                                        # NAME=VALUE COMMAND...
    setting=$1
    shift
    # shellcheck disable=SC2163
    export "$setting"
    "$@"
    unset "${setting%%=*}"
}

if [ "$release_built" = yes ]; then
    with COTANGENT_ISA=base run "kernels: base" release --no-suite install
    with COTANGENT_ISA=avx2 run "kernels: avx2" release --no-suite install
    with OMP_NUM_THREADS=1 run "one thread" release --no-suite install
    with COTANGENT_GEMM=blis run "products by BLIS" release --no-suite install
    with COTANGENT_GEMM=tile run "products by vector units" release --no-suite install
    with COTANGENT_NO_CACHE=1 run "without the memory cache" release --no-suite install
fi

export CC=clang CXX=clang++
if build "clang" clang --buildtype=release -Dwerror=true; then
    run "clang" clang
fi
if build "fuzzing" fuzz --buildtype=debugoptimized -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false; then
    stage "fuzzing" "$root/tools/fuzz.sh" "$work/fuzz"
fi
unset CC CXX
export CT_TEST_QUICK=1                          # the tools below make programs many times slower

# ThreadSanitizer wants its shadow memory where random addresses may lie.
steady=
if setarch "$(uname -m)" -R true 2> /dev/null; then
    steady="setarch $(uname -m) -R"
fi
if build "TSan" tsan --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false; then
    with TSAN_OPTIONS=halt_on_error=1:abort_on_error=1:second_deadlock_stack=1 \
        run "TSan" tsan --no-suite scripts --timeout-multiplier 10 ${steady:+--wrapper "$steady"}
fi

if build "valgrind" valgrind --buildtype=debugoptimized; then
    memcheck="valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99"
    with COTANGENT_NO_CACHE=1 run "valgrind" valgrind --no-suite scripts --no-suite install --timeout-multiplier 20 \
        --wrapper "$memcheck --suppressions=$root/tools/valgrind.supp"
fi
finish
