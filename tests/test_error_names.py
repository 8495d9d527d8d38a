"""JAX's names of errors: what is caught by them there is caught by them here."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import errors

X = np.array([3.0, 1.0, 2.0])
LEAKED = []


def leaking(x):
    LEAKED[:] = [x]
    return x


def use_of_leaked(transform):
    transform(leaking)(2.0)
    return LEAKED[0] + 1.0


CASES = {
    "bool": ("TracerBoolConversionError ConcretizationTypeError", lambda: fg.jit(lambda x: x if x > 0 else -x)(1.0)),
    "float": ("ConcretizationTypeError", lambda: fg.jit(lambda x: float(x) * x)(1.0)),
    "float under grad": ("ConcretizationTypeError", lambda: fg.grad(lambda x: float(x) * x)(1.0)),
    "int": ("ConcretizationTypeError", lambda: fg.jit(lambda x: int(x) * x)(1.0)),
    "item": ("ConcretizationTypeError", lambda: fg.jit(lambda x: x.item() * x)(1.0)),
    "array": ("TracerArrayConversionError", lambda: fg.jit(lambda x: np.asarray(x) * x)(1.0)),
    "array under grad": ("TracerArrayConversionError", lambda: fg.grad(lambda x: np.asarray(x) * x)(1.0)),
    "array under vmap": ("TracerArrayConversionError", lambda: fg.vmap(lambda x: np.asarray(x) * x)(X)),
    "index": ("TracerIntegerConversionError", lambda: fg.jit(lambda i: [1.0, 2.0][i])(1)),
    "range": ("TracerIntegerConversionError", lambda: fg.jit(lambda n: sum(1.0 for _ in range(n)))(3)),
    "mask": ("NonConcreteBooleanIndexError JAXIndexError JAXTypeError", lambda: fg.jit(lambda x: x[x > 0])(X)),
    "leak": ("UnexpectedTracerError JAXTypeError", lambda: use_of_leaked(fg.jit)),
    "leak of grad": ("UnexpectedTracerError", lambda: use_of_leaked(fg.grad)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_caught_by_jaxs_name(case):
    names, run = CASES[case]
    for name in names.split():
        with pytest.raises(getattr(errors, name)):
            run()


def test_none_is_caught_by_the_name_of_another():
    narrow = ["TracerBoolConversionError", "TracerArrayConversionError", "TracerIntegerConversionError"]
    narrow += ["NonConcreteBooleanIndexError", "UnexpectedTracerError"]
    for names, run in CASES.values():
        with pytest.raises((TypeError, RuntimeError)) as caught:
            run()
        found = {name for name in narrow if isinstance(caught.value, getattr(errors, name))}
        assert found == {name for name in names.split() if name in narrow}
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value) and str(again) == str(caught.value)


def test_a_mask_is_an_index_error_as_in_jax():
    assert issubclass(errors.NonConcreteBooleanIndexError, IndexError)
    assert issubclass(errors.TracerConversionError, TypeError) and issubclass(errors.ConcretizationError, TypeError)
