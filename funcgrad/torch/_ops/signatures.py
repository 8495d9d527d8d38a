"""What PyTorch says of arguments that fit none of a function's signatures.

Its functions have several signatures each, which are tried in their order (signatures.txt, made by
`python -m tests.torch.signatures`). They are read only when a call has failed, so they cost a good call nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from funcgrad.torch._ops.generator import Generator
from funcgrad.torch._record.operands import refuse_traced
from funcgrad.torch._tensor import dtypes
from funcgrad.torch._tensor.devices import Device
from funcgrad.torch._tensor.formats import layout, memory_format
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.sizes import Size
from funcgrad.torch._tensor.tensor import Tensor

STORED = Path(__file__).with_name("signatures.txt")

_NUMBERS_AS_TENSORS = re.compile(r"(add|sub|subtract|mul|multiply|div|divide|true_divide|floor_divide|copy)_?$")
"""The functions whose tensors may be numbers."""
NO_TENSOR = "expected Tensor as element"
_OTHER_NAMES = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}
"""NumPy's names, which PyTorch takes too."""


# What fits a parameter


def is_integer(x: Any) -> bool:
    if isinstance(x, Tensor):
        return not x.requires_grad and x.dim() == 0 and x._read().dtype.kind in "iu"
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def _is_float(x: Any) -> bool:
    if isinstance(x, Tensor):
        return not x.requires_grad and x.dim() == 0
    return isinstance(x, (int, float, np.integer, np.floating))


def _is_number(x: Any) -> bool:
    return _is_float(x) or isinstance(x, (complex, np.number, np.bool_))


def _is_pythons(x: Any) -> bool:
    return isinstance(x, type) and x in (bool, int, float, complex)


def _is_list_of(fits: Callable[[Any], bool], x: Any) -> bool:
    """PyTorch looks at the first element."""
    return isinstance(x, (tuple, list)) and (len(x) == 0 or fits(x[0]))


class Type(NamedTuple):
    shown: str
    fits: Callable[[Any], bool]


_INTEGER = Type("int", is_integer)
_INTEGERS = Type("tuple of ints", lambda x: _is_list_of(is_integer, x))
_TENSORS = Type("tuple of Tensors", lambda x: isinstance(x, (tuple, list)) and all(isinstance(t, Tensor) for t in x))
_TYPES = {
    "Tensor": Type("Tensor", lambda x: isinstance(x, Tensor)),
    "TensorList": _TENSORS,
    "Scalar": Type("Number", _is_number),
    "c10::List<::std::optional<Tensor>>": _TENSORS,
    "Storage": Type("torch.Storage", lambda x: False),
    "ScalarList": Type("tuple of Scalars", lambda x: _is_list_of(_is_number, x)),
    "int64_t": _INTEGER,
    "SymInt": _INTEGER,
    "IntArrayRef": _INTEGERS,
    "SymIntArrayRef": _INTEGERS,
    "double": Type("float", _is_float),
    "ArrayRef<double>": Type("tuple of floats", lambda x: _is_list_of(_is_float, x)),
    "bool": Type("bool", lambda x: isinstance(x, bool)),
    "ScalarType": Type("torch.dtype", lambda x: isinstance(x, dtypes.dtype) or _is_pythons(x)),
    "Device": Type("torch.device", lambda x: isinstance(x, (int, str, Device)) and not isinstance(x, bool)),
    "Layout": Type("torch.layout", lambda x: isinstance(x, layout)),
    "MemoryFormat": Type("torch.memory_format", lambda x: isinstance(x, memory_format)),
    "Generator": Type("torch.Generator", lambda x: isinstance(x, Generator)),
    "c10::string_view": Type("str", lambda x: isinstance(x, str)),
    "std::string_view": Type("str", lambda x: isinstance(x, str)),
}
_OF_NUMBERS = [_TYPES[n] for n in ("Scalar", "int64_t", "IntArrayRef", "double")]
_ANYTHING = Type("object", lambda x: True)
_PARAMETER = re.compile(r"(?P<type>[\w:<>*]+)(?P<size>\[\d+\])?(?P<none>\?)? (?P<name>\w+)(?:=(?P<default>.*))?$")
_BETWEEN = re.compile(r", (?![^{]*\})")
_DEFAULTS = {"at::Reduction::Mean": "Mean", "contiguous_format": "contiguous_format"}


class Parameter:
    """One parameter: `IntArrayRef[1]? dim=None`."""

    def __init__(self, text: str, by_keyword: bool) -> None:
        found = _PARAMETER.match(text)
        if found is None:
            raise ValueError(f"no parameter of a signature: {text}")
        self.name, self.by_keyword = found["name"], by_keyword
        self.type = _TYPES.get(found["type"], _ANYTHING)
        self.sized = found["size"] is not None
        self.optional = found["default"] is not None
        self.may_be_none = found["none"] is not None or found["default"] == "None"
        self.shown = f"{self.type.shown} {self.name}" + (f" = {found['default']}" if self.optional else "")

    def fits(self, x: Any, function: str) -> bool:
        if self.type is _INTEGERS and self.sized and not isinstance(x, (tuple, list)):
            return is_integer(x)
        if self.type.shown == "Tensor" and isinstance(x, (int, float, complex, np.number, np.bool_)):
            return _NUMBERS_AS_TENSORS.match(function) is not None
        return self.type.fits(x)

    def unfit(self, x: Any, function: str, position: int, by_name: bool) -> str:
        """PyTorch's words for an argument that does not fit."""
        where = "" if by_name else f" (position {position + 1})"
        start = f"{function}(): argument '{self.name}'{where} must be {self.type.shown}, "
        if self.type is _TENSORS and isinstance(x, (tuple, list)):
            i, element = next((i, element) for i, element in enumerate(x) if not isinstance(element, Tensor))
            return f"{NO_TENSOR} {i} in argument {position}, but got {kind_of(element)}"
        if self.type is _INTEGERS and isinstance(x, (tuple, list)) and not by_name:
            return f"{start}but found element of type {kind_of(x[0])} at pos 0"
        return f"{start}not {kind_of(x)}"


class Signature:
    """One signature, of a function or of a method (without the tensor itself)."""

    def __init__(self, text: str) -> None:
        owner, _, text = text.rpartition(".") if "(" not in text else ("", "", text)
        text, _, mark = text.partition("|")
        self.owner = "torch" if owner == "torch" else "TensorBase"
        self.takes_nothing = "(" not in text
        self.name, _, inside = text.removesuffix(")").partition("(")
        self.hidden = mark == "deprecated"
        before, star, behind = inside.partition("*, ") if inside.startswith("*") else inside.partition(", *, ")
        self.parameters = [Parameter(p, False) for p in _BETWEEN.split(before) if p]
        self.parameters += [Parameter(p, True) for p in _BETWEEN.split(behind) if p]
        shown = [p.shown for p in self.parameters]
        if star:
            shown.insert(self.positional, "*")
        self.shown = f"({', '.join(shown)})"

    @cached_property
    def positional(self) -> int:
        return sum(not p.by_keyword for p in self.parameters)

    @cached_property
    def least(self) -> int:
        return sum(not p.optional for p in self.parameters)

    def misfit(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        """PyTorch's words for the first thing that is wrong with the arguments; "" if nothing is."""
        if self.takes_nothing:
            return self._none_wanted(args, options)
        spread = self._spreads(args)
        if len(args) > self.positional and not spread:
            return self._too_many(len(args))
        used = 0
        for position, p in enumerate(self.parameters):
            by_name = position >= len(args) or p.by_keyword
            names = (p.name, *_OTHER_NAMES.get(p.name, ()))
            name = next((n for n in names if n in options), None) if by_name else None
            used += name is not None
            if by_name and name is None:
                if p.optional:
                    continue
                return self._missing(position)
            x = options[name] if name is not None else args[position]
            if x is None and p.may_be_none:
                continue
            if not p.fits(x, self.name) and not (spread and position == 0 and not by_name):
                return p.unfit(x, self.name, position, by_name)
        return self._unknown(args, options) if used < len(options) else ""

    def unread(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        """PyTorch's words for an element of a list of integers, behind the first, that is none."""
        for position, p in enumerate(self.parameters):
            x = args[position] if position < len(args) else options.get(p.name)
            elements = args if position == 0 and self._spreads(args) else x
            if p.type is _INTEGERS and isinstance(elements, (tuple, list)):
                for i, element in enumerate(elements):
                    if not (is_integer(element) or isinstance(element, bool)):
                        return (
                            f"{self.name}(): argument '{p.name}' failed to unpack the object at pos {i + 1} with error "
                            f'"type must be tuple of ints,but got {kind_of(element)}"'
                        )
        return ""

    def _spreads(self, args: Sequence[Any]) -> bool:
        """Whether all positional arguments are the elements of one list of integers."""
        if self.positional != 1 or not args:
            return False
        only = self.parameters[0]
        return only.type is _INTEGERS and not only.may_be_none and is_integer(args[0])

    def _none_wanted(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        if options:
            return f"{self.owner}.{self.name}() takes no keyword arguments"
        return f"{self.owner}.{self.name}() takes no arguments ({len(args)} given)" if args else ""

    def _too_many(self, given: int) -> str:
        most, were = self.positional, "was" if given == 1 else "were"
        if self.least != most:
            return f"{self.name}() takes from {self.least} to {most} positional arguments but {given} were given"
        return f"{self.name}() takes {most} positional argument{'' if most == 1 else 's'} but {given} {were} given"

    def _missing(self, first: int) -> str:
        names = [f'"{p.name}"' for p in self.parameters[first:] if not p.optional]
        plural = "s" if len(names) == 1 else ""  # so PyTorch writes it
        return f"{self.name}() missing {len(names)} required positional argument{plural}: {', '.join(names)}"

    def _unknown(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        names = [p.name for p in self.parameters]
        for name in options:
            if name not in names and not any(name in _OTHER_NAMES.get(n, ()) for n in names):
                return f"{self.name}() got an unexpected keyword argument '{name}'"
            if name in names[: len(args)]:
                return f"{self.name}() got multiple values for argument '{name}'"
        return "invalid keyword arguments"

    # What is said under a signature in a list of several

    def remark(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        parts = self.shown[1:-1].split(", ")
        if len(args) + len(options) != len(parts):
            return ""
        names = [p.rsplit(" ", 1)[-1] for p in parts]
        if options and (wrong := [n for n in list(options)[::-1] if n not in names[len(parts) - len(options) :]]):
            return f"      didn't match because some of the keywords were incorrect: {', '.join(wrong)}\n"
        return f"      didn't match because some of the arguments have invalid types: {self.marked(args, options)}\n"

    def marked(self, args: Sequence[Any], options: Mapping[str, Any]) -> str:
        """The arguments' types, with marks at those that do not look as they should."""
        parts = self.shown[1:-1].split(", ")
        names = [p.rsplit(" ", 1)[-1] for p in parts]
        end = "" if args else ", "
        given = [("", x) for x in args] + [(f"{n}=", options[n]) for n in names[len(args) :]]
        shown = []
        for part, (name, x) in zip(parts, given):
            text = name + _described(x)
            shown.append(text if _looks_like(part.rsplit(" ", 1)[0], x) else f"!{text}!")
        return f"({', '.join(shown)}{end})"


def kind_of(x: Any) -> str:
    """The name of a type as PyTorch's extension types have it; a traced array is refused instead."""
    refuse_traced(x)
    kind = type(x)
    if kind in _NAMES:
        return _NAMES[kind]
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


_NAMES = {t: f"torch.{t.__name__}" for t in (dtypes.dtype, layout, memory_format, Size)} | {
    Device: "torch.device",
    Generator: "torch._C.Generator",
}


def _described(x: Any) -> str:
    if not isinstance(x, (tuple, list)):
        return kind_of(x)
    inside = ", ".join(map(kind_of, x))
    if isinstance(x, list):
        return f"list of [{inside}]"
    return f"tuple of ({inside}{',' if len(x) == 1 else ''})"


def _looks_like(shown: str, x: Any) -> bool:
    """Whether a list marks the argument as fitting: by its type's name."""
    return kind_of(x) in {"float": ("float", "int"), "int": ("int",)}.get(shown, (shown,))


@cache
def _signatures() -> dict[tuple[str, str], list[Signature]]:
    found: dict[tuple[str, str], list[Signature]] = {}
    for line in STORED.read_text().splitlines():
        owner, _, text = line.partition(".")
        name = text.partition("(")[0]
        found.setdefault((owner, name), []).append(Signature(text if "(" in text else line))
    return found


def refusal(owner: str, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> str:
    """PyTorch's error for these arguments of `torch.name`, of `Tensor.name`, ...; "" if they fit, or it is unknown."""
    signatures = _signatures().get((owner, name), [])
    misfits = [s.misfit(args, options) for s in signatures]
    if not misfits:
        return ""
    if "" in misfits:
        return signatures[misfits.index("")].unread(args, options)
    if len(signatures) == 1:
        return misfits[0]
    if of_lists := [m for m in misfits if m.startswith(NO_TENSOR)]:
        return of_lists[0]
    given = len(args) + len(options)
    near = [m for s, m in zip(signatures, misfits) if s.least <= given <= len(s.parameters) and not s.hidden]
    return near[0] if len(near) == 1 else _listed(name, signatures, args, options)


def numbers_read(owner: str, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The arguments that fit, where tensors of one element in the place of numbers are these numbers."""
    signature = next((s for s in _signatures().get((owner, name), []) if not s.misfit(args, options)), None)
    if signature is None or signature._spreads(args):
        return args, dict(options)
    types = [p.type for p in signature.parameters]
    by_name = {p.name: p.type for p in signature.parameters}
    return (
        tuple(_read(x, kind) for x, kind in zip(args, types)),
        {n: _read(x, by_name.get(n, _ANYTHING)) for n, x in options.items()},
    )


def in_order(
    owner: str, name: str, args: Sequence[Any], options: Mapping[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]] | None:
    """The arguments of a deprecated signature, with numbers in front, as those of one that is not; None if they are of
    no such one. PyTorch warns of the first call in a process."""
    signatures = _signatures().get((owner, name), [])
    shown = [s for s in signatures if not s.hidden]
    old = next((s for s in signatures if s.hidden and not s.misfit(args, options)), None)
    if old is None or any(not s.misfit(args, options) for s in shown):
        return None
    bound = {**dict(zip((p.name for p in old.parameters), args)), **options}
    new = next((s for s in shown if bound.keys() <= {p.name for p in s.parameters}), None)
    if new is None:
        return None
    instead = "".join(f"\n\t{name}{s.shown}" for s in shown)
    warn_once(
        f"This overload of {name} is deprecated:\n\t{name}{old.shown}\nConsider using one of the following signatures "
        f"instead:{instead}",
        "deprecated overload",
    )
    by_place = [p.name for p in new.parameters if not p.by_keyword and p.name in bound]
    return [bound.pop(n) for n in by_place], bound


def _read(x: Any, kind: Type) -> Any:
    return x.item() if kind in _OF_NUMBERS and isinstance(x, Tensor) and isinstance(x._read(), np.ndarray) else x


def takes_data(owner: str, name: str) -> bool:
    """Whether one of its parameters takes anything, for all that is known: there NumPy's numbers have their dtype."""
    known = _signatures().get((owner, name))
    return known is None or any(p.type is _ANYTHING for s in known for p in s.parameters)


def _listed(name: str, signatures: list[Signature], args: Sequence[Any], options: Mapping[str, Any]) -> str:
    got = [*map(kind_of, args), *(f"{n}={kind_of(x)}" for n, x in list(options.items())[::-1])]
    end = "" if args or not options else ", "
    start = f"{name}() received an invalid combination of arguments - got ({', '.join(got)}{end}), but expected "
    shown = [s for s in signatures if not s.hidden]
    if len(shown) == 1:
        return _of_one(shown[0], args, options, start)
    return start + "one of:\n" + "".join(f" * {s.shown}\n{s.remark(args, options)}" for s in shown)


def _of_one(only: Signature, args: Sequence[Any], options: Mapping[str, Any], start: str) -> str:
    parts = only.shown[1:-1].split(", ")
    names = [p.split(" ")[-1] for p in parts][max(len(parts) - len(options), 0) :]
    if unknown := [n for n in list(options)[::-1] if n not in names]:
        return start.partition("got ")[0] + f"got unrecognized keyword arguments: {', '.join(unknown)}"
    if len(args) + len(options) == len(parts):
        return start.partition("got ")[0] + f"got {only.marked(args, options)}, but expected {only.shown}"
    return start + only.shown
