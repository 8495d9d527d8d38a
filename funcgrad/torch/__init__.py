"""PyTorch's tensors over funcgrad: `import funcgrad.torch as torch`.

Values are NumPy's, derivatives funcgrad's; names, dtypes, errors and the rules of `requires_grad`, `grad`,
`backward` and writing in place are PyTorch's. `to_functional` leads from a function of Tensors to
`funcgrad.grad`.
"""

import math as _math
from builtins import bool as _bool
from typing import Any as _Any

from funcgrad.torch import autograd as autograd
from funcgrad.torch._ops import methods as _methods  # attaches the methods of Tensor
from funcgrad.torch._ops.create import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    tril_indices,
    triu_indices,
    zeros,
    zeros_like,
)
from funcgrad.torch._ops.pointwise import (
    abs,
    absolute,
    acos,
    acosh,
    add,
    allclose,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    ceil,
    clamp,
    clip,
    clone,
    copysign,
    cos,
    cosh,
    deg2rad,
    div,
    divide,
    eq,
    equal,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    frac,
    ge,
    gt,
    hypot,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    masked_fill,
    maximum,
    minimum,
    mul,
    multiply,
    ne,
    neg,
    negative,
    pow,
    rad2deg,
    reciprocal,
    relu,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    sub,
    subtract,
    tan,
    tanh,
    true_divide,
    trunc,
    where,
)
from funcgrad.torch._ops.products import addmm, bmm, dot, einsum, matmul, mm, mv, outer
from funcgrad.torch._ops.random import (
    Generator,
    initial_seed,
    manual_seed,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
)
from funcgrad.torch._ops.reduce import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    argsort,
    cumprod,
    cumsum,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    softmax,
    sort,
    std,
    sum,
    topk,
    var,
)
from funcgrad.torch._ops.shape import (
    broadcast_to,
    cat,
    chunk,
    concat,
    concatenate,
    diag,
    diagonal,
    flatten,
    flip,
    gather,
    index_select,
    masked_select,
    narrow,
    nonzero,
    permute,
    repeat_interleave,
    reshape,
    roll,
    scatter,
    scatter_add,
    select,
    split,
    squeeze,
    stack,
    t,
    trace,
    transpose,
    tril,
    triu,
    unbind,
    unsqueeze,
)
from funcgrad.torch._pass.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from funcgrad.torch._pass.functional import to_functional as to_functional
from funcgrad.torch._record.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from funcgrad.torch._tensor.devices import Device as device
from funcgrad.torch._tensor.dtypes import (
    bool,
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    dtype,
    finfo,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from funcgrad.torch._tensor.dtypes import of as _of
from funcgrad.torch._tensor.dtypes import result_type as _result_type
from funcgrad.torch._tensor.saving import load, save
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor

swapaxes = transpose
e, inf, nan, pi = _math.e, _math.inf, _math.nan, _math.pi
__version__ = "2.13.0+funcgrad"


def is_tensor(obj: _Any) -> _bool:
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> _bool:
    return input.is_floating_point()


def numel(input: Tensor) -> _Any:
    return input.numel()


def result_type(a: _Any, b: _Any) -> dtype:
    """The dtype of an operation on two tensors or numbers."""
    return _of(_result_type(*(x._read() if isinstance(x, Tensor) else x for x in (a, b))))
