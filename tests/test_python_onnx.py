"""Every net of zoo.h as ONNX: checked, and run on another batch than the example's. sys.argv[1]: the program model_files. Prints TAP."""
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

program = sys.argv[1]
names = subprocess.run([program, "names"], capture_output=True, text=True, check=True).stdout.split()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
failures = 0


def check(name, folder):
    path, values = f"{folder}/net.onnx", f"{folder}/values.safetensors"
    run = subprocess.run([program, "export", name, path, values], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr or run.returncode)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    wanted = load_file(values)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    got, = session.run(["output"], {"input": wanted["x"]})
    assert got.dtype == wanted["y"].dtype and got.shape == wanted["y"].shape, (got.dtype, got.shape, wanted["y"].dtype, wanted["y"].shape)
    np.testing.assert_allclose(got, wanted["y"], rtol=1e-4, atol=1e-5)


with tempfile.TemporaryDirectory() as folder:
    for number, name in enumerate(names, 1):
        try:
            check(name, folder)
            print(f"ok {number} - {name}")
        except Exception as reason:  # whatever it was, the case failed
            failures += 1
            print(f"not ok {number} - {name}\n# {type(reason).__name__}: {str(reason)[:600]!r}")
print(f"1..{len(names)}")
sys.exit(failures > 0)
