#!/bin/sh
# ONNX files of every kind of module, run by onnxruntime. $1: the program model_files, $2: the source folder. CT_TEST_PYTHON names a Python with
# onnx, onnxruntime, numpy and safetensors.
set -u
python=${CT_TEST_PYTHON:-python3}
if ! "$python" -c 'import numpy, onnx, onnxruntime, safetensors.numpy' 2> /dev/null; then
    echo "1..0 # SKIP no Python with onnx, onnxruntime, numpy and safetensors; CT_TEST_PYTHON may name one"
    exit 0
fi
exec "$python" "$2/tests/test_python_onnx.py" "$1"
