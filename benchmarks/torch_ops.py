"""PyTorch's side of ops.c: the same rows on the same inputs, as lines of row, size and microseconds.

Usage: OMP_NUM_THREADS=2 python3 torch_ops.py [--seconds S] [--sizes LIST] [--list] [row ...]
"""
import argparse
import fnmatch
import os
import sys
import time
import warnings

import numpy as np
import torch
from torch.nn import functional as F

K, M, T = 1, 2, 4
ALL = K | M | T
BATCHES, FEWEST = 5, 3
SIZES = {"1e3": (K, 1000, 25, 5), "1e6": (M, 1000000, 1000, 20), "1e7": (T, 10000000, 2500, 50), "own": (0, 0, 0, 1)}

# Letters as in ops.c: shape, kind, low, high.
INPUTS = {
    "x": ("n", "REAL", -2, 2),
    "z": ("n", "REAL", -2, 2),
    "y": ("n", "REAL", 0.5, 2),
    "u": ("n", "REAL", 0.05, 0.95),
    "U": ("n", "REAL", 0.05, 0.95),
    "v": ("n", "REAL", 1.1, 3),
    "e": ("n", "FLAG", 0, 1),
    "f": ("n", "FLAG", 0, 1),
    "A": ("n", "SIGN", 0, 1),
    "m": ("RC", "REAL", -2, 2),
    "q": ("RC", "REAL", -2, 2),
    "Q": ("RC", "REAL", -2, 2),
    "h": ("CR", "REAL", -2, 2),
    "k": ("PQC", "REAL", -2, 2),
    "r": ("C", "REAL", -2, 2),
    "s": ("R", "REAL", -2, 2),
    "c": ("R1", "REAL", -2, 2),
    "p": ("1", "REAL", 0.25, 0.25),
    "t": ("R", "REAL", -2, 2),
    "g": ("RR", "REAL", -2, 2),
    "w": ("PP", "REAL", -2, 2),
    "o": ("QO", "REAL", -2, 2),
    "j": ("RC", "INTEGER", 0, "C"),
    "i": ("RC", "INTEGER", 0, "R"),
    "n": ("R", "INTEGER", 0, "R"),
    "d": ("R", "INTEGER", 0, "C"),
    "S": ("R", "SIGN", 0, 1),
    "N": ("n", "INTEGER", 0, "L"),
    "l": ("L", "RISING", -2, 2),
    "I": ("I", "INTEGER", 0, "J"),
    "a": ("ab", "REAL", -2, 2),
    "b": ("cd", "REAL", -2, 2),
}

# name: (sizes, or the shapes of a and b; inputs whose gradient is taken; what is timed)
ROWS = {
    # elementwise, one tensor
    "neg": (ALL, "x", lambda: torch.neg(x)),
    "abs": (ALL, "x", lambda: torch.abs(x)),
    "sign": (ALL, "x", lambda: torch.sign(x)),
    "exp": (ALL, "x", lambda: torch.exp(x)),
    "log": (ALL, "y", lambda: torch.log(y)),
    "sqrt": (ALL, "y", lambda: torch.sqrt(y)),
    "square": (ALL, "x", lambda: torch.square(x)),
    "reciprocal": (ALL, "y", lambda: torch.reciprocal(y)),
    "sin": (ALL, "x", lambda: torch.sin(x)),
    "cos": (ALL, "x", lambda: torch.cos(x)),
    "tanh": (ALL, "x", lambda: torch.tanh(x)),
    "erf": (ALL, "x", lambda: torch.erf(x)),
    "sigmoid": (ALL, "x", lambda: torch.sigmoid(x)),
    "log_sigmoid": (ALL, "x", lambda: F.logsigmoid(x)),
    "relu": (ALL, "x", lambda: torch.relu(x)),
    "gelu": (ALL, "x", lambda: F.gelu(x)),
    "gelu_tanh": (ALL, "x", lambda: F.gelu(x, approximate="tanh")),
    "silu": (ALL, "x", lambda: F.silu(x)),
    "leaky_relu": (ALL, "x", lambda: F.leaky_relu(x)),
    "elu": (ALL, "x", lambda: F.elu(x)),
    "softplus": (ALL, "x", lambda: F.softplus(x)),
    "exp2": (ALL, "x", lambda: torch.exp2(x)),
    "expm1": (ALL, "x", lambda: torch.expm1(x)),
    "log2": (ALL, "y", lambda: torch.log2(y)),
    "log10": (ALL, "y", lambda: torch.log10(y)),
    "log1p": (ALL, "y", lambda: torch.log1p(y)),
    "rsqrt": (ALL, "y", lambda: torch.rsqrt(y)),
    "tan": (ALL, "u", lambda: torch.tan(u)),
    "asin": (ALL, "u", lambda: torch.asin(u)),
    "acos": (ALL, "u", lambda: torch.acos(u)),
    "atan": (ALL, "x", lambda: torch.atan(x)),
    "sinh": (ALL, "x", lambda: torch.sinh(x)),
    "cosh": (ALL, "x", lambda: torch.cosh(x)),
    "asinh": (ALL, "x", lambda: torch.asinh(x)),
    "acosh": (ALL, "v", lambda: torch.acosh(v)),
    "atanh": (ALL, "u", lambda: torch.atanh(u)),
    "erfc": (ALL, "x", lambda: torch.erfc(x)),
    "lgamma": (ALL, "y", lambda: torch.lgamma(y)),
    "digamma": (ALL, "y", lambda: torch.digamma(y)),
    "polygamma": (ALL, "y", lambda: torch.polygamma(1, y)),
    "selu": (ALL, "x", lambda: F.selu(x)),
    "celu": (ALL, "x", lambda: F.celu(x, 1.5)),
    "mish": (ALL, "x", lambda: F.mish(x)),
    "softsign": (ALL, "x", lambda: F.softsign(x)),
    "hardtanh": (ALL, "x", lambda: F.hardtanh(x)),
    "relu6": (ALL, "x", lambda: F.relu6(x)),
    "hardsigmoid": (ALL, "x", lambda: F.hardsigmoid(x)),
    "hardswish": (ALL, "x", lambda: F.hardswish(x)),
    "threshold": (ALL, "x", lambda: F.threshold(x, 0.5, 0.1)),
    "floor": (ALL, "x", lambda: torch.floor(x)),
    "ceil": (ALL, "x", lambda: torch.ceil(x)),
    "round": (ALL, "x", lambda: torch.round(x)),
    "trunc": (ALL, "x", lambda: torch.trunc(x)),
    "frac": (ALL, "x", lambda: torch.frac(x)),
    "nan_to_num": (ALL, "x", lambda: torch.nan_to_num(x)),
    "clamp": (ALL, "x", lambda: torch.clamp(x, -1, 1)),
    "prelu": (ALL, "m", lambda: F.prelu(m, p)),
    "isnan": (ALL, "", lambda: torch.isnan(x)),
    "isinf": (ALL, "", lambda: torch.isinf(x)),
    "isfinite": (ALL, "", lambda: torch.isfinite(x)),
    "logical_not": (ALL, "", lambda: torch.logical_not(e)),
    "cast": (ALL, "x", lambda: x.to(torch.float64)),
    "cast__int64": (ALL, "", lambda: x.to(torch.int64)),
    "cast__bool": (ALL, "", lambda: x.to(torch.bool)),
    "cast__from_bool": (ALL, "", lambda: e.to(torch.float32)),
    "clone": (ALL, "x", lambda: torch.clone(x)),
    # elementwise, two and three
    "add": (ALL, "xz", lambda: torch.add(x, z)),
    "add__number": (ALL, "x", lambda: torch.add(x, 2.0)),
    "add__row": (ALL, "mr", lambda: torch.add(m, r)),
    "add__column": (ALL, "mc", lambda: torch.add(m, c)),
    "add__transposed": (ALL, "mh", lambda: torch.add(m, h.T)),
    "sub": (ALL, "xz", lambda: torch.sub(x, z)),
    "mul": (ALL, "xz", lambda: torch.mul(x, z)),
    "mul__column": (ALL, "mc", lambda: torch.mul(m, c)),
    "div": (ALL, "xy", lambda: torch.div(x, y)),
    "pow": (ALL, "yu", lambda: torch.pow(y, u)),
    "pow__number": (ALL, "y", lambda: torch.pow(y, 2.5)),
    "maximum": (ALL, "xz", lambda: torch.maximum(x, z)),
    "minimum": (ALL, "xz", lambda: torch.minimum(x, z)),
    "fmax": (ALL, "xz", lambda: torch.fmax(x, z)),
    "fmin": (ALL, "xz", lambda: torch.fmin(x, z)),
    "fmod": (ALL, "x", lambda: torch.fmod(x, y)),
    "remainder": (ALL, "x", lambda: torch.remainder(x, y)),
    "floor_divide": (ALL, "", lambda: torch.floor_divide(x, y)),
    "atan2": (ALL, "xy", lambda: torch.atan2(x, y)),
    "hypot": (ALL, "xy", lambda: torch.hypot(x, y)),
    "logaddexp": (ALL, "xz", lambda: torch.logaddexp(x, z)),
    "xlogy": (ALL, "xy", lambda: torch.xlogy(x, y)),
    "lerp": (ALL, "xz", lambda: torch.lerp(x, z, u)),
    "addcmul": (ALL, "xzy", lambda: torch.addcmul(x, z, y, value=0.5)),
    "eq": (ALL, "", lambda: torch.eq(x, z)),
    "ne": (ALL, "", lambda: torch.ne(x, z)),
    "lt": (ALL, "", lambda: torch.lt(x, z)),
    "le": (ALL, "", lambda: torch.le(x, z)),
    "gt": (ALL, "", lambda: torch.gt(x, z)),
    "gt__number": (ALL, "", lambda: torch.gt(x, 0.0)),
    "ge": (ALL, "", lambda: torch.ge(x, z)),
    "logical_and": (ALL, "", lambda: torch.logical_and(e, f)),
    "logical_or": (ALL, "", lambda: torch.logical_or(e, f)),
    "logical_xor": (ALL, "", lambda: torch.logical_xor(e, f)),
    "where": (ALL, "xz", lambda: torch.where(e, x, z)),
    "masked_fill": (ALL, "x", lambda: torch.masked_fill(x, e, 0.0)),
    # reductions: m is a matrix, k has three axes
    "sum": (ALL, "x", lambda: torch.sum(x)),
    "sum__rows": (ALL, "m", lambda: torch.sum(m, 1)),
    "sum__columns": (ALL, "m", lambda: torch.sum(m, 0)),
    "sum__middle": (ALL, "k", lambda: torch.sum(k, 1)),
    "sum__outer": (ALL, "k", lambda: torch.sum(k, (0, 2))),
    "sum__bool": (ALL, "", lambda: torch.sum(e)),
    "mean": (ALL, "x", lambda: torch.mean(x)),
    "mean__rows": (ALL, "m", lambda: torch.mean(m, 1)),
    "var": (ALL, "x", lambda: torch.var(x)),
    "var__rows": (ALL, "m", lambda: torch.var(m, 1)),
    "var__columns": (ALL, "m", lambda: torch.var(m, 0)),
    "std": (ALL, "x", lambda: torch.std(x)),
    "std__rows": (ALL, "m", lambda: torch.std(m, 1)),
    "norm": (ALL, "x", lambda: torch.linalg.vector_norm(x)),
    "norm__rows": (ALL, "m", lambda: torch.linalg.vector_norm(m, dim=1)),
    "norm__one": (ALL, "x", lambda: torch.linalg.vector_norm(x, ord=1)),
    "norm__largest": (ALL, "x", lambda: torch.linalg.vector_norm(x, ord=torch.inf)),
    "norm__three": (ALL, "x", lambda: torch.linalg.vector_norm(x, ord=3)),
    "prod": (ALL, "y", lambda: torch.prod(y)),
    "prod__rows": (ALL, "m", lambda: torch.prod(m, 1)),
    "nansum": (ALL, "x", lambda: torch.nansum(x)),
    "nanmean": (ALL, "x", lambda: torch.nanmean(x)),
    "all": (ALL, "", lambda: torch.all(y)),
    "any": (ALL, "", lambda: torch.any(x)),
    "any__columns": (ALL, "", lambda: torch.any(m, 0)),
    "count_nonzero": (ALL, "", lambda: torch.count_nonzero(x)),
    "max": (ALL, "m", lambda: torch.max(m, 1)[0]),
    "max__columns": (ALL, "m", lambda: torch.max(m, 0)[0]),
    "max_shared": (ALL, "x", lambda: torch.max(x)),
    "max_shared__rows": (ALL, "m", lambda: torch.amax(m, 1)),
    "min": (ALL, "m", lambda: torch.min(m, 1)[0]),
    "min_shared": (ALL, "x", lambda: torch.min(x)),
    "median": (ALL, "m", lambda: torch.median(m, 1)[0]),
    "median_shared": (ALL, "x", lambda: torch.median(x)),
    "argmax": (ALL, "", lambda: torch.argmax(x)),
    "argmax__rows": (ALL, "", lambda: torch.argmax(m, 1)),
    "argmax__columns": (ALL, "", lambda: torch.argmax(m, 0)),
    "argmin": (ALL, "", lambda: torch.argmin(x)),
    "logsumexp": (ALL, "x", lambda: torch.logsumexp(x, 0)),
    "logsumexp__rows": (ALL, "m", lambda: torch.logsumexp(m, 1)),
    "softmax": (ALL, "m", lambda: torch.softmax(m, 1)),
    "softmax__columns": (ALL, "m", lambda: torch.softmax(m, 0)),
    "log_softmax": (ALL, "m", lambda: torch.log_softmax(m, 1)),
    "log_softmax__columns": (ALL, "m", lambda: torch.log_softmax(m, 0)),
    # along an axis, orders
    "cumsum": (ALL, "x", lambda: torch.cumsum(x, 0)),
    "cumsum__rows": (ALL, "m", lambda: torch.cumsum(m, 1)),
    "cumsum__columns": (ALL, "m", lambda: torch.cumsum(m, 0)),
    "cumprod": (ALL, "m", lambda: torch.cumprod(m, 1)),
    "logcumsumexp": (ALL, "m", lambda: torch.logcumsumexp(m, 1)),
    "cummax": (ALL, "m", lambda: torch.cummax(m, 1)[0]),
    "cummin": (ALL, "m", lambda: torch.cummin(m, 1)[0]),
    "sort": (ALL, "x", lambda: torch.sort(x, dim=0, stable=True)[0]),
    "sort__rows": (ALL, "m", lambda: torch.sort(m, dim=1, stable=True)[0]),
    "argsort": (ALL, "", lambda: torch.argsort(x, stable=True)),
    "topk": (ALL, "x", lambda: torch.topk(x, 10, 0)[0]),
    "topk__rows": (ALL, "m", lambda: torch.topk(m, 5, 1)[0]),
    "unique": (ALL, "", lambda: torch.unique(N)),
    "searchsorted": (ALL, "", lambda: torch.searchsorted(l, x)),
    "bincount": (ALL, "", lambda: torch.bincount(N)),
    # products
    "matmul": (K | M, "mh", lambda: torch.matmul(m, h)),
    "dot": (ALL, "xz", lambda: torch.dot(x, z)),
    "mv": (ALL, "mr", lambda: torch.matmul(m, r)),
    "outer": (ALL, "rs", lambda: torch.outer(s, r)),
    "bmm": (K | M, "k", lambda: torch.bmm(k, k.transpose(1, 2))),
    "addmm": (K | M, "m", lambda: torch.addmm(g, m, h)),
    "linear": (K | M, "mq", lambda: F.linear(m, q, t)),
    "linear_relu": (K | M, "mq", lambda: torch.relu(F.linear(m, q, t))),
    "einsum__transposed_product": (K | M, "mh", lambda: torch.einsum("ij,jk->ki", m, h)),
    "einsum__row_products": (ALL, "mq", lambda: torch.einsum("ij,ij->i", m, q)),
    "tensordot": (K | M, "k", lambda: torch.tensordot(k, q, dims=((2,), (1,)))),
    "kron": (ALL, "wo", lambda: torch.kron(w, o)),
    "trace": (ALL, "m", lambda: torch.trace(m)),
    # shape
    "expand": (ALL, "c", lambda: c.expand_as(m)),
    "reshape": (ALL, "m", lambda: m.reshape(-1)),
    "permute": (ALL, "m", lambda: m.permute(1, 0)),
    "slice": (ALL, "m", lambda: m[1:, ::2]),
    "contiguous__transposed": (ALL, "m", lambda: m.T.contiguous()),
    "contiguous__permuted": (ALL, "k", lambda: k.permute(2, 0, 1).contiguous()),
    "contiguous__every_second": (ALL, "m", lambda: m[:, ::2].contiguous()),
    "contiguous__expanded": (ALL, "c", lambda: c.expand_as(m).contiguous()),
    "pad": (ALL, "m", lambda: F.pad(m, (1, 2, 3, 4))),
    "pad__reflect": (ALL, "m", lambda: F.pad(m, (2, 2), mode="reflect")),
    "pad__replicate": (ALL, "m", lambda: F.pad(m, (2, 2), mode="replicate")),
    "pad__circular": (ALL, "m", lambda: F.pad(m, (2, 2), mode="circular")),
    "unfold": (ALL, "x", lambda: x.unfold(0, 8, 4)),
    "overlap_add": (ALL, "x", lambda: torch.ops.aten.unfold_backward(x.reshape(-1, 8), x.shape, 0, 8, 8)),
    "diagonal": (ALL, "m", lambda: torch.diagonal(m)),
    "diag_embed": (ALL, "r", lambda: torch.diag_embed(r)),
    "tril": (ALL, "m", lambda: torch.tril(m)),
    "triu": (ALL, "m", lambda: torch.triu(m)),
    "cat": (ALL, "mq", lambda: torch.cat((m, q), 0)),
    "cat__columns": (ALL, "mq", lambda: torch.cat((m, q), 1)),
    "stack": (ALL, "xz", lambda: torch.stack((x, z), 0)),
    "stack__last": (ALL, "xz", lambda: torch.stack((x, z), 1)),
    "split": (ALL, "m", lambda: m.split(m.shape[1] // 2, 1)[1]),
    "flip": (ALL, "m", lambda: torch.flip(m, (1,))),
    "roll": (ALL, "m", lambda: torch.roll(m, 3, 1)),
    "tile": (ALL, "m", lambda: torch.tile(m, (1, 2))),
    "repeat": (ALL, "m", lambda: torch.repeat_interleave(m, 2, 1)),
    "repeat_interleave": (ALL, "m", lambda: torch.repeat_interleave(m, 2, 1)),
    "one_hot": (ALL, "", lambda: F.one_hot(d, m.shape[1])),
    # indexing
    "gather": (ALL, "m", lambda: torch.gather(m, 1, j)),
    "gather__columns": (ALL, "m", lambda: torch.gather(m, 0, i)),
    "index_select": (ALL, "m", lambda: torch.index_select(m, 0, n)),
    "index": (ALL, "m", lambda: m[n]),
    "index_put": (ALL, "m", lambda: m.index_put((n,), q)),
    "embedding": (ALL, "m", lambda: F.embedding(n, m)),
    "masked_select": (ALL, "x", lambda: x[e]),
    "scatter": (ALL, "mq", lambda: torch.scatter(m, 1, j, q)),
    "scatter_add": (ALL, "mq", lambda: torch.scatter_add(m, 1, j, q)),
    "scatter_prod": (ALL, "mq", lambda: m.scatter_reduce(1, j, q, "prod")),
    "scatter_amax": (ALL, "mq", lambda: m.scatter_reduce(1, j, q, "amax")),
    "scatter_amin": (ALL, "mq", lambda: m.scatter_reduce(1, j, q, "amin")),
    "index_add": (ALL, "mq", lambda: torch.index_add(m, 0, n, q)),
    "masked_scatter": (ALL, "xz", lambda: torch.masked_scatter(x, e, z)),
    # random numbers
    "rand": (ALL, "", lambda: torch.rand_like(x)),
    "randn": (ALL, "", lambda: torch.randn_like(x)),
    "normal": (ALL, "", lambda: torch.normal(x, y)),
    "bernoulli": (ALL, "", lambda: torch.bernoulli(u)),
    "multinomial": (ALL, "", lambda: torch.multinomial(u, 10)),
    "exponential": (ALL, "", lambda: torch.empty_like(x).exponential_()),
    "randint": (ALL, "", lambda: torch.randint(0, 1000, x.shape)),
    "randperm": (K | M, "", lambda: torch.randperm(x.numel())),
    "dropout": (ALL, "x", lambda: F.dropout(x)),
    # losses
    "cross_entropy": (ALL, "m", lambda: F.cross_entropy(m, d)),
    "cross_entropy__smoothed": (ALL, "m", lambda: F.cross_entropy(m, d, label_smoothing=0.1)),
    "nll": (ALL, "m", lambda: F.nll_loss(m, d)),
    "binary_cross_entropy": (ALL, "u", lambda: F.binary_cross_entropy(u, U)),
    "bce_with_logits": (ALL, "x", lambda: F.binary_cross_entropy_with_logits(x, u)),
    "mse": (ALL, "x", lambda: F.mse_loss(x, z)),
    "l1": (ALL, "x", lambda: F.l1_loss(x, z)),
    "smooth_l1": (ALL, "x", lambda: F.smooth_l1_loss(x, z)),
    "huber": (ALL, "x", lambda: F.huber_loss(x, z)),
    "kl_div": (ALL, "x", lambda: F.kl_div(x, u)),
    "gaussian_nll": (ALL, "x", lambda: F.gaussian_nll_loss(x, z, y)),
    "ctc": (ALL, "k", lambda: F.ctc_loss(k, few_labels(), torch.full((len(k[0]),), len(k)), torch.full((len(k[0]),), len(k) // 5))),
    "poisson_nll": (ALL, "x", lambda: F.poisson_nll_loss(x, y)),
    "hinge_embedding": (ALL, "x", lambda: F.hinge_embedding_loss(x, A)),
    "margin_ranking": (ALL, "x", lambda: F.margin_ranking_loss(x, z, A)),
    "multi_margin": (ALL, "m", lambda: F.multi_margin_loss(m, d)),
    "cosine_embedding": (ALL, "m", lambda: F.cosine_embedding_loss(m, q, S)),
    "triplet_margin": (ALL, "m", lambda: F.triplet_margin_loss(m, q, Q)),
    "cosine_similarity": (ALL, "m", lambda: F.cosine_similarity(m, q)),
    "pairwise_distance": (ALL, "m", lambda: F.pairwise_distance(m, q)),
    "normalize": (ALL, "m", lambda: F.normalize(m)),
    # shapes of their own: a, b, and i, 8192 rows to look up
    "convolution": (((32, 16384), (64, 576)), "ab", lambda: F.conv2d(images(), b.view(64, 64, 3, 3), padding=1)),
    "convolution_relu": (((32, 16384), (64, 576)), "ab", lambda: F.relu(F.conv2d(images(), b.view(64, 64, 3, 3), padding=1))),
    "conv_transpose": (((32, 16384), (64, 128)), "ab", lambda: F.conv_transpose2d(images(), b.view(64, 32, 2, 2), stride=2)),
    "conv_correlate": (((32, 16384), (32, 16384)), "ab", lambda: torch.nn.grad.conv2d_weight(images(), (64, 64, 3, 3), b.view(32, 64, 16, 16), padding=1)),
    "batch_norm": (((32, 16384),), "a", lambda: F.batch_norm(images(), None, None, training=True)),
    "batch_norm_relu": (((32, 16384),), "a", lambda: F.relu(F.batch_norm(images(), None, None, training=True))),
    "max_pool1d": (((64, 16384),), "a", lambda: F.max_pool1d(a[None], 2)),
    "max_pool2d": (((32, 16384),), "a", lambda: F.max_pool2d(images(), 2)),
    "adaptive_max_pool2d": (((32, 16384),), "a", lambda: F.adaptive_max_pool2d(images(), 5)),
    "avg_pool1d": (((64, 16384),), "a", lambda: F.avg_pool1d(a[None], 2)),
    "avg_pool2d": (((32, 16384),), "a", lambda: F.avg_pool2d(images(), 2)),
    "adaptive_avg_pool2d": (((32, 16384),), "a", lambda: F.adaptive_avg_pool2d(images(), 5)),
    "interpolate": (((32, 16384),), "a", lambda: F.interpolate(images(), size=(32, 32), mode="bilinear")),
    "im2col": (((32, 16384),), "a", lambda: F.unfold(images(), 3, padding=1)),
    "col2im": (((32, 147456),), "a", lambda: F.fold(a.view(32, 576, 256), 16, 3, padding=1)),
    "layer_norm": (((2048, 192),), "a", lambda: F.layer_norm(a, (192,))),
    "rms_norm": (((2048, 192),), "a", lambda: F.rms_norm(a, (192,))),
    "attention": (((64, 4096), (64, 4096)), "ab", lambda: F.scaled_dot_product_attention(a.view(64, 128, 32), b.view(64, 128, 32), b.view(64, 128, 32))),
    "rotary_embedding": (((64, 4096),), "a", lambda: rotated(a.view(64, 128, 32))),
    "matmul__64x784x128": (((64, 784), (784, 128)), "ab", lambda: torch.matmul(a, b)),
    "matmul__64x128x10": (((64, 128), (128, 10)), "ab", lambda: torch.matmul(a, b)),
    "matmul__32x32x32": (((32, 32), (32, 32)), "ab", lambda: torch.matmul(a, b)),
    "matmul__256x256x256": (((256, 256), (256, 256)), "ab", lambda: torch.matmul(a, b)),
    "matmul__512x512x512_transposed": (((512, 512), (512, 512)), "ab", lambda: torch.matmul(a, b.T)),
    "matmul__4096x64x64": (((4096, 64), (64, 64)), "ab", lambda: torch.matmul(a, b)),
    "matmul__1x1024x1024": (((1, 1024), (1024, 1024)), "ab", lambda: torch.matmul(a, b)),
    "softmax__64x10": (((64, 10),), "a", lambda: torch.softmax(a, 1)),
    "softmax__4096x128": (((4096, 128),), "a", lambda: torch.softmax(a, 1)),
    "softmax__128x32768": (((128, 32768),), "a", lambda: torch.softmax(a, 1)),
    "softmax__200000x10": (((200000, 10),), "a", lambda: torch.softmax(a, 1)),
    "softmax__columns_512x2048": (((512, 2048),), "a", lambda: torch.softmax(a, 0)),
    "log_softmax__200000x10": (((200000, 10),), "a", lambda: torch.log_softmax(a, 1)),
    "sum__rows_200000x10": (((200000, 10),), "a", lambda: torch.sum(a, 1)),
    "sum__columns_200000x10": (((200000, 10),), "a", lambda: torch.sum(a, 0)),
    "sum__rows_64x65536": (((64, 65536),), "a", lambda: torch.sum(a, 1)),
    "sum__columns_64x65536": (((64, 65536),), "a", lambda: torch.sum(a, 0)),
    "max__rows_200000x10": (((200000, 10),), "a", lambda: torch.max(a, 1)[0]),
    "var__rows_4096x256": (((4096, 256),), "a", lambda: torch.var(a, 1)),
    "embedding__4096x512": (((4096, 512),), "a", lambda: F.embedding(I, a)),
    "embedding__4096x8": (((4096, 8),), "a", lambda: F.embedding(I, a)),
    "index_select__4096x64": (((4096, 64),), "a", lambda: torch.index_select(a, 0, I)),
    "gather__vector": (((4096, 1),), "a", lambda: torch.gather(a.reshape(-1), 0, I)),
    "contiguous__transposed_1024x1024": (((1024, 1024),), "a", lambda: a.T.contiguous()),
    "contiguous__transposed_2048x2048": (((2048, 2048),), "a", lambda: a.T.contiguous()),
    "contiguous__transposed_100000x16": (((100000, 16),), "a", lambda: a.T.contiguous()),
    "contiguous__transposed_33x77777": (((33, 77777),), "a", lambda: a.T.contiguous()),
    "contiguous__heads": (((4096, 512),), "a", lambda: a.reshape(8, 512, 8, 64).permute(0, 2, 1, 3).contiguous()),}


def rotated(x, base=10000):
    """Rotary embedding of halves, written out: PyTorch has no call of its own."""
    length, width = x.shape[-2:]
    angle = torch.arange(length)[:, None] * base ** (-torch.arange(0, width, 2) / width)
    left, right = x.chunk(2, -1)
    return torch.cat((left * angle.cos() - right * angle.sin(), right * angle.cos() + left * angle.sin()), -1)


def images():
    """a as 32 images of 64 channels, 16x16, channels-last as a network has them."""
    return a.view(32, 16, 16, 64).permute(0, 3, 1, 2)


def few_labels():
    batch, labels = len(k[0]), len(k) // 5
    return torch.arange(1, batch * labels + 1).reshape(batch, labels)


def unit(seed, count):
    h = (np.uint64(seed) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
    h = (h ^ h >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ h >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return ((h ^ h >> np.uint64(31)) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def filled(sizes, seed, kind, low, high, dtype=torch.float32):
    count = int(np.prod(sizes))
    at = np.arange(count) / count if kind == "RISING" else unit(seed, count)
    value = at < 0.5 if kind == "FLAG" else np.where(at < 0.5, -1, 1) if kind == "SIGN" else low + (high - low) * at
    dtype = {"INTEGER": torch.int64, "FLAG": torch.bool}.get(kind, dtype)
    return torch.from_numpy(value.reshape(sizes)).to(dtype)


def make(letter, sizes):
    shape, kind, low, high = INPUTS[letter]
    return filled([sizes[s] for s in shape], ord(letter), kind, low, sizes[high] if kind == "INTEGER" else high)


def time_of(call, seconds):
    def batch(repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return time.perf_counter() - start

    once = took = batch(1)
    repeats = 1
    while took < seconds / BATCHES and repeats < 1 << 20:
        took = batch(repeats)
        repeats *= 2
    repeats = max(repeats // 2, 1)
    batches = FEWEST if once > seconds else BATCHES
    return sorted(batch(repeats) / repeats for _ in range(batches))[batches // 2]


def run_row(name, size, sizes, seconds):
    _, wants, f = ROWS[name]
    for letter in (*wants, *f.__code__.co_names):       # images() reads a without its name in f
        if letter in INPUTS and letter not in globals():
            globals()[letter] = make(letter, sizes)
        if letter in INPUTS and globals()[letter].is_floating_point():
            globals()[letter].requires_grad_(letter in wants)
    if not (wants and size == "1e3"):
        with torch.no_grad():
            print(f"{name}\t{size}\t{time_of(f, seconds) * 1e6:.3f}", flush=True)
    if wants:
        wanted = [globals()[letter] for letter in wants]
        y = f()
        g = filled(tuple(y.shape), ord("G"), "REAL", -1, 1, y.dtype)
        del y
        took = time_of(lambda: torch.autograd.grad(f(), wanted, g), seconds)
        print(f"{name}+grad\t{size}\t{took * 1e6:.3f}", flush=True)


def drop_inputs():
    for letter in INPUTS:
        globals().pop(letter, None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.04, help="time for each figure")
    parser.add_argument("--sizes", default=",".join(SIZES), help="of 1e3,1e6,1e7,own")
    parser.add_argument("--list", action="store_true", help="names the rows and sizes, and times none")
    parser.add_argument("row", nargs="*", help="a name or a pattern")
    arguments = parser.parse_args()
    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    warnings.simplefilter("ignore")
    if not arguments.list:
        print(f"# torch {torch.__version__}, {torch.get_num_threads()} threads")
    failed = False
    for size, (bit, n, rows, planes) in SIZES.items():
        if size not in arguments.sizes.split(","):
            continue
        for name, (which, _, _) in ROWS.items():
            own = not isinstance(which, int)
            if not (own if size == "own" else not own and which & bit):
                continue
            if arguments.row and not any(fnmatch.fnmatchcase(name, p) or name.startswith(p + "__") for p in arguments.row):
                continue
            sizes = dict(n=n, R=rows, C=rows and n // rows, P=planes, Q=rows // planes, L=1000, I=8192, J=4096)
            sizes.update({"1": 1, "O": sizes["C"] // planes})
            if own:
                sizes.update(zip("abcd", [s for shape in which for s in shape]))
            if arguments.list:
                print(f"{name}\t{size}")
                continue
            try:
                run_row(name, size, sizes, arguments.seconds)
            except Exception as reason:
                print(f"torch_ops: {name} at {size}: {reason}", file=sys.stderr)
                failed = True
            if own:
                drop_inputs()
        drop_inputs()
    return failed


if __name__ == "__main__":
    sys.exit(main())
