"""SciPy's `interpolate`: interpolators in one dimension and on grids, differentiable in points, values and grid.

The classes are SciPy's own, made to hold traced values. Made of plain arrays and called with plain points they are
SciPy's objects, with SciPy's numbers; everything else runs here, in double precision as there.
"""

from __future__ import annotations

import typing as _typing

from funcgrad.core.entrance import entrances as _entrances
from funcgrad.names import tells_nearest as _tells_nearest
from funcgrad.scipy.interpolate.grids import RegularGridInterpolator, interpn
from funcgrad.scipy.interpolate.lines import interp1d
from funcgrad.scipy.interpolate.piecewise import (
    Akima1DInterpolator,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    PPoly,
)
from funcgrad.scipy.interpolate.splines import BSpline, make_interp_spline

globals().update(_entrances(globals()))
__all__ = [
    "Akima1DInterpolator",
    "BSpline",
    "CubicHermiteSpline",
    "CubicSpline",
    "PPoly",
    "PchipInterpolator",
    "RegularGridInterpolator",
    "interp1d",
    "interpn",
    "make_interp_spline",
]


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:  # a checker shall see that a name does not exist
    __getattr__ = _tells_nearest(__name__, __all__, "scipy.interpolate")
