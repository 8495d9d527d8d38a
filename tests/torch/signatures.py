"""PyTorch's signatures of the functions and methods that funcgrad.torch has too, which its errors name.

`python -m tests.torch.signatures` writes funcgrad/torch/_ops/signatures.txt, with PyTorch installed: the texts come
from its library, and which of them belong to a function, in which order, from the errors that it raises.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import funcgrad.torch as shim
from funcgrad.torch._ops.handed import NATIVES as HANDED
from funcgrad.torch._ops.signatures import STORED, Signature
from funcgrad.torch.nn.functional.natives import NATIVES

TOO_MANY = [object()] * 60
TEXTS = re.compile(rb"[a-zA-Z_]\w*\([\x20-\x7e]*\)(?:\|deprecated)?")


def known(library: Path) -> dict[str, list[str]]:
    """All signatures in PyTorch's library, by the function's name."""
    found = defaultdict(list)
    for text in TEXTS.findall(library.read_bytes()):
        signature = text.decode()
        if _is_one(signature) and signature not in found[name := signature.split("(")[0]]:
            found[name].append(signature)
    return found


def _is_one(text: str) -> bool:
    try:
        Signature(text)
    except ValueError:  # something else with parentheses
        return False
    return True


def error_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except Exception as error:
        return str(error)
    return ""


def signatures(function: Callable[..., Any], name: str, texts: list[str]) -> list[str]:
    """Those of the texts that are the function's, as its errors tell; its name alone where it takes no arguments."""
    said = error_of(lambda: function(*TOO_MANY))
    if "takes no arguments" in said:
        return [name]
    if "but expected " in said:
        shown = re.findall(r"^ \* (\(.*\))$|but expected (\(.*\))$", said, re.M)
        hidden = [t for t in texts if t.endswith("|deprecated") and any(_kin(t, a or b) for a, b in shown)]
        by_look = {Signature(t).shown: t for t in reversed(texts)}
        return hidden + [by_look[a or b] for a, b in shown if (a or b) in by_look]
    said = error_of(lambda: function(unknown=None))
    required = re.findall(r'"(\w+)"', said) if "missing" in said else []
    fitting = [t for t in texts if [p.name for p in Signature(t).parameters if not p.optional] == required]
    return sorted(fitting, key=lambda t: len(Signature(t).parameters))[-1:]


def _kin(text: str, shown: str) -> bool:
    """Whether both are of functions, or both of methods."""
    return ("Tensor input" in text) == ("Tensor input" in shown)


def owners(torch: Any) -> Iterator[tuple[str, str, Any, str]]:
    """Owner, name, PyTorch's function and the name in its signature, of what both libraries have."""
    for name in sorted(dir(torch)):
        if hasattr(shim, name) and type(getattr(torch, name)).__name__ == "builtin_function_or_method":
            yield "torch", name, getattr(torch, name), name
    x = torch.ones(())
    for name in sorted(dir(torch.Tensor)):
        if hasattr(shim.Tensor, name) and type(getattr(torch.Tensor, name)).__name__ == "method_descriptor":
            yield "Tensor", name, getattr(x, name), name
    yield "TensorBase", "unflatten", super(torch.Tensor, x).unflatten, "unflatten"
    for name in HANDED.split():
        yield "_VF", name, getattr(torch._C._VariableFunctions, name), name
    for owner, name in NATIVES:
        for called in (name, f"{name}_"):
            space = torch._C._VariableFunctions if owner == "torch" else torch._C._nn
            if hasattr(space, called) and (owner == "nn" or not hasattr(torch, called) or not hasattr(shim, called)):
                yield owner, called, getattr(space, called), called
    for space in ("linalg", "fft", "special"):
        for name in sorted(dir(getattr(torch, space))):
            inner = f"{space}_{name}"
            if hasattr(getattr(shim, space), name) and hasattr(native := getattr(torch._C, f"_{space}"), inner):
                yield space, inner, getattr(native, inner), inner


def listed(torch: Any) -> str:
    texts = known(Path(torch.__file__).parent / "lib" / "libtorch_python.so")
    lines = [
        f"{owner}.{text}"
        for owner, _, function, inner in owners(torch)
        for text in signatures(function, inner, texts.get(inner, []))
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    import torch

    STORED.write_text(listed(torch))


if __name__ == "__main__":
    main()
