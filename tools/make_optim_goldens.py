#!/usr/bin/env python3
"""Writes optimizers.txt and schedules.txt of tests/golden_optim/: where PyTorch's optimizers take two float64 parameters, and the learning rates of its schedulers.

A developer's tool; the tests read what it wrote and need no Python. Start and gradients come from a formula that C computes to the same bits.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python tools/make_optim_goldens.py
"""
import math
import pathlib
import warnings

import torch
from torch import optim
from torch.optim import lr_scheduler as lrs

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)          # NAdam keeps a product of momenta in it
FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "golden_optim"
SHAPES, STEPS, CHECKPOINTS = ((3, 4), (5,)), 1000, (1, 2, 3, 10, 100, 300, 1000)
SIZES = [math.prod(s) for s in SHAPES]


def stream():
    """Numbers in [-1, 1) with 16 bits, so exact: a linear congruential generator."""
    state = 12345
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 48) / 32768 - 1


def tensors(numbers):
    return [torch.tensor([next(numbers) for _ in range(n)], dtype=torch.float64).reshape(s) for n, s in zip(SIZES, SHAPES)]


def hexes(values):
    return " ".join(float(v).hex() for v in values)


# ---- Optimizers: the case's name, PyTorch's class, options as C calls them -----------------------------------------------------------
def rows():
    both = ({}, {"maximize": True, "weight_decay": 0.03, "lr": 0.02})
    yield "sgd", optim.SGD, {}
    for o in ({"lr": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.4}, {"momentum": 0.8, "nesterov": True}):
        for b in both:
            yield "sgd", optim.SGD, {**o, **b}
    for o in ({}, {"lr_decay": 0.05}, {"initial_accumulator_value": 0.7}, {"eps": 0.1}):
        for b in both:
            yield "adagrad", optim.Adagrad, {**o, **b}
    for o in ({}, {"alpha": 0.9, "eps": 1e-3}, {"momentum": 0.6}, {"centered": True}, {"centered": True, "momentum": 0.9}):
        for b in both:
            yield "rmsprop", optim.RMSprop, {**o, **b}
    for o in ({}, {"rho": 0.6, "eps": 1e-3}, {"rho": 1.0}):
        for b in both:
            yield "adadelta", optim.Adadelta, {**o, **b}
    for name, kind in (("adam", optim.Adam), ("adamw", optim.AdamW)):
        for o in ({}, {"beta1": 0.7, "beta2": 0.9, "eps": 1e-2}, {"amsgrad": True}, {"beta1": 0.0, "beta2": 0.0}, {"amsgrad": True, "beta2": 0.5}):
            for b in both:
                yield name, kind, {**o, **b}
    for o in ({}, {"beta1": 0.5, "beta2": 0.8, "eps": 1e-2}):
        for b in both:
            yield "adamax", optim.Adamax, {**o, **b}
    for o in ({}, {"momentum_decay": 0.1}, {"beta1": 0.7, "beta2": 0.9, "eps": 1e-2}, {"decoupled_weight_decay": True}):
        for b in both:
            yield "nadam", optim.NAdam, {**o, **b}
    for o in ({}, {"beta1": 0.7, "beta2": 0.9, "eps": 1e-2}, {"decoupled_weight_decay": True}, {"beta2": 0.5}):
        for b in both:
            yield "radam", optim.RAdam, {**o, **b}


def make(kind, parameters, options):
    o = dict(options)
    if "beta1" in o or "beta2" in o:
        o["betas"] = (o.pop("beta1", 0.9), o.pop("beta2", 0.999))
    return kind(parameters, **o, **({"foreach": False} if kind is not optim.LBFGS else {}))


def word(value):
    return str(int(value)) if isinstance(value, bool) else repr(value)


def write_optimizers(file):
    for name, kind, options in rows():
        numbers = stream()
        parameters = [torch.nn.Parameter(t) for t in tensors(numbers)]
        optimizer = make(kind, parameters, options)
        print("case", name, *(f"{k}={word(v)}" for k, v in options.items()), file=file)
        for step in range(1, STEPS + 1):
            for p, g in zip(parameters, tensors(numbers)):
                p.grad = g
            if step % 7 == 3:                   # one without a gradient stays, and counts its own steps
                parameters[1].grad = None
            optimizer.step()
            if step in CHECKPOINTS:
                print(step, hexes(torch.cat([p.detach().flatten() for p in parameters])), file=file)
        print(file=file)


# ---- L-BFGS on Rosenbrock's function in 10 dimensions -----------------------------------------------------------------------------------
def write_lbfgs(file):
    for options in ({"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
                    {"line_search_fn": "strong_wolfe", "lr": 0.5, "max_iter": 1},
                    {"line_search_fn": "strong_wolfe", "max_iter": 1}, {"lr": 1e-3, "max_iter": 5}, {"line_search_fn": "strong_wolfe", "maximize": True, "max_iter": 3, "max_eval": 5}):
        x = torch.nn.Parameter(torch.tensor([(-1.2 if i % 2 == 0 else 1.0) for i in range(10)], dtype=torch.float64))
        optimizer = optim.LBFGS([x], **options)
        sign = -1 if options.get("maximize") else 1

        def closure():                          # in plain numbers, in the order of the test's
            v, g, loss = x.detach().tolist(), [0.0] * 10, 0.0
            for i in range(9):
                a, b = v[i + 1] - v[i] * v[i], 1 - v[i]
                loss += 100 * (a * a) + b * b
                g[i] += -400 * (a * v[i]) - 2 * b
                g[i + 1] += 200 * a
            x.grad = sign * torch.tensor(g)
            return torch.tensor(sign * loss)

        names = {"max_iter": "iterations", "max_eval": "evaluations", "history_size": "history"}
        words = [f"{names.get(k, k)}={word(v)}" for k, v in options.items() if k != "line_search_fn"]
        print("case lbfgs", *words, *(["strong_wolfe=1"] if "line_search_fn" in options else []), file=file)
        for step in range(1, 51):
            loss = optimizer.step(closure)
            # In between, PyTorch itself turns a change of 1 ulp at the start into 1e-7; in the end all meet in the minimum.
            if step == 50 or (step in (1, 2, 3, 5, 8, 10, 15, 20, 30, 36) and step * options.get("max_iter", 20) <= 36):
                print(step, hexes([*x.detach(), float(loss)]), file=file)
        print(file=file)


# ---- Muon, in bfloat16: shapes wide, tall and square ---------------------------------------------------------------------------------------
def write_muon(file):
    for options in ({}, {"nesterov": False, "momentum": 0.8, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw"}, {"adjust_lr_fn": "spectral_unclamped"}):
        numbers = stream()
        shapes = ((4, 6), (7, 3), (5, 5))
        def draw():
            return [torch.tensor([next(numbers) for _ in range(math.prod(s))], dtype=torch.float32).reshape(s) for s in shapes]
        parameters = [torch.nn.Parameter(t) for t in draw()]
        optimizer = optim.Muon(parameters, lr=0.02, **options)
        scales = {"match_rms_adamw": 1, "spectral_unclamped": 2}
        words = {"no_nesterov": 0 if options.get("nesterov", True) else 1, "scale": scales.get(options.get("adjust_lr_fn"), 0),
                 **{k: v for k, v in options.items() if k in ("momentum", "weight_decay")}}
        print("case muon", *(f"{k}={v}" for k, v in words.items()), file=file)
        for step in range(1, 21):
            for p, g in zip(parameters, draw()):
                p.grad = g
            optimizer.step()
            if step in (1, 5, 20):
                print(step, hexes(torch.cat([p.detach().flatten() for p in parameters])), file=file)
        print(file=file)


# ---- Schedules: the case's name and options as C calls them, PyTorch's scheduler ------------------------------------------------------------
def metric(t):
    return (1 + math.fmod(t * 7919, 13) / 100) * 0.98 ** min(t, 60)


def schedules():
    for o in ({"every": 30}, {"every": 7, "gamma": 0.7}):
        yield "step", o, lambda a, o=o: lrs.StepLR(a, o["every"], o.get("gamma", 0.1))
    for o in ({"gamma": 0.1, "a": 30, "b": 80}, {"gamma": 0.5, "a": 100, "b": 100}):
        yield "multi_step", o, lambda a, o=o: lrs.MultiStepLR(a, [o["a"], o["b"]], o["gamma"])
    for gamma in (0.9, 0.999, 1.001):
        yield "exponential", {"gamma": gamma}, lambda a, g=gamma: lrs.ExponentialLR(a, g)
    for o in ({"steps": 5}, {"steps": 450, "power": 1.0}, {"steps": 300, "power": 2.5}, {"steps": 600, "power": 0.5}):
        yield "polynomial", o, lambda a, o=o: lrs.PolynomialLR(a, o["steps"], o.get("power", 1.0))
    for o in ({}, {"start": 0.01, "steps": 300}, {"start": 1.0, "end": 0.2, "steps": 50}, {"start": 0.5, "end": 0.0, "steps": 40}):
        yield "linear", o, lambda a, o=o: lrs.LinearLR(a, o.get("start", 1 / 3), o.get("end", 1.0), o.get("steps", 5))
    for o in ({}, {"factor": 0.25, "steps": 100}):
        yield "constant", o, lambda a, o=o: lrs.ConstantLR(a, o.get("factor", 1 / 3), o.get("steps", 5))
    for o in ({"steps": 500}, {"steps": 60}, {"steps": 7, "lowest": 0.01}, {"steps": 1, "lowest": 0.02}):
        yield "cosine", o, lambda a, o=o: lrs.CosineAnnealingLR(a, o["steps"], o.get("lowest", 0.0))
    for o in ({"first": 50}, {"first": 10, "multiple": 2}, {"first": 1, "multiple": 3, "lowest": 0.01}):
        yield "cosine_restarts", o, lambda a, o=o: lrs.CosineAnnealingWarmRestarts(a, o["first"], o.get("multiple", 1), o.get("lowest", 0.0))
    for o in ({"steps": 500}, {"steps": 501, "rise": 0.1, "linear": 1}, {"steps": 500, "three_phase": 1}, {"steps": 500, "no_momentum": 1, "div": 10.0, "final_div": 100.0},
              {"steps": 500, "three_phase": 1, "linear": 1, "rise": 0.4, "base_momentum": 0.5, "max_momentum": 0.7}, {"steps": 500, "groups": 1}):
        yield "one_cycle", o, lambda a, o=o: lrs.OneCycleLR(
            a, [0.3, 0.6] if o.get("groups") else 0.3, o["steps"], pct_start=o.get("rise", 0.3), anneal_strategy="linear" if o.get("linear") else "cos",
            cycle_momentum=not o.get("no_momentum"), base_momentum=o.get("base_momentum", 0.85), max_momentum=o.get("max_momentum", 0.95),
            div_factor=o.get("div", 25.0), final_div_factor=o.get("final_div", 1e4), three_phase=bool(o.get("three_phase")))
    shapes = ("triangular", "triangular2", "exp_range")
    for o in ({"up": 100}, {"up": 20, "down": 33}, {"up": 20, "shape": 1}, {"up": 25, "down": 10, "shape": 2, "gamma": 0.99}, {"up": 30, "no_momentum": 1},
              {"up": 30, "base_momentum": 0.1, "max_momentum": 0.5}, {"up": 10, "height": 1}, {"up": 10, "height": 1, "by_step": 1}, {"up": 40, "groups": 1}):
        yield "cyclic", o, lambda a, o=o: lrs.CyclicLR(
            a, [0.01, 0.02] if o.get("groups") else 0.01, [0.1, 0.3] if o.get("groups") else 0.1, o["up"], o.get("down"), mode=shapes[o.get("shape", 0)],
            gamma=o.get("gamma", 1.0), scale_fn=(lambda x: 1 / (5 + x)) if o.get("height") else None, scale_mode="iterations" if o.get("by_step") else "cycle",
            cycle_momentum=not o.get("no_momentum"), base_momentum=o.get("base_momentum", 0.8), max_momentum=o.get("max_momentum", 0.9))
    for o in ({}, {"factor": 0.7, "patience": 2}, {"max": 1, "patience": 3, "factor": 0.8}, {"absolute": 1, "threshold": 0.01, "patience": 4, "factor": 0.9},
              {"max": 1, "absolute": 1, "threshold": 0.05, "factor": 0.95}, {"patience": 0, "cooldown": 5, "factor": 0.9, "lowest": 0.01},
              {"factor": 0.5, "patience": 1, "eps": 1e-3}, {"groups": 1, "factor": 0.5, "patience": 1}):
        yield "plateau", o, lambda a, o=o: lrs.ReduceLROnPlateau(
            a, "max" if o.get("max") else "min", o.get("factor", 0.1), o.get("patience", 10), o.get("threshold", 1e-4), "abs" if o.get("absolute") else "rel",
            o.get("cooldown", 0), [0.001, 0.05] if o.get("groups") else o.get("lowest", 0.0), o.get("eps", 1e-8))
    yield "lambda", {}, lambda a: lrs.LambdaLR(a, [lambda t: 1 / (1 + t), lambda t: 0.5 / (1 + t)])
    yield "multiplicative", {}, lambda a: lrs.MultiplicativeLR(a, lambda t: 1 - 1 / (2 + t))
    yield "chained", {}, lambda a: lrs.ChainedScheduler([lrs.ConstantLR(a, 0.1, 20), lrs.ExponentialLR(a, 0.99), lrs.CosineAnnealingLR(a, 700)])
    yield "sequential", {}, lambda a: lrs.SequentialLR(a, [lrs.LinearLR(a, 0.1, 1.0, 20), lrs.CosineAnnealingLR(a, 100), lrs.StepLR(a, 50)], [20, 120])
    yield "sequential_restarts", {}, lambda a: lrs.SequentialLR(a, [lrs.ConstantLR(a, 0.1, 30), lrs.CosineAnnealingWarmRestarts(a, 40), lrs.ExponentialLR(a, 0.9)], [20, 300])


def write_schedules(file):
    for name, options, make_scheduler in schedules():
        parameters = [torch.nn.Parameter(t) for t in tensors(stream())]
        sgd = optim.SGD([{"params": parameters[:1], "lr": 0.1}, {"params": parameters[1:], "lr": 0.25}], momentum=0.9)
        scheduler = make_scheduler(sgd)
        print("case", name, *(f"{k}={v}" for k, v in options.items()), file=file)
        for t in range(501):
            if name == "one_cycle" and t == options["steps"]:
                break                           # PyTorch goes one step past the end of its curve
            if t % 10 < 2 or t in (99, 199, 349, 350, 499):
                print(t, hexes([*(g["lr"] for g in sgd.param_groups), sgd.param_groups[0]["momentum"]]), file=file)
            sgd.step()
            if t < 500:
                scheduler.step(metric(t)) if name == "plateau" else scheduler.step()
        print(file=file)


def main():
    for name, writers in {"optimizers": (write_optimizers, write_lbfgs, write_muon), "schedules": (write_schedules,)}.items():
        with open(FOLDER / f"{name}.txt", "w") as file:
            print(f"# PyTorch {torch.__version__}, by tools/make_optim_goldens.py", end="\n\n", file=file)
            for write in writers:
                write(file)


main()
