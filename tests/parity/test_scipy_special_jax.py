"""`scipy.special` gives JAX's values, gradients, tangents and second derivatives, for all names that both have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import special

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
theirs = pytest.importorskip("jax.scipy.special")
pytestmark = pytest.mark.jax

ANY = np.array([-2.6, -0.7, 0.4, 1.9])
POSITIVE = np.array([0.3, 1.3, 2.4, 5.5])
OTHER = np.array([0.6, 2.1, 0.9, 4.0])
UNIT = np.array([0.15, 0.4, 0.7, 0.8])
OUTSIDE = np.array([0.3, 0.6, 2.4, 5.5])
"""JAX's derivative of `spence` is NaN between 1 and 2."""
ORDERS = np.array([1, 2, 3, 5])
# fmt: off
ROWS: dict[str, tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]] = {
    # arguments without a derivative there, and with one
    "beta": ((), (POSITIVE, OTHER)), "betaln": ((), (POSITIVE, OTHER)), "betainc": ((POSITIVE, OTHER), (UNIT,)),
    "digamma": ((), (POSITIVE,)), "entr": ((), (POSITIVE,)), "erf": ((), (ANY,)), "erfc": ((), (ANY,)),
    "erfinv": ((), (UNIT,)), "exp1": ((), (POSITIVE,)), "expi": ((), (ANY,)), "expit": ((), (ANY,)),
    "expn": ((ORDERS,), (POSITIVE,)), "factorial": ((), (POSITIVE,)), "gamma": ((), (ANY,)),
    "gammainc": ((), (POSITIVE, OTHER)), "gammaincc": ((), (POSITIVE, OTHER)), "gammaln": ((), (POSITIVE,)),
    "gammasgn": ((), (ANY,)), "hyp1f1": ((POSITIVE, OTHER), (UNIT,)),
    "hyp2f1": ((POSITIVE, OTHER, 1.5 + POSITIVE), (UNIT / 2,)), "i0": ((), (ANY,)), "i0e": ((), (ANY,)),
    "i1": ((), (ANY,)), "i1e": ((), (ANY,)), "kl_div": ((), (POSITIVE, OTHER)), "log_ndtr": ((), (ANY,)),
    "log_softmax": ((), (ANY,)), "loggamma": ((), (POSITIVE,)), "logit": ((), (UNIT,)), "logsumexp": ((), (ANY,)),
    "ndtr": ((), (ANY,)), "ndtri": ((), (UNIT,)), "owens_t": ((), (ANY, POSITIVE)), "poch": ((POSITIVE,), (OTHER,)),
    "polygamma": ((ORDERS,), (POSITIVE,)), "rel_entr": ((), (POSITIVE, OTHER)), "softmax": ((), (ANY,)),
    "spence": ((), (OUTSIDE,)), "xlog1py": ((), (ANY, OTHER)), "xlogy": ((), (ANY, OTHER)),
    "zeta": ((1 + POSITIVE,), (OTHER,)), "boxcox": ((), (POSITIVE, ANY)), "dawsn": ((), (ANY,)), "erfcx": ((), (ANY,)),
}
# fmt: on


SLOW = "JAX compiles it for several seconds"
FIRST_ORDER_ONLY = {
    "exp1": "JAX's rule fails when it is differentiated",
    "expn": "JAX's rule fails when it is differentiated",
    "hyp2f1": SLOW,
    "gammainc": "JAX has no second derivative in a",
    "gammaincc": "JAX has no second derivative in a",
    "beta": SLOW, "betaln": SLOW, "poch": SLOW, "zeta": SLOW,
}  # fmt: skip


def compare(
    ours: Callable[..., Any], jaxs: Callable[..., Any], args: tuple[np.ndarray, ...], rtol: float, second: bool = True
) -> None:
    along = tuple(np.cos(1.0 + i + np.arange(4.0)) for i in range(len(args)))

    def everything(of: Any, fun: Callable[..., Any], args: Any) -> list[Any]:
        gradient = of.grad(lambda *xs: (fun(*xs) * along[0]).sum(), tuple(range(len(args))))
        again = of.jvp(gradient, args, along)[1] if second else gradient(*args)
        return [fun(*args), of.jvp(fun, args, along)[1], *gradient(*args), *again]

    expected = jax.jit(partial(everything, jax, jaxs))(args)
    for y, e in zip(everything(fg, ours, args), expected, strict=True):
        assert (np.shape(y), np.asarray(y).dtype) == (e.shape, e.dtype)
        np.testing.assert_allclose(y, e, rtol=rtol, atol=rtol * np.abs(e).max(initial=1e-3))


def test_every_shared_name_has_a_row():
    own = {"multigammaln"}  # below
    assert {name for name in special.__all__ if hasattr(theirs, name)} == {*ROWS, *own}


@pytest.mark.parametrize("name", ROWS)
def test_functions(name):
    fixed, args = ROWS[name]
    ours, jaxs = (partial(getattr(module, name), *fixed) for module in (special, theirs))
    compare(ours, jaxs, args, 1e-8, name not in FIRST_ORDER_ONLY)


def test_multigammaln():
    compare(lambda a: special.multigammaln(a, 3), lambda a: theirs.multigammaln(a, 3), (2 + POSITIVE,), 1e-9)


def test_bessel_functions_of_whole_order():
    """JAX has all orders up to v at once."""
    for v in (0, 1, 4):
        x = np.array([0.4, 1.9, 3.0])
        found = fg.vmap(fg.value_and_grad(partial(special.jv, v)))(x)
        expected = jax.jvp(lambda x, v=v: theirs.bessel_jn(x, v=v)[v], (jnp.asarray(x),), (jnp.ones(3),))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
