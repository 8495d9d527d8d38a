"""Random programs as Python texts: `write(pick)` asks `pick(n)` for numbers below n, and a text is all there is to it.

Every line is one assignment of an array to a new name. Values stay moderate, and comparisons are between numbers that
are not equal, so that another order of roundings gives the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import funcgrad as fg

DIMS = (3, 4, 1, 8, 2, 0, 5, 7, 9, 16, 17, 33)
LARGEST = 1200
"""Elements of a value: the texts run one by one in Python."""
FLOATS, INTEGERS = ("float64", "float32"), ("int64", "int32", "uint8")
NAMES = {"np": np, "fg": fg, "lax": fg.lax}


class Text(NamedTuple):
    """`def program(*inputs)` of arrays of these values. Where it has a `while_loop` there is no reverse mode."""

    source: str
    inputs: tuple[np.ndarray, ...]
    has_while: bool

    def function(self) -> Callable[..., Any]:
        scope = dict(NAMES)
        exec(self.source, scope)
        return scope["program"]


class Writer:
    """Writes the lines of one function, and knows the values of its names in a sample run."""

    def __init__(self, pick: Callable[[int], int], known: dict[str, Any], depth: int = 0) -> None:
        self.pick = pick
        self.known = known
        self.depth = depth
        self.lines: list[str] = []
        self.has_while = False

    # drawing

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[self.pick(len(choices))]

    def named(self, kinds: str) -> str:
        """A value whose dtype is one of these kinds; later ones are likelier."""
        names = [n for n, v in self.known.items() if v.dtype.kind in kinds]
        if not names:
            other = self.named("fiub")
            return self.let(f"{other} > 0.1173" if kinds == "b" else f"{other}.astype('{kinds[0]}8')")
        return names[-1 - min(self.pick(len(names)), self.pick(len(names)))]

    def anything(self) -> str:
        return self.named("fiub" if self.pick(3) == 0 else "f")

    def shape(self, name: str) -> tuple[int, ...]:
        return self.known[name].shape

    def shaped(self) -> str:
        """A value with at least one axis."""
        name = self.anything()
        return name if self.shape(name) else self.let(f"np.broadcast_to({name}, ({self.one(DIMS)},))")

    def axis(self, name: str) -> int:
        return self.pick(len(self.shape(name)))

    # writing

    def let(self, expression: str) -> str:
        """A name for the value, which is made moderate."""
        with np.errstate(all="ignore"):
            value = np.asarray(eval(expression, NAMES, self.known))
            if value.size > LARGEST:
                expression, value = f"({expression}).ravel()[:33]", value.ravel()[:33]
            if value.dtype.kind == "f" and np.max(np.abs(value), initial=0) > 30:
                expression, value = f"np.sin(({expression}) * 0.01)", np.sin(value * 0.01)
        return self.bind(expression, value)

    def bind(self, expression: str, value: Any) -> str:
        name = f"v{self.depth}_{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        self.known[name] = value
        return name

    def text(self, indent: str) -> str:
        return "".join(f"{indent}{line}\n" for line in "\n".join(self.lines).split("\n"))

    def like(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> str:
        """An expression with a value's elements, in another shape: cut and padded."""
        x, old = name, self.shape(name)
        while len(old) > len(shape):
            x, old = (f"{x}[0]" if old[0] else f"np.sum({x}, axis=0)"), old[1:]
        if old and len(old) < len(shape) and self.pick(2):
            x, old = f"np.expand_dims({x}, {len(old)})", (*old, 1)
            return self.like(self.let(x), shape, dtype)
        wanted = shape[len(shape) - len(old) :]
        if any(n > m for n, m in zip(old, wanted) if n != 1):
            x = f"{x}[{', '.join(f':{m}' if n != 1 else ':' for n, m in zip(old, wanted))}]"
        if any(n < m for n, m in zip(old, wanted) if n != 1):
            x = f"np.pad({x}, {[(0, max(m - n, 0) if n != 1 else 0) for n, m in zip(old, wanted)]})"
        if dtype is not None and dtype != self.known[name].dtype:
            x = f"({x}).astype('{dtype}')"
        return x

    def exactly(self, name: str, shape: tuple[int, ...], dtype: Any) -> str:
        return f"np.broadcast_to({self.like(name, shape, dtype)}, {shape})"

    def body(self, known: dict[str, Any], steps: int) -> Writer:
        """The lines of a function within this one, which also sees some of what is outside."""
        outer = {n: v for n, v in self.known.items() if self.pick(4) == 0 and v.size < 100}
        inner = Writer(self.pick, {**outer, **known}, self.depth + 1)
        for _ in range(steps):
            self.one(SIMPLE if self.depth else SIMPLE * 2 + CONTROL)(inner)
        self.has_while |= inner.has_while
        return inner


# What a step may be


def unary(w: Writer) -> None:
    x = w.named("f")
    w.let(w.one([
        "np.sin({x})", "np.cos({x})", "np.tanh({x})", "np.exp(-{x} * {x})", "np.sqrt(1 + {x} * {x})", "{x} * {x}",
        "np.abs({x})", "-{x}", "np.tanh({x}) ** 3", "np.arctan({x})", "np.log1p({x} ** 2)", "1 / (1 + np.exp(-{x}))",
        "np.where({x} > 0.1234, {x}, 0.5)", "np.expm1(np.sin({x}))", "np.cbrt({x} + 40)", "{x} * 0.37 + 1",
        "np.log(2 + np.cos({x}))", "np.clip({x}, -0.713, 0.917)", "fg.stop_gradient({x}) * {x}",
    ]).format(x=x))  # fmt: skip


def binary(w: Writer) -> None:
    x = w.named("f")
    y = w.like(w.anything(), w.shape(x))
    w.let(w.one([
        "{x} + {y}", "{x} * {y}", "{x} - {y} * 0.5", "{x} / (1 + {y} * {y})", "np.maximum({x}, {y} + 0.0173)",
        "np.minimum({x}, {y} + 0.0173)", "np.where({x} > {y} + 0.0173, {x}, {y})", "np.arctan2({x}, {y} + 40)",
        "np.copysign({x}, {y} + 0.0173)", "np.hypot({x}, {y} + 40)",
    ]).format(x=x, y=y))  # fmt: skip


def compare(w: Writer) -> None:
    x = w.anything()
    y = w.like(w.anything(), w.shape(x))
    w.let(f"{x} {w.one(['<', '<=', '>', '>=', '==', '!='])} {y} + 0.0173")


def integers(w: Writer) -> None:
    n = w.named("iu")
    m = w.like(w.named("iu"), w.shape(n), w.known[n].dtype)
    w.let(w.one([
        "{n} + {m}", "{n} * {m}", "{n} - {m}", "{n} & {m}", "{n} | {m}", "{n} ^ {m}", "np.maximum({n}, {m})", "~{n}",
        "{n} * 3 + 1", "{n} // ({m} * 2 + 1)", "{n} % ({m} * 2 + 1)", "{n} < {m}", "{n} == {m}", "abs({n})", "{n} > 2",
        "np.where({n} > {m}, {n}, 7)", "-{n}",
    ]).format(n=n, m=m))  # fmt: skip


def truths(w: Writer) -> None:
    p = w.named("b")
    q = w.like(w.named("b"), w.shape(p))
    w.let(w.one(["{p} & {q}", "{p} | {q}", "{p} ^ {q}", "~{p}", "{p} + {q}", "{p} * {q}"]).format(p=p, q=q))


def cast(w: Writer) -> None:
    x = w.anything()
    kind = w.known[x].dtype.kind
    to = w.one((*FLOATS, "int64", "int32", "bool") if kind == "f" else (*FLOATS, *INTEGERS, "int8", "bool"))
    if kind == "f" and to == "bool":
        w.let(f"({x} + 0.0173).astype(bool)")
    elif kind == "f" and to[0] == "i":
        w.let(f"({x} * 3.71 + 0.0173).astype('{to}')")
    else:
        w.let(f"{x}.astype('{to}')")


def cut(w: Writer) -> None:
    x = w.shaped()
    pieces = [w.one([":", "::-1", "1:", ":-1", "::2", "1::3", "::-2", "-2:", "3:1:-1", "None, :"]) for _ in w.shape(x)]
    if w.shape(x)[0] and w.pick(3) == 0:
        pieces[0] = w.one(["0", "-1"])
    w.let(f"{x}[{', '.join(pieces[:3])}]")


def view(w: Writer) -> None:
    x = w.shaped()
    n, axis, shape = len(w.shape(x)), w.axis(x), w.shape(x)
    axes = list(range(n))
    turned = [axes.pop(w.pick(len(axes))) for _ in range(n)]
    size = w.known[x].size
    divisors = [d for d in (2, 3, 4, 8, 16, 17) if size and size % d == 0]
    split = w.one(divisors) if divisors else 1
    w.let(w.one([
        f"np.transpose({x}, {turned})", f"np.transpose({x}, {turned})", f"{x}.reshape(-1)" if size else f"{x}.T",
        f"{x}.reshape({split}, -1)" if size else f"{x}.T", f"{x}.T.reshape(-1, {split})" if size else f"{x}.T",
        f"np.flip({x}, {axis})", f"np.expand_dims({x}, {axis})", f"np.swapaxes({x}, 0, {axis})",
        f"np.broadcast_to({x}, {(w.one((2, 3)), *shape)})", f"np.roll({x}, 2, {axis})", f"np.repeat({x}, 2, {axis})",
        f"np.pad({x}, {[(w.pick(3), w.pick(3)) for _ in shape]})", f"np.tile({x}, 2)",
        f"np.pad({x}, {[(w.pick(3), w.pick(3)) for _ in shape]}, constant_values=2)",
        f"np.triu({x})" if n > 1 else f"{x}[None]", f"np.diagonal({x})" if n > 1 else f"{x}[:, None]",
    ]))  # fmt: skip


def join(w: Writer) -> None:
    x = w.shaped()
    axis, shape = w.axis(x), w.shape(x)
    y = w.exactly(w.anything(), shape, w.known[x].dtype)
    if w.pick(2):
        w.let(f"np.stack([{x}, {y}], axis={axis})")
    else:
        step = w.one((":", "::-1", "1:"))
        w.let(f"np.concatenate([{y}, {x}[{':, ' * axis}{step}], {x}], axis={axis})")


def reduction(w: Writer) -> None:
    x = w.shaped()
    n, shape = len(w.shape(x)), w.shape(x)
    axes = tuple(a for a in range(n) if w.pick(2)) or (w.pick(n),)
    kind, has_none = w.known[x].dtype.kind, any(shape[a] == 0 for a in axes)
    choices = ["np.sum({x}{a})", "np.sum({x}{a})", "np.any({x}{a})", "np.all({x}{a})"]
    if kind == "f":
        choices = ["np.sum({x}{a})", "np.prod(np.cos({x}){a})", "np.any({x} > 0.9173{a})", "np.all({x} < 0.9173{a})"]
    if not has_none:
        choices += ["np.max({x}{a})", "np.min({x}{a})", "np.mean({x}{a})"]
        if kind == "f":
            choices += ["np.var({x}{a})", "fg.nn.logsumexp({x}{a})", "fg.nn.softmax({x}, axis={axes})"]
    if kind in "iu":
        choices += ["np.prod({x}{a})"]
    options = f", axis={axes}" + w.one(["", "", ", keepdims=True"])
    w.let(w.one(choices).format(x=x, a=options, axes=axes))


def product(w: Writer) -> None:
    n, m, k = w.one(DIMS), w.one(DIMS), w.one(DIMS)
    dtype = w.one(FLOATS)
    x, y = w.exactly(w.named("f"), (n, k), dtype), w.exactly(w.named("f"), (k, m), dtype)
    w.let(w.one([
        f"{x} @ {y}", f"{x} @ {y}", f"{x} @ {y}[:, 0]" if m else f"{x} @ {y}", f"np.einsum('ij,jk->k', {x}, {y})",
        f"np.tanh({x}) @ np.sin({y})", f"np.stack([{x}, {x} * 2]) @ {y}", f"np.dot({x}, {y}).T",
    ]))  # fmt: skip


def running(w: Writer) -> None:
    x = w.shaped()
    w.let(f"np.cumsum({x}, axis={w.axis(x)})" if w.pick(3) else f"np.cumprod({x}, axis={w.axis(x)})")


def places(w: Writer, size: int, unique: bool = False) -> str:
    """Indexes into an axis, known or computed, from its start or from its end."""
    count = w.one(DIMS)
    if unique:
        known = np.random.default_rng(w.pick(9)).permutation(size)[:count]
        return f"np.array({known.tolist()}, dtype=int)"
    if w.pick(2):
        return f"np.array({np.random.default_rng(w.pick(9)).integers(-size, size, count).tolist()}, dtype=int)"
    n = w.named("iu")
    return f"{n}.astype(int) % {size}" + w.one(["", f" - {size}"])


def gather(w: Writer) -> None:
    x = w.shaped()
    axis = w.axis(x)
    size = w.shape(x)[axis]
    if size == 0:
        return
    at = w.let(places(w, size))
    w.let(f"fg.numpy.take({x}, {at}, axis={axis})")


def scatter(w: Writer) -> None:
    x = w.shaped()
    size, rest, dtype = w.shape(x)[0], w.shape(x)[1:], w.known[x].dtype
    if size == 0 or dtype.kind == "b":
        return
    way = w.one(["add", "add", "set", "max", "multiply"])
    at = w.let(places(w, size, unique=way in ("set", "multiply")))
    y = w.exactly(w.anything() if dtype.kind == "f" else w.named("iu"), (*w.shape(at), *rest), dtype)
    w.let(f"fg.numpy.at({x})[{at}].{way}({y})")


def sorting(w: Writer) -> None:
    x = w.named("f")
    if w.shape(x):
        w.let(f"np.sort({x}, axis={w.axis(x)})")


def scan(w: Writer) -> None:
    xs, init = w.shaped(), w.named("f")
    carry, x = w.known[init], w.known[xs]
    first = x[0] if len(x) else np.zeros(x.shape[1:], x.dtype)
    inner = w.body({"c": carry, "x": first}, 1 + w.pick(3))
    new = inner.exactly(inner.named("f"), carry.shape, carry.dtype)
    out = inner.anything()
    inner.lines.append(f"return np.tanh({new}) * 0.01 + c * 0.5, {out}")
    w.lines.append(f"def body{w.depth}(c, x):\n{inner.text('    ')}".rstrip())
    reverse = w.one(["", ", reverse=True"])
    run(w, f"lax.scan(body{w.depth}, {init}, {xs}{reverse})", count=2)


def branches(w: Writer) -> None:
    x = w.anything()
    shape, dtype = (*w.shape(x),), w.one(FLOATS)
    names = []
    count = 2 + w.pick(2)
    for _ in range(count):
        inner = w.body({"x": w.known[x]}, 1 + w.pick(2))
        inner.lines.append(f"return {inner.exactly(inner.anything(), shape, dtype)}")
        names.append(f"branch{w.depth}_{len(w.lines)}")
        w.lines.append(f"def {names[-1]}(x):\n{inner.text('    ')}".rstrip())
    number = w.let(f"np.sum({w.named('iu')}) % {count}")
    if count == 2:
        expression = f"lax.cond({number} > 0, {names[0]}, {names[1]}, {x})"
    else:
        expression = f"lax.switch({number}, [{', '.join(names)}], {x})"
    run(w, expression)


def while_(w: Writer) -> None:
    init = w.named("f")
    carry = w.known[init]
    inner = w.body({"c": carry}, 1 + w.pick(2))
    new = inner.exactly(inner.named("f"), carry.shape, carry.dtype)
    times = w.one(["fori_loop", "while_loop"])
    if times == "while_loop":
        w.has_while = True
        bound = w.let(f"np.sum({w.named('iu')}) % 5")
        inner.lines.append(f"return n + 1, np.tanh({new}) * 0.01 + c * 0.5")
        w.lines.append(f"def step{w.depth}(state):\n    n, c = state\n{inner.text('    ')}".rstrip())
        run(w, f"lax.while_loop(lambda s: s[0] < {bound}, step{w.depth}, ({bound} * 0, {init}))[1]")
    else:
        inner.lines.append(f"return np.tanh({new}) * 0.01 + c * 0.5")
        w.lines.append(f"def step{w.depth}(n, c):\n{inner.text('    ')}".rstrip())
        run(w, f"lax.fori_loop(0, {w.one((0, 1, 2, 5))}, step{w.depth}, {init})")


def run(w: Writer, expression: str, count: int = 1) -> None:
    """Names for what functions that have just been defined give."""
    scope = {**NAMES, **w.known}
    with np.errstate(all="ignore"):
        for line in w.lines:
            if line.startswith("def "):
                exec(line, scope)
        found = eval(expression, scope)
    names = [f"v{w.depth}_{len(w.lines)}{'xy'[k]}" for k in range(count)]
    w.lines.append(f"{', '.join(names)} = {expression}")
    w.known.update(zip(names, map(np.asarray, found if count == 2 else (found,))))


SIMPLE = [
    unary, unary, unary, binary, binary, binary, compare, integers, truths, cast, cut, cut, view, view, view, join,
    reduction, reduction, reduction, product, running, gather, gather, scatter, sorting,
]  # fmt: skip
CONTROL = [scan, scan, branches, while_]


def write(pick: Callable[[int], int]) -> Text:
    rank = pick(4)
    shape: tuple[int, ...] = tuple(DIMS[pick(len(DIMS))] for _ in range(rank))
    while int(np.prod(shape)) > LARGEST:
        shape = shape[1:]
    rng = np.random.default_rng(pick(100))
    dtype = FLOATS[int(pick(4) == 0)]
    arrays = [
        rng.normal(size=shape).astype(dtype),
        rng.normal(size=(DIMS[pick(len(DIMS))],)),
        rng.normal(size=(DIMS[pick(len(DIMS))], shape[-1] if shape else 3)).astype(FLOATS[int(pick(4) == 0)]),
        rng.integers(-9, 9, shape[:1] if pick(2) else shape[1:]).astype(INTEGERS[pick(2)]),
        rng.integers(0, 255, (DIMS[pick(len(DIMS))],)).astype(np.uint8),
        rng.integers(0, 2, shape).astype(bool),
    ]
    names = [f"a{k}" for k in range(len(arrays))]
    w = Writer(pick, dict(zip(names, arrays)))
    for _ in range(2 + pick(10)):
        w.one(SIMPLE * 2 + CONTROL * 2)(w)
    outputs = [n for n in list(w.known)[len(names) :] if pick(3) == 0]
    last = list(w.known)[-1]
    w.lines.append(f"return {', '.join(dict.fromkeys([*outputs, last]))},")
    source = f"def program({', '.join(names)}):\n{w.text('    ')}"
    return Text(source, tuple(arrays), w.has_while)
