"""NumPy's namespace, differentiable. Each function takes NumPy's arguments.

On plain arrays NumPy itself runs. NumPy's own functions come here with traced values: `np.sum(x)`.
Names of NumPy that are missing have no derivative, or none yet. Each module lists its names in `__all__`.
"""

from funcgrad.numpy import fft as fft
from funcgrad.numpy import linalg as linalg
from funcgrad.numpy import operators as operators
from funcgrad.numpy.contractions import *  # noqa: F403  (dot, matmul, einsum, ...)
from funcgrad.numpy.creation import *  # noqa: F403  (array, full, linspace, meshgrid, ...)
from funcgrad.numpy.elementwise import *  # noqa: F403  (the universal functions, clip, round, ...)
from funcgrad.numpy.indexing import *  # noqa: F403  (where, take, sort, ..., at)
from funcgrad.numpy.reductions import *  # noqa: F403  (sum, max, any, argmax, cumsum, diff, ...)
from funcgrad.numpy.reexported import *  # noqa: F403  (pi, float32, zeros, arange, ...)
from funcgrad.numpy.shaping import *  # noqa: F403  (reshape, stack, pad, tile, diag, ...)
from funcgrad.numpy.statistics import *  # noqa: F403  (mean, var, median, nansum, ...)
