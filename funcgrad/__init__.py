"""Gradients of NumPy code: `grad`, `vjp`, `jvp`, `vmap`, `jit` over pure functions, on plain arrays.

    import funcgrad as fg
    import funcgrad.numpy as fnp

Also: `explain` says why a gradient is missing, zero or NaN; `pure_callback`, `io_callback` and `debug` call Python from
programs; `funcgrad.numpy` has NumPy's names, `funcgrad.lax`, `funcgrad.nn` and `funcgrad.random` JAX's,
`funcgrad.scipy` SciPy's, `funcgrad.torch` PyTorch's tensors; `funcgrad.kernels` has functions for numba's `njit` code;
`funcgrad.test_util` checks numerically.

`dir(fg)` has the public names; what `help` lists as PACKAGE CONTENTS are all files of the folder.
"""

import sys as _sys
import typing as _typing
from importlib import import_module as _import_module

if "__version__" not in globals():  # no reload: what an interrupted import has left would be in the way
    for _name in [name for name in _sys.modules if name.startswith("funcgrad.")]:
        del _sys.modules[_name]

from funcgrad import ad_checkpoint as ad_checkpoint
from funcgrad import debug as debug
from funcgrad import errors as errors
from funcgrad import from_numba as _from_numba
from funcgrad import lax as lax
from funcgrad import numpy as numpy
from funcgrad import ops as ops
from funcgrad import tree as tree
from funcgrad.compile.jit import jit as jit
from funcgrad.config import config as config
from funcgrad.config import debug_nans as debug_nans
from funcgrad.config import disable_jit as disable_jit
from funcgrad.core.avals import ShapeDtypeStruct as ShapeDtypeStruct
from funcgrad.core.entrance import entrance as _entrance
from funcgrad.core.entrance import entrances as _entrances
from funcgrad.core.graph import Graph as Graph
from funcgrad.flatten_util import ravel_pytree as ravel_pytree
from funcgrad.lax import stop_gradient as stop_gradient
from funcgrad.names import missing as _missing
from funcgrad.names import public_names as _public_names
from funcgrad.transforms import policies as checkpoint_policies
from funcgrad.transforms.api import grad as grad
from funcgrad.transforms.api import jvp as jvp
from funcgrad.transforms.api import linear_transpose as linear_transpose
from funcgrad.transforms.api import linearize as linearize
from funcgrad.transforms.api import value_and_grad as value_and_grad
from funcgrad.transforms.api import vjp as vjp
from funcgrad.transforms.callbacks import io_callback as io_callback
from funcgrad.transforms.callbacks import pure_callback as pure_callback
from funcgrad.transforms.custom import closure_convert as closure_convert
from funcgrad.transforms.custom import custom_gradient as custom_gradient
from funcgrad.transforms.custom import custom_jvp as custom_jvp
from funcgrad.transforms.custom import custom_vjp as custom_vjp
from funcgrad.transforms.dense import elementwise_grad as elementwise_grad
from funcgrad.transforms.dense import hessian as hessian
from funcgrad.transforms.dense import hvp as hvp
from funcgrad.transforms.dense import jacfwd as jacfwd
from funcgrad.transforms.dense import jacobian as jacobian
from funcgrad.transforms.dense import jacrev as jacrev
from funcgrad.transforms.explain import explain as explain
from funcgrad.transforms.remat import checkpoint as checkpoint
from funcgrad.transforms.remat import remat as remat
from funcgrad.transforms.staging import eval_shape as eval_shape
from funcgrad.transforms.staging import make_graph as make_graph
from funcgrad.transforms.vmap import vmap as vmap
from funcgrad.tree import register_dataclass as register_dataclass
from funcgrad.tree import register_pytree_node as register_pytree_node

__version__ = "0.1.0"


_LATER = ("kernels", "nn", "random", "scipy", "test_util", "torch", "tree_util")
"""What is imported when it is asked for, as few programs need it."""
_INSTEAD = {
    **dict.fromkeys(("tree_map", "tree_multimap"), "fg.tree.map"),
    "make_jaxpr": "fg.make_graph",
    "pmap": "fg.vmap",
    "Array": "numpy.ndarray",
    "typing": "numpy.typing",
    "enable_x64": "float64, which all numbers are unless they come as float32",
    "clear_caches": "f.clear_cache() of a jitted function",
    "named_scope": "fg.explain, which names lines",
    "experimental": "fg.io_callback, funcgrad.scipy.integrate.odeint, funcgrad.scipy.sparse.linalg",
    "image": "funcgrad.scipy.ndimage.zoom",
    "devices": "code for one device: arrays are NumPy's, in the CPU's memory",
    **dict.fromkeys(("device_put", "device_get", "block_until_ready"), "x as it is: arrays are NumPy's"),
    **dict.fromkeys(("make_vjp", "vector_jacobian_product"), "fg.vjp"),
    **dict.fromkeys(("make_jvp", "jacobian_vector_product"), "fg.jvp"),
    **dict.fromkeys(("hessian_vector_product", "make_hvp"), "fg.hvp"),
    "grad_and_aux": "fg.grad(f, has_aux=True)",
    **dict.fromkeys(("multigrad_dict", "grad_named"), "fg.grad, of a dict"),
    **dict.fromkeys(("primitive", "extend"), "fg.custom_vjp"),
}
"""Names of JAX's and autograd's, and what there is in their place."""


if _typing.TYPE_CHECKING:
    from funcgrad import kernels as kernels
    from funcgrad import nn as nn
    from funcgrad import random as random
    from funcgrad import scipy as scipy
    from funcgrad import test_util as test_util
    from funcgrad import torch as torch
    from funcgrad import tree_util as tree_util
    from funcgrad.from_numba.scalars import elementwise as elementwise


def _later(name: str) -> _typing.Any:
    if name in _LATER:
        return _import_module(f"funcgrad.{name}")
    if name == "elementwise":  # a tenth of the time that importing all of this takes
        globals()[name] = _entrance(_import_module("funcgrad.from_numba.scalars").elementwise)
        return globals()[name]
    raise AttributeError(_missing("module 'funcgrad'", name, __dir__(), instead=_INSTEAD), name=name)


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _later

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "elementwise")

_PACKAGES = ("ad_checkpoint", "checkpoint_policies", "debug", "errors", "flatten_util", "lax", "numpy", "ops", "tree")
"""Not in `__all__`: `from funcgrad import *` must not put our `numpy` or `torch` in the place of others."""


def __dir__() -> list[str]:
    return [*__all__, *_PACKAGES, *_LATER, "__version__"]
