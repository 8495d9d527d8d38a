"""NumPy's namespace, differentiable. Each function takes NumPy's arguments.

On plain arrays NumPy itself runs. NumPy's own functions come here with traced values: `np.sum(x)`.
Names of NumPy that are missing have no derivative, or none yet. Each module lists its names in `__all__`.
"""

import typing as _typing

from numpy import __array_api_version__ as __array_api_version__
from numpy import __array_namespace_info__ as __array_namespace_info__

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import public_names as _public_names
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.numpy import fft as fft
from funcgrad.numpy import linalg as linalg
from funcgrad.numpy import methods as methods
from funcgrad.numpy.applying import *  # noqa: F403  (vectorize, apply_along_axis, piecewise, ...)
from funcgrad.numpy.compositions import *  # noqa: F403  (clip, round, isclose, ...)
from funcgrad.numpy.contractions import *  # noqa: F403  (dot, matmul, einsum, convolve, ...)
from funcgrad.numpy.creation import *  # noqa: F403  (array, full, linspace, meshgrid, ...)
from funcgrad.numpy.differences import *  # noqa: F403  (gradient, unwrap)
from funcgrad.numpy.editing import *  # noqa: F403  (insert, delete, append, ...)
from funcgrad.numpy.elementwise import *  # noqa: F403  (the universal functions)
from funcgrad.numpy.grids import *  # noqa: F403  (r_, c_, logspace, ...)
from funcgrad.numpy.histograms import *  # noqa: F403  (histogram, bincount, digitize, ...)
from funcgrad.numpy.indexing import *  # noqa: F403  (where, take, sort, ...)
from funcgrad.numpy.integers import *  # noqa: F403  (packbits, unravel_index, lexsort, ...)
from funcgrad.numpy.joining import *  # noqa: F403  (concatenate, stack, split, ...)
from funcgrad.numpy.padding import *  # noqa: F403  (pad)
from funcgrad.numpy.places import *  # noqa: F403  (at)
from funcgrad.numpy.polynomials import *  # noqa: F403  (polyval, polyfit, roots, ...)
from funcgrad.numpy.quantiles import *  # noqa: F403  (median, quantile, percentile, ...)
from funcgrad.numpy.reductions import *  # noqa: F403  (sum, max, any, argmax, cumsum, diff, ...)
from funcgrad.numpy.reexported import *  # noqa: F403  (pi, float32, zeros, arange, ...)
from funcgrad.numpy.sets import *  # noqa: F403  (unique, isin, union1d, ...)
from funcgrad.numpy.shaping import *  # noqa: F403  (reshape, moveaxis, tile, diag, ...)
from funcgrad.numpy.statistics import *  # noqa: F403  (mean, var, cov, nansum, ...)

globals().update(_entrances(globals()))
__all__ = _public_names(globals(), "fft", "linalg")
if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "numpy")


def __dir__() -> list[str]:
    return __all__
