"""Primitives, traced values and traces: how a call finds who interprets it.

An operation on plain arrays runs its NumPy implementation. An operation on traced values goes to the newest
trace among its arguments, which runs its own rule on the values underneath; those are plain arrays, or traced
values of older traces, and the same happens again. A value of another trace is a constant to it. As every call of a
transformation makes a new trace, two nested derivatives can never mistake each other's values, and there is no
global state: a function that raises leaves nothing behind, and threads do not meet.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from funcgrad.core import provenance
from funcgrad.core.avals import NUMERIC, PYTHON_SCALARS, Aval, Traced, operand
from funcgrad.core.reading import named
from funcgrad.core.warned import SILENT, set_state, state
from funcgrad.errors import EscapedTracerError, TracerConversionError

_ages = itertools.count(1)
_CARRIERS = frozenset(
    ("pickle", "cloudpickle", "dill", "joblib", "multiprocessing", "concurrent", "threading", "asyncio")
)
"""What pickles for its caller."""


class Trace:
    """One run of one transformation. `age` orders traces: the newest interprets first."""

    __slots__ = ("age", "alive", "has_buffers")
    name = "a transformation"
    sees_inside = False
    """Whether functions that others keep as programs (checkpoint) are run as they are."""
    choose: Callable[[Any], bool] | None = None
    """What answers `bool(x)` of a value that is not known, where several ways are taken; else it is refused."""
    count: Callable[[Any], int] | None = None
    """The same for `operator.index(x)`."""
    age: float
    has_buffers: bool
    """Whether arrays that can be written were made for it (`core/buffers.py`)."""

    def __init__(self) -> None:
        self.age = next(_ages)
        self.alive = True
        self.has_buffers = False

    def process(self, prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotImplementedError

    def end(self) -> None:
        """After this, using one of the trace's values is reported as an escape."""
        self.alive = False


class Tracer(Traced):
    """A value that is being traced. `ops.arithmetic` attaches operators, `funcgrad.numpy` what else arrays have."""

    __slots__ = ("__weakref__", "_place", "_trace")
    __array_priority__ = 1000.0
    __pandas_priority__ = 10_000
    """Operators of pandas objects leave it to the traced value, which refuses them."""
    has_value = False
    """Whether `value` is what it stands for, so that Python may look at it."""

    _trace: Trace
    _place: Any
    """The memory that it shares with views, where there are any (`funcgrad.ops.views`)."""

    def __init_subclass__(cls) -> None:
        cls.__name__ = "Traced"  # what errors of Python's call it, as it prints; `__qualname__` stays for us

    @property
    def aval(self) -> Aval:
        raise NotImplementedError

    def snapshot(self) -> Any:
        """The value as it is now, which writing into this object will not change."""
        new = object.__new__(type(self))
        new._place = None
        new.replace(self)
        return new

    def replace(self, new: Any) -> None:
        """Stand for another value of the same trace from now on: the user has written into the array."""
        for name in _slots(type(self)):  # type: ignore[arg-type]
            setattr(self, name, getattr(new, name))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """What `isinstance` goes by where the class itself is another: to the user, what the plain function sees.

        `isinstance(x, np.ndarray)` chooses the same branch as without a transformation. Our own code, NumPy's and
        that of other packages see a traced value.
        """
        return self._stands_for() if provenance.is_asked_by_user(sys._getframe(1)) else type(self)

    def _stands_for(self) -> type:
        """The class of the value in the plain function; of rank 0 that of the number, where the value is not known."""
        aval = self.aval
        if aval.shape:
            return np.ndarray
        value = known(self)
        if value is not None:
            return type(value)
        number = aval.dtype.type
        return type(number(0).item()) if aval.weak else number

    def become(self, new: Tracer) -> None:
        """Stand for a value of the same trace that may be of another class."""
        if type(new) is not type(self):
            _set_class(self, type(new))
        self.replace(new)

    def may_become(self, kind: type[Tracer]) -> bool:
        """Whether the object may stand for a value of another class from now on."""
        return False

    def location(self) -> provenance.Loc | None:
        """The user's line that computed this value, where it is known."""
        return None

    def _as_plain(self) -> np.ndarray | None:
        """The array that this is under another name, where nothing of it is being traced."""
        return None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype:
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d traced value")
        return self.shape[0]

    def __repr__(self) -> str:
        start, value = f"Traced<{self.aval} in {self._trace.name}", known(self)
        if value is None:
            return f"{start}>"
        return f"{start}: {np.array2string(np.asarray(value), prefix=f'{start}: ', suffix='>')}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise unpicklable(self) if self._trace.alive else escaped((self,))

    def __hash__(self) -> int:
        raise TypeError(
            "Leave the cache out where a function is transformed, or cache what depends on shapes and plain numbers "
            f"only. A traced value of {self._trace.name}{provenance.at(provenance.here())} is unhashable, as == "
            "compares its elements: functools.lru_cache, sets and the keys of dicts cannot hold it."
        )


_set_class: Callable[[Any, type], None] = object.__dict__["__class__"].__set__


class Same(NamedTuple):
    """What a batch rule returns for an output that is the same for all elements of the batch."""

    value: Any


AnyTracer = TypeVar("AnyTracer", bound=Tracer)


def as_argument(x: AnyTracer) -> AnyTracer:
    """An argument of the user's function, which is given as a copy in C order."""
    x._place = ()
    return x


@cache
def _slots(kind: type[Tracer]) -> list[str]:
    """What makes up a value, without what concerns the object that holds it."""
    names = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    return [name for name in names if name not in ("__weakref__", "_place")]


class Primitive:
    """One operation of the language: its NumPy implementation and everything the interpreters ask of it.

    `impl(*arrays, **params)` computes; `shape(*avals, **params)` says what it would return. The rules are derived by
    the families (`funcgrad.ops.families`) from what the author of a primitive writes once:

    - `record(values, tracked, params) -> (output, saved)`: compute, and keep what the derivative needs (`saved` is
      None where there is no derivative). `tracked[i]` says whether argument i is being differentiated.
    - `record_linear(values, tracked, params) -> (aval, saved)`: the same where tracked values are only avals.
    - `push(saved, tangents, params)`: the tangent of the output; None stands for a zero tangent.
    - `pull(saved, tracked, ct, params)`: the cotangent of each tracked argument (None elsewhere, and for zero).
      `pull_over` is the same, and may write results over the array `ct` if nobody else has it (`over`), and over
      what is saved and has no other holder if the entry has none (`last`).
    - `relink(saved, parents, node, wrap)`: `saved` with each tracked value as `wrap(value, its entry)`: that of the
      argument, or `node` for the output; a pull with it can itself be differentiated.
    - `batch(values, batched, size, params)`: run over the leading axis of the batched values; the outputs are batched
      at their leading axis, or `Same`.
    - `jvp(values, tangents, params) -> (output, tangent)`: forward mode, by `record` and `push` unless it is said
      otherwise.
    - `body(params)`: the one program that a call stands for; `inside(args, params, run)`: what a `transparent`
      primitive does, or one that `dissolves`, its programs being run by `run(graph, args)`.
      `staged(params, program)`: its parameters when it is written down, to be run later; `program(fun)` makes one of
      a flat function of its arguments.
    """

    multiple = False
    """Whether the output is a tuple."""
    transparent = False
    """Whether `impl` is itself made of primitives and may run on traced values: a call of a program."""
    keeps_all = False
    """Whether a derivative keeps any of the arguments as they are: a call of a program, which may hand them on."""
    explained = False
    """Whether `explain` looks inside of it, as it does where it is transparent."""
    dissolves = False
    """Whether a program that is being traced takes up the operations of such a call instead of the call."""
    is_flat = False
    """Whether it has no derivative along any argument."""
    outside = ""
    """What a call of the user's Python that it stands for is: "pure", or with an effect, "io" or "debug"."""
    flat: str | None = None
    """Why the derivative is zero or absent, where it is."""
    remedy: str | None = None
    """What to write instead where `flat` is a surprise."""
    lower: Any = None
    """How a kernel computes one element, for the compiler."""
    batch: Any = None
    """The rule for batches; without one `vmap` runs it as a loop."""
    python: Callable[..., Any] | None = None
    """Python's operator, where the primitive is one: it is exact on Python's integers, which NumPy's are not."""

    def __init__(self, name: str) -> None:
        self.name = name

    def impl(self, *args: Any, **params: Any) -> Any:
        raise NotImplementedError(self.name)

    def shape(self, *avals: Aval, **params: Any) -> Any:
        raise NotImplementedError(self.name)

    def record(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise NotImplementedError(self.name)

    def record_linear(self, values: Sequence[Any], tracked: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        raise NotImplementedError(self.name)

    def push(self, saved: Any, tangents: Sequence[Any], params: dict[str, Any]) -> Any:
        raise NotImplementedError(self.name)

    def pull(self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any]) -> Sequence[Any]:
        raise NotImplementedError(self.name)

    def pull_over(
        self, saved: Any, tracked: Sequence[Any], ct: Any, params: dict[str, Any], *, over: bool, last: bool
    ) -> Sequence[Any]:
        return self.pull(saved, tracked, ct, params)

    def relink(self, saved: Any, parents: Sequence[Any], node: Any, wrap: Callable[[Any, Any], Any]) -> Any:
        raise NotImplementedError(self.name)

    def jvp(self, values: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]) -> tuple[Any, Any]:
        out, saved = self.record(values, tangents, params)
        if saved is None:
            return out, None
        before = state()
        try:
            set_state(SILENT)
            return out, self.push(saved, tangents, params)
        finally:
            set_state(before)

    def body(self, params: dict[str, Any]) -> Any:
        return None

    def inside(self, args: Sequence[Any], params: dict[str, Any], run: Callable[..., Any]) -> Any:
        return tuple(run(self.body(params), args))

    def staged(self, params: dict[str, Any], program: Callable[..., Any]) -> dict[str, Any]:
        return params

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply the primitive to arrays or traced values (what other systems call `bind`)."""
        newest: Any = None
        for a in args:
            if isinstance(a, Tracer):
                trace = a._trace
                if newest is None or trace.age > newest.age:
                    newest = trace
        if newest is None:
            return self.impl(*args, **params)
        if not newest.alive:
            raise escaped(args, self)
        for a in args:
            if not isinstance(a, Tracer) and not (type(a) is np.ndarray and a.dtype.kind in NUMERIC):
                if type(a) not in PYTHON_SCALARS:
                    args = tuple([x if isinstance(x, Tracer) else operand(x, self) for x in args])
                    break
        return newest.process(self, args, params)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return _primitive, (self.name,)


_registry: dict[str, Primitive] = {}


def register(prim: Primitive) -> Primitive:
    """Enter a primitive under its name: for pickling, and for the laws that the tests run over all of them."""
    if prim.name in _registry:
        raise ValueError(f"there is already a primitive called {prim.name!r}")
    if type(prim).relink is Primitive.relink:
        raise TypeError(f"the primitive {prim.name!r} has no `relink`: its gradients could not be differentiated again")
    _registry[prim.name] = prim
    return prim


def _primitive(name: str) -> Primitive:
    return _registry[name]


def primitives() -> dict[str, Primitive]:
    """All primitives by name."""
    return dict(_registry)


def described(x: Any) -> str:
    """What a value is, in an error that asks for something else."""
    if isinstance(x, Tracer):
        return f"a traced {x.aval}"
    return f"a {type(x).__name__} of length {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__


def known(x: Any) -> Any:
    """The array or number that a value stands for; None where it is traced and only its shape is known."""
    while isinstance(x, Tracer):
        if not x.has_value:
            return None
        x = x.value  # type: ignore[attr-defined]
    return x


def unknown_in(x: Any) -> Trace | None:
    """The trace that hides the value of `x`, where it is not known."""
    while isinstance(x, Tracer):
        if not x.has_value:
            return x._trace
        x = x.value  # type: ignore[attr-defined]
    return None


def is_traced(*xs: Any) -> bool:
    return True in [isinstance(x, Tracer) for x in xs]  # half the time of a generator


def newest_trace(xs: Sequence[Any]) -> Trace | None:
    """The newest trace among the values, which interprets an operation on them."""
    newest: Trace | None = None
    for x in xs:
        if isinstance(x, Tracer) and (newest is None or x._trace.age > newest.age):
            newest = x._trace
    return newest


def escaped(args: Sequence[Any], prim: Primitive | None = None) -> EscapedTracerError:
    """The error for a value whose trace has ended; names the line that made it and the line that uses it."""
    for x in args:
        if isinstance(x, Tracer) and not x._trace.alive:
            made = provenance.at(x.location())
            used = provenance.at(provenance.here())
            doing = f" by `{prim}`" if prim is not None else ""
            return EscapedTracerError(
                "Return the value from the function (has_aux=True returns values beside the result), or keep "
                f"fg.stop_gradient(x). A traced value of {x._trace.name} ({x.aval}), made{made}, was used{doing}{used} "
                "after the transformation had ended: it was kept in a global, an attribute or a container."
            )
    return EscapedTracerError("a traced value was used after its transformation had ended")


def conversion_error(
    x: Tracer,
    what: str,
    remedy: str,
    kind: type[TracerConversionError] = TracerConversionError,
    loc: provenance.Loc | None = None,
    otherwise: str = "",
) -> TracerConversionError:
    """The error for making a concrete value from a traced one, at the user's line here or at `loc`.

    It begins with what to write, and ends with what else there is.
    """
    where, made = provenance.at(loc or provenance.here()), provenance.at(x.location())
    reason = (
        f"{what}{where}: it would leave {x._trace.name}, and the derivative would be lost silently. The value "
        f"({x.aval}) was made{made or ' outside the traced code'}."
    )
    return kind(" ".join(filter(None, (named(remedy), reason[:1].upper() + reason[1:], otherwise))))


def unpicklable(x: Tracer) -> TracerConversionError:
    """The error for pickling a traced value, which a file or another process would give back as a constant."""
    return TracerConversionError(
        f"a traced value of {x._trace.name} ({x.aval}), made{provenance.at(x.location())}, was to be pickled"
        f"{provenance.at(provenance.here_past(_CARRIERS))}: it would come back as a constant, and the derivative would "
        "be lost silently. Compute with it in this process, where threads may share it; what goes to a file or to "
        "another process is a result (of grad, jit, vmap), or under grad the plain array fg.stop_gradient(x)."
    )
