"""PyTorch's functions of layers check their arguments by the signatures of what they call: so do these.

`BUILTIN` are such functions themselves. Of the others `CALLS` has the function that they call in the end, and what they
give it: their parameters, of which `reduction` becomes a number and `inplace` another function's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any

import numpy as np

from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.signatures import Fitting, refusal

BUILTIN = {
    "torch": (
        "adaptive_avg_pool1d avg_pool1d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_transpose1d "
        "conv_transpose2d conv_transpose3d cosine_similarity hardshrink pairwise_distance pdist pixel_shuffle "
        "pixel_unshuffle prelu relu_ rrelu_ selu_ threshold_"
    ),
    "nn": (
        "avg_pool2d avg_pool3d elu_ gelu hardtanh_ leaky_relu_ linear logsigmoid one_hot scaled_dot_product_attention "
        "softplus softshrink"
    ),
}
OTHER_NAMES = {"logsigmoid": "log_sigmoid"}
CALLS = {
    "alpha_dropout": ("torch", "alpha_dropout", "input p training"),
    "binary_cross_entropy_with_logits": ("torch", "", "input target weight pos_weight reduction"),
    "celu": ("torch", "celu", "input alpha"),
    "cosine_embedding_loss": ("torch", "", "input1 input2 target margin reduction"),
    "cross_entropy": ("nn", "cross_entropy_loss", "input target weight reduction ignore_index label_smoothing"),
    "dropout": ("torch", "dropout", "input p training"),
    "elu": ("nn", "elu", "input alpha"),
    "hardsigmoid": ("nn", "hardsigmoid", "input"),
    "hardswish": ("nn", "hardswish", "input"),
    "hardtanh": ("nn", "hardtanh", "input min_val max_val"),
    "hinge_embedding_loss": ("torch", "", "input target margin reduction"),
    "kl_div": ("torch", "", "input target reduction"),
    "layer_norm": ("torch", "", "input normalized_shape weight bias eps"),
    "leaky_relu": ("nn", "leaky_relu", "input negative_slope"),
    "max_pool1d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "max_pool2d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "max_pool3d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "mish": ("nn", "mish", "input"),
    "nll_loss": ("nn", "nll_loss_nd", "input target weight reduction ignore_index"),
    "pad": ("nn", "", "input pad mode value"),
    "poisson_nll_loss": ("torch", "", "input target log_input full eps reduction"),
    "relu": ("torch", "relu", "input"),
    "relu6": ("nn", "relu6", "input"),
    "rms_norm": ("torch", "", "input normalized_shape weight eps"),
    "selu": ("torch", "selu", "input"),
    "silu": ("nn", "silu", "input"),
    "soft_margin_loss": ("nn", "", "input target reduction"),
    "threshold": ("torch", "threshold", "input threshold value"),
    "triplet_margin_loss": ("torch", "", "anchor positive negative margin p eps swap reduction"),
}  # fmt: skip
NATIVES = [
    *((owner, OTHER_NAMES.get(name, name)) for owner, names in BUILTIN.items() for name in names.split()),
    *((owner, native or name) for name, (owner, native, _) in CALLS.items()),
]
"""The functions whose signatures are kept (tests/torch/signatures.py)."""
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}

Refusal = Callable[[Any, Mapping[str, Any]], str]
"""PyTorch's error for the arguments of a call, "" if there is none."""


def checked(names: Mapping[str, Any]) -> dict[str, Any]:
    """The public functions among a module's names, which refuse arguments in PyTorch's words."""
    functions = {n: f for n, f in names.items() if n[0] != "_" and inspect.isfunction(f)}
    builtin = {name: owner for owner, listed in BUILTIN.items() for name in listed.split()}
    return {name: _checked(f, _refusal_of(name, f, builtin)) for name, f in functions.items()}


def _refusal_of(name: str, fun: Callable[..., Any], builtin: Mapping[str, str]) -> Refusal:
    if name in builtin:
        return lambda args, options: refusal(builtin[name], OTHER_NAMES.get(name, name), args, options)
    if name not in CALLS:
        return lambda args, options: ""
    owner, native, order = CALLS[name]

    def of_call(args: Any, options: Mapping[str, Any]) -> str:
        try:
            given = _signature(fun).bind(*args, **options)
        except TypeError:  # which is raised by the call too
            return ""
        given.apply_defaults()
        values = {**given.arguments, "reduction": REDUCTIONS.get(given.arguments.get("reduction", ""), 0)}
        end = "_" if given.arguments.get("inplace") is True else ""
        return refusal(owner, (native or name) + end, [values[n] for n in order.split()], {})

    return of_call


@cache
def _signature(fun: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(fun)


def _checked(fun: Callable[..., Any], refused: Refusal) -> Callable[..., Any]:
    """The function; types of arguments that were let through once are not looked at again while calls succeed."""
    fitting = Fitting()

    @wraps(fun)
    def apply(*args: Any, **options: Any) -> Any:
        kinds = (*map(type, args), *options, *map(type, options.values())) if options else tuple(map(type, args))
        if kinds not in fitting.kinds:
            given = (*args, *options.values())
            if not any(isinstance(x, Tracer) for x in given) and (unfit := refused(args, options)):
                raise TypeError(unfit)
            if any(isinstance(x, np.number) for x in given):
                args, options = tuple(map(_plain, args)), {n: _plain(x) for n, x in options.items()}
            else:
                fitting.kinds.add(kinds)
        try:
            return fun(*args, **options)
        except Exception as error:
            if (unfit := refused(args, options)) and unfit != str(error):
                raise TypeError(unfit) from None
            raise

    return apply


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.number) else x
