"""docs/torch.md and the stubs that editors and type checkers read, made from the table and the packages themselves.

`python -m tests.torch.reference` writes them; with `names` it first asks the installed PyTorch for its public names
(names.json), of which the page lists those that are missing.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import funcgrad.torch as shim
from funcgrad.torch._ops import methods
from funcgrad.torch._ops.table import FIELDS, ROWS, Row, functions_of
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn.functional.native import LAYERS

ROOT = Path(shim.__file__).parents[2]
PAGE = ROOT / "docs" / "torch.md"
FUNCTIONS, METHODS = (ROOT / "funcgrad" / "torch" / n for n in ("__init__.pyi", "_tensor/methods.pyi"))
NAMES = Path(__file__).with_name("names.json")
PACKAGES = (
    "nn", "nn.attention", "nn.functional", "nn.init", "nn.utils", "nn.utils.parametrizations", "nn.utils.parametrize",
    "nn.utils.prune", "nn.utils.rnn", "optim", "optim.lr_scheduler", "optim.swa_utils", "utils.data",
    "utils.checkpoint", "testing", "signal.windows", "autograd", "autograd.functional", "autograd.forward_ad",
    "autograd.graph", "func", "amp", "distributions", "distributions.constraints", "distributions.transforms",
)  # fmt: skip
SPACES = ("linalg", "fft", "special")
ELSEWHERE = re.compile(
    r"quant|mkldnn|miopen|cudnn|fbgemm|autocast|sparse|sym_|cuda|xla|xpu|ipu|mtia|mps|vulkan|distributed"
    r"|dequant|nested|jit|script|coalesce|(?<!with)_indices$|indices_copy$|values_copy|crow|ccol|fake_|q_|qscheme"
    r"|int_repr|native_|_backward|_stats|import_ir|parse_|compiled_with|get_file|fork|wait|deterministic"
    r"|flush_denormal|interop|storage_type|vmap|hash_tensor|to_mkldnn|to_padded|share_memory|pin_memory|is_pinned"
    r"|record_stream|reinforce|volatile|fused|Fused|Sparse|DataParallel|Quant|Elastic"
)
"""Names of PyTorch's for devices, formats and tools that this library has nothing of."""


def public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    names = listed if listed is not None else [n for n, v in vars(module).items() if not isinstance(v, ModuleType)]
    return sorted(n for n in names if not n.startswith("_") and callable(getattr(module, n, None)))


def pytorchs_names() -> dict[str, list[str]]:
    import torch

    found = {"": [n for n in public(torch) if n[0].islower()]}
    found["Tensor"] = sorted(n for n in dir(torch.Tensor) if not n.startswith("_"))
    for name in (*SPACES, *PACKAGES):
        found[name] = public(importlib.import_module(f"torch.{name}"))
    return {space: [n for n in names if not ELSEWHERE.search(n)] for space, names in found.items()}


def found(space: str) -> Any:
    """A package of the shim, None where there is none."""
    module: Any = shim
    for name in space.split(".") if space else ():
        try:
            module = getattr(module, name)
        except AttributeError:
            return None
    return module


def ours(space: str) -> set[str]:
    return set(dir(Tensor if space == "Tensor" else found(space)))


# The page

HEAD = """# What `funcgrad.torch` has

`import funcgrad.torch as torch` runs PyTorch programs on NumPy and funcgrad: values are NumPy's, derivatives
funcgrad's; names, dtypes, errors, warnings and the rules of `requires_grad`, `grad`, `backward`, views and writing in
place are PyTorch's. This page is made from the code (`python -m tests.torch.reference`), and a test keeps it true.
[from_pytorch.md](from_pytorch.md) compares both ways of writing, [kinks.md](kinks.md) says where gradients at limits
differ.

In the tables, `f` is `torch.f(x)`, `m` the method `x.m()`, `_` the form in place `x.m_()`, and `out` that `out=` is
taken. `axis=` and `keepdims=` are other names of `dim=` and `keepdim=`. There are no other devices than the CPU, no
sparse, quantized or nested tensors, no TorchScript (`torch.jit` has what programs ask, and mark for it), and no
distributed training; `torch.utils.benchmark` has `Timer` alone. The end of the page lists the other names of PyTorch's
that are missing.
"""


def page() -> str:
    parts = [HEAD, "## Functions and methods of tensors\n"]
    for room in methods.ROOMS:
        parts.append(_room(room, [r for r in ROWS.values() if not r.space and _home(r) == room.__name__]))
    parts += ["### Layers, which `torch.nn.functional` has too\n", ", ".join(f"`{n}`" for n in sorted(LAYERS)) + "\n"]
    for space in SPACES:
        rows = [r for r in ROWS.values() if r.space == space]
        if rows:
            parts += [f"## `torch.{space}`\n", _table(rows)]
    for name in PACKAGES:
        if found(name) is not None:
            parts += [f"## `torch.{name}`\n", _package(found(name))]
    parts += ["## What is missing\n", "Names of PyTorch 2.13 that are not there:\n"]
    for space, names in json.loads(NAMES.read_text()).items():
        missing = [n for n in names if n not in ours(space)]
        if missing:
            title = "torch" if not space else space if space == "Tensor" else f"torch.{space}"
            parts.append(f"- `{title}`: " + ", ".join(f"`{n}`" for n in missing))
    return "\n".join(parts) + "\n"


def _home(row: Row) -> str:
    """The room that a row stands in."""
    own = row.function.__module__
    if own in {room.__name__ for room in methods.ROOMS}:
        return own
    bound = (room.__name__ for room in methods.ROOMS if any(v is row.unguarded for v in vars(room).values()))
    return next(bound, f"funcgrad.torch._ops.{row.space}")


def _room(room: ModuleType, rows: list[Row]) -> str:
    title = (room.__doc__ or "").strip().split("\n")[0].rstrip(".")
    return f"### {title}\n\n{_table(rows)}" if rows else ""


def _table(rows: list[Row]) -> str:
    lines = ["| name | as | what |", "|---|---|---|"]
    for row in sorted(rows, key=lambda r: r.name):
        forms = ((row.is_function, "f"), (row.is_method, "m"), (row.in_place, "_"), (row.out, "out"))
        kinds = " ".join(kind for there, kind in forms if there)
        names = ", ".join(f"`{n}`" for n in row.names)
        lines.append(f"| {names} | {kinds} | {_first_line(row.function)} |")
    return "\n".join(lines) + "\n"


def _first_line(thing: Any) -> str:
    text = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
    return text.replace("|", "\\|")


def _package(module: ModuleType) -> str:
    names = [n for n in public(module) if getattr(getattr(module, n), "__module__", "").startswith("funcgrad.torch")]
    return ", ".join(f"`{n}`" for n in names) + "\n"


# The stubs

STUB = '"""Made by `python -m tests.torch.reference` from the table of operations."""\n\n'
TYPES = {
    "Dims": "int | Sequence[int] | None",
    "Lengths": "Sequence[int] | None",
    "Norm": "str | None",
    "dtypes.dtype": "dtype",
    "Size": "Size",
}
"""Names of annotations that the stubs spell out."""


IMPORTS = {
    "builtins": "import builtins",
    "Callable": "from collections.abc import Callable",
    "Sequence": "from collections.abc import Sequence",
    "Any": "from typing import Any",
    "Self": "from typing import Self",
    "np": "import numpy as np",
    "dtype": "from funcgrad.torch._tensor.dtypes import dtype",
    "Size": "from funcgrad.torch._tensor.sizes import Size",
    "Tensor": "from funcgrad.torch._tensor.tensor import Tensor",
    "TypedStorage": "from funcgrad.torch._tensor.storage import TypedStorage",
    "RemovableHandle": "from funcgrad.torch._pass.hooks import RemovableHandle",
}
"""Where the names in annotations come from."""


def _stub(lines: list[str]) -> str:
    text = "\n".join(lines)
    needed = [line for name, line in IMPORTS.items() if re.search(rf"(?<![.\w]){name}\b", text)]
    kept = [line for line in needed if f"{line.split()[-1]} as " not in text]
    return STUB + "\n".join(kept) + "\n\n" + text + "\n"


def functions_stub() -> str:
    lines = _imported(shim)
    lines += [f"from funcgrad.torch import {name} as {name}" for name in shim._PACKAGES]
    lines += [f"from funcgrad.torch.{module} import {name} as {name}" for name, module in shim._ELSEWHERE.items()]
    lines += ["", *(f"{n}: builtins.float" for n in ("e", "inf", "nan", "pi")), "newaxis: None", "__version__: str", ""]
    return _stub(lines + [_declared(name, f) for name, f in sorted({**LAYERS, **functions_of()}.items())])


def space_stub(space: str) -> str:
    """Of a package whose names come from the table alone."""
    lines = [_declared(name, f) for name, f in sorted(functions_of(space).items())]
    return _stub([*_imported(found(space)), "", *lines])


def _imported(module: ModuleType) -> list[str]:
    """What a module imports from the shim for its users."""
    source = re.sub(r"  #.*", "", inspect.getsource(module))
    imports = re.findall(r"^from funcgrad\.torch[\w.]* import (?:\([^)]*\)|[^\n]*)$", source, re.M)
    return [line for found in imports for line in _reexported(found)]


def _reexported(line: str) -> Iterator[str]:
    module, names = line.removeprefix("from ").split(" import ", 1)
    for name in re.findall(r"[\w]+(?: as \w+)?", names.strip("()")):
        first, _, alias = name.partition(" as ")
        alias = alias or first
        if not alias.startswith("_"):
            yield f"from {module} import {first}" + (f" as {alias}" if first == alias else f"\n{alias} = {first}")


def _declared(name: str, function: Any, method: bool = False) -> str:
    """A function's line; what takes its arguments by position and keyword alike stays so."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    if not method and "out" in (function.__kwdefaults__ or ()) and "out" not in signature.parameters:
        parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None))
        parameters.sort(key=lambda p: p.kind)
    if method:
        parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *parameters[1:]]
    elif parameters and parameters[0].name == "self":  # the form in place, which is a method
        parameters[0] = parameters[0].replace(name="input")
    shown = [p.replace(annotation=_typed(p), default=_default(p)) for p in parameters]
    text = ", ".join(_parameters(shown))
    return f"def {name}({text}) -> {_returned(name, signature)}: ..."


def _parameters(parameters: list[inspect.Parameter]) -> Iterator[str]:
    star = False
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            star = True
        if p.kind is p.KEYWORD_ONLY and not star:
            star = True
            yield "*"
        prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        kind = "" if p.name == "self" else f": {p.annotation}"
        yield f"{prefix}{p.name}{kind}" + (" = ..." if p.default is not p.empty else "")


def _default(p: inspect.Parameter) -> Any:
    return p.default if p.default is p.empty else ...


def _typed(p: inspect.Parameter) -> str:
    if p.annotation is not p.empty:
        return _spelt(p.annotation)
    return "Tensor" if p.name == "input" else "Any"


def _spelt(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    for name, spelt in TYPES.items():
        text = re.sub(rf"\b{re.escape(name)}\b", spelt, text)
    return BUILTINS.sub(lambda m: f"builtins.{m[1]}", text)


BUILTINS = re.compile(r"(?<![\w.])(int|float|bool|complex)\b")
"""Types of Python's that have a dtype's or a function's name in the module."""


def _returned(name: str, signature: inspect.Signature) -> str:
    if signature.return_annotation is not signature.empty:
        return _spelt(signature.return_annotation)
    return "Any" if name in FIELDS else "Tensor"


def methods_stub() -> str:
    lines = ["class Methods:"]
    for name, value in sorted(vars(Tensor).items()):
        if _written_in_the_class(value) or (name.startswith("_") and not name.startswith("__")):
            continue
        if isinstance(value, property):
            lines += ["    @property", f"    def {name}(self) -> Any: ..."]
        elif isinstance(value, functools.partialmethod):
            lines.append(f"    def {name}(self) -> Tensor: ...")
        elif IN_PLACE.fullmatch(name):
            lines.append(f"    def {name}(self, other: Any) -> Self: ...")
        elif OPERATORS.fullmatch(name):
            lines.append(f"    def {name}(self, other: Any) -> Tensor: ...")
        elif callable(value):
            lines.append("    " + _declared(name, value, method=True))
    return _stub(lines)


_OPERATORS = "add|sub|mul|truediv|floordiv|mod|pow|matmul|and|or|xor|eq|ne|lt|le|gt|ge|lshift|rshift"
OPERATORS, IN_PLACE = re.compile(rf"__r?({_OPERATORS})__"), re.compile(rf"__i({_OPERATORS})__")


def _written_in_the_class(value: Any) -> bool:
    """Whether checkers see it in tensor.py, or it is none of the attached functions."""
    function = value.fget if isinstance(value, property) else getattr(value, "func", value)
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is None or code.co_filename.endswith("tensor.py")


def written() -> dict[Path, str]:
    spaces = {FUNCTIONS.with_name(f"{space}.pyi"): space_stub(space) for space in SPACES}
    return {PAGE: page(), FUNCTIONS: functions_stub(), METHODS: methods_stub(), **spaces}


if __name__ == "__main__":
    if sys.argv[1:] == ["names"]:
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in pytorchs_names().items()]
        NAMES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for path, text in written().items():
        path.write_text(text)
