#!/bin/sh
# Models between PyTorch and this library. $1: the program model_files, $2: the source folder. CT_TEST_PYTHON names a Python with torch and
# safetensors.
set -u
python=${CT_TEST_PYTHON:-python3}
if ! "$python" -c 'import torch, safetensors.torch' 2> /dev/null; then
    echo "1..0 # SKIP no Python with torch and safetensors; CT_TEST_PYTHON may name one"
    exit 0
fi
exec "$python" "$2/tests/test_python_models.py" "$1"
