#!/bin/sh
# Tensor files between Python and this library. $1: the program tensor_files, $2: the source folder. CT_TEST_PYTHON names a Python
# with numpy and safetensors.
set -u
python=${CT_TEST_PYTHON:-python3}
if ! "$python" -c 'import numpy, safetensors.numpy' 2> /dev/null; then
    echo "1..0 # SKIP no Python with numpy and safetensors; CT_TEST_PYTHON may name one"
    exit 0
fi
exec "$python" "$2/tests/test_python_files.py" "$1"
