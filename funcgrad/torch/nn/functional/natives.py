"""PyTorch's functions of layers check their arguments by the signatures of what they call: so do these.

`BUILTIN` are such functions themselves. Of the others `CALLS` has the function that they call in the end, and what they
give it: their parameters, of which `reduction` becomes a number and `inplace` another function's name. `n*2` is n as a
pair, `n~` has sizes for None, `n!` -1 and `n?` False; `LOOKED_AT` has what they ask their arguments for before that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any

import numpy as np

from funcgrad.core.frames import hide
from funcgrad.core.trace import Tracer
from funcgrad.torch._ops.signatures import Fitting, kind_of, refusal
from funcgrad.torch._record.operands import refuse_traced

BUILTIN = {
    "torch": (
        "adaptive_avg_pool1d avg_pool1d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d "
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
    "adaptive_avg_pool2d": ("nn", "", "input output_size~"),
    "adaptive_avg_pool3d": ("nn", "", "input output_size~"),
    "adaptive_max_pool1d": ("torch", "", "input output_size"),
    "adaptive_max_pool2d": ("nn", "", "input output_size~"),
    "adaptive_max_pool3d": ("nn", "", "input output_size~"),
    "affine_grid": ("torch", "affine_grid_generator", "theta size align_corners?"),
    "alpha_dropout": ("torch", "alpha_dropout", "input p training"),
    "batch_norm": ("torch", "", "input weight bias running_mean running_var training momentum eps True"),
    "binary_cross_entropy_with_logits": ("torch", "", "input target weight pos_weight reduction"),
    "celu": ("torch", "celu", "input alpha"),
    "cosine_embedding_loss": ("torch", "", "input1 input2 target margin reduction"),
    "cross_entropy": ("nn", "cross_entropy_loss", "input target weight reduction ignore_index label_smoothing"),
    "ctc_loss": ("torch", "", "log_probs targets input_lengths target_lengths blank reduction zero_infinity"),
    "dropout": ("torch", "dropout", "input p training"),
    "dropout1d": ("torch", "feature_dropout", "input p training"),
    "dropout2d": ("torch", "feature_dropout", "input p training"),
    "dropout3d": ("torch", "feature_dropout", "input p training"),
    "elu": ("nn", "elu", "input alpha"),
    "embedding": ("torch", "", "weight input padding_idx! scale_grad_by_freq sparse"),
    "feature_alpha_dropout": ("torch", "feature_alpha_dropout", "input p training"),
    "fold": ("nn", "col2im", "input output_size*2 kernel_size*2 dilation*2 padding*2 stride*2"),
    "glu": ("nn", "", "input dim"),
    "grid_sample": ("torch", "grid_sampler", "input grid 0 0 align_corners?"),
    "group_norm": ("torch", "", "input num_groups weight bias eps True"),
    "hardsigmoid": ("nn", "hardsigmoid", "input"),
    "hardswish": ("nn", "hardswish", "input"),
    "hardtanh": ("nn", "hardtanh", "input min_val max_val"),
    "hinge_embedding_loss": ("torch", "", "input target margin reduction"),
    "huber_loss": ("nn", "", "input target reduction delta"),
    "instance_norm": ("torch", "", "input weight bias running_mean running_var use_input_stats momentum eps True"),
    "kl_div": ("torch", "", "input target reduction log_target"),
    "layer_norm": ("torch", "", "input normalized_shape weight bias eps"),
    "leaky_relu": ("nn", "leaky_relu", "input negative_slope"),
    "log_softmax": ("Tensor", "log_softmax", "dim!"),
    "lp_pool1d": ("torch", "avg_pool1d", "input kernel_size stride 0 ceil_mode"),
    "lp_pool2d": ("nn", "avg_pool2d", "input kernel_size stride 0 ceil_mode"),
    "lp_pool3d": ("nn", "avg_pool3d", "input kernel_size stride 0 ceil_mode"),
    "margin_ranking_loss": ("torch", "", "input1 input2 target margin reduction"),
    "max_pool1d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "max_pool2d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "max_pool3d": ("torch", "", "input kernel_size stride padding dilation ceil_mode"),
    "mish": ("nn", "mish", "input"),
    "multi_margin_loss": ("nn", "", "input target p margin weight reduction"),
    "multilabel_margin_loss": ("nn", "", "input target reduction"),
    "nll_loss": ("nn", "nll_loss_nd", "input target weight reduction ignore_index"),
    "pad": ("nn", "", "input pad mode value"),
    "poisson_nll_loss": ("torch", "", "input target log_input full eps reduction"),
    "relu": ("torch", "relu", "input"),
    "relu6": ("nn", "relu6", "input"),
    "rms_norm": ("torch", "", "input normalized_shape weight eps"),
    "rrelu": ("torch", "rrelu", "input lower upper training"),
    "selu": ("torch", "selu", "input"),
    "silu": ("nn", "silu", "input"),
    "smooth_l1_loss": ("nn", "", "input target reduction beta"),
    "soft_margin_loss": ("nn", "", "input target reduction"),
    "softmax": ("Tensor", "softmax", "dim!"),
    "softmin": ("Tensor", "softmax", "dim!"),
    "threshold": ("torch", "threshold", "input threshold value"),
    "triplet_margin_loss": ("torch", "", "anchor positive negative margin p eps swap reduction"),
    "unfold": ("nn", "im2col", "input kernel_size*2 dilation*2 padding*2 stride*2"),
}  # fmt: skip
NATIVES = dict.fromkeys([
    *((owner, OTHER_NAMES.get(name, name)) for owner, names in BUILTIN.items() for name in names.split()),
    *((owner, native or name) for name, (owner, native, _) in CALLS.items()),
])
"""The functions whose signatures are kept (tests/torch/signatures.py)."""
LOOKED_AT = {
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool2d"), "input.size"),
    **dict.fromkeys(("adaptive_max_pool3d", "instance_norm", "max_unpool1d", "max_unpool2d"), "input.size"),
    **dict.fromkeys(("dropout1d", "dropout2d", "dropout3d", "glu", "group_norm", "local_response_norm"), "input.dim"),
    **dict.fromkeys(("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss"), "target.size input.size"),
    **dict.fromkeys(("binary_cross_entropy", "binary_cross_entropy_with_logits"), "target.size input.size"),
    **dict.fromkeys(("lp_pool1d", "lp_pool2d", "lp_pool3d"), "input.pow"),
    "embedding_bag": "weight.dtype",
    "log_softmax": "input.log_softmax",
    "margin_ranking_loss": "input1.dim input2.dim target.dim",
    "normalize": "input.norm",
    "softmax": "input.softmax",
    "softsign": "input.abs",
    "tanhshrink": "input.tanh",
    "triplet_margin_with_distance_loss": "anchor.ndim positive.ndim negative.ndim",
}
REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
CONSTANTS = {"True": True, "0": 0}
BY_NAME = ("log_target",)

Refusal = Callable[[Any, Mapping[str, Any]], Exception | None]
"""PyTorch's error for the arguments of a call, if there is one."""


def checked(names: Mapping[str, Any]) -> dict[str, Any]:
    """The public functions among a module's names, which refuse arguments in PyTorch's words."""
    functions = {n: f for n, f in names.items() if n[0] != "_" and inspect.isfunction(f)}
    builtin = {name: owner for owner, listed in BUILTIN.items() for name in listed.split()}
    return {name: _checked(f, _refusal_of(name, f, builtin)) for name, f in functions.items()}


def _refusal_of(name: str, fun: Callable[..., Any], builtin: Mapping[str, str]) -> Refusal:
    if name in builtin:
        return lambda args, options: _error(refusal(builtin[name], OTHER_NAMES.get(name, name), args, options))
    if name not in CALLS and name not in LOOKED_AT:
        return lambda args, options: None
    owner, native, order = CALLS.get(name, ("", "", ""))

    def of_call(args: Any, options: Mapping[str, Any]) -> Exception | None:
        try:
            given = _signature(fun).bind(*args, **options)
        except TypeError:  # which is raised by the call too
            return None
        given.apply_defaults()
        if lacking := _lacking(LOOKED_AT.get(name, ""), given.arguments):
            return lacking
        reduction = given.arguments.get("reduction", "")
        values = {**given.arguments, "reduction": REDUCTIONS.get(reduction, 0) if type(reduction) is str else 0}
        end = "_" if given.arguments.get("inplace") is True and not native.startswith("feature_drop") else ""
        by_name = {n: values[n] for n in order.split() if n in BY_NAME}
        ordered = [_argument(n, values) for n in order.split() if n not in by_name]
        return _error(refusal(owner, (native or name) + end, ordered, by_name))

    return of_call


def _error(unfit: str) -> TypeError | None:
    return TypeError(unfit) if unfit else None


def _lacking(looked_at: str, given: Mapping[str, Any]) -> AttributeError | None:
    """Python's error for an argument that has not what is asked of it."""
    for each in looked_at.split():
        name, attribute = each.split(".")
        if not hasattr(given[name], attribute):
            return AttributeError(f"'{kind_of(given[name])}' object has no attribute '{attribute}'")
    return None


def _argument(written: str, values: Mapping[str, Any]) -> Any:
    """What a function of PyTorch's gives another one, of how `CALLS` has it."""
    if written in CONSTANTS:
        return CONSTANTS[written]
    name, mark = written.rstrip("~!?"), written[-1]
    name, _, times = name.partition("*")
    x = values[name]
    if mark == "~":
        return [1 if n is None else n for n in x] if isinstance(x, (tuple, list)) else x
    if mark in "!?":
        return (-1 if mark == "!" else False) if x is None else x
    return (x,) * int(times) if times and not isinstance(x, Iterable) else x


@cache
def _signature(fun: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(fun)


def _checked(fun: Callable[..., Any], refused: Refusal) -> Callable[..., Any]:
    """The function; types of arguments that were let through once are not looked at again while calls succeed."""
    fitting = Fitting()

    @wraps(fun)
    def apply(*args: Any, **options: Any) -> Any:
        try:
            kinds: Any = tuple([type(x) if type(x) not in (tuple, list) else (type(x), *map(type, x)) for x in args])
            if options:
                kinds = (*kinds, *options, *map(type, options.values()))
            if kinds not in fitting.kinds:
                given = (*args, *options.values())
                if not any(isinstance(x, Tracer) for x in given) and (unfit := refused(args, options)):
                    raise unfit
                if any(isinstance(x, np.number) for x in given):
                    args, options = tuple(map(_plain, args)), {n: _plain(x) for n, x in options.items()}
                else:
                    fitting.kinds.add(kinds)
            try:
                return fun(*args, **options)
            except Exception as error:
                if isinstance(error, (TypeError, AttributeError)):
                    refuse_traced(*args, *options.values())
                if (unfit := refused(args, options)) and str(unfit) != str(error):
                    raise unfit from None
                raise
        except Exception as error:
            hide(error)
            raise

    return apply


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.number) else x
