"""Tensor files between NumPy, the safetensors package and this library, both ways. sys.argv[1]: the program tensor_files. Prints TAP."""
import os
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import safetensors
import safetensors.numpy as st

program = sys.argv[1]
random = np.random.default_rng(0)
BECOMES = {"?": np.bool_, "i": np.int64, "u": np.int64}
count = failures = 0


def check(name, action):
    global count, failures
    count += 1
    try:
        action()
        print(f"ok {count} - {name}")
    except Exception as reason:  # whatever it was, the case failed
        failures += 1
        print(f"not ok {count} - {name}\n# {type(reason).__name__}: {str(reason)[:500]!r}")


def convert(source, target):
    run = subprocess.run([program, source, target], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)


def wanted(x):
    if x.dtype.kind == "f":
        return x.astype(np.float64 if x.dtype.itemsize == 8 else np.float32)
    return x.astype(BECOMES["?" if x.dtype.kind == "b" else x.dtype.kind])


def same(got, x):
    want = wanted(x)
    assert got.dtype == want.dtype and got.shape == want.shape, (got.dtype, got.shape, want.dtype, want.shape)
    np.testing.assert_array_equal(got, want)


def sample(dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.asarray(random.integers(0, 2, shape)).astype(dtype)
    if dtype.kind == "f":
        return np.asarray(random.standard_normal(shape) * 100).astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(random.integers(limits.min, limits.max, shape, dtype=dtype.newbyteorder("="), endpoint=True)).astype(dtype)


DTYPES = "? i1 <i2 >i2 <i4 >i4 <i8 >i8 u1 <u2 >u2 <u4 >u4 <f2 >f2 <f4 >f4 <f8 >f8".split()
SHAPES = [(), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4, 5), (1,) * 8]
NATIVE = "? i1 i2 i4 i8 u1 u2 u4 f2 f4 f8".split()


def npy(folder):
    for dtype in DTYPES:
        for shape in SHAPES:
            for order in "CF":
                for version in (1, 2, 3):
                    x = np.array(sample(dtype, shape), order=order)
                    with open(f"{folder}/in.npy", "wb") as file:
                        np.lib.format.write_array(file, x, version=(version, 0))
                    if version > 1 and shape != (3, 4):
                        continue
                    convert(f"{folder}/in.npy", f"{folder}/out.npy")
                    same(np.load(f"{folder}/out.npy"), x)


def npy_bytes(folder):
    for dtype in ("?", "<i8", "<f4", "<f8"):
        for shape in SHAPES + [(123456,), (2,) * 8]:
            x = sample(dtype, shape)
            np.save(f"{folder}/in.npy", x)
            convert(f"{folder}/in.npy", f"{folder}/out.npy")
            with open(f"{folder}/in.npy", "rb") as a, open(f"{folder}/out.npy", "rb") as b:
                assert a.read() == b.read(), (dtype, shape)


def npz(folder, save):
    arrays = {f"part{i}/{j}.x": np.array(sample(dtype, shape), order="CF"[(i + j) % 2])
              for i, dtype in enumerate(DTYPES) for j, shape in enumerate(SHAPES)}
    save(f"{folder}/in.npz", **arrays)
    convert(f"{folder}/in.npz", f"{folder}/out.npz")
    with np.load(f"{folder}/out.npz") as read:
        assert sorted(read.files) == sorted(arrays)
        for name, x in arrays.items():
            same(read[name], x)
    with zipfile.ZipFile(f"{folder}/out.npz") as archive:
        assert archive.testzip() is None


def npz_beyond_4_gigabytes(folder):
    """A member of more bytes than 32 bits count, streamed so that neither side holds it: it is refused for its size alone."""
    size = 2**32 + 5
    path = f"{folder}/large.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|b1", "fortran_order": False, "shape": (size,)})
            block = bytes(2**24)
            for begin in range(0, size, len(block)):
                file.write(block[:min(len(block), size - begin)])
    run = subprocess.run([program, path, f"{folder}/out.npy"], capture_output=True, text=True, env={**os.environ, "TENSOR_FILES_LIMIT": "1000000000"})
    assert run.returncode == 1 and "out of memory" in run.stderr and "4294967301" in run.stderr, run.stderr


def safetensors_in(folder):
    arrays = {f"{dtype}.{j}": sample(dtype, shape) for dtype in NATIVE for j, shape in enumerate(SHAPES)}
    st.save_file(arrays, f"{folder}/in.safetensors", {"format": "np"})
    convert(f"{folder}/in.safetensors", f"{folder}/out.safetensors")
    read = st.load_file(f"{folder}/out.safetensors")
    assert sorted(read) == sorted(arrays)
    for name, x in arrays.items():
        same(read[name], x)


def safetensors_bytes(folder):
    arrays = {f"{dtype}.{j}": sample(dtype, shape) for dtype in ("?", "i8", "f4", "f8") for j, shape in enumerate(SHAPES)}
    st.save_file(arrays, f"{folder}/in.safetensors", {"format": "pt"})
    convert(f"{folder}/in.safetensors", f"{folder}/out.safetensors")
    with open(f"{folder}/in.safetensors", "rb") as a, open(f"{folder}/out.safetensors", "rb") as b:
        assert a.read() == b.read()


def bfloat16(folder):
    """Every bit pattern, written by hand: NumPy has no such dtype."""
    bits = np.arange(2**16, dtype=np.uint16)
    header = b'{"x":{"dtype":"BF16","shape":[65536],"data_offsets":[0,131072]}}'
    with open(f"{folder}/in.safetensors", "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + bits.tobytes())
    convert(f"{folder}/in.safetensors", f"{folder}/out.safetensors")
    read = st.load_file(f"{folder}/out.safetensors")["x"]
    np.testing.assert_array_equal(read.view(np.uint32), bits.astype(np.uint32) << 16)


def checkpoint(folder):
    path = f"{folder}/run.safetensors"
    convert("checkpoint", path)
    read = st.load_file(path)
    np.testing.assert_array_equal(read["module.weight"], np.full((2, 3), 1 - 0.5 * (1 + 1.5 + 1.75), np.float32))
    np.testing.assert_array_equal(read["optimizer.weight.momentum_buffer"], np.full((2, 3), 1.75, np.float32))
    with safetensors.safe_open(path, "numpy") as file:
        notes = file.metadata()
    assert (notes["epoch"], notes["step"], float.fromhex(notes["number.best"])) == ("1", "3", 0.1), notes
    assert (notes["cotangent_checkpoint"], notes["optimizer.optimizer"]) == ("1", "sgd"), notes


def refused(folder):
    for dtype in ("u8", "c8", "U3", "S3", "M8[s]"):
        np.save(f"{folder}/in.npy", np.zeros(2, dtype))
        run = subprocess.run([program, f"{folder}/in.npy", f"{folder}/out.npy"], capture_output=True, text=True)
        assert run.returncode == 1 and "in.npy" in run.stderr and "is not read" in run.stderr, run.stderr
    st.save_file({"x": np.zeros(2, np.uint64)}, f"{folder}/in.safetensors")
    run = subprocess.run([program, f"{folder}/in.safetensors", f"{folder}/out.safetensors"], capture_output=True, text=True)
    assert run.returncode == 1 and "dtype 'U64' is not read" in run.stderr, run.stderr


with tempfile.TemporaryDirectory() as folder:
    check("npy: every dtype, shape, order and version", lambda: npy(folder))
    check("npy: the bytes are NumPy's", lambda: npy_bytes(folder))
    check("npz, stored", lambda: npz(folder, np.savez))
    check("npz, deflated", lambda: npz(folder, np.savez_compressed))
    check("npz: a member beyond 4 GB", lambda: npz_beyond_4_gigabytes(folder))
    check("safetensors: every dtype and shape", lambda: safetensors_in(folder))
    check("safetensors: the bytes are the package's", lambda: safetensors_bytes(folder))
    check("safetensors: every bfloat16", lambda: bfloat16(folder))
    check("a checkpoint", lambda: checkpoint(folder))
    check("dtypes that are refused", lambda: refused(folder))
print(f"1..{count}")
sys.exit(failures > 0)
