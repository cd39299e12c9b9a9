#!/usr/bin/env python3
"""Writes tests/goldens.h: what PyTorch 2.15 makes of the inputs below, values and gradients, in float64.

A developer's tool; the tests read the header it wrote. Each row: the C expression, the same in PyTorch, the inputs. The
cotangent of element i is 0.5 + i % 5 / 4, as in test_ops_values.c. Run: python3 tests/goldens.py > tests/goldens.h"""
import math
import torch
import torch.nn.functional as F

inf, nan = math.inf, math.nan
torch.set_default_dtype(torch.float64)

EDGES = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 2.5, 30.0, -30.0, 1000.0, -1000.0, inf, -inf, nan, 1e-30, -1e-30]
SMALL = [-2.0, -0.75, -0.125, 0.0, 0.5, 1.5, 3.0]
GRID = [[0.5, -1.25, 2.0], [2.0, 0.0, -0.5]]
WIDE = [[[0.5, -1.0], [2.0, 0.25], [-3.0, 1.5]], [[1.0, 1.0], [-2.0, 0.75], [0.0, -0.25]]]
TIES = [[1.0, 3.0, 3.0], [2.0, -1.0, 2.0]]
MASKED = [[-inf, 0.0, 0.0, -inf], [1000.0, 1000.0, 0.0, -1000.0], [-inf, -inf, -inf, -inf], [inf, 0.0, 1.0, 2.0], [nan, 0.0, 1.0, 2.0]]

rows = []


def row(c, torch_function, *inputs, tol=1e-6, exact=1e-12):
    """A list is a floating input, ("i", list) an int64 one, ("b", list) a bool one."""
    rows.append((c, torch_function, inputs, exact, tol))


for name in "neg abs sign exp log sqrt square reciprocal sin cos tanh erf sigmoid relu".split():
    edges = [e for e in EDGES if not (name in ("sin", "cos", "square") and abs(e) >= 1000)]
    row(f"ct_{name}(in[0])", getattr(torch, name), edges)
    row(f"ct_{name}(in[0])", getattr(torch, name), SMALL)
for name, f in {
    "log_sigmoid(in[0])": F.logsigmoid,
    "gelu(in[0])": F.gelu,
    "gelu_tanh(in[0])": lambda x: F.gelu(x, approximate="tanh"),
    "silu(in[0])": F.silu,
    "leaky_relu(in[0])": F.leaky_relu,
    "leaky_relu(in[0], 0.2)": lambda x: F.leaky_relu(x, 0.2),
    "elu(in[0])": F.elu,
    "elu(in[0], 1.5)": lambda x: F.elu(x, 1.5),
    "softplus(in[0])": F.softplus,
    "softplus(in[0], 2.0, 3.0)": lambda x: F.softplus(x, 2, 3),
    "clamp(in[0], -1, 2.5)": lambda x: torch.clamp(x, -1, 2.5),
    "clamp(in[0], -0.5, INFINITY)": lambda x: torch.clamp(x, min=-0.5),
    "clamp(in[0], 1, -1)": lambda x: torch.clamp(x, 1, -1),
}.items():
    row("ct_" + name, f, EDGES)
    row("ct_" + name, f, SMALL)

A = [1.0, -2.0, 0.0, 0.0, inf, -inf, nan, 3.0, inf]
B = [2.0, -2.0, 0.0, 1.0, 2.0, inf, 1.0, nan, inf]
for name in "add sub mul div maximum minimum".split():
    row(f"ct_{name}(in[0], in[1])", getattr(torch, name), A, B)
    row(f"ct_{name}(in[0], in[1])", getattr(torch, name), GRID, [2.0, 0.0, -0.5])
    row(f"ct_{name}(in[0], in[1])", getattr(torch, name), [[0.5], [-1.0]], 2.0)
row("ct_pow(in[0], in[1])", torch.pow, [2.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 1.0, inf, 0.0, 0.5, nan, 2.0, 4.0, 0.0],
    [3.0, 0.0, 2.0, -1.0, 2.0, 0.5, -3.0, nan, 0.0, 0.5, -inf, 0.0, nan, 0.5, 1.0])
for e in (0.0, 1.0, 2.0, 3.0, -1.0, 0.3):
    row(f"ct_pow(in[0], {e})", lambda x, e=e: torch.pow(x, e), [-2.0, -0.0, 0.0, 0.5, 3.0, inf, -inf, nan])
row("ct_pow(2.0, in[0])", lambda x: torch.pow(2.0, x), SMALL)
row("ct_pow(0.0, in[0])", lambda x: torch.pow(0.0, x), [-1.0, 0.0, 0.5, 2.0])
row("ct_where(in[0], in[1], in[2])", torch.where, ("b", [1, 0, 1, 0]), [1.0, nan, inf, 2.0], [nan, 4.0, 5.0, -inf])
row("ct_where(ct_gt(in[0], 0.0), ct_sqrt(in[0]), 0.0)", lambda x: torch.where(x > 0, torch.sqrt(x), torch.zeros(())), [0.0, 4.0, -1.0])
row("ct_masked_fill(in[0], in[1], -INFINITY)", lambda x, m: x.masked_fill(m, -inf), GRID, ("b", [[1, 0, 0], [0, 0, 1]]))
row("ct_masked_fill(in[0], in[1], in[2])", lambda x, m, v: x.masked_fill(m, v), GRID, ("b", [1, 0, 1]), 0.25)

for name in "sum mean logsumexp".split():
    f = getattr(torch, name)
    row(f"ct_{name}(in[0])", (lambda x, f=f: f(x, (0, 1, 2))), WIDE)
    row(f"ct_{name}(in[0], 1)", (lambda x, f=f: f(x, 1)), WIDE)
    row(f"ct_{name}(in[0], CT_AXES(0, -1), .keepdims = true)", (lambda x, f=f: f(x, (0, -1), keepdim=True)), WIDE)
row("ct_logsumexp(in[0], 1)", lambda x: torch.logsumexp(x, 1), MASKED, tol=1e-4)
row("ct_logsumexp(in[0])", lambda x: torch.logsumexp(x, 0), [-1000.0, -1000.5], tol=1e-4)
for c in (0, 1, 2):
    row(f"ct_var(in[0], .correction = {c})", lambda x, c=c: torch.var(x, (0, 1), correction=c), GRID)
    row(f"ct_var(in[0], 0, .correction = {c % 2})", lambda x, c=c: torch.var(x, 0, correction=c % 2), GRID)
row("ct_var(in[0], CT_AXES(0, 2), .keepdims = true)", lambda x: torch.var(x, (0, 2), keepdim=True), WIDE)
row("ct_var(in[0], 0, .correction = 0)", lambda x: torch.var(x, 0, correction=0), [[1.5, 2.0]])
row("ct_var(in[0], 1)", lambda x: torch.var(x, 1), [[10000.0, 10000.01, 9999.99]], tol=1e-2)
for name in "max min".split():
    shared, picked = getattr(torch, "a" + name), getattr(torch, name)
    row(f"ct_{name}(in[0])", picked, TIES)
    row(f"ct_{name}(in[0])", picked, [nan, 1.0, nan, 5.0])
    row(f"ct_{name}(in[0], CT_AXES(0, 1))", lambda x, f=shared: f(x, (0, 1)), TIES)
    row(f"ct_{name}(in[0], CT_AXES(0, 2), .keepdims = true)", lambda x, f=shared: f(x, (0, 2), keepdim=True), WIDE)
    row(f"ct_{name}(in[0], 1)", lambda x, f=picked: f(x, 1)[0], TIES)
    row(f"ct_{name}(in[0], 1, .keepdims = true)", lambda x, f=picked: f(x, 1, keepdim=True)[0], [[nan, 1.0], [2.0, nan], [-inf, inf]])
for name in "softmax log_softmax".split():
    f = getattr(torch, name)
    row(f"ct_{name}(in[0], 1)", lambda x, f=f: f(x, 1), GRID)
    row(f"ct_{name}(in[0], 1)", lambda x, f=f: f(x, 1), WIDE)
    row(f"ct_{name}(in[0], 0)", lambda x, f=f: f(x, 0), [1.0, -2.0, 40.0])
    row(f"ct_{name}(in[0], -1)", lambda x, f=f: f(x, -1), MASKED)

row("ct_matmul(in[0], in[1])", torch.matmul, GRID, [[1.0, 0.5], [-2.0, 3.0], [0.25, 4.0]])
row("ct_matmul(in[0], in[1])", torch.matmul, GRID, [1.0, -2.0, 0.5])
row("ct_matmul(in[0], in[1])", torch.matmul, [2.0, -1.0], GRID)
row("ct_matmul(in[0], in[1])", torch.matmul, WIDE, [[1.0, 0.5, 2.0], [-2.0, 3.0, 1.0]])
row("ct_matmul(in[0], in[1])", torch.matmul, [[1.0, -1.0, 2.0]], WIDE)
row("ct_matmul(in[0], in[1])", torch.matmul, [inf, 1.0], [0.0, 1.0])
W, BIAS = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], [0.5, -1.0]
for name, f in {"IDENTITY": lambda x: x, "RELU": F.relu, "GELU": F.gelu, "TANH": torch.tanh, "SIGMOID": torch.sigmoid, "SILU": F.silu}.items():
    row(f"ct_linear(in[0], in[1], in[2], .activation = CT_{name})", lambda x, w, b, f=f: f(F.linear(x, w, b)), GRID, W, BIAS)

row("ct_expand(in[0], 2, 2, 3)", lambda x: x.expand(2, 2, 3), [[0.5], [1.5]])
row("ct_reshape(in[0], 3, 2)", lambda x: x.reshape(3, 2), GRID)
row("ct_permute(in[0], 2, 0, 1)", lambda x: x.permute(2, 0, 1), WIDE)
row('ct_slice(in[0], "1, ::2, -1")', lambda x: x[1, ::2, -1], WIDE)
row("ct_pad(in[0], 0.5, 1, -1, 0, 1)", lambda x: F.pad(x, (1, -1, 0, 1), value=0.5), GRID)
row("ct_cat(CT_TENSORS(in[0], in[1]), 1)", lambda a, b: torch.cat((a, b), 1), GRID, [[7.0], [8.0]])
row("ct_stack(CT_TENSORS(in[0], in[1]), -1)", lambda a, b: torch.stack((a, b), -1), [1.0, 2.0], [3.0, 4.0])
row("ct_clone(in[0])", torch.clone, GRID)
row("ct_cast(in[0], CT_FLOAT64)", lambda x: x.to(torch.float64), [1.0, nan])

R, V3 = [[0, 2, 1], [1, 1, 0]], [1.0, -2.0, 0.5]
row("ct_gather(in[0], 0, in[1])", lambda x, i: x.gather(0, i), [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [7.0, 8.0, 9.0]], ("i", R))
row("ct_gather(in[0], 1, in[1])", lambda x, i: x.gather(1, i), GRID, ("i", [[2, 2, 0, 2]]))
row("ct_take_along_axis(in[0], in[1], 1)", lambda x, i: torch.take_along_dim(x, i, 1), GRID, ("i", [[2, 0, 2]]))
row("ct_take_along_axis(in[0], in[1])", lambda x, i: torch.take_along_dim(x, i), GRID, ("i", [[5, 0], [5, 1]]))
row("ct_index_select(in[0], 1, in[1])", lambda x, i: x.index_select(1, i), WIDE, ("i", [2, 0, 2]))
row("ct_masked_select(in[0], in[1])", torch.masked_select, GRID, ("b", [1, 0, 1]))
row("ct_embedding(in[0], in[1])", lambda w, i: F.embedding(i, w), GRID, ("i", [[0, 1], [1, 1]]))
row("ct_embedding(in[0], in[1], .padding_idx = -1)", lambda w, i: F.embedding(i, w, padding_idx=-1), GRID, ("i", [[0, 1], [1, 1]]))
row("ct_scatter(in[0], 1, in[1], in[2])", lambda x, i, s: x.scatter(1, i, s), GRID, ("i", [[2, 0], [1, 2]]), [[1.0, 2.0], [3.0, nan]])
row("ct_scatter(in[0], 0, in[1], 0.5)", lambda x, i: x.scatter(0, i, 0.5), GRID, ("i", [[0, 1, 0]]))
row("ct_scatter_add(in[0], 0, in[1], in[2])", lambda x, i, s: x.scatter_add(0, i, s), WIDE[0] + [[4.0, 5.0]], ("i", [[0, 2], [0, 3], [3, 2]]), WIDE[1])
row("ct_index_add(in[0], 1, in[1], in[2], .alpha = -0.5)", lambda x, i, s: x.index_add(1, i, s, alpha=-0.5), GRID, ("i", [2, 2]), [[1.0, 2.0], [3.0, 4.0]])
row("ct_masked_scatter(in[0], in[1], in[2])", lambda x, m, s: x.masked_scatter(m, s), GRID, ("b", [1, 0, 1]), [1.0, 2.0, 3.0, 4.0, 5.0])
row("ct_index(in[0], CT_ALL, CT_AT(in[1]), CT_AT(in[2]))", lambda x, i, j: x[:, i, j], WIDE, ("i", [[-1], [0]]), ("i", [1, 0, -1]))
row("ct_index(in[0], CT_AT(in[1]), CT_ALL, CT_AT(in[2]))", lambda x, i, j: x[i, :, j], WIDE, ("i", [1, 0, 1]), ("i", [1, 0, -1]))
row("ct_index(in[0], CT_RANGE(CT_OPEN, 1), CT_AT(in[1]))", lambda x, m: x[:1, m], WIDE, ("b", [[1, 0], [0, 1], [1, 1]]))
row("ct_index_put(in[0], CT_SUBSCRIPTS(CT_ALL, CT_AT(in[1])), in[2])", lambda x, i, v: x.index_put((torch.arange(2)[:, None], i), v), GRID, ("i", [-1, 0]), [7.0, 8.0])
row("ct_index_put(in[0], CT_SUBSCRIPTS(CT_AT(in[1])), in[2], .accumulate = true)", lambda x, i, v: x.index_put((i,), v, accumulate=True), GRID, ("i", [1, 1]), V3)
for c, t in {"SUM": "sum", "PROD": "prod", "MEAN": "mean", "AMAX": "amax", "AMIN": "amin"}.items():
    for self in ("true", "false"):
        row(f"ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_{c}, .include_self = {self})",
            lambda x, i, s, t=t, self=self: x.scatter_reduce(0, i, s, t, include_self=self == "true"), [2.0, 3.0, 0.5, -1.0],
            ("i", [0, 0, 1, 3, 3, 3]), [1.0, -2.0, 3.5, 0.25, 4.0, 4.0 if self == "true" else -7.0])
row("ct_scatter_reduce(in[0], 0, in[1], in[2], CT_REDUCE_PROD)", lambda x, i, s: x.scatter_reduce(0, i, s, "prod"), [2.0, 0.0, 0.0, 5.0],
    ("i", [0, 0, 1, 2, 3, 3, 3]), [0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 2.0])

LOGITS = [[2.0, -1.0, 0.5], [1000.0, 0.0, -1000.0], [-inf, 0.0, 1.0], [0.25, 0.25, 0.25]]
LOGP = [[-0.5, -1.0, -2.0], [-inf, 0.0, -3.0], [-0.1, -0.2, -0.3], [-1.0, -2.0, -4.0]]
TARGET = ("i", [0, 1, 2, 1])
PROB, GOAL = [0.0, 1.0, 0.0, 1.0, 0.25, 1e-13, 0.5], [0.0, 1.0, 1.0, 0.0, 0.75, 1.0, 0.5]
SCORE, CLASS = [0.0, -120.0, 120.0, 0.0, 3.0, -0.5, 1000.0], [0.0, 1.0, 1.0, 1.0, 0.25, 0.5, 0.0]
for c, t in {"CT_MEAN": "mean", "CT_SUM": "sum", "CT_NONE": "none"}.items():
    row(f"ct_cross_entropy(in[0], in[1], .reduction = {c})", lambda x, y, t=t: F.cross_entropy(x, y, reduction=t), LOGITS, TARGET)
    row(f"ct_nll(in[0], in[1], .reduction = {c})", lambda x, y, t=t: F.nll_loss(x, y, reduction=t), LOGP, TARGET)
    row(f"ct_mse(in[0], in[1], .reduction = {c})", lambda x, y, t=t: F.mse_loss(x, y, reduction=t), GRID, TIES)
    row(f"ct_binary_cross_entropy(in[0], in[1], .reduction = {c})", lambda x, y, t=t: F.binary_cross_entropy(x, y, reduction=t), PROB, GOAL, exact=1e-8)  # its 1e-12 is a float32
    row(f"ct_binary_cross_entropy_with_logits(in[0], in[1], .reduction = {c})",
        lambda x, y, t=t: F.binary_cross_entropy_with_logits(x, y, reduction=t), SCORE, CLASS)
row("ct_cross_entropy(in[0], in[1])", F.cross_entropy, WIDE, ("i", [[0, 2], [1, 1]]))
row("ct_cross_entropy(in[0], in[1])", F.cross_entropy, [0.5, 2.0, -1.0], ("i", 2))


def number(v):
    return "NAN" if math.isnan(v) else ("-" if v < 0 else "") + "INFINITY" if math.isinf(v) else repr(v) if isinstance(v, float) else str(v)


def tensor(kind, t):
    t = t.detach()
    values = ", ".join(number(v) for v in t.to(torch.float64).flatten().tolist()) or "0"
    return "{'%s', %d, {%s}, {%s}}" % (kind, t.dim(), ", ".join(map(str, t.shape)) or "0", values)


print("/* Written by goldens.py from PyTorch %s; not by hand.\n * GOLDEN(expression, tolerance of float64, of float32, INPUTS(...), result, GRADIENTS(...)) */" % torch.__version__.split("+")[0])
dtypes = {"f": torch.float64, "i": torch.int64, "b": torch.bool}
for c, f, inputs, exact, tol in rows:
    kinds = [i[0] if isinstance(i, tuple) else "f" for i in inputs]
    made = [torch.tensor(i[1] if isinstance(i, tuple) else i, dtype=dtypes[k]) for i, k in zip(inputs, kinds)]
    for k, x in zip(kinds, made):
        if k == "f":
            x.requires_grad_()
    y = f(*made)
    g = (0.5 + torch.arange(y.numel()) % 5 / 4).reshape(y.shape)
    wanted = [x for k, x in zip(kinds, made) if k == "f"]
    gradients = [torch.zeros_like(x) if d is None else d for x, d in zip(wanted, torch.autograd.grad(y, wanted, g, allow_unused=True))]
    print("GOLDEN(%s, %g, %g, INPUTS(%s),\n       %s, GRADIENTS(%s))" % (
        c, exact, tol, ", ".join(tensor(k, x) for k, x in zip(kinds, made)), tensor("f", y), ", ".join(tensor("f", d) for d in gradients)))
