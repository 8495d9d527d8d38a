"""A compiled program as a function of numba's, which `njit` code calls without Python in between.

Imports numba, and is imported when somebody asks for such a function. numba compiles a few lines around the kernel:
they look at the arguments, make the results and hand pointers to the machine code that Python calls too. So the numbers
are the same bits, and nothing is compiled twice.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic, overload
from numba.np.numpy_support import as_dtype, from_dtype

from funcgrad import tree
from funcgrad.compile.gate import ON_STACK, words_of
from funcgrad.compile.program import Kernel
from funcgrad.compile.segments import Segment
from funcgrad.core.avals import Aval
from funcgrad.core.graph import Atom, Graph, Literal, on_integers

_kept: list[Any] = []
"""The machine code whose addresses numba's code has: that may outlive every object of Python's that knows of it."""


def numba_function(
    graph: Graph, segment: Segment | None, arguments: tree.TreeDef, result: tree.TreeDef, python: Callable[..., Any]
) -> Callable[..., Any]:
    """The function for a program that is one kernel, of arguments and with a result of these structures.

    Its source is a call of `python`, for whoever traces it, and for numba where that compiles nothing.
    """
    name = python.__name__
    lines, scope = _text(graph, segment, arguments, result, name)
    params = ", ".join(f"x{i}" for i in range(len(arguments.children[0].children)))
    lines += [
        f"def in_python({params}): return python({params})",
        f"def in_numba({params}): return program",
        f"def function({params}): return in_python({params})",
    ]
    scope["python"] = python
    # a file name inside the package, so that errors do not show the generated frames
    exec(compile("\n".join(lines), f"{__file__}:{name}", "exec", dont_inherit=True), scope)
    function, in_python = scope["function"], scope["in_python"]
    for f in (function, in_python):
        f.__name__ = f.__qualname__ = name
    overload(in_python)(scope["in_numba"])
    made: Callable[..., Any] = numba.njit(nogil=True)(function)
    return made


# ---- the text ----


def _text(
    graph: Graph, segment: Segment | None, arguments: tree.TreeDef, result: tree.TreeDef, name: str
) -> tuple[list[str], dict[str, Any]]:
    given, named = arguments.children
    if named.num_leaves:
        raise TypeError(f"`{name}`: code of numba's passes no arguments by name: lower it with them in their order")
    params = [f"x{i}" for i in range(len(given.children))]
    lines: list[str] = []
    leaves: list[tuple[str, str]] = []
    for n, (param, child) in enumerate(zip(params, given.children)):
        _take(param, child, f"`{name}`: argument {n}", lines, leaves)
    scope: dict[str, Any] = {"fit": _fit, "parts": _parts, "empty": np.empty, "uint8": np.uint8}
    values: dict[Atom, str] = {}
    for k, (v, (leaf, where)) in enumerate(zip(graph.inputs, leaves)):
        values[v] = f"a{k}"
        lines.append(f"a{k} = fit({leaf}, {v.aval.dtype.name!r}, {str(v.aval.shape)!r}, {where!r})")
    lines += _call(graph, segment, values, scope, name)
    lines.append(f"return {_built(result, iter(_outputs(graph, values, scope)), name)}")
    return [f"def program({', '.join(params)}):", *(f"    {line}" for line in lines)], scope


def _take(value: str, treedef: tree.TreeDef, where: str, lines: list[str], leaves: list[tuple[str, str]]) -> None:
    """Expressions for the leaves of an argument, with the words for them, and lines that look at its tuples."""
    if treedef.kind is None:
        leaves.append((value, where))
        return
    if treedef.kind.cls is not tuple:
        raise TypeError(
            f"{where} is {treedef}, which code of numba's cannot hand over: lower a function of arrays, numbers "
            "and tuples of them, that makes the rest of those"
        )
    lines.append(f"parts({value}, {len(treedef.children)}, {where!r})")
    for i, child in enumerate(treedef.children):
        _take(f"{value}[{i}]", child, f"{where}[{i}]", lines, leaves)


def _call(
    graph: Graph, segment: Segment | None, values: dict[Atom, str], scope: dict[str, Any], name: str
) -> list[str]:
    """The lines that call the kernel. What computes nothing must not be kept by numba either: it may be another day."""
    if segment is None:
        scope["process"] = _process
        return ["if process() == 0:", "    raise SystemError('no process')"]
    kernel = Kernel(segment, frozenset())
    scope["call"] = _machine_code(kernel, segment, name)
    lines: list[str] = []
    arrays: list[str] = []
    scalars = 1
    for v in segment.outputs:
        if v.aval.shape:
            scope[v.aval.dtype.name] = v.aval.dtype.type
            values[v] = f"y{len(arrays)}"
            lines.append(f"{values[v]} = empty({v.aval.shape}, {v.aval.dtype.name})")
            arrays.append(values[v])
        else:
            values[v] = f"done[{scalars}]"
            scalars += 1
    size = kernel.gate.workspace
    lines.append(f"work = empty({size + 63}, uint8)" if size > ON_STACK else "work = None")
    inputs = [values[a] for a in segment.inputs]
    lines.append(f"done = call({_tuple(inputs)}, {_tuple(arrays)}, work)")
    message = f"`{name}`: {_failure(graph)}. Called from Python, the jitted function says which"
    return [*lines, "if done[0] != 0:", f"    raise IndexError({message!r})"]


def _failure(graph: Graph) -> str:
    """What a kernel may fail at."""
    more = ", or an integer has passed 64 bits" if any(map(on_integers, graph.eqns)) else ""
    return f"an index is out of bounds{more}"


def _outputs(graph: Graph, values: dict[Atom, str], scope: dict[str, Any]) -> list[str]:
    """Expressions for the program's outputs, each array with memory of its own."""
    shown: list[str] = []
    given: set[Atom] = set(graph.inputs)
    for k, atom in enumerate(graph.outputs):
        if isinstance(atom, Literal):
            scope[f"constant{k}"] = np.array(atom.value, atom.aval.dtype, order="C")[()]
            shown.append(f"constant{k}" + ".copy()" * bool(atom.aval.shape))
        else:
            shown.append(values[atom] + ".copy()" * bool(atom.aval.shape and atom in given))
        given.add(atom)
    return shown


def _built(treedef: tree.TreeDef, outputs: Any, name: str) -> str:
    """An expression for the result."""
    if treedef.kind is None:
        return str(next(outputs))
    kind = treedef.kind.cls
    if kind is type(None):
        return "None"
    if kind is tuple and treedef.aux is None:  # a named tuple's aux is its class
        return _tuple([_built(child, outputs, name) for child in treedef.children])
    raise TypeError(
        f"`{name}` returns {treedef}, which code of numba's cannot take over: lower a function that returns an array, "
        "a number or a tuple of them"
    )


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


# ---- what numba compiles ----


def _fit(x: Any, dtype: str, shape: str, where: str) -> NoReturn:
    """An argument as the kernel wants it: stands for what is below, in code of numba's."""
    raise NotImplementedError


def _parts(x: Any, count: int, where: str) -> NoReturn:
    """Whether an argument is a tuple of so many."""
    raise NotImplementedError


@overload(_fit, prefer_literal=True)
def _fitting(x, dtype, shape, where):  # without types, as numba compares the signatures
    if not isinstance(where, types.Literal):  # numba's second attempt, where the first has failed
        return None
    aval = Aval(literal_eval(shape.literal_value), np.dtype(dtype.literal_value))
    place = where.literal_value
    x = types.unliteral(x)
    if isinstance(x, types.Array) and x.ndim == len(aval.shape) and as_dtype(x.dtype) == aval.dtype:
        return _fitting_array(x, aval, place)
    if not aval.shape and isinstance(x, (types.Number, types.Boolean)) and _may_become(as_dtype(x), aval.dtype):
        kind = from_dtype(aval.dtype)
        return lambda x, dtype, shape, where: kind(x)
    raise NumbaTypeError(
        f"{place} is {_shown(x)}, but this was compiled for {aval}: lower it for such arguments, or convert them"
    )


def _fitting_array(x: types.Array, aval: Aval, place: str) -> Callable[..., Any]:
    if not aval.shape:
        return lambda x, dtype, shape, where: x[()]
    lengths = aval.shape
    message = f"{place} has another shape than the {lengths} that this was compiled for"
    if x.layout == "C" and x.aligned:

        def whole(x, dtype, shape, where):
            if x.shape != lengths:
                raise ValueError(message)
            return x

        return whole

    def copied(x, dtype, shape, where):
        if x.shape != lengths:
            raise ValueError(message)
        return x.copy()

    return copied


def _may_become(found: np.dtype, wanted: np.dtype) -> bool:
    """Whether a number may be cast: not where an integer could be too large, or a fraction be lost."""
    return np.can_cast(found, wanted) or (wanted.kind == "f" and found.kind in "iuf")


def _shown(x: types.Type) -> str:
    if isinstance(x, types.Array):
        return f"an array of {x.dtype} with {x.ndim} dimension{'s' * (x.ndim != 1)}"
    return str(x)


@overload(_parts, prefer_literal=True)
def _counting(x, count, where):
    if not isinstance(where, types.Literal):
        return None
    wanted = count.literal_value
    if not isinstance(x, types.BaseTuple) or len(x) != wanted:
        raise NumbaTypeError(f"{where.literal_value} is {x}, but this was compiled for a tuple of {wanted}")
    return lambda x, count, where: None


@intrinsic
def _process(typing: Any) -> Any:
    """A number other than 0, as a dynamic global: numba keeps code with one from the disk."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(context.add_dynamic_addr(builder, id(_kept), "funcgrad"), ir.IntType(64))

    return types.int64(), emit


class _Code:
    """Where a kernel is in this process: its function of pointers, and what it has captured."""

    def __init__(self, kernel: Kernel, segment: Segment) -> None:
        self.module = kernel._module
        self.table = tuple(segment.table)
        self.words = words_of(self.table)
        self.addresses = self.module.address("plain"), self.words.__array_interface__["data"][0]


def _machine_code(kernel: Kernel, segment: Segment, name: str) -> Any:
    """`call(inputs, array results, workspace)`: the kernel's status, and its results that are numbers.

    The address stands as what numba calls a dynamic global: code that has one is never cached on disk.
    """
    code = _Code(kernel, segment)
    _kept.append(code)
    results = [v.aval for v in segment.outputs]
    numbers = [from_dtype(aval.dtype) for aval in results if not aval.shape]
    size = kernel.gate.workspace

    @intrinsic
    def call(typing: Any, inputs: Any, arrays: Any, work: Any) -> Any:
        returned = types.Tuple((types.int32, *numbers))

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            frame = _Frame(context, builder)
            places = [frame.place(*element) for element in frame.elements(signature.args[0], args[0])]
            arrays = iter([frame.place(*element) for element in frame.elements(signature.args[1], args[1])])
            slots = [(kind, cgutils.alloca_once(builder, context.get_data_type(kind))) for kind in numbers]
            free = iter(slots)
            places += [next(arrays) if aval.shape else next(free)[1] for aval in results]
            function, words = [context.add_dynamic_addr(builder, at, name) for at in code.addresses]
            work = frame.space(size) if signature.args[2] is types.none else frame.place(signature.args[2], args[2])
            status = frame.call(function, [*places, words, frame.aligned(work)])
            read = [context.unpack_value(builder, kind, slot) for kind, slot in slots]
            return context.make_tuple(builder, signature.return_type, [status, *read])

        return returned(inputs, arrays, work), emit

    return call


class _Frame:
    """The memory of one call, in a function of numba's that is being written."""

    def __init__(self, context: Any, builder: Any) -> None:
        self._context = context
        self._builder = builder
        self._pointer = context.get_value_type(types.voidptr)

    def elements(self, kind: Any, value: Any) -> list[tuple[Any, Any]]:
        return list(zip(kind, cgutils.unpack_tuple(self._builder, value, len(kind))))

    def place(self, kind: Any, value: Any) -> Any:
        """A pointer to the data of an array, or to a number."""
        if isinstance(kind, types.Array):
            return self._context.make_array(kind)(self._context, self._builder, value).data
        slot = cgutils.alloca_once(self._builder, self._context.get_data_type(kind))
        self._context.pack_value(self._builder, kind, value, slot)
        return slot

    def space(self, size: int) -> Any:
        return cgutils.alloca_once(self._builder, ir.ArrayType(ir.IntType(8), size + 63))

    def aligned(self, pointer: Any) -> Any:
        """The first multiple of 64 from there on."""
        builder = self._builder
        past = builder.add(builder.ptrtoint(pointer, ir.IntType(64)), _word(63))
        return builder.inttoptr(builder.and_(past, _word(-64)), self._pointer)

    def call(self, function: Any, pointers: Sequence[Any]) -> Any:
        """`i32 function(ptr of an array of pointers)`."""
        builder = self._builder
        array = cgutils.alloca_once(builder, self._pointer, len(pointers))
        for k, pointer in enumerate(pointers):
            builder.store(builder.bitcast(pointer, self._pointer), builder.gep(array, [_word(k)]))
        kind = ir.FunctionType(ir.IntType(32), [array.type]).as_pointer()
        return builder.call(builder.bitcast(function, kind), [array])


def _word(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)
