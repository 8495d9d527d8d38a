"""Functions compiled by numba: they are traced through their source. This package never imports numba."""

from importlib import import_module

from funcgrad.core.arrivals import await_package


def _prepare() -> None:
    import_module("funcgrad.from_numba.met").prepare()


await_package("numba", "njit", _prepare)
