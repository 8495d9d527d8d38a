"""Functions of vectors, by `numba.guvectorize`: their source writes its results into its last arguments."""

from __future__ import annotations

import re
from functools import update_wrapper
from typing import Any

import numpy as np

import funcgrad.numpy as fnp
from funcgrad.from_numba.twins import Running


class Generalised:
    """What is traced in place of one: the source for each of the vectors, which other axes are made of."""

    def __init__(self, compiled: Any) -> None:
        builder = compiled.gufunc_builder
        update_wrapper(self, builder.py_func, updated=())
        self.compiled = compiled
        self._source = Running(builder.py_func)
        inputs, outputs = builder.signature.replace(" ", "").split("->")
        self._ins = [_names(part) for part in re.findall(r"\(.*?\)", inputs)]
        self._outs = [_names(part) for part in re.findall(r"\(.*?\)", outputs)]
        types = builder._sigs[0].args if builder._sigs else ()
        self._arrays = [getattr(t, "ndim", 0) > 0 for t in types] or [bool(names) for names in self._ins]
        self._dtypes = [np.dtype(str(t.dtype)) for t in types[len(self._ins) :]]
        signature = f"{inputs}->{outputs}"
        self._each = fnp.vectorize(self._one, signature=signature)

    def __call__(self, *args: Any, **options: Any) -> Any:
        given = len(self._ins)
        outs = args[given:] or ((options.pop("out"),) if "out" in options else ())
        if options:
            raise TypeError(f"`{self.__name__}` of a traced value does not take {', '.join(options)}")  # type: ignore[attr-defined]
        y = self._each(*args[:given])
        for out, value in zip(outs, y if len(self._outs) > 1 else (y,)):
            out[...] = value
        return y

    def _one(self, *xs: Any) -> Any:
        """The results for one vector of each argument."""
        sizes = {name: n for names, x in zip(self._ins, xs) for name, n in zip(names, np.shape(x))}
        common = np.result_type(float, *[x.dtype for x in xs])
        outs = []
        for i, names in enumerate(self._outs):
            dtype = self._dtypes[i] if self._dtypes else common
            outs.append(fnp.zeros(tuple([sizes[name] for name in names]) or (1,), dtype))
        whole = [fnp.reshape(x, (1,)) if a and not np.shape(x) else x for x, a in zip(xs, self._arrays)]
        self._source(*whole, *outs)
        results = [out if names else out[0] for out, names in zip(outs, self._outs)]
        return tuple(results) if len(results) > 1 else results[0]


def _names(part: str) -> list[str]:
    return [name for name in part.strip("()").split(",") if name]
