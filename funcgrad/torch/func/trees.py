"""Between trees of Tensors and trees of values: how a function of Tensors is given to funcgrad's transformations.

Inside, a Tensor holds a traced value. Transformations nest as funcgrad's do, with `backward` around them too: what
they compute from recorded values is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from funcgrad import tree
from funcgrad.core.trace import Tracer
from funcgrad.torch._record.modes import enable_grad, mode
from funcgrad.torch._record.tape import constant
from funcgrad.torch._tensor.storage import inside
from funcgrad.torch._tensor.tensor import Tensor, fresh


def values_of(x: Any) -> Any:
    """A tree of Tensors as one of values; constants where recording is off."""
    return tree.map(_value_of, x)


def _value_of(t: Any) -> Any:
    if not isinstance(t, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
    return t._read() if mode.enabled else constant(t._read())


def tensors_of(x: Any) -> Any:
    """A tree of values as one of Tensors."""
    return tree.map(lambda v: fresh(v if isinstance(v, Tracer) else np.asarray(v)), x)


def outputs_of(out: Any, refused: str) -> Any:
    """The values of what a function returned; RuntimeError where that is not only Tensors."""
    for leaf in tree.leaves(out):
        if not isinstance(leaf, Tensor):
            raise RuntimeError(refused.format(type(leaf)))
    return tree.map(lambda t: t._read(), out)


def recording(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call with recording on: `no_grad` around a transformation does not make its derivatives zero.

    What comes back is then a constant.
    """
    if mode.enabled:
        with inside():
            return fun(*args, **kwargs)
    with enable_grad(), inside():
        out = fun(*args, **kwargs)
    return tree.map(lambda v: constant(v) if isinstance(v, Tracer) else v, out)
