"""Python's control flow on values that are only traced: the error says what to write in place of the user's line."""

from __future__ import annotations

import functools
import importlib
import math
import warnings
from dataclasses import dataclass
from math import asin

import numpy as np
import pytest

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad.errors import ConcretizationError, LongLoopWarning, TracerConversionError


def if_(x):
    if x > 0:
        return x
    return -x


def elif_(x, n):
    if n is None:
        return x
    elif n == 3:
        x = 2 * x
    return -x


def method(x):
    y = x * 2
    if (np.stack([y, y]) > 0).all():
        return x
    return -x


def keyword(x, *, flag):
    if flag:
        return x
    return -x


def while_(x):
    while x > 1:
        x = x / 2
    return x


def break_(x):
    while True:
        x = x / 2
        if x < 1:
            break
    return x


def ternary(x):
    return x if x > 0 else -x


def and_(x):
    if x > 0 and x < 3:
        return x
    return -x


def several_lines(x):
    if (
        x > 0
        or x < -3
    ):
        return x
    return -x


def not_(x):
    return not x > 0


def chain(x):
    return 0 < x < 1


def assert_(x):
    assert x > 0
    return x


def min_(x):
    return min(x, 3.0)


def max_(x):
    return max(x, 2 * x)


def sorted_(x):
    return sorted([x, -x])[0]


def any_(x):
    return any([x > 0, x < 3])


def in_(x):
    return 1.0 if x in [1.0, 2.0] else x


def not_in(x):
    return x not in (1.0, 2.0)


def comprehension(x):
    return sum([v for v in [x, -x] if v > 0])


def match_(x):
    match x:
        case 1:
            return x
    return -x


def guard(x):
    match [x]:
        case [v] if v > 0:
            return v
    return x


def bool_(x):
    return bool(x)


def range_(x, n):
    for i in range(1, n):
        x = x * i
    return x


def int_(x, n):
    return x * int(n)


def slice_(x, n):
    return np.arange(5.0)[:n] * x


def slice_of_traced(x, n):
    return (np.arange(5.0) * x)[:n]


def zeros(x, n):
    return np.zeros(n) + x


def our_zeros(x, n):
    return fnp.zeros((n, 2)) + x


def arange(x, n):
    return np.arange(n) * x


def reshape(x, n):
    return np.reshape(np.arange(6.0) * x, (n, 2))


def list_(x, n):
    return [x, -x][n]


def iteration(x):
    for _ in x:
        pass


COND = r"fg\.lax\.cond\({}, true_fun, false_fun, \*operands\)"
SIZE = (
    r"^If `n` is known.*static_argnums=1\)\. Otherwise: the shape.*np\.where\(np\.arange\(size\) < n, x, 0\).*"
    r"a size in `{}` at"
)
EXPECTED = {
    if_: "^In place of `if`, write "
    + COND.format("x > 0")
    + r".*np\.where\(x > 0, a, b\).*`x` is known.*static_argnums=0\)\. `if` at ",
    elif_: COND.format("n == 3") + r".*`n` is known beforehand.*static_argnums=1\)",
    method: COND.format(r"\(np\.stack\(\[y, y\]\) > 0\)\.all\(\)"),
    keyword: COND.format("flag") + r".*static_argnames='flag'",
    while_: r"^in place of `while x > 1:`.*fg\.lax\.while_loop\(cond_fun, body_fun, init\).*fg\.lax\.scan.*`while` at ",
    break_: r"ends by `break` is fg\.lax\.while_loop",
    ternary: r"np\.where\(x > 0, x, -x\), or fg\.lax\.cond\(x > 0, lambda: x, lambda: -x\)",
    and_: r"write \(x > 0\) & \(x < 3\) .*fg\.lax\.cond\(condition",
    several_lines: r"write \(x > 0\) \| \(x < -3\) ",
    not_: r"write ~\(x > 0\)",
    chain: r"write \(0 < x\) & \(x < 1\)",
    assert_: r"before the function is called.*`assert` at ",
    min_: r"np\.minimum\(a, b\)",
    max_: r"np\.maximum\(a, b\)",
    sorted_: r"np\.sort\(x\)",
    any_: r"np\.any\(x\)",
    in_: r"np\.any\(x == np\.asarray\(\[1\.0, 2\.0\]\)\).*np\.where\(condition, 1\.0, x\)",
    not_in: r"~np\.any\(x == np\.asarray\(\(1\.0, 2\.0\)\)\)",
    comprehension: r"decide the shape.*np\.where\(v > 0, value, 0\)",
    match_: r"fg\.lax\.switch\(index, branches, \*operands\)",
    guard: r"fg\.lax\.cond.*`match` at ",
    bool_: r"x != 0",
    range_: r"^If `n` is known.*static_argnums=1\).*in place of `for i in range\(1, n\)`, write "
    r"fg\.lax\.fori_loop\(1, n, body_fun, init\)",
    int_: r"x\.astype\(int\).*static_argnums=1\).*`int\(x\)` ",
    slice_: r"static_argnums=1\).*x\[start \+ np\.arange\(size\)\].*the slice `np\.arange\(5\.0\)\[:n\]`",
    slice_of_traced: r"`n` is known.*static_argnums=1\).*x\[start \+ np\.arange\(size\)\].*the slice ",
    zeros: SIZE.format(r"np\.zeros\(n\)"),
    our_zeros: SIZE.format(r"fnp\.zeros\(\(n, 2\)\)"),
    arange: SIZE.format(r"np\.arange\(n\)"),
    reshape: SIZE.format(r"np\.reshape\(np\.arange\(6\.0\) \* x, \(n, 2\)\)"),
    list_: r"np\.stack\(\[x, -x\]\)\[i\].*fg\.lax\.switch.*static_argnums=1\).*the index in `\[x, -x\]\[n\]`",
    iteration: r"iteration over a 0-d traced value at .*fg\.lax\.fori_loop\(0, n, body_fun, init\)",
}


@pytest.mark.parametrize("fun", EXPECTED, ids=lambda f: f.__name__)
def test_says_what_to_write(fun):
    args = (2.0, 3)[: fun.__code__.co_argcount]
    named = {"flag": True} if fun is keyword else {}
    with pytest.raises(TypeError, match=f"(?is){EXPECTED[fun]}") as raised:
        fg.jit(fun)(*args, **named)
    assert f"{__file__}:" in str(raised.value)
    assert isinstance(raised.value, ConcretizationError) or fun is iteration
    assert raised.value.__traceback__.tb_next is not None


def test_static_arguments_are_named_where_there_are_some():
    """Not under vmap, in a helper, or for what is no argument or is differentiated."""

    def helper(n):
        return n if n > 0 else -n

    def local(x):
        y = x * 2
        return y if y > 0 else -y

    def named(f, *args):
        with pytest.raises(ConcretizationError) as raised:
            f(*args)
        return "make it a static argument" in str(raised.value)

    assert named(fg.jit(ternary), 1.0)
    assert named(fg.jit(fg.grad(lambda x, n: x if n > 0 else -x)), 1.0, 2)
    assert not named(fg.jit(fg.grad(lambda x, n: x if x > 0 else -x)), 1.0, 2)
    assert not named(fg.vmap(ternary), np.ones(2))
    assert not named(fg.jit(fg.vmap(ternary)), np.ones(2))
    assert not named(fg.jit(lambda x: helper(x)), 1.0)
    assert not named(fg.jit(local), 1.0)
    assert not named(fg.jit(lambda x: fg.lax.fori_loop(0, x, lambda i, c: c if c > 0 else i, 0)), 3)


def test_without_source():
    fun = eval("lambda x: x if x > 0 else -x")
    with pytest.raises(ConcretizationError, match=r"fg\.lax\.cond.*fg\.lax\.while_loop.*static_argnums"):
        fg.jit(fun)(1.0)


def test_long_loops_over_a_value_warn():
    def total(x):
        s = 0.0
        for v in x:
            s = s + v
        return s

    with pytest.warns(LongLoopWarning, match=r"1500 steps one by one.*fg\.lax\.scan") as caught:
        fg.make_graph(total)(np.ones(1500))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fg.make_graph(total)(np.ones(100))
        fg.grad(total)(np.ones(1500))


def test_conversions_of_known_values():
    """Under grad, values are there."""
    assert fg.grad(lambda x: x * 2 if 0 < x < 3 and x not in (7.0,) else x)(1.0) == 2.0
    with pytest.raises(TypeError, match="stop_gradient"):
        fg.grad(lambda x: sum([x for _ in range(x)]))(3.0)


def test_a_size_that_has_a_value():
    """NumPy hides our error there; under grad the value can be cut out."""
    for call in (lambda x: np.zeros(x).sum(), lambda x: np.ones((2, x)).sum(), lambda x: sum(range(x)) + x):
        with pytest.raises(TracerConversionError, match=r"int\(fg\.stop_gradient\(x\)\)") as raised:
            fg.grad(call)(3.0)
        assert f"{__file__}:" in str(raised.value)
    assert fg.grad(lambda x: np.zeros(int(fg.stop_gradient(x))).sum() + x)(3.0) == 1.0


MATRIX = np.eye(3) + 0.1
SCIPYS = {
    "linalg.expm": lambda s, x: s.linalg.expm(x * MATRIX).sum(),
    "linalg.cho_factor": lambda s, x: s.linalg.cho_factor(x * MATRIX)[0].sum(),
    "linalg.solve": lambda s, x: s.linalg.solve(MATRIX, x * MATRIX[0]).sum(),
    "stats.norm.logpdf": lambda s, x: s.stats.norm.logpdf(x),
    "optimize.minimize": lambda s, x: s.optimize.minimize(lambda v: (v - x) ** 2, 0.0).fun,
    "optimize.brentq": lambda s, x: s.optimize.brentq(lambda v: v - x, 0.0, 1.0),
    "integrate.quad": lambda s, x: s.integrate.quad(lambda v: v * x, 0.0, 1.0)[0],
    "integrate.solve_ivp": lambda s, x: s.integrate.solve_ivp(lambda t, y: -y * x, (0.0, 1.0), [1.0]).y[0, -1],
    "interpolate.CubicSpline": lambda s, x: s.interpolate.CubicSpline(np.arange(4.0), np.arange(4.0) * x)(1.5),
    "signal.convolve": lambda s, x: s.signal.convolve(x * MATRIX[0], x * MATRIX[1]).sum(),
    "sparse.linalg.cg": lambda s, x: s.sparse.linalg.cg(MATRIX, x * MATRIX[0])[0].sum(),
    "special.logsumexp": lambda s, x: s.special.logsumexp(x * MATRIX),
    "ndimage.gaussian_filter": lambda s, x: s.ndimage.gaussian_filter(x * MATRIX, 1.0).sum(),
}


@pytest.mark.parametrize("path", SCIPYS)
def test_functions_of_scipys(path):
    """The error names the function that was called, at the user's line, and ours, where there is one."""
    scipy = pytest.importorskip("scipy")
    importlib.import_module(f"scipy.{path.split('.')[0]}")
    if path.startswith("sparse"):
        importlib.import_module("scipy.sparse.linalg")
    for error, run in ((TracerConversionError, fg.grad), (ConcretizationError, fg.jit)):
        if path == "optimize.brentq" and run is fg.grad:
            continue  # its C code goes on after an error, and may end in one of its own
        with pytest.raises(error) as raised:
            run(lambda x: SCIPYS[path](scipy, x))(0.3)
        text = str(raised.value)
        assert f"A traced value in `scipy.{path}` at {__file__}:" in text
        assert f"funcgrad.scipy.{path}" in text


def test_what_funcgrad_has_of_scipys():
    special = pytest.importorskip("scipy.special")
    with pytest.raises(TypeError, match=r"In place of scipy\.special\.logsumexp, write funcgrad\.scipy\.special\."):
        fg.grad(lambda x: special.logsumexp(x * MATRIX))(1.0)
    with pytest.raises(TypeError, match=r"there is no funcgrad\.scipy\.special\.obl_cv: fg\.custom_vjp"):
        fg.grad(lambda x: special.obl_cv(1.0, 1.0, x))(1.0)
    with pytest.raises(TypeError, match=r"there is no funcgrad\.scipy\.ndimage\.median_filter: fg\.custom_vjp"):
        ndimage = pytest.importorskip("scipy.ndimage")
        fg.grad(lambda x: ndimage.median_filter(x * MATRIX, 1).sum())(1.0)


@pytest.mark.parametrize(
    ("path", "run"),
    [
        ("norm.logpdf", lambda stats, x: stats.norm(x, 1.0).logpdf(0.0)),
        ("multivariate_normal.logpdf", lambda stats, x: stats.multivariate_normal.logpdf([0.0], [x], [[1.0]])),
        ("multivariate_normal", lambda stats, x: stats.multivariate_normal([x], [[1.0]]).logpdf([0.0])),
    ],
)
def test_distributions_of_scipys(path, run):
    stats = pytest.importorskip("scipy.stats")
    with pytest.raises(TypeError) as raised:
        fg.grad(lambda x: run(stats, x))(1.0)
    assert f"In place of scipy.stats.{path}, write funcgrad.scipy.stats.{path}," in str(raised.value)
    assert str(raised.value).count(__file__) == 2, "the lines named are the user's"


def exact(x):
    return math.erf(math.fabs(x)) + asin(x)


def together(x):
    made = np.zeros(2)
    made[0], made[1] = x, 2 * x
    return made.sum()


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (exact, "In place of `math.fabs(x)`, write `np.abs(x)`."),
        (lambda x: asin(x), "In place of `asin(x)`, write `np.arcsin(x)`."),
        (lambda x: math.gamma(x), "write `fg.scipy.special.gamma(x)`."),
        (lambda x: (x**2).item(), "In place of `(x ** 2).item()`, write `x ** 2`."),
        (lambda x: functools.reduce(lambda a, b: math.exp(b), [x, x]), "write `np.exp(b)`."),
        (lambda x: sorted([x, x], key=lambda v: math.log(v))[0], "write `np.log(v)`."),
        (together, "In place of `made = np.zeros(2)`"),
        (together, "Or write `made = fnp.at(made)[0].set(x)`"),
    ],
)
def test_the_users_own_expression_is_rewritten(f, words):
    with pytest.raises(TypeError) as raised:
        fg.grad(f)(0.5)
    assert words in str(raised.value)
    assert str(raised.value).count(__file__) == 2, "the lines named are the user's"


def test_errors_of_scipys_own_stay():
    optimize = pytest.importorskip("scipy.optimize")
    with pytest.raises(ValueError, match="different signs"):
        fg.grad(lambda x: x * optimize.brentq(lambda v: v + 2.0, 0.0, 1.0))(1.0)

    def mine(x):
        try:
            float(x)
        except TypeError as error:
            raise ValueError("mine") from error

    with pytest.raises(ValueError, match="mine"):
        fg.grad(mine)(1.0)


class Net:
    def __init__(self):
        self.w = np.ones(2)


@fg.register_dataclass
@dataclass
class Named:
    rate: float
    name: str


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fg.hvp(np.sum, np.ones(2), np.ones(2)), r"^hvp: primals must be a tuple.*write \(x,\) for x"),
        (lambda: fg.hvp(np.sum, (np.ones(2),), ()), "^hvp: 1 primals but 0 tangents"),
        (lambda: fg.grad(lambda n: np.sum(n.w))(Net()), r"Pass its arrays.*register_pytree_node\(Net, flatten"),
        (lambda: fg.vmap(np.add)(np.ones(2), np.ones(3)), "batch sizes differ.*in_axes has None"),
        (lambda: fg.vmap(np.sin)([1.0, 2.0]), r"leaf \[0\] has shape \(\) and no axis 0; np\.array makes one"),
        (lambda: fg.vmap(np.sin)(1.0), r"has shape \(\) and no axis 0; where it is not batched"),
        (lambda: fg.grad(np.add, argnum=1)(1.0, 2.0), r"^grad\(\) got an unexpected .* 'argnum': use argnums$"),
        (lambda: fg.vmap(np.add, in_axs=0)(1.0, 2.0), r"'in_axs': use in_axes$"),
        (lambda: fg.grad(lambda n: n.rate)(Named(2.0, "a")), r"^Write `name: \.\.\. = fg\.tree\.static\(\)`"),
        (lambda: fg.random.normal(fg.random.key(0), 3), r"^normal: write the shape as a tuple, \(3,\), not 3 at"),
    ],
)
def test_arguments_that_do_not_fit(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_names_of_the_users_file_alone():
    """A file with our NumPy only is told of no other, and vmap has no static arguments."""
    names = {"jnp": fnp, "f": None}
    exec("def f(x):\n    return x if x > 0 else -x\n", names)
    with pytest.raises(TypeError, match=r"^Choose between values with jnp\.where") as raised:
        fg.vmap(names["f"])(np.ones(2))
    assert "static" not in str(raised.value) and "import numpy" not in str(raised.value)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.polynomial.chebyshev.chebval(0.3, x), r"^In place of `np\.poly.*which takes plain arrays only"),
        (lambda x: np.testing.assert_allclose(x, x), r"^In place of `np\.testing.*stop_gradient\(x\) where"),
        (lambda x: "%.2f" % x[0], r"^In place of `'%\.2f' % x\[0\]`, write an f-string"),  # noqa: UP031
        (lambda x: x.item(1), r"^In place of `x\.item\(1\)`, write `x\[1\]`"),
        (lambda x: np.outer(x, x).item(1), r"write `np\.ravel\(np\.outer\(x, x\)\)\[1\]`"),
        (lambda x: np.outer(x, x).item(0, 1), r"write `np\.outer\(x, x\)\[0, 1\]`"),
    ],
)
def test_what_is_written_in_its_place_is_there(f, words):
    with pytest.raises(TracerConversionError, match=words):
        fg.grad(f)(np.ones(3))


def test_settings_of_jax():
    with pytest.raises(AttributeError, match=r"leave jax_enable_x64 out.*fg\.config\.debug_nans = True"):
        fg.config.update("jax_enable_x64", True)
    assert not hasattr(fg.config, "jitt")


def test_what_a_program_has_is_asked_of_the_program():
    with pytest.raises(AttributeError, match=r"use f\.lower\(\*args\)\.numba"):
        fg.jit(np.sin).numba
    assert not hasattr(fg.jit(np.sin), "anything")


TABLE = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda i: TABLE[i], "In place of `TABLE[i]`, write `fnp.take(TABLE, i, axis=0)`"),
        (lambda i: TABLE.T[-i].sum(), "In place of `TABLE.T[-i]`, write `fnp.take(TABLE.T, -i, axis=0)`"),
        (lambda i: TABLE[1, i], "In place of `TABLE[1, i]`, write `fnp.at(TABLE)[1, i].get()`"),
        (lambda i: TABLE[i, :2], "In place of `TABLE[i, :2]`, write `fnp.at(TABLE)[i, :2].get()`"),
        (lambda i: TABLE[i > 0], "In place of `TABLE[i > 0]`, write `np.where(i > 0, TABLE, 0)`"),
        (lambda i: TABLE[np.array([i])], "In place of `np.array([i])`, write `np.stack([i])`"),
    ],
)
def test_a_plain_array_indexed_by_a_traced_value(call, instead):
    for transformed in (fg.jit(call), fg.vmap(call)):
        with pytest.raises(fg.errors.UnknownArrayError) as error:
            transformed(np.array([1, 0]))
        assert str(error.value).startswith(instead)
    assert np.array_equal(fg.jit(lambda i: fnp.at(TABLE)[i, :2].get())(2), TABLE[2, :2])
