#!/bin/sh
# Networks of Keras and the same ones here, with its weights. $1: the program keras_outputs, $2: the source folder. CT_TEST_PYTHON names a
# Python with keras, h5py and a backend of Keras's.
set -u
python=${CT_TEST_PYTHON:-python3}
export KERAS_BACKEND="${KERAS_BACKEND:-torch}"
if ! "$python" -c 'import h5py, keras' 2> /dev/null; then
    echo "1..0 # SKIP no Python with keras and h5py; CT_TEST_PYTHON may name one"
    exit 0
fi
exec "$python" "$2/tests/test_python_keras.py" "$1"
