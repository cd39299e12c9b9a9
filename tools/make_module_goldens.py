#!/usr/bin/env python3
"""Writes tests/golden_modules/sequences.safetensors: PyTorch's modules of sequences, their weights, inputs, outputs and gradients.

A developer's tool; the tests read what it wrote and need no Python. A tensor is named CASE/state/NAME by PyTorch's state dict, CASE/in/NAME,
CASE/out/NAME, CASE/cotangent/NAME of that output, CASE/grad/NAME of an input or parameter. Weights and inputs are exact in float32; all is
computed in float64. Masks are as Cotangent's: true may be attended to.

    python3 -m venv venv && venv/bin/pip install torch safetensors numpy
    venv/bin/python tools/make_module_goldens.py
"""
import pathlib
import warnings

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

warnings.simplefilter("ignore")
FILE = pathlib.Path(__file__).parent.parent / "tests" / "golden_modules" / "sequences.safetensors"
N, T, S, D, H, F = 2, 4, 3, 6, 2, 5             # batch, lengths, width, heads, hidden
tensors = {}
generator = torch.Generator().manual_seed(0)


def uniform(*sizes):
    """Multiples of 1/256 in [-1, 1)."""
    return torch.randint(-256, 256, sizes, generator=generator).double() / 256


def case(name, module, run, **inputs):
    """run(module, **inputs) -> {name: output}"""
    module.double().train()
    for parameter_name, p in module.named_parameters():
        p.data = uniform(*p.shape) * 0.75 + (1 if "norm" in parameter_name and "weight" in parameter_name else 0)
        p.data = (p.data * 256).round() / 256
    floating = {k: v.requires_grad_() for k, v in inputs.items() if v.dtype == torch.float64}
    outputs = run(module, **inputs)
    cotangents = {k: uniform(*y.shape) for k, y in outputs.items() if k != "weights"}
    sum((outputs[k] * c).sum() for k, c in cotangents.items()).backward()
    groups = {
        "state": module.state_dict(), "in": inputs, "out": outputs, "cotangent": cotangents,
        "grad": {k: v.grad for k, v in [*floating.items(), *module.named_parameters()] if v.grad is not None},
    }
    for group, members in groups.items():
        for member, t in members.items():
            t = t.detach().clone().contiguous()
            tensors[f"{name}/{group}/{member}"] = t.float() if t.is_floating_point() and group in ("state", "in", "cotangent") else t


# ---- Attention --------------------------------------------------------------------------------------------------------------------
def attend(attention, x=None, query=None, key=None, value=None, mask=None, key_padding=None, causal=False):
    query, key, value = (x, x, x) if x is not None else (query, key, value if value is not None else key)
    barred = None
    if causal:
        barred = torch.ones(query.shape[1], key.shape[1], dtype=torch.bool).triu(1)
    elif mask is not None:
        barred = ~mask if mask.dtype == torch.bool else mask
        barred = barred.reshape(-1, *barred.shape[-2:]) if barred.dim() == 4 else barred
    if key_padding is not None and barred is not None and barred.dtype != torch.bool:
        key_padding = torch.zeros(key_padding.shape, dtype=torch.float64).masked_fill(key_padding, -torch.inf)
    y, weights = attention(query, key, value, attn_mask=barred, key_padding_mask=key_padding, average_attn_weights=False)
    return {"y": y, "weights": weights}


def attention(**options):
    return nn.MultiheadAttention(D, H, batch_first=True, **options)


def padding(length, *lengths):
    return torch.arange(length) >= torch.tensor(lengths)[:, None]


some = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
case("attention", attention(), attend, x=uniform(N, T, D))
case("attention_no_bias", attention(bias=False), attend, x=uniform(N, T, D))
case("attention_causal", attention(), lambda m, x: attend(m, x, causal=True), x=uniform(N, T, D))
case("attention_bool_mask", attention(), attend, x=uniform(N, T, D), mask=some)
case("attention_added_mask", attention(), attend, x=uniform(N, T, D), mask=uniform(T, T))
case("attention_padding", attention(), attend, x=uniform(N, T, D), key_padding=padding(T, 4, 2))
case("attention_padding_bool_mask", attention(), attend, x=uniform(N, T, D), mask=some | torch.eye(T, dtype=torch.bool), key_padding=padding(T, 3, 4))
case("attention_padding_heads_mask", attention(), attend, x=uniform(N, T, D), mask=uniform(N, H, T, T), key_padding=padding(T, 1, 3))
case("attention_cross", attention(), attend, query=uniform(N, T, D), key=uniform(N, S, D))
case("attention_three", attention(), attend, query=uniform(N, T, D), key=uniform(N, S, D), value=uniform(N, S, D))
case("attention_widths", attention(kdim=3, vdim=5), attend, query=uniform(N, T, D), key=uniform(N, S, 3), value=uniform(N, S, 5))


# ---- Transformers -----------------------------------------------------------------------------------------------------------------
def layer(kind, **options):
    return kind(D, H, F, dropout=0, batch_first=True, **options)


def encode(encoder, x, mask=None, key_padding=None):
    masks = {"mask": None if mask is None else ~mask} if isinstance(encoder, nn.TransformerEncoder) else {"src_mask": None if mask is None else ~mask}
    return {"y": encoder(x, **masks, src_key_padding_mask=key_padding)}


def decode(decoder, x, memory, key_padding=None, memory_mask=None, memory_key_padding=None):
    return {"y": decoder(x, memory, tgt_mask=torch.ones(T, T, dtype=torch.bool).triu(1), tgt_key_padding_mask=key_padding,
                         memory_mask=None if memory_mask is None else ~memory_mask, memory_key_padding_mask=memory_key_padding)}


E, DE = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
case("block", layer(E), encode, x=uniform(N, T, D))
case("block_masks", layer(E), encode, x=uniform(N, T, D), mask=some | torch.eye(T, dtype=torch.bool), key_padding=padding(T, 3, 4))
case("block_pre_norm", layer(E, norm_first=True, activation="gelu"), encode, x=uniform(N, T, D))
case("block_no_bias", layer(E, bias=False, layer_norm_eps=0.1), encode, x=uniform(N, T, D))
case("encoder", nn.TransformerEncoder(layer(E), 2), encode, x=uniform(N, T, D), key_padding=padding(T, 4, 2))
case("encoder_pre_norm", nn.TransformerEncoder(layer(E, norm_first=True), 2, nn.LayerNorm(D), enable_nested_tensor=False), encode, x=uniform(N, T, D))
case("decoder_block", layer(DE), decode, x=uniform(N, T, D), memory=uniform(N, S, D), memory_mask=some[:, :S] | torch.eye(T, dtype=torch.bool)[:, :S])
case("decoder_block_pre_norm", layer(DE, norm_first=True), decode, x=uniform(N, T, D), memory=uniform(N, S, D))
case("decoder", nn.TransformerDecoder(layer(DE), 2), decode, x=uniform(N, T, D), memory=uniform(N, S, D), key_padding=padding(T, 4, 3),
     memory_key_padding=padding(S, 1, 3))
case("decoder_pre_norm", nn.TransformerDecoder(layer(DE, norm_first=True), 2, nn.LayerNorm(D)), decode, x=uniform(N, T, D), memory=uniform(N, S, D))


# ---- Recurrent nets -----------------------------------------------------------------------------------------------------------------
def recur(net, x, lengths=None, h0=None, c0=None):
    start = (h0, c0) if c0 is not None else h0
    total = x.shape[1]
    if lengths is not None:
        x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, end = net(x, start)
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=total)
    return {"y": y, "h": end[0], "c": end[1]} if isinstance(end, tuple) else {"y": y, "h": end}


def net(kind, **options):
    return kind(3, 4, batch_first=True, **options)


LENGTHS = torch.tensor([3, 5, 1])
for kind in (nn.RNN, nn.LSTM, nn.GRU):
    name, states = kind.__name__.lower(), ("h0", "c0") if kind is nn.LSTM else ("h0",)
    case(name, net(kind), recur, x=uniform(3, 6, 3))
    case(f"{name}_packed", net(kind), recur, x=uniform(3, 6, 3), lengths=LENGTHS)
    case(f"{name}_no_bias", net(kind, bias=False), recur, x=uniform(3, 6, 3), **{s: uniform(1, 3, 4) for s in states})
    case(f"{name}_deep", net(kind, num_layers=2, bidirectional=True), recur, x=uniform(3, 6, 3), lengths=LENGTHS,
         **{s: uniform(4, 3, 4) for s in states})
case("rnn_relu", net(nn.RNN, nonlinearity="relu"), recur, x=uniform(3, 6, 3))

FILE.parent.mkdir(exist_ok=True)
save_file(tensors, FILE, {"torch": torch.__version__})
print(f"{FILE}: {len(tensors)} tensors, {FILE.stat().st_size} bytes")
