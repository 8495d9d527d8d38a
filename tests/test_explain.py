"""explain on the functional interface: one program or more for each status, and the report's forms.

A line that a report must name ends in a comment `# <name>`, which the test asks for by `line("name")`.
"""

from __future__ import annotations

import json
import math
import re
import traceback
import warnings
from pathlib import Path

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import tree
from funcgrad.core.staging import trace_graph
from funcgrad.lax import stop_gradient
from funcgrad.transforms.api import grad
from funcgrad.transforms.calls import graph_call
from funcgrad.transforms.custom import custom_vjp
from funcgrad.transforms.explain import explain
from funcgrad.transforms.remat import checkpoint
from funcgrad.transforms.vmap import vmap
from tests.groups import over_rows
from tests.samples import rows

HERE = Path(__file__)
SOURCE = HERE.read_text().splitlines()
X = np.array([1.0, 2.0, 3.0])
TABLE = np.array([5.0, 6.0, 7.0, 8.0])


def line(name: str) -> int:
    (number,) = [i for i, text in enumerate(SOURCE, 1) if text.endswith(f"# <{name}>")]
    return number


def only(report):
    (leaf,) = report.leaves
    return leaf


def explained(fun, *args, **options):
    return only(explain(fun, **options)(*args))


def check_cut(cut, op, name):
    assert cut.op == op
    assert cut.lineno == line(name)
    assert Path(cut.filename) == HERE
    assert cut.source == SOURCE[cut.lineno - 1].strip()
    assert cut.why and cut.remedy
    assert "detach" not in cut.remedy


# flows


def test_flows_with_the_gradient_of_grad():
    def loss(x):
        return np.sum(np.sin(x) * x)

    leaf = explained(loss, X)
    assert (leaf.path, leaf.status, leaf.cuts) == ("argument 0 `x`", "flows", ())
    assert (leaf.paths_total, leaf.paths_cut) == (2, 0)
    np.testing.assert_array_equal(leaf.grad, grad(loss)(X))
    assert "2 paths" in leaf.message and "shape (3,)" in leaf.message


def test_the_arguments_of_a_method():
    class Model:
        def loss(self, w):
            return np.sum(w)

    assert explained(Model().loss, X).path == "argument 0 `w`"


def test_under_another_transformation():
    reports = []

    def fun(x):
        reports.append(explain(lambda y: y * x)(x))
        return x * 2.0

    assert grad(fun)(3.0) == 2.0
    assert only(reports[0]).grad == 3.0


def test_paths_of_leaves_in_containers():
    params = {"w": [X, 2.0], "b": 1.0}
    report = explain(lambda params: np.sum(params["w"][0] * params["w"][1]) + params["b"])(params)
    assert [leaf.path for leaf in report.leaves] == ["params['b']", "params['w'][0]", "params['w'][1]"]
    assert {leaf.status for leaf in report.leaves} == {"flows"}


def test_several_arguments_and_negative_positions():
    report = explain(lambda x, y, z: np.sum(x * y) + z, argnums=(0, -1))(X, X, 1.0)
    assert [leaf.path for leaf in report.leaves] == ["argument 0 `x`", "argument 2 `z`"]


def test_path_counts_are_exact_however_many():
    def doubled(x):
        for _ in range(200):
            x = x + x
        return x

    assert explained(doubled, 1.0).paths_total == 2**200


def test_a_choice_is_no_path_where_values_flow():
    for fun in (
        lambda x: np.where(x > 1.5, x, 0.0).sum(),
        lambda x: x[np.argmax(x)],
        lambda x: x[x > 1.5].sum(),
        lambda x: x[np.argsort(x)].sum(),
        lambda x: np.sum(x) if x[0] > 0 else 0.0,
        lambda x: sum(x[i] for i in range(np.argmax(x))),
    ):
        leaf = explained(fun, X)
        assert (leaf.status, leaf.paths_cut, leaf.cuts) == ("flows", 0, ()), leaf.message
        np.testing.assert_array_equal(leaf.grad, grad(fun)(X))


# cut


def test_cut_by_stop_gradient():
    def loss(x):
        y = stop_gradient(x) * 2.0  # <stop>
        return np.sum(y * x.shape[0])

    leaf = explained(loss, X)
    assert (leaf.status, leaf.paths_total, leaf.paths_cut) == ("cut", 1, 1)
    check_cut(leaf.cuts[0], "stop_gradient", "stop")
    assert "asked for" in leaf.message and "only path" in leaf.message
    np.testing.assert_array_equal(leaf.grad, np.zeros(3))


@pytest.mark.parametrize(
    "op, name, fun",
    [
        ("astype", "astype", lambda x: np.sum(x.astype(int) * 1.0)),  # <astype>
        ("argmax", "argmax", lambda x: np.argmax(x) * 1.0),  # <argmax>
        ("greater", "greater", lambda x: np.mean(x > 1.5)),  # <greater>
        ("floor", "floor", lambda x: np.sum(np.floor(x) * X)),  # <floor>
        ("rint", "rint", lambda x: np.sum(np.rint(x) * X)),  # <rint>
        ("sign", "sign", lambda x: np.sum(np.sign(x))),  # <sign>
        ("floor_divide", "floordiv", lambda x: np.sum(x // 2.0)),  # <floordiv>
        ("argsort", "argsort", lambda x: np.sum(np.argsort(x) * X)),  # <argsort>
        ("astype", "index", lambda x: np.sum(TABLE[x.astype(int)])),  # <index>
        ("searchsorted", "search", lambda x: np.sum(np.searchsorted(TABLE, x) * 1.0)),  # <search>
    ],
)
def test_cut_by_operations_without_a_derivative(op, name, fun):
    leaf = explained(fun, X)
    assert (leaf.status, leaf.paths_cut) == ("cut", leaf.paths_total)
    check_cut(leaf.cuts[0], op, name)
    assert f"`{op}` at test_explain.py:{line(name)}" in leaf.message
    assert leaf.cuts[0].remedy in leaf.message


def test_the_reason_of_a_cast_names_the_dtype():
    assert "int32" in explained(lambda x: np.sum(x.astype(np.int32)), X).cuts[0].why


def test_cuts_in_series_are_all_named():
    def loss(x):
        index = np.argmax(x)  # <first>
        return np.sum(np.floor((index + 1) * 2.0) * X)  # <second>

    leaf = explained(loss, X)
    assert [(cut.op, cut.lineno, cut.again) for cut in leaf.cuts] == [
        ("argmax", line("first"), False),
        ("floor", line("second"), True),
    ]
    assert "again by `floor`" in leaf.message


def test_an_integer_output():
    report = explain(lambda x: np.argmax(x))(X)  # <output>
    check_cut(only(report).cuts[0], "argmax", "output")
    assert only(report).grad is None
    assert "int64" in report.notes[0]


def test_cut_at_a_branch():
    def step(x):
        if x[0] > 0.5:  # <branch>
            return 1.0
        return 2.0

    leaf = explained(step, X)
    assert leaf.status == "cut"
    assert [cut.op for cut in leaf.cuts] == ["greater", "bool"]
    check_cut(leaf.cuts[1], "bool", "branch")


def test_cut_as_a_python_int():
    def steps(x):
        total = 0.0
        for _ in range(np.argmax(x)):  # <range>
            total += 1.0
        return total

    leaf = explained(steps, X)
    assert leaf.status == "cut"
    assert [cut.op for cut in leaf.cuts] == ["argmax", "int"]
    check_cut(leaf.cuts[1], "int", "range")
    assert "left as a Python int" in leaf.message


# cut where grad raises


def windows(x):
    """A function of NumPy's that is not among ours."""
    return np.lib.stride_tricks.sliding_window_view(x, 2)  # <windows>


@pytest.mark.parametrize(
    "op, name, remedy, fun",
    [
        ("float", "float", "as it is", lambda x: float(x[0]) * 2.0),  # <float>
        ("item", "item", "as it is", lambda x: x[0].item() * 2.0),  # <item>
        ("tolist", "tolist", "as it is", lambda x: sum(x.tolist())),  # <tolist>
        ("math.sin", "math", "np.sin", lambda x: math.sin(x[0])),  # <math>
        ("asarray", "numpy", "fnp.asarray(x)", lambda x: np.sum(np.asarray(x))),  # <numpy>
        ("int", "int", "np.trunc", lambda x: int(x[0]) * 2.0),  # <int>
        ("sliding_window_view", "windows", "funcgrad.numpy", lambda x: np.sum(windows(x))),
    ],
)
def test_conversions_are_cuts(op, name, remedy, fun):
    with pytest.raises(TypeError):
        grad(fun)(X)
    report = explain(fun)(X)
    leaf = only(report)
    assert leaf.status == "cut" and leaf.grad is None
    check_cut(leaf.cuts[0], op, name)
    assert remedy in leaf.cuts[0].remedy
    assert any("grad refuses" in note for note in report.notes)


def test_a_store_into_a_plain_array():
    def stored(x):
        b = np.zeros(3)
        b[0] = x[0]  # <store>
        return b.sum()

    with pytest.raises((TypeError, ValueError)):
        grad(stored)(X)
    leaf = explained(stored, X)
    check_cut(leaf.cuts[0], "setitem", "store")
    assert "fnp.at(b)[0].set(x[0])" in leaf.cuts[0].remedy


# partly cut


def test_partly_cut():
    def loss(x):
        kept = x * 2.0
        lost = stop_gradient(x**2)  # <partly>
        return np.sum(kept + lost)

    leaf = explained(loss, X)
    assert (leaf.status, leaf.paths_total, leaf.paths_cut) == ("partly_cut", 2, 1)
    check_cut(leaf.cuts[0], "stop_gradient", "partly")
    np.testing.assert_array_equal(leaf.grad, [2.0, 2.0, 2.0])
    assert "1 of its 2 paths" in leaf.message and "misses" in leaf.message


def test_partly_cut_and_zero():
    leaf = explained(lambda x: np.sum(x * 0.0 + np.floor(x)), X)
    assert leaf.status == "partly_cut"
    assert [cut.op for cut in leaf.cuts] == ["floor"]
    assert "derivative is zero" in leaf.message


def test_a_mask_is_no_path():
    for mask in (lambda x: x > 1.5, lambda x: (x > 1.5).astype(float), lambda x: 1.0 * (x > 1.5)):
        leaf = explained(lambda x: np.sum(x * mask(x)), X)
        assert (leaf.status, leaf.cuts) == ("flows", ())


def test_a_library_functions_own_stop_gradient_is_no_cut():
    def sinc(x):
        return np.sum(np.sinc(x))

    assert explained(sinc, X).status == "flows"


# unused


def test_unused_with_the_argument_that_is_used():
    leaf = explained(lambda x, y: y**2, 1.0, 2.0)
    assert (leaf.status, leaf.paths_total) == ("unused", 0)
    assert "argument 1 `y`" in leaf.message and "argnums" in leaf.message
    assert leaf.grad == 0.0


def test_unused_because_a_result_was_dropped():
    def forgets(x):
        b = np.zeros(3)
        fnp.at(b)[0].set(x[0])  # <dropped>
        return b.sum()

    leaf = explained(forgets, X)
    assert leaf.status == "unused"
    assert "`at[].set`" in leaf.message and f"test_explain.py:{line('dropped')}" in leaf.message
    assert "not used" in leaf.message


def test_unused_because_the_same_array_is_read_from_outside():
    w = np.array([1.0, 2.0])

    def loss():
        return np.sum(w * 2.0)  # <outside>

    leaf = explained(lambda w_: loss(), w)
    assert leaf.status == "unused"
    assert "`w`" in leaf.message and f"test_explain.py:{line('outside')}" in leaf.message


def test_unused_without_any_operation():
    assert "No operation" in explained(lambda x: 3.0, X).message


def test_nothing_returned():
    report = explain(lambda x: None)(X)
    assert only(report).status == "unused"
    assert "forget to return" in report.notes[0]


# zero and cancelling


def test_zero_in_a_flat_part():
    def loss(x):
        return np.sum(np.maximum(-x, 0.0))  # <flat>

    leaf = explained(loss, X)
    assert (leaf.status, leaf.cuts, leaf.paths_cut) == ("zero", (), 0)
    assert "`maximum`" in leaf.message and "flat part" in leaf.message
    assert [place.lineno for place in leaf.places] == [line("flat")]


def test_zero_times_a_constant():
    leaf = explained(lambda x: np.sum(x * np.zeros(3)), X)
    assert leaf.status == "zero" and "other factor is zero" in leaf.message


def test_cancels():
    def total_probability(x):
        e = np.exp(x)  # <cancel>
        return np.sum(e / np.sum(e))

    leaf = explained(total_probability, X)
    assert leaf.status == "cancels"
    assert "cancel" in leaf.message
    assert np.all(np.abs(leaf.grad) < 1e-15)
    assert explained(lambda x: x - x, 2.0).status == "cancels"


def test_small_is_not_cancelling():
    leaf = explained(lambda x: np.sum(x * 1e-200) + np.sum(x * 1e-200), X)
    assert leaf.status == "flows"


# NaN and infinity


def test_nan_in_a_branch_that_where_throws_away():
    def loss(x):
        root = np.sqrt(x - 1.0)  # <born>
        return np.sum(np.where(x > 1.0, root, 0.0))  # <masked>

    leaf = explained(loss, X)
    assert leaf.status == "nan"
    assert np.isnan(leaf.grad[0])
    assert "`sqrt`" in leaf.message and "`where`" in leaf.message and "element 0" in leaf.message
    assert "Guard the input" in leaf.message
    assert [place.lineno for place in leaf.places] == [line("born"), line("masked")]


def test_infinite():
    with np.errstate(all="ignore"):
        leaf = explained(lambda x: np.sum(np.sqrt(x)), np.array([0.0, 1.0]))
    assert leaf.status == "inf"
    assert "`sqrt`" in leaf.message and "element 0" in leaf.message


def test_a_value_that_is_nan():
    def loss(x):
        y = np.log(x - 2.0)  # <logarithm>
        return np.sum(np.exp(y * 2.0))

    with np.errstate(all="ignore"):
        leaf = explained(loss, X)
    assert leaf.status == "nan"
    assert "because the value is" in leaf.message
    assert [place.lineno for place in leaf.places] == [line("logarithm")]


# not differentiable


def test_integers_and_other_leaves_are_reported_and_not_raised():
    report = explain(lambda p: np.sum(p["w"] * p["n"]))({"n": 3, "w": X, "i": np.arange(3), "s": "adam"})
    found = {leaf.path: leaf for leaf in report.leaves}
    assert {path: leaf.status for path, leaf in found.items()} == {
        "p['i']": "not_differentiable",
        "p['n']": "not_differentiable",
        "p['s']": "not_differentiable",
        "p['w']": "flows",
    }
    assert "3.0" in found["p['n']"].message
    assert "astype(float)" in found["p['i']"].message
    assert "str" in found["p['s']"].message


# what explain follows, and what it must not change


def test_inside_a_program():
    def inner(x):
        return [np.floor(x) * 2.0]  # <program>

    graph = trace_graph(inner, [explain_aval(X)])

    def loss(x):
        (y,) = graph_call(x, graph=graph, run=lambda g, xs: g(*xs))
        return np.sum(y)

    leaf = explained(loss, X)
    assert leaf.status == "cut"
    check_cut(leaf.cuts[0], "floor", "program")


def explain_aval(x):
    from funcgrad.core.avals import aval_of

    return aval_of(x)


def test_inside_checkpoint_vmap_and_grad():
    def element(x):
        return np.floor(x) * x  # <inner>

    for fun in (
        lambda x: np.sum(vmap(element)(x)),
        lambda x: np.sum(checkpoint(element)(x)),
        lambda x: grad(lambda y: np.sum(element(y)))(x).sum(),
    ):
        leaf = explained(fun, X)
        check_cut(leaf.cuts[0], "floor", "inner")


def test_cuts_are_followed_through_values_of_a_derivative_around():
    reports = []

    def outer(x):
        reports.append(explain(lambda y: np.sum(np.floor(y) * x))(X))
        return np.sum(x)

    grad(outer)(X)
    assert (only(reports[0]).status, [cut.op for cut in only(reports[0]).cuts]) == ("cut", ["floor"])


def test_a_custom_rule_is_one_operation():
    @custom_vjp
    def tripled(x):
        return x * 1.0

    tripled.defvjp(lambda x: (x * 1.0, None), lambda res, ct: (3.0 * ct,))
    leaf = explained(lambda x: np.sum(tripled(x)), X)
    assert (leaf.status, leaf.paths_total) == ("flows", 1)
    np.testing.assert_array_equal(leaf.grad, [3.0, 3.0, 3.0])


def test_plain_values_behave_as_under_grad():
    def fun(x):
        n = np.argmax(x)
        assert isinstance(n, np.integer)
        names = ["a", "b", "c"]
        assert names[n] == "c" and {2: "two"}[n] == "two" and f"{n:d}" == "2"
        mask = x > 1.5
        assert isinstance(mask, np.ndarray) and np.asarray(mask).sum() == 2
        assert np.nonzero(mask)[0].tolist() == [1, 2]
        assert math.floor(float(stop_gradient(x[1]))) == 2
        assert np.percentile(np.floor(x), 50) == 2.0
        return np.sum(x[:n]) + np.sum(x[mask]) + np.zeros(n).sum() + np.sum(np.eye(3)[n] * x)

    leaf = explained(fun, X)
    np.testing.assert_array_equal(leaf.grad, grad(fun)(X))
    assert leaf.status == "flows"


def test_writing_into_a_plain_result_is_followed_up_to_there():
    def fun(x):
        y = np.floor(x)
        y[0] = 0.0
        return np.sum(y)

    assert grad(fun)(X).tolist() == [0.0, 0.0, 0.0]
    leaf = explained(fun, X)
    assert leaf.status == "cut"
    assert [cut.op for cut in leaf.cuts] == ["floor"]


def test_weak_scalars_keep_the_dtype():
    x = np.array([1.5, 2.5], np.float32)
    fun = lambda x, s: np.sum(x * stop_gradient(s))
    report = explain(fun, argnums=(0, 1))(x, 2.0)
    assert report.leaves[0].grad.dtype == np.float32
    assert [leaf.status for leaf in report.leaves] == ["flows", "cut"]


def test_several_outputs_are_summed():
    report = explain(lambda x: {"a": x * 2.0, "b": np.sum(x)})(X)
    assert "2 arrays" in report.notes[0] and "sum" in report.notes[0]
    np.testing.assert_array_equal(only(report).grad, [3.0, 3.0, 3.0])
    report = explain(lambda x: x * 2.0)(X)
    assert "(3,)" in report.notes[0]


def failing(errors, first=lambda x: x):
    """A function that raises, in its nth call, `errors[n]`; and the list of its calls."""
    calls = []

    def fun(x, y=1.0):
        calls.append(1)
        z = first(x)
        if len(calls) in errors:
            raise errors[len(calls)]
        return np.sum(z * y)

    return fun, calls


class TestErrorsOfTheFunction:
    def test_raised_from_the_first_call(self):
        fun, calls = failing({1: KeyError("mine")})
        with pytest.raises(KeyError, match="mine") as error:
            explain(fun)(X)
        assert len(calls) == 1
        assert traceback.extract_tb(error.value.__traceback__)[-1].name == "fun"

    def test_raised_from_the_second_where_values_were_followed(self):
        fun, _ = failing({1: TypeError("followed"), 2: KeyError("mine")}, np.floor)
        with pytest.raises(KeyError, match="mine") as error:
            explain(fun)(X)
        assert error.value.__context__ is None
        assert traceback.extract_tb(error.value.__traceback__)[-1].name == "fun"

    def test_an_answer_to_what_grad_refuses_is_followed(self):
        def converts(x):
            try:
                scale = float(x[0])
            except TypeError:
                scale = x[0]
            return scale * np.sum(x)

        def slides(x):
            try:
                return np.sum(windows(x) * x[0])
            except TypeError:
                return np.sum(x * x)

        for fun in (converts, slides):
            leaf = explained(fun, X)
            assert leaf.status == "flows"
            np.testing.assert_array_equal(leaf.grad, grad(fun)(X))

    @pytest.mark.parametrize("refused", [lambda x: float(np.sum(x)), windows])
    def test_what_grad_refuses_is_called_so(self, refused):
        def fun(x):
            refused(x)
            return np.sum(x)

        with pytest.raises(TypeError):
            grad(fun)(X)
        report = explain(fun)(X)
        assert only(report).grad is None and "grad refuses" in report.notes[-1]

    def test_noted_where_only_the_followed_call_raises(self):
        report = explain(failing({1: TypeError("followed")}, np.floor)[0])(X)
        assert only(report).status == "cut"
        assert re.search(r"not followed.* TypeError was raised at \S*test_explain\.py:\d+", report.notes[-1])

    def test_raised_while_other_arguments_are_tried(self):
        constant = lambda x: 1.0
        with pytest.raises(KeyError, match="mine"):
            explain(failing({2: TypeError("followed"), 3: KeyError("mine")}, constant)[0])(X, X)
        assert only(explain(failing({2: TypeError("followed")}, constant)[0])(X, X)).status == "unused"

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
    @pytest.mark.parametrize(
        "first, errors", [(np.floor, {}), (np.floor, {1: TypeError()}), (lambda x: 1.0, {1: None})]
    )
    def test_stops_pass_from_every_call(self, stop, first, errors):
        last = len(errors) + 1
        fun, calls = failing({n: e for n, e in {**errors, last: stop}.items() if e}, first)
        with pytest.raises(stop):
            explain(fun)(X, X)
        assert len(calls) == last


def test_a_list_that_contains_itself_may_be_read_from_outside():
    state = [1.0]
    state.append(state)
    assert explained(lambda x: state[0], X).status == "unused"


def test_values_and_arguments_stay_as_they_are():
    x = X.copy()
    report = explain(lambda x: np.sum(x * x))(x)
    np.testing.assert_array_equal(x, X)
    only(report).grad[0] = 100.0
    np.testing.assert_array_equal(x, X)


def test_long_programs():
    def chain(x):
        for _ in range(5_000):
            x = x * 1.0
        return np.sum(np.floor(x) + x)

    report = explain(chain)(X)
    assert (only(report).status, only(report).paths_total) == ("partly_cut", 2)
    assert len(report.to_dot()) < 10_000


@over_rows(r for r in rows() if not r.forward_only)
@pytest.mark.filterwarnings("ignore")
def test_the_gradient_is_that_of_grad_for_every_primitive(row):
    def loss(*args):
        return sum(np.sum(np.real(y) * 1.0) for y in tree.leaves(row.fun(*args)))

    argnums = tuple(i for i, x in enumerate(row.args) if np.asarray(x).dtype.kind == "f")
    if not argnums:
        pytest.skip("no argument to differentiate")
    report = explain(loss, argnums=argnums)(*row.args)
    for leaf, expected in zip(report.leaves, grad(loss, argnums=argnums)(*row.args), strict=True):
        np.testing.assert_array_equal(leaf.grad, expected)
        if not row.differentiable:
            assert leaf.status in ("cut", "unused", "zero"), leaf.message


# the report's forms

GOLDEN_CUT = """\
Gradient of `loss`: 1 cut

argument 0 `x`: cut
  Both of its 2 paths to the output are cut by `stop_gradient` at
  test_explain.py:LINE. It was asked for. Instead: `x`, where its derivative is
  wanted.
    test_explain.py:LINE   MARKED
                           MARKS"""

GOLDEN_UNUSED = """\
Gradient of `total`: 1 unused, 1 flows, 1 not_differentiable

params['b']: unused
  The output does not depend on it. No operation was applied to it. What the
  output depends on is params['w'].

params['w']: flows
  One path leads to the output. The gradient has shape (3,), its largest
  element is 2.

argument 1 `n`: not_differentiable
  It has dtype int64, and an integer has no derivative, so grad refuses it.
  Write a float (3.0), or pass it as another argument that argnums does not
  name."""


def test_text_of_a_cut():
    def loss(x):
        y = stop_gradient(x)  # <golden>
        return np.sum(y * y)

    expected = GOLDEN_CUT.replace("LINE", str(line("golden"))).replace(
        "MARKED", "y = stop_gradient(x)  # <golden>"
    )
    assert str(explain(loss)(X)) == expected.replace("MARKS", "   ^^^^^^^^^^^^^^^^")


def test_text_of_several_leaves():
    def total(params, n):
        return np.sum(params["w"] * 2.0)

    assert str(explain(total, argnums=(0, 1))({"w": X, "b": 1.0}, 3)) == GOLDEN_UNUSED


def test_text_fits_a_terminal():
    def long_lines(x):
        some_quite_long_name_of_a_result = np.sum(
            x * 2.0 + np.floor(x) * 3.0 + np.ceil(x) * 4.0 - np.sign(x)
        )  # <long>
        return some_quite_long_name_of_a_result

    text = str(explain(long_lines)(X))
    assert max(map(len, text.splitlines())) <= 79
    (source,) = [i for i, t in enumerate(text.splitlines()) if "+ np.floor(x)" in t]
    lines = text.splitlines()
    start = lines[source].index("np.floor(x)")
    assert lines[source + 1][start : start + 11] == "^" * 11


def test_to_dict_is_plain_data():
    report = explain(lambda x, n: np.sum(stop_gradient(x) * n), argnums=(0, 1))(X, 3)
    data = json.loads(json.dumps(report.to_dict()))
    cut = data["leaves"][0]["cuts"][0]
    assert set(cut) == {"op", "filename", "lineno", "source", "why", "remedy", "fix"}
    assert data["leaves"][0]["status"] == "cut"
    assert data["leaves"][1]["grad"] is None


def test_to_dot_is_a_graph_with_cut_edges():
    dot = explain(lambda x: np.sum(x * 2.0 + stop_gradient(x)))(X).to_dot()
    assert dot.startswith("digraph") and dot.endswith("}")
    nodes = set(re.findall(r"^  (n\d+) \[label=\"(?:[^\"\\]|\\.)*\", fillcolor=\"#\w+\"\];$", dot, re.M))
    edges = re.findall(r"^  (n\d+) -> (n\d+)( \[style=dashed.*\])?;$", dot, re.M)
    assert len(nodes) + len(edges) + 3 == len(dot.splitlines())
    assert {n for a, b, _ in edges for n in (a, b)} <= nodes
    assert sum(bool(cut) for *_, cut in edges) == 1


def test_html_escapes():
    html = explain(lambda x: np.sum(x < 2.0) * 1.0)(X)._repr_html_()
    assert "&lt; 2.0" in html and "< 2.0" not in html
    assert "<svg" in html and 'class="cut"' in html


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explain(lambda x: np.sum(np.where(x > 1.0, np.sqrt(x - 1.0), 0.0)))(X)
