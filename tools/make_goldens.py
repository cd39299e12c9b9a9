#!/usr/bin/env python3
"""Writes tests/golden: what PyTorch makes of the cases below, values and gradients, a file a family of ops.

A developer's tool; the tests read what it wrote and need no Python. The form of the files is told in tests/golden_file.h, and
tests/golden_cases.def is the table OPS below in C. The same PyTorch gives the same bytes.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python tools/make_goldens.py                   all files
    venv/bin/python tools/make_goldens.py unary losses      these
"""
import argparse
import itertools
import pathlib
import random
import warnings

import torch
import torch.nn.functional as F

inf, nan = float("inf"), float("nan")
FLOATS = (torch.float32, torch.float64)
LAYOUTS = ("contiguous", "transposed", "sliced", "flipped", "expanded")
UNTIED = LAYOUTS[:4]                            # for ops that leave the choice among equals open in PyTorch


# ---- Ops: names and parameters as in tests/golden_cases.def ------------------------------------------------------------------
def every(x, axes):
    return list(axes) or list(range(max(x.dim(), 1)))


def over(f):
    """f(x, dim, keepdim) of a list of axes, as a row of (axes, keepdims); none: all."""
    return lambda x, axes, keepdims: f(x, every(x, axes), keepdims)


def one_by_one(f):
    """The same where f takes one axis at a time."""
    def reduce(x, axes, keepdims):
        axes = sorted((a % max(x.dim(), 1) for a in every(x, axes)), reverse=True)
        for a in axes:
            x = f(x, a, keepdims)
        return x
    return reduce


def whole(f, several=None):
    """f(x) and f(x, axis, keepdim): values of all of x, of one axis; several(x, axes, keepdim) of more."""
    def reduce(x, axes, keepdims):
        if not axes:
            return f(x).reshape([1] * x.dim() if keepdims else [])
        return f(x, axes[0], keepdims)[0] if len(axes) == 1 else several(x, axes, keepdims)
    return reduce


def along(f):
    return lambda x, axes, keepdims: tuple(f(x, axes[0], keepdims))


def arg(f):
    def reduce(x, axes, keepdims):
        return f(x, axes[0], keepdims) if axes else f(x).reshape([1] * x.dim() if keepdims else [])
    return reduce


def of_tensors(f):
    """Numbers become tensors without axes, which promote as they do."""
    return lambda x, y: f(*(o if isinstance(o, torch.Tensor) else torch.tensor(o) for o in (x, y)))


def count_nonzero(x, dim, keepdim):
    return (x != 0).sum(dim, keepdim)


def sum_to(x, sizes):
    return x.sum_to_size(sizes)


def overlap_add(x, axis, length, step):
    """The transpose of unfold, which is linear: its gradient."""
    axis %= x.dim() - 1
    place = torch.arange(length).unfold(0, x.shape[-1], step).reshape(-1)
    flat = x.movedim(axis, -2).flatten(-2)
    return torch.zeros(flat.shape[:-1] + (length,), dtype=x.dtype).index_add(-1, place, flat).movedim(-1, axis)


def subscripts(x, at, operands=()):
    """x and a tuple for x[...]; what goes backwards, which PyTorch does not, is selected first."""
    items, result, axis = at.split(","), [], 0
    for place, item in enumerate(items):
        if item == "None":
            result.append(None)
        elif item == "...":
            result.append(...)
            axis = x.dim() - sum(other != "None" for other in items[place + 1:])
        elif item.startswith("@"):
            result.append(operands[int(item[1:])])
            axis += result[-1].dim() if result[-1].dtype == torch.bool else 1
        elif ":" in item:
            s = slice(*(int(end) if end else None for end in item.split(":")))
            if s.step and s.step < 0:
                x, s = x.index_select(axis, torch.tensor(range(x.shape[axis])[s], dtype=torch.int64)), slice(None)
            result.append(s)
            axis += 1
        else:
            result.append(int(item))
            axis += 1
    return x, tuple(result)


def index(x, *operands, at):
    x, places = subscripts(x, at, (x,) + operands)
    return x[places]


def index_put(x, value, *operands, at, accumulate):
    """By the places of the elements, which index tells."""
    places = index(torch.arange(x.numel()).reshape(x.shape), value, *operands, at=at)
    value = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=x.dtype)
    return x.reshape(-1).index_put((places,), value.expand(places.shape), accumulate=accumulate).reshape(x.shape)


ACTIVATIONS = {"identity": lambda y: y, "relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "silu": F.silu}


def convolution(f):
    """padding -1 is CT_SAME."""
    def convolve(x, weight, bias=None, activation="identity", padding=0, **how):
        return ACTIVATIONS[activation](f(x, weight, bias, padding="same" if padding == -1 else padding, **how))
    return convolve


def max_pool(f):
    """stride 0 is the kernel's size."""
    def pool(x, kernel, stride, padding, dilation, ceil_mode):
        return tuple(f(x, kernel, stride or None, padding, dilation, ceil_mode=ceil_mode, return_indices=True))
    return pool


def avg_pool2d(x, kernel, stride, padding, ceil_mode, count_exclude_pad, divisor):
    return F.avg_pool2d(x, kernel, stride or None, padding, ceil_mode, not count_exclude_pad, divisor or None)


def avg_pool1d(x, kernel, stride, padding, **how):
    return avg_pool2d(x.unsqueeze(-2), [1, kernel], [1, stride or kernel], [0, padding], **how).squeeze(-2)


def interpolate(x, size, mode, align_corners=None):
    images = x if x.dim() == 4 else x[None]
    return F.interpolate(images, size, mode=mode, align_corners=align_corners).reshape(x.shape[:-2] + tuple(size))


def batch_norm(x, mean, var, weight=None, bias=None, add=None, *, training, eps, activation, momentum=0.1):
    """y, and the running mean and var after it. PyTorch misreads a weight that lies apart in memory when x is channels-last."""
    mean, var = (t if t is None else t.detach().clone() for t in (mean, var))
    weight, bias = (t if t is None else t.contiguous() for t in (weight, bias))
    y = F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
    y = ACTIVATIONS[activation](y if add is None else y + add)
    return y if mean is None else (y, mean, var)


def dtype_of(word):
    return getattr(torch, word)


OPS = {name: getattr(torch, name) for name in """
    neg abs sign exp log sqrt square reciprocal sin cos tanh erf sigmoid relu exp2 expm1 log2 log10 log1p rsqrt tan asin acos atan sinh
    cosh asinh acosh atanh erfc lgamma digamma selu floor ceil round trunc frac isnan isinf isfinite logical_not clone zeros_like ones_like
    pow lerp where matmul dot outer mv mm bmm trace masked_select""".split()}
OPS |= {name: of_tensors(getattr(torch, name)) for name in """
    add sub mul div maximum minimum fmax fmin fmod remainder floor_divide atan2 hypot logaddexp xlogy eq ne lt le gt ge logical_and
    logical_or logical_xor""".split()}
OPS |= {name: getattr(F, name) for name in "gelu silu mish softsign relu6 hardsigmoid hardswish prelu".split()}
OPS |= {
    "log_sigmoid": F.logsigmoid,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "contiguous": lambda x: x.contiguous(),
    "full_like": lambda x, value: torch.full_like(x, value),
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "elu": lambda x, alpha: F.elu(x, alpha),
    "celu": lambda x, alpha: F.celu(x, alpha),
    "softplus": lambda x, beta, threshold: F.softplus(x, beta, threshold),
    "clamp": lambda x, low, high: torch.clamp(x, None if low == -inf else low, None if high == inf else high),
    "hardtanh": lambda x, low, high: F.hardtanh(x, low, high),
    "threshold": lambda x, threshold, value: F.threshold(x, threshold, value),
    "polygamma": lambda x, n: torch.polygamma(n, x),
    "nan_to_num": torch.nan_to_num,
    "nan_to_num_by": lambda x, nan, posinf, neginf: torch.nan_to_num(x, nan, posinf, neginf),
    "cast": lambda x, dtype: x.to(dtype_of(dtype)),

    "addcmul": lambda x, a, b, value: torch.addcmul(x, a, b, value=value),
    "sqrt_where_positive": lambda x: torch.where(x > 0, torch.sqrt(x), 0.0),
    "masked_fill": lambda x, mask, value: x.masked_fill(mask, value),
    "equal": lambda x, y: torch.tensor(torch.equal(x, y)),
    "allclose": lambda x, y, rtol, atol, equal_nan: torch.tensor(torch.allclose(x, y, rtol, atol, equal_nan)),
    "add_": lambda x, y: x.clone().add_(y),
    "mul_": lambda x, y: x.clone().mul_(y),
    "fill_": lambda x, y: x.clone().fill_(y),
    "copy_": lambda x, y: x.clone().copy_(y),

    "sum": over(torch.sum),
    "mean": over(torch.mean),
    "nansum": over(torch.nansum),
    "nanmean": over(torch.nanmean),
    "logsumexp": over(torch.logsumexp),
    "amax": over(torch.amax),
    "amin": over(torch.amin),
    "count_nonzero": over(count_nonzero),
    "prod": one_by_one(torch.prod),
    "all": one_by_one(torch.all),
    "any": one_by_one(torch.any),
    "argmax": arg(torch.argmax),
    "argmin": arg(torch.argmin),
    "max": whole(torch.max, torch.amax),
    "min": whole(torch.min, torch.amin),
    "median": whole(torch.median),
    "max_indices": along(torch.max),
    "min_indices": along(torch.min),
    "median_indices": along(torch.median),
    "var": lambda x, axes, keepdims, correction: torch.var(x, every(x, axes), correction=correction, keepdim=keepdims),
    "std": lambda x, axes, keepdims, correction: torch.std(x, every(x, axes), correction=correction, keepdim=keepdims),
    "norm": lambda x, axes, keepdims, p: torch.linalg.vector_norm(x, p, every(x, axes), keepdims),
    "softmax": lambda x, axis: torch.softmax(x, axis),
    "log_softmax": lambda x, axis: torch.log_softmax(x, axis),

    "cumsum": lambda x, axis: torch.cumsum(x, axis),
    "cumprod": lambda x, axis: torch.cumprod(x, axis),
    "logcumsumexp": lambda x, axis: torch.logcumsumexp(x, axis),
    "cummax": lambda x, axis: tuple(torch.cummax(x, axis)),
    "cummin": lambda x, axis: tuple(torch.cummin(x, axis)),
    "sort": lambda x, axis, descending: tuple(torch.sort(x, dim=axis, descending=descending, stable=True)),
    "argsort": lambda x, axis, descending: torch.argsort(x, dim=axis, descending=descending, stable=True),
    "topk": lambda x, k, axis, smallest: tuple(torch.topk(x, k, axis, largest=not smallest)),
    "unique": lambda x: torch.unique(x, return_inverse=True, return_counts=True),
    "searchsorted": lambda x, values, right: torch.searchsorted(x.contiguous(), values.contiguous(), right=right),
    "bincount": lambda x, weights=None, minlength=0: torch.bincount(x, weights, minlength),

    "kron": lambda a, b: torch.kron(a.contiguous(), b.contiguous()),
    "addmm": lambda c, a, b, alpha, beta: torch.addmm(c, a, b, alpha=alpha, beta=beta),
    "baddbmm": lambda c, a, b, alpha, beta: torch.baddbmm(c, a, b, alpha=alpha, beta=beta),
    "einsum": lambda *tensors, subscripts: torch.einsum(subscripts, *tensors),
    "tensordot": lambda a, b, a_axes, b_axes: torch.tensordot(a, b, (a_axes, b_axes)),
    "tensordot_last": lambda a, b, axes: torch.tensordot(a, b, axes),
    "linear": lambda x, w, b, activation: ACTIVATIONS[activation](F.linear(x, w, b)),

    "reshape": lambda x, sizes: x.reshape(sizes),
    "reshape_as": lambda x, like: x.reshape(like.shape),
    "transpose": lambda x, axis, other: x.transpose(axis, other),
    "swapaxes": lambda x, axis, other: x.swapaxes(axis, other),
    "movedim": lambda x, **ends: x.movedim(ends["from"], ends["to"]),
    "movedim_several": lambda x, **ends: x.movedim(ends["from"], ends["to"]),
    "permute": lambda x, axes: x.permute(axes),
    "expand": lambda x, sizes: x.expand(sizes),
    "expand_as": lambda x, like: x.expand_as(like),
    "broadcast_to": lambda x, sizes: torch.broadcast_to(x, sizes),
    "sum_to": sum_to,
    "sum_to_as": lambda x, like: sum_to(x, like.shape),
    "squeeze": lambda x, axes: x.squeeze(axes) if axes else x.squeeze(),
    "unsqueeze": lambda x, axis: x.unsqueeze(axis),
    "flatten": lambda x, start, end: x.flatten(start, end),
    "slice": index,
    "narrow": lambda x, axis, start, length: x.narrow(axis, start, length),
    "cat": lambda *tensors, axis: torch.cat(tensors, axis),
    "stack": lambda *tensors, axis: torch.stack(tensors, axis),
    "split": lambda x, length, axis: torch.split(x, length, axis),
    "chunk": lambda x, chunks, axis: torch.chunk(x, chunks, axis),
    "unbind": lambda x, axis: torch.unbind(x, axis),
    "pad": lambda x, widths, value: F.pad(x, widths, value=value),
    # PyTorch's wants an axis or two in front of those that it pads
    "pad_by": lambda x, mode, widths: F.pad(x, widths) if mode == "zeros" else F.pad(x[None, None], widths, mode)[0, 0],
    "flip": lambda x, axes: x.flip(every(x, axes)),
    "roll": lambda x, shifts, axes: x.roll(shifts, axes),
    "roll_flat": lambda x, shift: x.roll(shift),
    "tile": lambda x, repeats: x.tile(repeats),
    "repeat_interleave": lambda x, repeats, axis: x.repeat_interleave(repeats, axis),
    "repeat_interleave_flat": lambda x, repeats: x.repeat_interleave(repeats),
    "repeat_interleave_counts": lambda x, repeats, axes: x.repeat_interleave(repeats, *axes),
    "unfold": lambda x, axis, size, step: x.unfold(axis, size, step),
    "overlap_add": overlap_add,
    "diagonal": lambda x, offset, axis1, axis2: x.diagonal(offset, axis1, axis2),
    "diag_embed": lambda x, offset, axis1, axis2: torch.diag_embed(x, offset, axis1, axis2),
    "diag": lambda x, offset: torch.diag(x, offset),
    "tril": lambda x, diagonal: x.tril(diagonal),
    "triu": lambda x, diagonal: x.triu(diagonal),
    "one_hot": lambda x, classes: F.one_hot(x, classes),
    "arange": lambda start, end, step, dtype: torch.arange(start, end, step, dtype=dtype_of(dtype)),
    "linspace": lambda start, end, count, dtype: torch.linspace(start, end, count, dtype=dtype_of(dtype)),
    "eye": lambda rows, columns, dtype: torch.eye(rows, columns, dtype=dtype_of(dtype)),

    "gather": lambda x, i, axis: x.gather(axis, i),
    "take_along_axis": lambda x, i, axes: torch.take_along_dim(x, i, *axes) if axes else x.reshape(-1)[i],
    "index_select": lambda x, i, axis: x.index_select(axis, i),
    "embedding": lambda w, i: F.embedding(i, w),
    "embedding_padded": lambda w, i, padding_idx: F.embedding(i, w, padding_idx),
    "scatter": lambda x, i, source, axis: x.scatter(axis, i, source),
    "scatter_add": lambda x, i, source, axis: x.scatter_add(axis, i, source),
    "scatter_reduce": lambda x, i, source, axis, reduce, include_self: x.scatter_reduce(axis, i, source, reduce, include_self=include_self),
    "index_add": lambda x, i, source, axis, alpha: x.index_add(axis, i, source, alpha=alpha),
    "masked_scatter": lambda x, mask, source: x.masked_scatter(mask, source),
    "index": index,
    "index_put": index_put,

    "cross_entropy": lambda x, y, weight=None, **how: F.cross_entropy(x, y, weight, **how),
    "nll": lambda x, y, weight=None, **how: F.nll_loss(x, y, weight, **how),
    "multi_margin": lambda x, y, weight=None, **how: F.multi_margin_loss(x, y, weight=weight, **how),
    # PyTorch's misreads labels in a row that lie apart in memory
    "ctc": lambda x, y, *lengths, **how: F.ctc_loss(x, y.contiguous(), *lengths, **how),
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "smooth_l1": F.smooth_l1_loss,
    "huber": F.huber_loss,
    "gaussian_nll": F.gaussian_nll_loss,
    "poisson_nll": F.poisson_nll_loss,
    "kl_div": F.kl_div,
    "binary_cross_entropy": lambda x, y, weight=None, **how: F.binary_cross_entropy(x, y, weight, **how),
    "binary_cross_entropy_with_logits": lambda x, y, weight=None, pos_weight=None, **how:
        F.binary_cross_entropy_with_logits(x, y, weight, pos_weight=pos_weight, **how),
    "hinge": lambda x, y, reduction: {"mean": torch.mean, "sum": torch.sum, "none": lambda z: z}[reduction](F.relu(1 - y * x)),
    "margin_ranking": F.margin_ranking_loss,
    "cosine_embedding": F.cosine_embedding_loss,
    "hinge_embedding": F.hinge_embedding_loss,
    "triplet_margin": F.triplet_margin_loss,
    "pairwise_distance": lambda a, b, p, eps, keepdims: F.pairwise_distance(a, b, p, eps, keepdims),
    "cosine_similarity": lambda a, b, axis, eps: F.cosine_similarity(a, b, axis, eps),
    "normalize": lambda x, p, axis, eps: F.normalize(x, p, axis, eps),

    "channels_last": lambda x: x.clone(),
    "conv2d": convolution(F.conv2d),
    "conv1d": convolution(F.conv1d),
    "conv_transpose2d": F.conv_transpose2d,
    "conv2d_weight": lambda x, g, kernel, groups, **how:
        torch.nn.grad.conv2d_weight(x, (g.shape[1], x.shape[1] // groups, *kernel), g, groups=groups, **how),
    "max_pool2d": max_pool(F.max_pool2d),
    "max_pool1d": max_pool(F.max_pool1d),
    "avg_pool2d": avg_pool2d,
    "avg_pool1d": avg_pool1d,
    "adaptive_max_pool2d": lambda x, size: tuple(F.adaptive_max_pool2d(x, size, return_indices=True)),
    "adaptive_avg_pool2d": lambda x, size: F.adaptive_avg_pool2d(x, size),
    "interpolate_nearest": lambda x, size: interpolate(x, size, "nearest"),
    "interpolate_bilinear": lambda x, size, align_corners: interpolate(x, size, "bilinear", align_corners),
    "pixel_shuffle": lambda x, factor: F.pixel_shuffle(x, factor),
    "pixel_unshuffle": lambda x, factor: F.pixel_unshuffle(x, factor),
    "im2col": lambda x, kernel, stride, padding, dilation: F.unfold(x, kernel, dilation, padding, stride),
    "col2im": lambda x, size, kernel, stride, padding, dilation: F.fold(x, size, kernel, dilation, padding, stride),
    "batch_norm": batch_norm,
    "batch_norm_alone": lambda x, *operands, **how: batch_norm(x, None, None, *operands, training=True, **how),
    "group_norm": lambda x, weight, bias, groups, eps: F.group_norm(x, groups, weight, bias, eps),
    "instance_norm": lambda x, weight, bias, eps: F.instance_norm(x, weight=weight, bias=bias, eps=eps),
}


# ---- Operands ----------------------------------------------------------------------------------------------------------------
def rotary_embedding(x, positions=None, *, base, offset, interleaved):
    """As a complex number's angle; PyTorch itself has no such op."""
    width = x.shape[-1]
    at = torch.arange(offset, offset + x.shape[-2]) if positions is None else positions
    turn = torch.polar(torch.ones((), dtype=torch.float64), at.double().unsqueeze(-1) * base ** (-torch.arange(0, width, 2).double() / width))
    pairs = x.unflatten(-1, (-1, 2)) if interleaved else x.unflatten(-1, (2, -1)).transpose(-1, -2)
    turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn.to(torch.complex64 if x.dtype == torch.float32 else torch.complex128))
    return (turned if interleaved else turned.transpose(-1, -2)).flatten(-2)


OPS |= {
    "layer_norm": lambda x, w=None, b=None, *, axes, eps: F.layer_norm(x, x.shape[-axes:], w, b, eps),
    "rms_norm": lambda x, w=None, *, axes, eps: F.rms_norm(x, x.shape[-axes:], w, eps if eps >= 0 else None),
    "attention": lambda q, k, v, mask=None, *, causal, scale, grouped: F.scaled_dot_product_attention(
        q, k, v, mask, is_causal=causal, scale=scale or None, enable_gqa=grouped),
    "rotary_embedding": rotary_embedding,
}


class Draw:
    """A tensor of distinct made-up hundredths between low and high."""
    def __init__(self, *shape, low=-2, high=2):
        self.shape, self.low, self.high = shape, low, high


def ints(values):
    return torch.tensor(values, dtype=torch.int64)


def bools(values):
    return torch.tensor(values, dtype=torch.bool)


class Writer:
    """One file. Its numbers come from a generator of its own, so that a family does not move the others."""
    def __init__(self, family):
        self.random = random.Random(family)
        self.layouts = itertools.cycle(LAYOUTS)
        self.lines = [f"# PyTorch {torch.__version__.split('+')[0]}, tools/make_goldens.py"]

    def tensor(self, given, dtype):
        """Operands: a shape (a tuple) or a Draw is made up, a list or tensor is itself (a list in the case's dtype)."""
        if isinstance(given, tuple):
            given = Draw(*given)
        if isinstance(given, Draw):
            count = torch.Size(given.shape).numel()
            places = range(round(given.low * 100), round(given.high * 100))
            return torch.tensor([n / 100 for n in self.random.sample(places, count)], dtype=dtype).reshape(given.shape)
        return given if isinstance(given, torch.Tensor) else torch.tensor(given, dtype=dtype)

    def laid_out(self, x, layout, made_up):
        """x in the layout, or in one that it can have, and that one's name. PyTorch has none that is flipped."""
        longest = max(range(x.dim()), key=lambda a: x.shape[a], default=0)
        if x.dim() == 0 or (layout == "expanded" and x.numel() == 0):
            layout = "contiguous"
        elif layout == "expanded" and not made_up:
            layout = "flipped"
        elif x.dim() == 1 and layout in ("transposed", "last0", "last1"):
            layout = "sliced"
        if layout == "expanded":
            return x.narrow(longest, 0, 1).expand(x.shape), f"expanded{longest}"
        if layout == "transposed":
            axes = list(reversed(range(x.dim())))
            return x.permute(axes).contiguous().permute(axes), layout
        if layout.startswith("last"):
            axis = int(layout[4:])
            return x.movedim(axis, -1).contiguous().movedim(-1, axis), layout
        if layout == "sliced":
            y = torch.full([2 * n + 1 for n in x.shape], 77, dtype=x.dtype)[(slice(1, None, 2),) * x.dim()]
            return y.copy_(x), layout
        return x, layout

    def case(self, name, *operands, dtypes=FLOATS, layout=None, wants=None, **parameters):
        """A case a dtype, each in the next layout. wants: the operands to differentiate by; otherwise the floating ones."""
        made_up = [isinstance(o, (tuple, Draw)) for o in operands]
        for dtype in dtypes:
            arrangement = layout or next(self.layouts)
            tensors, names = [], []
            for o, m in zip(operands, made_up):
                x, how = o, ""
                if not (o is None or isinstance(o, (bool, int, float))):
                    x, how = self.laid_out(self.tensor(o, dtype), arrangement, m)
                    x = x.detach()
                    if x.is_floating_point() and (wants is None or len(tensors) in wants):
                        x.requires_grad_()
                tensors.append(x)
                names.append(how)
            self.write(name, tensors, names, parameters)

    def each_layout(self, name, *operands, layouts=LAYOUTS, **how):
        """Every layout, dtypes in turn."""
        for layout, dtype in zip(layouts, itertools.cycle(FLOATS)):
            self.case(name, *operands, layout=layout, dtypes=(dtype,), **how)

    def write(self, name, operands, layouts, parameters):
        results = OPS[name](*operands, **parameters)
        results = results if isinstance(results, tuple) else (results,)
        roots = [(k, y) for k, y in enumerate(results) if y.requires_grad]
        leaves = [x for x in operands if isinstance(x, torch.Tensor) and x.requires_grad and roots]
        gradients = []
        if leaves:
            cotangents = [(0.5 + (torch.arange(y.numel()) + k) % 5 / 4).reshape(y.shape).to(y.dtype) for k, y in roots]
            gradients = torch.autograd.grad([y for _, y in roots], leaves, cotangents, allow_unused=True, materialize_grads=True)
        self.lines.append(" ".join(["case", name] + [f"{key}={parameter(value)}" for key, value in parameters.items()]))
        for x, layout in zip(operands, layouts):
            if isinstance(x, torch.Tensor):
                grad = " grad" if any(x is leaf for leaf in leaves) else ""
                self.lines.append(f"in {dtype_name(x)}{grad} {shape(x)} {layout}:{values(x)}")
            else:
                kind = {type(None): "none", bool: "boolean", int: "integer", float: "number"}[type(x)]
                self.lines.append(f"in {kind}" + ("" if x is None else f": {number(x)}"))
        self.lines += [f"out {dtype_name(y)} {shape(y)}:{values(y)}" for y in results]
        self.lines += [f"gradient {dtype_name(g)} {shape(g)}:{values(g)}" for g in gradients]
        self.lines.append("")


def number(v, dtype=torch.float64):
    """The shortest text that reads as v."""
    if isinstance(v, (bool, int)):
        return str(int(v))
    if dtype == torch.float32 and v == v and abs(v) != inf:
        texts = (f"{v:.{digits}g}" for digits in range(1, 10))
        v = next(float(t) for t in texts if torch.tensor(float(t), dtype=dtype).item() == v)
    return repr(v).removesuffix(".0")


def values(x):
    return "".join(" " + number(v, x.dtype) for v in x.detach().flatten().tolist())


def shape(x):
    return "[%s]" % ",".join(map(str, x.shape))


def dtype_name(x):
    return str(x.dtype).removeprefix("torch.")


def parameter(v):
    if isinstance(v, (list, tuple)):
        return ",".join(map(str, v))
    return v if isinstance(v, str) else number(v)


# ---- Cases -------------------------------------------------------------------------------------------------------------------
EDGES = [-3.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 2.5, 30.0, -30.0, 1000.0, -1000.0, inf, -inf, nan, 1e-30, -1e-30]
SMALL = [-2.0, -0.75, -0.125, 0.0, 0.5, 1.5, 3.0]
GRID = [[0.5, -1.25, 2.0], [2.0, 0.0, -0.5]]
WIDE = [[[0.5, -1.0], [2.0, 0.25], [-3.0, 1.5]], [[1.0, 1.0], [-2.0, 0.75], [0.0, -0.25]]]
TIES = [[1.0, 3.0, 3.0], [2.0, -1.0, 2.0]]
MASKED = [[-inf, 0.0, 0.0, -inf], [1000.0, 1000.0, 0.0, -1000.0], [-inf, -inf, -inf, -inf], [inf, 0.0, 1.0, 2.0], [nan, 0.0, 1.0, 2.0]]
WHOLE = ints([[3, -2, 0], [7, -5, 1]])
MASK = bools([[1, 0, 0], [0, 1, 1]])
ACCUMULATED = ("none", "mean", "sum")

FAMILIES = {}


def family(cases):
    FAMILIES[cases.__name__] = cases
    return cases


UNARY = {                                       # the ranges in which a kink or a pole is far
    "neg abs sign exp square sin cos tanh erf sigmoid log_sigmoid relu gelu gelu_tanh silu exp2 expm1 tan atan sinh cosh asinh erfc selu "
    "mish softsign relu6 hardsigmoid hardswish floor ceil round trunc frac isnan isinf isfinite logical_not clone contiguous zeros_like "
    "ones_like nan_to_num": (-2, 2),
    "log sqrt reciprocal log2 log10 rsqrt lgamma digamma": (0.1, 4),
    "log1p": (-0.9, 3),
    "asin acos atanh": (-0.99, 0.99),
    "acosh": (1.01, 5),
}
UNARY_WITH = [
    ("full_like", {"value": 2.5}), ("leaky_relu", {"slope": 0.01}), ("leaky_relu", {"slope": 0.2}), ("elu", {"alpha": 1}), ("elu", {"alpha": 1.5}),
    ("celu", {"alpha": 1}), ("celu", {"alpha": 0.5}), ("softplus", {"beta": 1, "threshold": 20}), ("softplus", {"beta": 2, "threshold": 3}),
    ("clamp", {"low": -1, "high": 2.5}), ("clamp", {"low": -0.5, "high": inf}), ("clamp", {"low": -inf, "high": 1}), ("clamp", {"low": 1, "high": -1}),
    ("hardtanh", {"low": -1, "high": 1}), ("hardtanh", {"low": -0.5, "high": 2.5}), ("threshold", {"threshold": 0.25, "value": -7}),
    ("nan_to_num_by", {"nan": 1.5, "posinf": 10, "neginf": -20}), ("cast", {"dtype": "float32"}), ("cast", {"dtype": "float64"}),
]


@family
def unary(w):
    for names, (low, high) in UNARY.items():
        for name in names.split():
            w.case(name, EDGES)
            w.case(name, SMALL)
            w.each_layout(name, Draw(2, 3, low=low, high=high))
            w.case(name, Draw(2, 1, 4, low=low, high=high))
            w.case(name, Draw(low=low, high=high))
            w.case(name, (2, 0, 3), dtypes=FLOATS[len(name) % 2:][:1])
    for name, how in UNARY_WITH:
        w.case(name, EDGES, **how)
        w.case(name, SMALL, **how)
        w.each_layout(name, (2, 3), **how)
        w.case(name, (), dtypes=FLOATS[:1], **how)
        w.case(name, (0, 2), dtypes=FLOATS[1:], **how)
    for n in range(5):
        w.case("polygamma", Draw(7, low=0.2, high=9), n=n)
        w.case("polygamma", Draw(2, 3, low=1, high=30), n=n)
    for name in ("lgamma", "digamma"):
        w.case(name, [-0.5, -1.75, -3.25, 0.5, 1.0, 1.5, 2.0, 12.5, 100.0])
        w.case(name, [-10.3, -20.5, -1.0, -2.0, 1.001, 1.999, 0.001, 1e5])
    for name in ("expm1", "log1p", "erf", "erfc", "tanh", "asinh", "atanh", "sinh", "gelu", "mish", "softsign", "sin", "tan", "asin"):
        w.case(name, [1e-10, -1e-8, 1e-6, -1e-4, 1e-3, -0.01, 0.1])
    for name in ("erf", "erfc", "gelu", "gelu_tanh", "tanh", "sigmoid", "log_sigmoid", "silu", "mish", "selu", "exp", "exp2", "expm1", "cosh", "sinh"):
        w.case(name, [-9.5, -6.25, -4.0, -2.75, 2.75, 4.0, 5.5, 6.25, 9.5])
    for name in ("floor", "ceil", "round", "trunc", "frac"):
        w.case(name, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 1e15, -0.49999997, 2.0])
    for name in ("hardsigmoid", "hardswish", "relu6"):
        w.case(name, [-3.5, -3.0, -2.75, 0.0, 2.75, 3.0, 5.75, 6.0, 6.5])
    for name in ("neg abs sign square exp log sqrt reciprocal sin cos tanh erf sigmoid relu exp2 expm1 log2 log10 log1p rsqrt tan asin acos "
                 "atan sinh cosh asinh acosh atanh erfc lgamma digamma floor ceil round trunc isnan isinf isfinite logical_not clone").split():
        w.case(name, WHOLE, dtypes=FLOATS[:1])
    for name in "exp sin logical_not isnan sqrt clone".split():
        w.case(name, MASK, dtypes=FLOATS[:1])
    for x in (WHOLE, MASK, GRID):
        for dtype in ("float32", "float64", "int64", "bool"):
            w.case("cast", x, dtypes=FLOATS[:1], dtype=dtype)
    w.each_layout("prelu", (2, 3, 2), [0.25, -0.5, 2.0])
    w.case("prelu", (2, 3), [0.25])
    w.case("prelu", [[-1.0, 0.0, nan]], [0.5])


FLOAT_PAIRS = [[1.0, -2.0, 0.0, 0.0, inf, -inf, nan, 3.0, inf], [2.0, -2.0, 0.0, 1.0, 2.0, inf, 1.0, nan, inf]]
POSITIVE = "pow xlogy"
COMPARISONS = "eq ne lt le gt ge logical_and logical_or logical_xor"
OF_INTEGERS = "add sub mul div pow maximum minimum fmax fmin fmod remainder floor_divide atan2 xlogy"
ARITHMETIC = OF_INTEGERS + " hypot logaddexp"


@family
def binary(w):
    for name in ARITHMETIC.split() + COMPARISONS.split():
        low = 0.1 if name in POSITIVE else -2
        how = {"wants": ()} if name == "floor_divide" else {}

        def draw(*sizes):
            return Draw(*sizes, low=low)
        w.case(name, *FLOAT_PAIRS, **how)
        w.each_layout(name, draw(2, 3), draw(2, 3), **how)
        w.each_layout(name, draw(2, 1, 3), draw(4, 1), layouts=LAYOUTS[1:], **how)
        w.case(name, GRID, [2.0, 0.0, -0.5], **how)
        w.case(name, [[0.5], [-1.0]], torch.tensor(2.0), **how)
        w.case(name, draw(), draw(3), **how)
        w.case(name, draw(), draw(), **how)
        w.case(name, draw(4, 0), draw(4, 1), **how)
        w.case(name, draw(2, 3), 1.5, **how)
        w.case(name, 2.5, draw(2, 3), **how)
        w.case(name, draw(2, 3), 2, **how)
        w.case(name, torch.tensor([1.5, 2.0], dtype=torch.float32), torch.tensor([0.75, 2.5], dtype=torch.float64), dtypes=FLOATS[:1], **how)
        w.case(name, torch.tensor([1.5, 2.0], dtype=torch.float32), torch.tensor(0.75, dtype=torch.float64), dtypes=FLOATS[:1], **how)
    for name in (OF_INTEGERS + " " + COMPARISONS).split():
        counts = ints([[1, 2, 3], [4, 5, 6]])
        for operands in ((WHOLE, counts), (WHOLE, [0.5, 1.0, 2.0]), (WHOLE, 2), (WHOLE, 2.5), (3, counts)):
            w.case(name, *operands, dtypes=FLOATS if isinstance(operands[1], list) else FLOATS[:1], wants=())
    for name in ("add mul maximum minimum fmax fmin " + COMPARISONS).split():
        for operands in ((MASK, bools([1, 0, 1])), (MASK, True), (MASK, 2), (MASK, 0.5), (MASK, WHOLE), (MASK, [0.5, 1.0, -2.0])):
            w.case(name, *operands, dtypes=FLOATS[:1])
    w.case("pow", [2.0, 0.0, 0.0, 0.0, -2.0, -2.0, -2.0, 1.0, inf, 0.0, 0.5, nan, 2.0, 4.0, 0.0],
           [3.0, 0.0, 2.0, -1.0, 2.0, 0.5, -3.0, nan, 0.0, 0.5, -inf, 0.0, nan, 0.5, 1.0])
    for e in (0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 0.3, 2, 3, -2):
        w.case("pow", [-2.0, -0.0, 0.0, 0.5, 3.0, inf, -inf, nan], e)
    w.case("pow", 2.0, [-2.0, -0.75, -0.125, 0.0, 0.5, 1.5, 3.0])
    w.case("pow", 0.0, [-1.0, 0.0, 0.5, 2.0])
    w.case("pow", WHOLE, ints([2, 3, 0]), dtypes=FLOATS[:1])
    for name in ("remainder", "fmod", "floor_divide"):
        w.case(name, [5.0, -5.0, 5.0, -5.0, 5.5, 0.0, 1.0, inf, 1.0, -1.0], [3.0, 3.0, -3.0, -3.0, 0.5, 2.0, inf, 2.0, 0.0, inf], wants=())
        w.case(name, ints([5, -5, 5, -5, 6, 0]), ints([3, 3, -3, -3, 3, 2]), dtypes=FLOATS[:1])
    w.case("atan2", [0.0, -0.0, 1.0, -1.0, 0.0, -0.0, inf, 1.0], [1.0, 1.0, 0.0, 0.0, -1.0, -1.0, inf, -inf])
    w.case("hypot", [3.0, 0.0, 1e30, inf, 1e-30], [4.0, 2.0, 1e30, nan, 1e-30], wants=())
    w.case("logaddexp", [1000.0, -1000.0, -inf, 0.0, inf, -inf, 50.0], [1000.0, -1001.0, 1.0, -700.0, 1.0, 0.0, 0.0])
    w.case("xlogy", [0.0, 0.0, 1.0, 0.0, 2.0], [0.0, inf, 0.0, nan, 3.0])


@family
def ternary(w):
    w.each_layout("lerp", (2, 3), (2, 3), (2, 3))
    w.case("lerp", (2, 3), (3,), 0.25)
    w.case("lerp", (2, 3), (2, 3), 0.75)
    w.case("lerp", (), (), ())
    w.case("lerp", (0, 3), (0, 3), 0.5)
    w.each_layout("addcmul", (2, 3), (2, 3), (3,), value=-0.5)
    w.case("addcmul", (2, 1), (3,), (), value=2)
    w.case("addcmul", (0, 1), (3,), (), value=2)
    w.each_layout("where", MASK, (2, 3), (2, 3))
    w.case("where", bools([1, 0, 1, 0]), [1.0, nan, inf, 2.0], [nan, 4.0, 5.0, -inf])
    w.case("where", bools([[1], [0]]), (3,), 0.5)
    w.case("where", bools([[1], [0]]), 0.5, (3,))
    w.case("where", bools([[1], [0]]), (), (2, 0))
    w.case("where", MASK, WHOLE, [0.5, 1.0, 2.0])
    w.case("where", MASK, WHOLE, 2, dtypes=FLOATS[:1])
    w.case("sqrt_where_positive", [0.0, 4.0, -1.0])
    w.case("masked_fill", GRID, MASK, -inf)
    w.case("masked_fill", GRID, bools([1, 0, 1]), torch.tensor(0.25))
    w.each_layout("masked_fill", (2, 3), MASK, 7)
    w.case("masked_fill", WHOLE, MASK, 7, dtypes=FLOATS[:1])
    w.case("masked_fill", (), bools(True), 1.5)
    for y in (GRID, [[0.5, -1.25, 2.0], [2.0, 0.0, -0.25]]):
        w.case("equal", GRID, y)
        w.case("allclose", GRID, y, rtol=1e-5, atol=1e-8, equal_nan=False)
        w.case("allclose", GRID, y, rtol=1e-5, atol=0.5, equal_nan=False)
    w.case("equal", [1.0, nan], [1.0, nan])
    w.case("equal", [0.0], [-0.0])
    w.case("equal", WHOLE, WHOLE.clone(), dtypes=FLOATS[:1])
    for equal_nan in (False, True):
        w.case("allclose", [1.0, nan, inf], [1.0, nan, inf], rtol=1e-5, atol=1e-8, equal_nan=equal_nan)
    for name in ("add_", "mul_", "copy_"):
        w.each_layout(name, (2, 3), (3,), wants=())
        w.case(name, (2, 0), 2, wants=())
        w.case(name, WHOLE, 3, dtypes=FLOATS[:1])
    w.each_layout("fill_", (2, 3), 0.25, wants=())


def axes_of(rank):
    return [[]] + [[a] for a in range(rank)] + [[-1], [0, -1]] + ([[0, 1], [2, 0], [0, 1, 2]] if rank > 2 else [])


@family
def reductions(w):
    plain = "sum mean logsumexp nansum nanmean amax amin prod all any count_nonzero"
    single = "argmax argmin"
    extreme = "max min"
    for name in (plain + " " + extreme).split():
        for axes, keepdims in itertools.product(axes_of(3), (False, True)):
            w.case(name, (2, 3, 2), axes=axes, keepdims=keepdims)
        w.case(name, (), axes=[], keepdims=False)
        w.case(name, (), axes=[0], keepdims=False)
        w.case(name, (2, 0, 3), axes=[0], keepdims=False)
        w.case(name, (2, 0, 3), axes=[-1], keepdims=True)
    for name in single.split() + ["median"]:
        for axes, keepdims in itertools.product([[], [0], [1], [-1]], (False, True)):
            w.each_layout(name, (2, 3, 3), axes=axes, keepdims=keepdims, layouts=UNTIED)
        w.case(name, (), axes=[], keepdims=False)
        w.case(name, (2, 0, 3), axes=[0], keepdims=False)
    for name in ("max_indices", "min_indices", "median_indices"):
        for axes, keepdims in itertools.product([[0], [1], [-1]], (False, True)):
            w.each_layout(name, (3, 2, 4), axes=axes, keepdims=keepdims, layouts=UNTIED)
        w.case(name, (0, 3), axes=[1], keepdims=True)
        w.case(name, [[nan, 1.0], [2.0, nan], [-inf, inf]], axes=[1], keepdims=False)
        w.case(name, WHOLE, axes=[1], keepdims=False, dtypes=FLOATS[:1])
    w.case("max_indices", TIES, axes=[1], keepdims=False)
    w.case("min_indices", TIES, axes=[1], keepdims=False)
    for name in ("sum", "nansum", "prod", "mean", "nanmean", "var", "std", "all", "any", "count_nonzero", "logsumexp"):
        more = {"correction": 1} if name in ("var", "std") else {}
        for axes in ([], [1]):
            w.case(name, (2, 0, 3), axes=axes, keepdims=False, **more)
    for name in "sum prod all any count_nonzero max min amax amin argmax argmin median nansum".split():
        w.case(name, WHOLE, axes=[1], keepdims=False, dtypes=FLOATS[:1])
        w.case(name, WHOLE, axes=[], keepdims=True, dtypes=FLOATS[:1])
        if name not in ("max", "min", "median", "argmax", "argmin", "nansum"):
            w.case(name, MASK, axes=[1], keepdims=True, dtypes=FLOATS[:1])
    for name in ("amax", "amin"):
        w.case(name, [[1.0, nan, 2.0, nan]], axes=[1], keepdims=False)
    for name in (plain + " " + single + " " + extreme).replace("amax amin ", "").split():
        w.case(name, [[1.0, nan, 2.0], [inf, 1.0, 0.0], [-inf, inf, 1.0], [nan, nan, -1.0]], axes=[1], keepdims=False)
    for name in "amax amin max min median".split():
        w.case(name, TIES, axes=[], keepdims=False)
        w.case(name, [nan, 1.0, nan, 5.0], axes=[], keepdims=False)
        w.case(name, WIDE, axes=[], keepdims=True)
    for name in "sum mean logsumexp amax amin max min".split():
        for axes, keepdims in (([1], False), ([0, -1], True), ([0, 1], False)):
            w.case(name, WIDE, axes=axes, keepdims=keepdims)
    for name in "amax amin max min".split():
        w.case(name, TIES, axes=[0, 1], keepdims=False)
        w.case(name, TIES, axes=[1], keepdims=True)
    w.case("median", [3.0, 1.0, 2.0, 4.0], axes=[], keepdims=False)
    w.case("logsumexp", MASKED, axes=[1], keepdims=False)
    w.case("logsumexp", [-1000.0, -1000.5], axes=[], keepdims=False)
    w.case("prod", [[2.0, 0.0, 3.0], [0.0, 4.0, 0.0], [1.5, -2.0, 0.5]], axes=[1], keepdims=False)
    w.case("prod", [2.0, 0.0, 3.0], axes=[], keepdims=False)
    for name in ("var", "std"):
        for correction in (0, 1, 2, 0.5):
            w.case(name, (3, 2), axes=[], keepdims=False, correction=correction)
            w.case(name, (3, 4), axes=[0], keepdims=correction == 0, correction=correction)
        for axes, keepdims in itertools.product(axes_of(3), (False, True)):
            w.case(name, (2, 3, 2), axes=axes, keepdims=keepdims, correction=1)
        w.case(name, (2, 1, 3), axes=[1], keepdims=False, correction=1)
        for correction in (0, 1, 2):
            w.case(name, GRID, axes=[], keepdims=False, correction=correction)
            w.case(name, GRID, axes=[0], keepdims=False, correction=correction % 2)
    w.case("var", [[1.5, 2.0]], axes=[0], keepdims=False, correction=0)
    w.case("var", [[10000.0, 10000.25, 9999.75]], axes=[1], keepdims=False, correction=1)
    w.case("std", [[2.0, 2.0], [1.0, 3.0]], axes=[1], keepdims=False, correction=0)
    for p in (0, 1, 2, 3, 0.5, -1, inf, -inf):
        for axes, keepdims in (([], False), ([1], True), ([0, 2], False)):
            w.case("norm", (2, 3, 2), axes=axes, keepdims=keepdims, p=p)
        w.case("norm", (), axes=[], keepdims=False, p=p)
        w.case("norm", [[3.0, -4.0, 0.0], [-1.0, -1.0, 1.0]], axes=[1], keepdims=False, p=p)
    for p in (1, 2, 3):
        w.case("norm", [[0.0, 0.0]], axes=[1], keepdims=False, p=p)
        w.case("norm", (2, 0), axes=[1], keepdims=False, p=p)
    for name in ("var", "std"):                 # no variance at all, though the mean is not exact
        w.case(name, [[-1.4, -1.4, -1.4], [0.1, 0.1, 0.1], [1e5 / 3, 1e5 / 3, 1e5 / 3]], axes=[1], keepdims=False, correction=1)
    for name in ("softmax", "log_softmax"):
        for axis in (0, 1, 2, -1):
            w.each_layout(name, (2, 3, 2), axis=axis)
        w.case(name, [1.0, -2.0, 40.0], axis=0)
        w.case(name, MASKED, axis=-1)
        w.case(name, (), axis=0)
        w.case(name, (2, 0), axis=0)
        w.case(name, (2, 0), axis=1)
        w.case(name, GRID, axis=1)
        w.case(name, WIDE, axis=1)


@family
def scans(w):
    for name in ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"):
        for axis in (0, 1, 2, -2):
            w.each_layout(name, (2, 3, 2), axis=axis)
        w.case(name, (7,), axis=0)
        w.case(name, (), axis=0)
        w.case(name, (2, 0), axis=0)
        w.case(name, (0, 2), axis=0)
        w.case(name, [[1.0, nan, 2.0], [inf, 1.0, 0.0], [0.0, inf, 1.0]], axis=1)
        w.case(name, TIES, axis=1)
        if name != "logcumsumexp":
            w.case(name, WHOLE, axis=1, dtypes=FLOATS[:1])
            w.case(name, WHOLE, axis=0, dtypes=FLOATS[:1])
    for name in ("cumsum", "cumprod"):
        w.case(name, MASK, axis=1, dtypes=FLOATS[:1])
    w.case("cumprod", [[2.0, 0.0, 3.0, 4.0], [0.0, 4.0, 0.0, 2.0], [1.5, -2.0, 0.5, 1.0]], axis=1)
    w.case("logcumsumexp", [[-inf, 0.0, 1.0], [-inf, -inf, -inf], [1000.0, 1000.0, -1000.0]], axis=1)


@family
def sorting(w):
    for descending in (False, True):
        for axis in (0, 1, -1):
            for name in ("sort", "argsort"):
                w.each_layout(name, (3, 4), axis=axis, descending=descending)
        for name in ("sort", "argsort"):
            w.case(name, [3.0, nan, -inf, 1.0, inf, 1.0, -0.0, 0.0, nan], axis=0, descending=descending)
            w.case(name, TIES, axis=1, descending=descending)
            w.case(name, WHOLE, axis=1, descending=descending, dtypes=FLOATS[:1])
            w.case(name, (), axis=0, descending=descending)
            w.case(name, (2, 0), axis=1, descending=descending)
            w.case(name, (2, 2, 3), axis=1, descending=descending)
    for smallest in (False, True):
        for axis, k in ((0, 2), (1, 3), (-1, 1), (1, 4), (0, 0)):
            w.each_layout("topk", (3, 4), layouts=UNTIED, k=k, axis=axis, smallest=smallest)
        w.case("topk", WHOLE, k=2, axis=1, smallest=smallest, dtypes=FLOATS[:1])
        w.case("topk", [3.0, nan, -inf, 1.0, inf], k=2, axis=0, smallest=smallest)
        w.case("topk", (), k=1, axis=0, smallest=smallest)
    for x in ([3.0, 1.0, 3.0, -1.0, 2.0, 1.0], TIES, WHOLE, MASK, ints([[5, 5], [5, 1]]), []):
        w.case("unique", x, wants=(), dtypes=FLOATS if isinstance(x, list) else FLOATS[:1])
    for right in (False, True):
        w.each_layout("searchsorted", [-1.0, 0.0, 0.5, 0.5, 2.0], [[0.5, -2.0, 3.0], [0.0, 0.25, 2.0]], layouts=UNTIED, right=right, wants=())
        w.each_layout("searchsorted", [[1.0, 2.0, 3.0], [-1.0, 0.0, 4.0]], [[2.0, 0.0], [3.5, -1.0]], layouts=UNTIED, right=right, wants=())
        w.case("searchsorted", ints([1, 3, 3, 7]), ints([[0, 3], [7, 8]]), right=right, dtypes=FLOATS[:1])
        w.case("searchsorted", [1.0, 2.0], torch.empty(0), right=right, dtypes=FLOATS[:1], wants=())
    for minlength in (0, 7):
        w.case("bincount", ints([1, 3, 1, 0, 3, 3]), None, minlength=minlength, dtypes=FLOATS[:1])
        w.case("bincount", ints([1, 3, 1, 0]), [0.5, -1.0, 0.25, 2.0], minlength=minlength, wants=())
        w.case("bincount", ints([]), None, minlength=minlength, dtypes=FLOATS[:1])


@family
def products(w):
    shapes = [((2, 3), (3, 4)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((2, 2, 3), (3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 1, 2, 3), (2, 3, 2)),
              ((1, 3), (2, 3, 2)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2))]
    for a, c in shapes:
        w.each_layout("matmul", a, c)
    for a, c in (((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 3), (3, 0)), ((0,), (0,)), ((0, 2, 3), (3, 2))):
        w.case("matmul", a, c)
    w.case("matmul", [inf, 1.0], [0.0, 1.0])
    w.case("matmul", GRID, [[1.0, 0.5], [-2.0, 3.0], [0.25, 4.0]])
    w.case("matmul", GRID, [1.0, -2.0, 0.5])
    w.case("matmul", [2.0, -1.0], GRID)
    w.case("matmul", [[1.0, -1.0, 2.0]], WIDE)
    w.case("matmul", WIDE, [[1.0, 0.5, 2.0], [-2.0, 3.0, 1.0]])
    for name, a, c in (("dot", (5,), (5,)), ("outer", (3,), (4,)), ("mv", (2, 3), (3,)), ("mm", (2, 3), (3, 4)), ("bmm", (2, 2, 3), (2, 3, 2)),
                       ("kron", (2, 2), (2, 3))):
        w.each_layout(name, a, c)
    for name, a, c in (("dot", (0,), (0,)), ("outer", (0,), (4,)), ("mv", (2, 0), (0,)), ("mm", (2, 0), (0, 4)), ("bmm", (0, 2, 3), (0, 3, 2)),
                       ("kron", (2,), (3,)), ("kron", (2, 1, 2), (1, 2, 2)), ("kron", (2,), (2, 2)), ("kron", (0,), (2,)), ("kron", (), (2,))):
        w.case(name, a, c)
    for n in ((2, 3), (3, 2), (0, 3)):
        w.case("trace", n)
    w.each_layout("trace", (3, 3))
    for alpha, beta in ((1, 1), (0.5, -2), (2, 0), (0, 1)):
        w.each_layout("addmm", (2, 4), (2, 3), (3, 4), alpha=alpha, beta=beta)
        w.case("addmm", (4,), (2, 3), (3, 4), alpha=alpha, beta=beta)
        w.each_layout("baddbmm", (2, 2, 2), (2, 2, 3), (2, 3, 2), alpha=alpha, beta=beta)
        w.case("baddbmm", (2, 1), (2, 2, 3), (2, 3, 2), alpha=alpha, beta=beta)
    w.case("addmm", (2, 4), (2, 0), (0, 4), alpha=1, beta=1)
    w.case("addmm", [[nan, inf]], [[1.0]], [[2.0, 3.0]], alpha=1, beta=0)
    for text, *shapes in (("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 2)), ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("ij->ji", (2, 3)),
                          ("ij->", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij->j", (2, 3)), ("i,i->", (4,), (4,)), ("i,j->ij", (2,), (3,)),
                          ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...i->...", (2, 3)), ("ij,j,i->", (2, 3), (3,), (2,)), ("ijk,ilm,njm,nlk->", (2, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)),
                          ("ba", (2, 3)), ("ij,ij->ij", (2, 3), (2, 3)), ("iij->ji", (2, 2, 3)), ("a...b->b...a", (2, 2, 3)), ("ij,kj->ik", (2, 0), (3, 0)),
                          ("ab,bc,cd->ad", (2, 3), (3, 2), (2, 2)), (",i->i", (), (3,)), ("bi,bj->bij", (2, 2), (2, 3)), ("ij,ji->", (2, 3), (3, 2))):
        w.case("einsum", *shapes, subscripts=text)
    for a, c, m, n in (((2, 3), (3, 4), [1], [0]), ((2, 3, 2), (3, 2, 2), [1, 2], [0, 1]), ((2, 3), (4, 3), [-1], [1]), ((2, 3, 2), (2, 3), [0, 1], [0, 1]),
                       ((2, 0), (0, 3), [1], [0])):
        w.case("tensordot", a, c, a_axes=m, b_axes=n)
    for n, a, c in ((0, (2,), (3,)), (1, (2, 3), (3, 2)), (2, (2, 2, 3), (2, 3, 2))):
        w.case("tensordot_last", a, c, axes=n)
    for activation in ("identity", "relu", "gelu", "tanh", "sigmoid", "silu"):
        w.case("linear", GRID, [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], [0.5, -1.0], activation=activation)
        w.each_layout("linear", (2, 3), (4, 3), (4,), activation=activation)
        w.case("linear", (2, 2, 3), (2, 3), None, activation=activation)
        w.case("linear", (3,), (2, 3), (2,), activation=activation)
        w.case("linear", (0, 3), (2, 3), (2,), activation=activation)
        w.case("linear", (2, 0), (3, 0), (3,), activation=activation)
    block = torch.arange(-6, 6).reshape(2, 3, 2)
    for a, c in ((WHOLE, WHOLE.T), (WHOLE, block), (block, WHOLE), (block, block.mT), (WHOLE, ints([1, -2, 4])), (ints([3, 5]), WHOLE), (WHOLE[0], WHOLE[1]),
                 (ints([[2**40, 3]]), ints([[2**20], [-1]])), (WHOLE[:, :0], WHOLE[:0]), (block[:0], WHOLE)):
        for layout in LAYOUTS[:4]:
            w.case("matmul", a, c, dtypes=FLOATS[:1], layout=layout)


SHAPES = [
    ("reshape", (2, 3), {"sizes": [3, 2]}), ("reshape", (2, 3, 2), {"sizes": [-1, 3]}), ("reshape", (2, 3), {"sizes": [6]}), ("reshape", (), {"sizes": [1, 1]}),
    ("reshape", (2, 0), {"sizes": [0, 5]}), ("reshape", (1,), {"sizes": []}), ("transpose", (2, 3, 2), {"axis": 0, "other": 1}),
    ("transpose", (2, 3), {"axis": -1, "other": 0}), ("swapaxes", (2, 3, 2), {"axis": 0, "other": -1}), ("movedim", (2, 3, 2), {"from": 0, "to": 2}),
    ("movedim", (2, 3, 2), {"from": -1, "to": 0}), ("permute", (2, 3, 2), {"axes": [2, 0, 1]}), ("permute", (2, 3), {"axes": [-1, 0]}),
    ("expand", (2, 1), {"sizes": [2, 2, 3]}), ("expand", (3,), {"sizes": [2, -1]}), ("expand", (), {"sizes": [2, 2]}), ("expand", (1, 3), {"sizes": [0, 3]}),
    ("broadcast_to", (2, 1), {"sizes": [2, 3]}), ("broadcast_to", (), {"sizes": [3]}), ("sum_to", (2, 3), {"sizes": [1, 3]}),
    ("sum_to", (2, 3, 2), {"sizes": [3, 1]}), ("sum_to", (2, 3), {"sizes": []}), ("sum_to", (0, 3), {"sizes": [3]}), ("squeeze", (2, 1, 3, 1), {"axes": []}),
    ("squeeze", (2, 1, 3, 1), {"axes": [1]}), ("squeeze", (2, 1, 3, 1), {"axes": [-1, 1]}), ("squeeze", (2, 3), {"axes": [0]}),
    ("unsqueeze", (2, 3), {"axis": 0}), ("unsqueeze", (2, 3), {"axis": -1}), ("unsqueeze", (), {"axis": 0}), ("flatten", (2, 3, 2), {"start": 0, "end": -1}),
    ("flatten", (2, 3, 2), {"start": 1, "end": 2}), ("flatten", (), {"start": 0, "end": -1}), ("narrow", (3, 4), {"axis": 1, "start": 1, "length": 2}),
    ("narrow", (3, 4), {"axis": 0, "start": 1, "length": 0}), ("split", (2, 5), {"length": 2, "axis": 1}), ("split", (4, 2), {"length": 4, "axis": 0}),
    ("chunk", (2, 5), {"chunks": 3, "axis": 1}), ("chunk", (4, 2), {"chunks": 3, "axis": 0}), ("unbind", (2, 3), {"axis": 0}), ("unbind", (2, 3), {"axis": -1}),
    ("pad", (2, 3), {"widths": [1, 2], "value": 0}), ("pad", (2, 3), {"widths": [1, -1, 0, 1], "value": 0.5}), ("pad", (2, 3), {"widths": [-1, 0, -1, 1], "value": -7}),
    ("pad", (0, 2), {"widths": [1, 1, 1, 1], "value": 2}), ("flip", (2, 3), {"axes": []}), ("flip", (2, 3, 2), {"axes": [0, -1]}), ("flip", (2, 3), {"axes": [1]}),
    ("flip", (2, 0), {"axes": [0]}), ("roll", (3, 4), {"shifts": [1], "axes": [1]}), ("roll", (3, 4), {"shifts": [-2, 5], "axes": [0, 1]}),
    ("roll_flat", (3, 2), {"shift": 2}), ("roll_flat", (3, 2), {"shift": -7}), ("roll_flat", (0,), {"shift": 1}), ("tile", (2, 3), {"repeats": [2]}),
    ("tile", (2, 3), {"repeats": [2, 2]}), ("tile", (3,), {"repeats": [2, 1, 2]}), ("tile", (), {"repeats": [3]}), ("tile", (2, 2), {"repeats": [0, 1]}),
    ("repeat_interleave", (2, 3), {"repeats": 2, "axis": 0}), ("repeat_interleave", (2, 3), {"repeats": 3, "axis": -1}),
    ("repeat_interleave", (2, 3), {"repeats": 0, "axis": 0}), ("unfold", (7,), {"axis": 0, "size": 3, "step": 2}), ("unfold", (2, 5), {"axis": 1, "size": 3, "step": 1}),
    ("unfold", (4, 2), {"axis": 0, "size": 2, "step": 3}), ("overlap_add", (3, 3), {"axis": 0, "length": 7, "step": 2}),
    ("overlap_add", (2, 3, 2), {"axis": 1, "length": 4, "step": 1}), ("diagonal", (3, 4), {"offset": 0, "axis1": 0, "axis2": 1}),
    ("diagonal", (3, 4), {"offset": 1, "axis1": 0, "axis2": 1}), ("diagonal", (2, 3, 3), {"offset": -1, "axis1": -2, "axis2": -1}),
    ("diagonal", (2, 2), {"offset": 4, "axis1": 0, "axis2": 1}), ("diag_embed", (3,), {"offset": 0, "axis1": -2, "axis2": -1}),
    ("diag_embed", (2, 2), {"offset": 1, "axis1": 0, "axis2": 2}), ("diag_embed", (2,), {"offset": -1, "axis1": 0, "axis2": 1}), ("diag", (3,), {"offset": 0}),
    ("diag", (2,), {"offset": -2}), ("diag", (3, 4), {"offset": 1}), ("diag", (3, 3), {"offset": -1}), ("tril", (3, 4), {"diagonal": 0}),
    ("tril", (3, 4), {"diagonal": -1}), ("tril", (2, 3, 3), {"diagonal": 1}), ("triu", (3, 4), {"diagonal": 0}), ("triu", (3, 4), {"diagonal": 2}),
    ("triu", (2, 3, 3), {"diagonal": -1}), ("tril", (0, 3), {"diagonal": 0}), ("slice", (4, 5), {"at": "1"}), ("slice", (4, 5), {"at": "1:,::2"}),
    ("slice", (4, 5), {"at": "...,-1"}), ("slice", (4, 5), {"at": "None,::-1"}), ("slice", (4, 5), {"at": "-3:-1,None,4:0:-2"}),
    ("slice", (2, 3, 2), {"at": "1,...,::-1"}), ("slice", (2, 3, 2), {"at": "1,::2,-1"}), ("slice", (4,), {"at": "2:2"}), ("slice", (4,), {"at": "5:1:-1"}),
]


@family
def shapes(w):
    for name, sizes, how in SHAPES:
        w.each_layout(name, sizes, **how)
        if sizes and 0 not in sizes and name != "overlap_add":
            w.case(name, torch.arange(torch.Size(sizes).numel()).reshape(sizes), dtypes=FLOATS[:1], **how)
    for mode, sizes, widths in (("reflect", (4,), [2, 1]), ("reflect", (3, 3), [1, 2, 2, 0]), ("replicate", (3,), [2, 1]), ("replicate", (2, 3), [0, 2, 1, 1]),
                                ("circular", (3,), [1, 2]), ("circular", (2, 3), [2, 0, 1, 1]), ("zeros", (2, 3), [1, 0, 0, 2])):
        w.each_layout("pad_by", sizes, mode=mode, widths=widths)
    for name in ("cat", "stack"):
        for axis in (0, 1, -1):
            w.each_layout(name, (2, 3), (2, 3), axis=axis)
        w.case(name, (2,), axis=0)
    w.case("cat", GRID, [[7.0], [8.0]], axis=1)
    w.case("cat", (2, 0), (2, 3), (2, 1), axis=1)
    w.case("cat", (2, 3), (0,), axis=1)
    w.case("cat", WHOLE, [[0.5, 1.0, 2.0]], axis=0)
    w.case("cat", MASK, WHOLE, axis=0, dtypes=FLOATS[:1])
    w.case("cat", torch.tensor([1.5]), torch.tensor([2.5], dtype=torch.float64), axis=0, dtypes=FLOATS[:1])
    w.case("stack", (), (), (), axis=0)
    w.case("stack", (0, 2), (0, 2), axis=2)
    for name, x, like in (("reshape_as", (2, 3), (3, 2)), ("expand_as", (2, 1), (2, 3)), ("sum_to_as", (2, 3), (2, 1))):
        w.each_layout(name, x, like)
    for classes in (4, 6):
        w.case("one_hot", ints([[0, 3, 1], [2, 2, 0]]), classes=classes, dtypes=FLOATS[:1])
    w.case("one_hot", ints(1), classes=3, dtypes=FLOATS[:1])
    for dtype in ("float32", "float64", "int64"):
        for start, end, step in ((0, 5, 1), (2, 9, 3), (5, 0, -2), (1, 1, 1)):
            w.case("arange", dtypes=FLOATS[:1], start=start, end=end, step=step, dtype=dtype)
    for dtype in ("float32", "float64"):
        w.case("arange", dtypes=FLOATS[:1], start=0.5, end=2, step=0.25, dtype=dtype)
        for start, end, count in ((0, 1, 5), (-1.5, 2, 8), (3, 3, 2), (1, 5, 1), (0, 1, 0)):
            w.case("linspace", dtypes=FLOATS[:1], start=start, end=end, count=count, dtype=dtype)
    for rows, columns in ((2, 2), (2, 3), (3, 1), (0, 2)):
        for dtype in ("float32", "int64", "bool"):
            w.case("eye", dtypes=FLOATS[:1], rows=rows, columns=columns, dtype=dtype)
    for repeats, axes in ((ints([2, 0, 1]), [1]), (ints([1, 3]), [0]), (ints([0, 0, 2]), [-1]), (ints([0, 0]), [0]), (ints([2]), [1]),
                          (ints([1, 0, 2, 0, 3, 1]), []), (ints(2), [])):
        w.each_layout("repeat_interleave_counts", (2, 3), repeats, axes=axes)
        w.case("repeat_interleave_counts", WHOLE, repeats, axes=axes, dtypes=FLOATS[:1])
    for repeats in (0, 1, 3):
        w.each_layout("repeat_interleave_flat", (2, 3), repeats=repeats)
        w.case("repeat_interleave_flat", (), repeats=repeats)
    for shifts, axes in (([1, -2, 3], [0, 1, 2]), ([1, 1], [2, 0]), ([1, 1], [1, 1]), ([-7, 4], [-1, 0]), ([0, 1], [0, 2])):
        w.each_layout("roll", (2, 3, 2), shifts=shifts, axes=axes)
        w.case("roll", WIDE, shifts=shifts, axes=axes, dtypes=FLOATS[:1])
    w.case("roll", (2, 0, 2), shifts=[1, 2], axes=[1, 2])
    for source, to in (([0, 1], [-1, 0]), ([0, 2], [1, 0]), ([2, 0, 1], [0, 1, 2]), ([-1], [0]), ([1, 0], [1, 0])):
        w.each_layout("movedim_several", (2, 3, 2), **{"from": source, "to": to})
        w.case("movedim_several", (2, 3, 1, 2), **{"from": source, "to": to})


@family
def indexing(w):
    rows = ints([[0, 2, 1], [1, 1, 0]])
    for axis, i in ((0, rows), (1, ints([[2, 2, 0, 2], [1, 0, 0, 1], [0, 1, 2, 2]])), (-1, ints([[0], [1]])), (1, ints([[]]))):
        w.each_layout("gather", (3, 3), i, axis=axis)
    w.case("gather", [[0.5, -1.0, 2.0], [1.5, 0.25, -0.5], [7.0, 8.0, 9.0]], rows, axis=0)
    w.case("gather", (2, 3, 2), ints([[[1, 0], [0, 0]]]), axis=0)
    w.case("gather", (), ints(0), axis=0)
    w.case("gather", WHOLE, ints([[2, 0], [1, 1]]), axis=1, dtypes=FLOATS[:1])
    w.each_layout("take_along_axis", (2, 3), ints([[2, 0, 2]]), axes=[1])
    w.each_layout("take_along_axis", (2, 3), ints([[5, 0], [5, 1]]).reshape(-1), axes=[])
    w.each_layout("index_select", (2, 3, 2), ints([2, 0, 2]), axis=1)
    w.case("index_select", (3, 2), ints([2, 0, 0]), axis=0)
    w.case("index_select", (3, 2), ints([]), axis=0)
    w.case("index_select", (2, 0), ints([1, 1, 0]), axis=0)
    w.case("index_select", WHOLE, ints([1, 1]), axis=0, dtypes=FLOATS[:1])
    w.each_layout("masked_select", (2, 3), MASK)
    w.case("masked_select", (2, 3), bools([1, 0, 1]))
    w.case("masked_select", (3,), bools([[1, 0, 1], [1, 1, 0]]))
    w.case("masked_select", (2, 2), bools(False))
    w.case("masked_select", (), bools(True))
    w.case("masked_select", WHOLE, MASK, dtypes=FLOATS[:1])
    w.each_layout("embedding", (3, 2), ints([[0, 1], [1, 2]]))
    w.case("embedding", (3, 2), ints(1))
    w.case("embedding", (3, 2), ints([]))
    w.case("embedding", (3, 0), ints([0, 2]))
    for padding_idx in (-1, 0):
        w.each_layout("embedding_padded", (2, 3), ints([[0, 1], [1, 1]]), padding_idx=padding_idx)
    places, source = ints([[2, 0], [1, 2]]), (2, 2)
    w.each_layout("scatter", (2, 3), places, source, axis=1)
    w.case("scatter", GRID, places, [[1.0, 2.0], [3.0, nan]], axis=1)
    w.case("scatter", (3, 2), ints([[2, 0], [1, 2]]), source, axis=0)
    w.case("scatter", (3, 2), ints([[0, 1]]), 0.5, axis=0)
    w.case("scatter", WHOLE, places, 9, axis=1, dtypes=FLOATS[:1])
    w.case("scatter", (2, 2), ints([[], []]), (2, 0), axis=1)
    w.each_layout("scatter_add", (4, 2), ints([[0, 2], [0, 3], [3, 2]]), (3, 2), axis=0)
    w.case("scatter_add", (2, 3), ints([[1, 1, 1]]), (1, 3), axis=1)
    w.case("scatter_add", (), ints(0), (), axis=0)
    w.case("scatter_add", WHOLE, places, ints([[1, 2], [3, 4]]), axis=1, dtypes=FLOATS[:1])
    for reduce, include_self in itertools.product(("sum", "prod", "mean", "amax", "amin"), (True, False)):
        for last in (4.0, -7.0):
            w.case("scatter_reduce", [2.0, 3.0, 0.5, -1.0], ints([0, 0, 1, 3, 3, 3]), [1.0, -2.0, 3.5, 0.25, 4.0, last], axis=0, reduce=reduce,
                   include_self=include_self)
        w.each_layout("scatter_reduce", [[0.505, -1.005, 0.255], [-0.755, 1.255, 0.005]], ints([[0, 1, 0], [1, 1, 1]]), (2, 3), axis=0, reduce=reduce, include_self=include_self)
    w.case("scatter_reduce", [2.0, 0.0, 0.0, 5.0], ints([0, 0, 1, 2, 3, 3, 3]), [0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 2.0], axis=0, reduce="prod", include_self=True)
    w.each_layout("index_add", (2, 3), ints([2, 2]), (2, 2), axis=1, alpha=-0.5)
    w.case("index_add", (3, 2), ints([1, 1, 0]), (3, 2), axis=0, alpha=1)
    w.case("index_add", WHOLE, ints([1]), ints([[1, 2, 3]]), axis=0, alpha=2, dtypes=FLOATS[:1])
    w.each_layout("masked_scatter", (2, 3), MASK, (5,))
    w.case("masked_scatter", (2, 3), bools([1, 0, 1]), (4,))
    w.case("masked_scatter", (2, 3), bools([0, 0, 0]), (1,))
    lists = [
        ("@1", (3, 2), ints([2, 0, 2])), ("@1", (3, 2), ints([[0, -1], [1, 1]])), (":,@1", (2, 3), ints([-1, 0])), ("@1,@2", (3, 3), ints([0, 2, 2]), ints([1, -1, 1])),
        (":,@1,@2", (2, 3, 2), ints([[-1], [0]]), ints([1, 0, -1])), ("@1,:,@2", (2, 3, 2), ints([1, 0, 1]), ints([1, 0, -1])), (":1,@1", (2, 3, 2), bools([[1, 0], [0, 1], [1, 1]])),
        ("@1", (2, 3), MASK), ("@1", (3, 2), bools([1, 0, 1])), (":,@1", (2, 3), bools([1, 0, 1])), ("...,@1", (2, 2, 3), ints([2, 0])), ("None,@1", (3, 2), ints([2, 0])),
        ("@1,None,1:", (3, 3), ints([2, 0])), ("@1,1", (3, 2), ints([2, 0, 0])), ("1,@1", (3, 2), ints([1, 0])), ("::-1,@1", (3, 2), ints([1, 0])), ("@1", (3, 2), ints([])),
        ("@1", (2, 2), bools([0, 0])), ("1:,0", (3, 2)), ("...,None,::2", (2, 3)), ("@1,@2", (3, 3), bools([1, 0, 1]), ints([0, 2])), ("::-1,-1", (3, 2)),
    ]
    for at, x, *places in lists:
        w.each_layout("index", x, *places, at=at, layouts=UNTIED)
        renamed = at.replace("@2", "@3").replace("@1", "@2")
        w.case("index_put", x, 0.5, *places, at=renamed, accumulate=False, wants=(0,))
    w.case("index", WHOLE, ints([1, 0, 1]), at="@1", dtypes=FLOATS[:1])
    w.each_layout("index_put", (2, 3), (2,), ints([-1, 0]), at=":,@2", accumulate=False)
    w.each_layout("index_put", (2, 3), (3,), ints([1, 1]), at="@2", accumulate=True)
    w.case("index_put", (3, 3), (3,), ints([0, 2, 2]), ints([1, -1, -1]), at="@2,@3", accumulate=True)
    w.case("index_put", (2, 3), (1,), MASK, at="@2", accumulate=False)
    w.case("index_put", (2, 3), (3,), MASK, at="@2", accumulate=True)
    w.case("index_put", (4, 2), (2, 1), at="::2,:", accumulate=False)
    w.case("index_put", (4, 2), (2, 2), at="1:3", accumulate=True)


@family
def losses(w):
    logits = [[2.0, -1.0, 0.5], [1000.0, 0.0, -1000.0], [-inf, 0.0, 1.0], [0.25, 0.25, 0.25]]
    log_p = [[-0.5, -1.0, -2.0], [-inf, 0.0, -3.0], [-0.1, -0.2, -0.3], [-1.0, -2.0, -4.0]]
    targets, weight = ints([0, 1, 2, 1]), [0.5, 2.0, 1.0]
    plain = {"ignore_index": -100, "label_smoothing": 0}
    for reduction in ACCUMULATED:
        by = {"reduction": reduction}
        w.case("cross_entropy", logits, targets, **by, **plain)
        w.case("nll", log_p, targets, **by, ignore_index=-100)
        w.case("binary_cross_entropy", [0.0, 1.0, 0.0, 1.0, 0.25, 1e-13, 0.5], [0.0, 1.0, 1.0, 0.0, 0.75, 1.0, 0.5], **by, wants=(0,))
        w.case("binary_cross_entropy_with_logits", [0.0, -120.0, 120.0, 0.0, 3.0, -0.5, 1000.0], [0.0, 1.0, 1.0, 1.0, 0.25, 0.5, 0.0], **by, wants=(0,))
        w.case("mse", GRID, TIES, **by)
        for smoothing in (0, 0.1):
            for ignored in (-100, 1, 7):
                w.case("cross_entropy", (4, 3), targets, **by, ignore_index=ignored, label_smoothing=smoothing)
                w.case("cross_entropy", (4, 3), targets, weight, **by, ignore_index=ignored, label_smoothing=smoothing, wants=(0,))
            w.each_layout("cross_entropy", (2, 3, 2), ints([[0, 2], [1, 1]]), **by, ignore_index=-100, label_smoothing=smoothing)
            w.case("cross_entropy", (3,), ints(2), **by, ignore_index=-100, label_smoothing=smoothing)
            w.case("cross_entropy", (0, 3), ints([]), **by, ignore_index=-100, label_smoothing=smoothing)
            shares = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]
            w.each_layout("cross_entropy", (2, 3), shares, **by, ignore_index=-100, label_smoothing=smoothing)
            w.case("cross_entropy", (2, 3), shares, weight, **by, ignore_index=-100, label_smoothing=smoothing, wants=(0, 1))
            w.case("cross_entropy", (2, 3, 2), (2, 3, 2), **by, ignore_index=-100, label_smoothing=smoothing)
        w.case("cross_entropy", (2, 3), ints([1, 1]), **by, ignore_index=1, label_smoothing=0)
        w.each_layout("nll", (4, 3), targets, **by, ignore_index=-100)
        w.each_layout("nll", (4, 3), targets, weight, **by, ignore_index=1, wants=(0,))
        w.case("nll", (2, 3, 2), ints([[0, 2], [1, 1]]), weight, **by, ignore_index=-100, wants=(0,))
        w.case("nll", (3,), ints(2), **by, ignore_index=-100)
        w.case("nll", (0, 3), ints([]), **by, ignore_index=-100)
        for margin, p in ((1, 1), (0.5, 2)):
            w.each_layout("multi_margin", (4, 3), targets, **by, margin=margin, p=p)
            w.case("multi_margin", (4, 3), targets, weight, **by, margin=margin, p=p, wants=(0,))
            w.case("multi_margin", (3,), ints(1), **by, margin=margin, p=p)
        for name, how in (("mse", {}), ("l1", {}), ("smooth_l1", {"beta": 1}), ("smooth_l1", {"beta": 0.25}), ("smooth_l1", {"beta": 0}), ("huber", {"delta": 1}),
                          ("huber", {"delta": 0.25})):
            w.each_layout(name, (2, 3), (2, 3), **by, **how)
            w.case(name, (), (), **by, **how)
            w.case(name, (0, 2), (0, 2), **by, **how)
            w.case(name, [1.0, 2.0, nan, inf], [1.0, 1.0, 0.0, 0.0], **by, **how)
        for full, eps in ((False, 1e-6), (True, 0.5)):
            w.each_layout("gaussian_nll", (2, 3), (2, 3), Draw(2, 3, low=0.1), **by, full=full, eps=eps)
            w.case("gaussian_nll", (2, 3), (2, 3), Draw(2, 1, low=0.1), **by, full=full, eps=eps)
            w.case("gaussian_nll", (2, 3), (2, 3), Draw(2, low=0.1), **by, full=full, eps=eps)
        for log_input, full in itertools.product((True, False), (False, True)):
            w.each_layout("poisson_nll", Draw(2, 3, low=0.1), Draw(2, 3, low=0, high=5), **by, log_input=log_input, full=full, eps=1e-8, wants=(0,))
        for log_target in (False, True):
            w.each_layout("kl_div", Draw(2, 3, low=-3, high=-0.1), Draw(2, 3, low=0.05, high=1), **by, log_target=log_target)
            w.case("kl_div", [-1.0, -2.0, -0.5], [0.0, 1.0, 0.5], **by, log_target=log_target, wants=(0,))
        p, y = Draw(2, 3, low=0.05, high=0.95), Draw(2, 3, low=0, high=1)
        w.each_layout("binary_cross_entropy", p, y, **by, wants=(0, 1))
        w.case("binary_cross_entropy", p, y, Draw(3, low=0.1), **by, wants=(0,))
        w.each_layout("binary_cross_entropy_with_logits", (2, 3), y, **by, wants=(0, 1))
        w.case("binary_cross_entropy_with_logits", (2, 3), y, Draw(3, low=0.1), **by, wants=(0,))
        w.case("binary_cross_entropy_with_logits", (2, 3), y, None, Draw(3, low=0.1), **by, wants=(0,))
        w.case("binary_cross_entropy_with_logits", (2, 3), y, Draw(2, 3, low=0.1), Draw(3, low=0.1), **by, wants=(0,))
        signs = [[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]]
        w.each_layout("hinge", (2, 3), signs, **by, wants=(0,))
        w.case("hinge", (0, 2), (0, 2), **by, wants=(0,))
        for margin in (0, 0.5):
            w.each_layout("margin_ranking", (2, 3), (2, 3), signs, **by, margin=margin, wants=(0, 1))
            w.each_layout("cosine_embedding", (2, 3), (2, 3), [1.0, -1.0], **by, margin=margin, wants=(0, 1))
            w.each_layout("hinge_embedding", (2, 3), signs, **by, margin=1 + margin, wants=(0,))
        for p_norm, swap in itertools.product((1, 2, 3), (False, True)):
            w.each_layout("triplet_margin", (2, 3), (2, 3), (2, 3), **by, margin=1, p=p_norm, eps=1e-6, swap=swap)
    w.case("kl_div", Draw(2, 3, low=-3, high=-0.1), Draw(2, 3, low=0.05, high=1), reduction="batchmean", log_target=False)
    for p, keepdims in itertools.product((1, 2, 3, inf), (False, True)):
        w.each_layout("pairwise_distance", (2, 3), (2, 3), p=p, eps=1e-6, keepdims=keepdims)
        w.case("pairwise_distance", (3,), (2, 3), p=p, eps=1e-6, keepdims=keepdims)
    for axis in (0, 1, -1):
        w.each_layout("cosine_similarity", (2, 3), (2, 3), axis=axis, eps=1e-8)
        for p in (1, 2, 3):
            w.each_layout("normalize", (2, 3), p=p, axis=axis, eps=1e-12)
    w.case("cosine_similarity", [[0.0, 0.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]], axis=1, eps=1e-8)
    w.case("cosine_similarity", (2, 1, 3), (4, 3), axis=-1, eps=1e-8)
    w.case("normalize", [[0.0, 0.0], [3.0, 4.0]], p=2, axis=1, eps=1e-12)
    w.case("normalize", (2, 3, 2), p=2, axis=1, eps=0.5)
    log_p = torch.log_softmax(torch.tensor([i * 7 % 11 / 4 for i in range(40)], dtype=torch.float64).reshape(5, 2, 4), -1)
    few = torch.log_softmax(torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [0.0, 3.0, 0.25]], dtype=torch.float64), -1)
    for reduction in ACCUMULATED:
        by = {"reduction": reduction, "zero_infinity": False}
        for targets, times, lengths in ((ints([[1, 2], [3, 3]]), [5, 4], [2, 2]), (ints([1, 2, 3, 3]), [5, 4], [2, 2]), (ints([1, 1, 2]), [3, 5], [2, 1]),
                                        (ints([[1, 2, 1], [2, 0, 0]]), [4, 5], [3, 1]), (ints([[3, 1], [2, 1]]), [5, 5], [0, 2])):
            w.case("ctc", log_p.tolist(), targets, ints(times), ints(lengths), blank=0, **by)
        w.each_layout("ctc", log_p.tolist(), ints([[0, 2], [1, 1]]), ints([5, 3]), ints([2, 2]), blank=3, **by)
        w.case("ctc", few.tolist(), ints([1, 2]), ints(3), ints(2), blank=0, **by)
        w.case("ctc", few.tolist(), ints([0]), ints(2), ints(1), blank=1, **by)
        w.case("ctc", few.tolist(), ints([1, 1, 2]), ints(3), ints(3), blank=0, wants=(), **by)
        by["zero_infinity"] = True
        w.case("ctc", few.tolist(), ints([1, 1, 2]), ints(3), ints(3), blank=0, **by)
        w.case("ctc", log_p.tolist(), ints([[1, 1], [2, 3]]), ints([2, 5]), ints([2, 2]), blank=0, **by)


IMAGES = ("contiguous", "last1", "sliced", "flipped", "transposed")
CONVOLUTIONS = [                                # x, weight, options other than stride 1, padding 0, dilation 1, groups 1
    ((2, 2, 3, 4), (3, 2, 2, 2), {}), ((1, 2, 5, 5), (2, 2, 3, 3), {"padding": 1}), ((1, 2, 5, 4), (2, 2, 3, 3), {"padding": -1}),
    ((1, 1, 5, 6), (2, 1, 2, 3), {"stride": [2, 1], "padding": [1, 2], "dilation": [2, 1]}), ((1, 2, 5, 5), (3, 2, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 3, 3, 3), (2, 3, 1, 1), {}), ((2, 3, 3, 3), (2, 3, 1, 1), {"stride": 2, "padding": 1}), ((1, 4, 3, 4), (6, 2, 2, 2), {"groups": 2}),
    ((1, 4, 4, 3), (4, 1, 3, 3), {"groups": 4, "padding": 1}), ((1, 3, 4, 4), (6, 1, 2, 2), {"groups": 3, "stride": [1, 2]}),
    ((1, 4, 4, 3), (4, 1, 2, 2), {"groups": 4, "padding": -1}), ((1, 1, 4, 7), (1, 1, 2, 4), {"padding": -1, "dilation": [1, 2]}),
    ((1, 2, 4, 4), (2, 2, 4, 4), {}), ((1, 1, 2, 2), (1, 1, 3, 3), {"padding": 2}), ((1, 2, 5, 5), (2, 2, 3, 3), {"padding": 2, "dilation": 2}),
    ((3, 1, 4, 4), (2, 1, 3, 3), {"stride": 3, "padding": [1, 0]}), ((1, 2, 7, 4), (1, 2, 5, 2), {"padding": [2, 1]}),
]
PADDED = dict(kernel=3, stride=2, padding=1, ceil_mode=True)
PLAIN = dict(stride=0, padding=0, ceil_mode=False)
MAX_POOLS = [
    ((1, 2, 5, 6), PADDED | {"dilation": 1}), ((1, 2, 5, 6), PADDED | {"dilation": 1, "ceil_mode": False}), ((2, 1, 4, 6), PLAIN | {"kernel": 2, "dilation": 1}),
    ((1, 1, 6, 7), {"kernel": [2, 3], "stride": [1, 2], "padding": [1, 0], "dilation": [3, 2], "ceil_mode": False}),
    ((2, 1, 3, 5), PLAIN | {"kernel": 2, "dilation": 1, "ceil_mode": True}), ((1, 1, 5, 7), PADDED | {"kernel": 2, "stride": 3, "dilation": 1}),
    ((2, 1, 4, 5), {"kernel": 3, "stride": 1, "padding": 1, "dilation": 1, "ceil_mode": False}), ((1, 3, 4, 4), PLAIN | {"kernel": [4, 1], "dilation": 1}),
    ((2, 1, 5, 5), {"kernel": 2, "stride": 2, "padding": 1, "dilation": 3, "ceil_mode": False}),
]
AVG_POOLS = [
    ((1, 2, 5, 6), PADDED), ((1, 2, 5, 6), PADDED | {"count_exclude_pad": True}), ((1, 1, 4, 6), {"kernel": [2, 4], "stride": [1, 3], "padding": [1, 2], "divisor": 5}),
    ((1, 1, 5, 7), PADDED | {"kernel": 2, "stride": 3}), ((1, 1, 5, 7), PADDED | {"kernel": 2, "stride": 3, "count_exclude_pad": True}),
    ((1, 2, 4, 5), {"kernel": 2, "divisor": -2}), ((2, 1, 4, 6), {"kernel": 2}), ((2, 1, 4, 4), {"kernel": 3, "stride": 1, "padding": 1}),
    ((2, 1, 4, 4), {"kernel": 3, "stride": 1, "padding": 1, "count_exclude_pad": True}), ((1, 2, 3, 5), {"kernel": 2, "ceil_mode": True}),
    ((1, 1, 3, 5), {"kernel": [3, 2], "stride": 2, "padding": 1, "ceil_mode": True, "count_exclude_pad": True, "divisor": 3}),
]
COLUMNS = [
    ((1, 2, 4, 4), {"kernel": [2, 2]}), ((1, 1, 4, 5), {"kernel": [2, 1], "stride": [2, 3], "padding": [1, 2], "dilation": [2, 1]}),
    ((2, 1, 4, 3), {"kernel": [3, 3], "padding": 1, "stride": 2}), ((2, 2, 3, 3), {"kernel": [1, 1]}), ((1, 2, 4, 4), {"kernel": [2, 2], "stride": 2}),
    ((1, 1, 5, 4), {"kernel": [2, 2], "dilation": [3, 1], "padding": [0, 1]}),
]


@family
def images(w):
    dtypes = itertools.cycle(FLOATS)
    w.layouts = itertools.cycle(("contiguous", "last1", "sliced", "expanded", "flipped", "last1", "transposed"))

    def each(name, *operands, layouts=IMAGES, **how):
        """An odd number of layouts: each meets both dtypes."""
        for layout in layouts:
            w.case(name, *operands, layout=layout, dtypes=(next(dtypes),), **how)

    def of_all_kinds(name, sizes, *operands, **how):
        """And one sample without N, and no samples."""
        each(name, sizes, *operands, **how)
        w.case(name, sizes, *operands, dtypes=(next(dtypes),), **how)
        each(name, sizes[1:], *operands, layouts=("last0",), **how)
        if "shuffle" not in name:               # PyTorch's are wrong then
            w.case(name, (0,) + sizes[1:], *operands, dtypes=(next(dtypes),), **how)

    each("channels_last", (2, 3, 2, 3))
    w.case("channels_last", (0, 3, 2, 2))
    one = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    for (x, weight, how), activation in zip(CONVOLUTIONS, itertools.cycle(["identity", "identity", "relu"])):
        how = one | how | {"activation": activation}
        of_all_kinds("conv2d", x, weight, weight[:1], **how)
        w.case("conv2d", x, weight, None, dtypes=(next(dtypes),), **how)
    for activation in ACTIVATIONS:
        w.case("conv2d", (1, 2, 3, 3), (2, 2, 2, 2), (2,), **one, activation=activation)
        w.case("conv1d", (1, 2, 4), (2, 2, 2), (2,), **one, activation=activation)
    w.case("conv2d", [[[[1.0, inf, 0.0], [0.0, 1.0, 2.0], [nan, 0.0, 1.0]]]], [[[[0.0, 1.0], [1.0, 2.0]]]], None, **one, activation="identity")
    for x, weight, how in (((2, 2, 5), (3, 2, 3), {}), ((2, 2, 6), (2, 2, 3), {"stride": 2, "padding": 1}), ((2, 2, 5), (2, 2, 4), {"padding": -1}),
                           ((1, 2, 9), (1, 2, 3), {"dilation": 3, "padding": 2}), ((2, 4, 4), (4, 2, 2), {"groups": 2}), ((2, 3, 5), (6, 1, 3), {"groups": 3, "padding": 1})):
        of_all_kinds("conv1d", x, weight, weight[:1], **one | how, activation="identity")
    for x, weight, out, how in (((2, 2, 3, 3), (2, 1, 2, 2), 1, {}), ((1, 2, 3, 3), (2, 2, 3, 3), 2, {"stride": 2, "padding": 1, "output_padding": 1}),
                                ((1, 2, 2, 3), (2, 1, 3, 2), 1, {"stride": [2, 3], "padding": [1, 0], "output_padding": [0, 2]}),
                                ((1, 1, 3, 4), (1, 2, 2, 3), 2, {"dilation": [2, 1], "padding": [0, 1], "output_padding": [1, 0]}),
                                ((1, 4, 2, 2), (4, 1, 3, 3), 2, {"groups": 2}), ((1, 3, 3, 3), (3, 1, 2, 2), 3, {"groups": 3, "stride": 2}),
                                ((2, 3, 2, 2), (3, 2, 1, 1), 2, {}), ((1, 1, 4, 4), (1, 1, 3, 3), 1, {"padding": 2})):
        how = one | {"output_padding": 0} | how
        of_all_kinds("conv_transpose2d", x, weight, (out,), **how)
        w.case("conv_transpose2d", x, weight, None, dtypes=(next(dtypes),), **how)
    for x, g, kernel, how in (((2, 2, 4, 3), (2, 1, 3, 2), [2, 2], {}), ((1, 2, 5, 4), (1, 2, 3, 2), [3, 3], {"stride": 2, "padding": 1}),
                              ((1, 4, 3, 3), (1, 4, 3, 3), [3, 3], {"groups": 4, "padding": 1}), ((1, 4, 3, 3), (1, 2, 2, 2), [2, 2], {"groups": 2}),
                              ((1, 1, 5, 6), (1, 2, 3, 3), [2, 3], {"stride": [2, 1], "padding": [0, 1], "dilation": [1, 2]}), ((0, 1, 3, 3), (0, 2, 2, 2), [2, 2], {})):
        if how.get("stride") == [2, 1]:
            g = (1, 2, 2, 4)
        each("conv2d_weight", x, g, kernel=kernel, **one | how)

    for x, how in MAX_POOLS:
        of_all_kinds("max_pool2d", x, **how)
    for x, how in AVG_POOLS:
        of_all_kinds("avg_pool2d", x, **PLAIN | {"count_exclude_pad": False, "divisor": 0} | how)
    for how in (PADDED, PLAIN | {"kernel": 2}, PADDED | {"kernel": 4, "stride": 3, "padding": 2}, PADDED | {"ceil_mode": False}):
        for dilation in (1, 2):
            of_all_kinds("max_pool1d", (2, 2, 9), **how, dilation=dilation)
        for exclude, divisor in ((False, 0), (True, 0), (False, 3)):
            of_all_kinds("avg_pool1d", (2, 2, 8), **how, count_exclude_pad=exclude, divisor=divisor)
    for x, size in (((1, 2, 7, 4), [3, 2]), ((1, 2, 4, 3), [2, 5]), ((2, 2, 3, 4), [1, 1]), ((2, 1, 4, 6), [2, 3]), ((1, 2, 3, 3), [3, 3]), ((1, 1, 5, 5), [4, 3])):
        of_all_kinds("adaptive_max_pool2d", x, size=size)
        of_all_kinds("adaptive_avg_pool2d", x, size=size)
    ties = [[[[1.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 2.0], [-inf, -inf, inf, 0.0], [-inf, -inf, inf, inf]]]]
    for short in ((1, 2, 3, 1), (1, 1, 1, 2)):
        of_all_kinds("max_pool2d", short, kernel=2, stride=2, padding=0, dilation=1, ceil_mode=True)
        of_all_kinds("avg_pool2d", short, kernel=3, stride=3, padding=1, ceil_mode=True, count_exclude_pad=False, divisor=0)
    missing = [[[[1.0, nan, 0.0, 2.0], [1.0, 0.0, 2.0, nan], [inf, -inf, 3.0, 0.0], [nan, 0.0, 1.0, inf]]]]
    negative = [[[[-1.0, -2.0, -3.0], [-4.0, -0.5, -6.0], [-7.0, -8.0, -9.0]]]]
    for x in (ties, missing, negative):
        for kernel, stride, padding in ((2, 2, 0), (2, 1, 1), (3, 2, 1)):
            w.case("max_pool2d", x, kernel=kernel, stride=stride, padding=padding, dilation=1, ceil_mode=False)
            w.case("avg_pool2d", x, kernel=kernel, stride=stride, padding=padding, ceil_mode=False, count_exclude_pad=False, divisor=0)
        w.case("adaptive_max_pool2d", x, size=[2, 2])
        w.case("adaptive_avg_pool2d", x, size=[2, 2])

    for x, size in (((1, 1, 3, 7), [5, 4]), ((1, 2, 5, 3), [2, 6]), ((2, 1, 3, 3), [1, 6]), ((1, 2, 1, 4), [3, 1]), ((1, 2, 3, 2), [6, 4]), ((1, 2, 4, 3), [4, 3])):
        of_all_kinds("interpolate_nearest", x, size=size)
        for align_corners in (False, True):
            of_all_kinds("interpolate_bilinear", x, size=size, align_corners=align_corners)
    for x, factor in (((1, 8, 1, 2), 2), ((2, 4, 2, 3), 2), ((1, 9, 2, 1), 3), ((2, 2, 3, 2), 1)):
        of_all_kinds("pixel_shuffle", x, factor=factor)
    for x, factor in (((1, 1, 4, 4), 2), ((2, 2, 2, 4), 2), ((1, 1, 6, 3), 3), ((2, 2, 3, 2), 1)):
        of_all_kinds("pixel_unshuffle", x, factor=factor)
    for x, how in COLUMNS:
        how = {"stride": 1, "padding": 0, "dilation": 1} | how
        of_all_kinds("im2col", x, **how)
        columns = OPS["im2col"](torch.zeros(x), **how).shape
        if columns.numel() <= 72:
            of_all_kinds("col2im", tuple(columns), size=list(x[2:]), **how)

    w.layouts = itertools.cycle(IMAGES)         # not expanded: PyTorch's rounding is all that a constant channel has
    for x in ((2, 2, 2, 3), (3, 2, 4), (5, 3)):
        few, spread = (x[1],), Draw(x[1], low=0.1)
        for training, activation in itertools.product((True, False), ("identity", "relu")):
            how = {"training": training, "momentum": 0.1, "eps": 1e-5, "activation": activation}
            each("batch_norm", x, few, spread, few, few, wants=(0, 3, 4), **how)
            each("batch_norm", x, few, spread, few, few, x, wants=(0, 3, 4, 5), **how)
            w.case("batch_norm", x, few, spread, None, None, wants=(0,), **how)
        for momentum, eps, activation in ((0, 1e-5, "tanh"), (1, 0.5, "gelu"), (0.75, 1e-3, "silu"), (0.3, 1e-5, "sigmoid")):
            w.case("batch_norm", x, few, spread, few, few, x, wants=(0, 3, 4, 5), training=True, momentum=momentum, eps=eps, activation=activation)
            w.case("batch_norm", x, few, spread, few, None, wants=(0, 3), training=False, momentum=momentum, eps=eps, activation=activation)
        for activation in ("identity", "relu"):
            each("batch_norm_alone", x, few, few, eps=1e-5, activation=activation)
            w.case("batch_norm_alone", x, None, few, x, eps=0.1, activation=activation)
        w.case("batch_norm", (0,) + x[1:], few, spread, few, few, wants=(0, 3, 4), training=False, momentum=0.1, eps=1e-5, activation="relu")
    w.case("batch_norm", (1, 3), (3,), Draw(3, low=0.1), (3,), (3,), wants=(0, 3, 4), training=False, momentum=0.1, eps=1e-5, activation="identity")
    for x, groups in (((2, 4, 2, 3), 2), ((2, 4, 3), 1), ((2, 6), 2), ((1, 6, 2, 2), 3), ((2, 3, 2, 2), 3)):
        each("group_norm", x, x[1:2], x[1:2], groups=groups, eps=1e-5)
        w.case("group_norm", x, None, None, groups=groups, eps=0.1)
        w.case("group_norm", x, x[1:2], None, groups=groups, eps=1e-3)
        w.case("group_norm", (0,) + x[1:], x[1:2], x[1:2], groups=groups, eps=1e-5, dtypes=(next(dtypes),))
    for x in ((2, 3, 2, 3), (2, 4, 3), (1, 2, 3, 4)):
        each("instance_norm", x, x[1:2], x[1:2], eps=1e-5)
        w.case("instance_norm", x, None, None, eps=0.1)
        w.case("instance_norm", x, x[1:2], x[1:2], eps=1e-3)
    w.case("group_norm", [[[1e4, 1e4 + 0.01, 1e4 - 0.01], [3.0, 3.0, 3.0]]], None, None, groups=2, eps=1e-5, dtypes=FLOATS[1:])


@family
def sequences(w):
    for axes, size in ((1, (4,)), (2, (3, 4))):
        for eps in (1e-5, 0.1):
            w.each_layout("layer_norm", (2, 3, 4), size, size, axes=axes, eps=eps)
            w.case("layer_norm", (2, 3, 4), axes=axes, eps=eps)
            w.case("layer_norm", (2, 3, 4), None, size, axes=axes, eps=eps)
            w.each_layout("rms_norm", (2, 3, 4), size, axes=axes, eps=eps)
        w.case("rms_norm", (2, 3, 4), axes=axes, eps=-1)
    w.case("layer_norm", [[1.0, 1.0, 1.0], [-2.0, -2.0, -2.0]], (3,), (3,), axes=1, eps=1e-5)
    w.case("layer_norm", [[1.0, nan, 1.0], [inf, 0.0, 1.0], [1.0, 2.0, 3.0]], (3,), (3,), axes=1, eps=1e-5)
    w.case("layer_norm", (2, 70), (70,), (70,), axes=1, eps=1e-5)
    w.case("layer_norm", (0, 3), (3,), (3,), axes=1, eps=1e-5)
    w.case("rms_norm", (2, 70), (70,), axes=1, eps=1e-5)
    plain = {"causal": False, "scale": 0, "grouped": False}
    holes = bools([[False, False, False, False, False], [True, False, True, True, False], [True, True, True, True, True]])
    for by in (plain, plain | {"causal": True}, plain | {"scale": 1.5}):
        w.each_layout("attention", (2, 3, 4), (2, 5, 4), (2, 5, 2), **by)
        w.case("attention", (1, 2, 6, 3), (1, 2, 6, 3), (1, 2, 6, 3), **by)
        w.case("attention", (66, 3), (67, 3), (67, 2), **by)
        w.case("attention", (2, 4, 3, 2), (2, 2, 5, 2), (2, 2, 5, 3), **by | {"grouped": True})
    w.each_layout("attention", (2, 3, 4), (2, 5, 4), (2, 5, 2), holes, **plain)
    w.case("attention", (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 2), bools([[[[True, True, False, True, False]]], [[[False, False, False, False, False]]]]), **plain)
    w.case("attention", (2, 3, 4), (2, 5, 4), (2, 5, 2), (3, 5), **plain)
    w.case("attention", (2, 3, 4), (2, 5, 4), (2, 5, 2), [[-inf] * 5, [0.0, -inf, 1.0, 2.0, -inf], [0.0] * 5], **plain, wants=(0, 1, 2))
    w.case("attention", [[1000.0, 0.0], [0.0, -1000.0]], [[1000.0, 0.0], [0.0, 1000.0]], (2, 2), **plain)
    for interleaved, offset in itertools.product((False, True), (0, 7)):
        w.each_layout("rotary_embedding", (2, 3, 4), base=10000, offset=offset, interleaved=interleaved)
        w.case("rotary_embedding", (2, 2, 3, 6), ints([[[0, 4, 2]], [[1, 1, 100]]]), base=50, offset=0, interleaved=interleaved)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("family", nargs="*", default=list(FAMILIES), help="of " + " ".join(FAMILIES) + "; all if none is named")
    arguments.add_argument("--folder", default=pathlib.Path(__file__).parent.parent / "tests" / "golden", type=pathlib.Path, help="tests/golden")
    arguments = arguments.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    arguments.folder.mkdir(exist_ok=True)
    for name in arguments.family:
        w = Writer(name)
        FAMILIES[name](w)
        path = arguments.folder / f"{name}.txt"
        path.write_text("\n".join(w.lines))
        print(f"{path}: {sum(line.startswith('case ') for line in w.lines)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
