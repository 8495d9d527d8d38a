"""What is known of one leaf or tensor that is asked about, whichever interface it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.avals import aval_of
from funcgrad.core.provenance import Loc
from funcgrad.core.tape import Node
from funcgrad.core.trace import Primitive
from funcgrad.transforms.arguments import array_leaf
from funcgrad.transforms.explain.calls import CallSite
from funcgrad.transforms.explain.diagnosis import Arrival, Spot
from funcgrad.transforms.explain.fate import Fate


class Ending(Enum):
    """How a derivative ends."""

    ASKED = "the user asked for it: stop_gradient, detach, .data"
    OFF = "recording was off"
    LEFT = "the value left the library: for a number of Python's, an array, a file"
    FLAT = "the operation has no derivative"


class End(NamedTuple):
    """Where a derivative ends on a path: `called` is the name by which the user called it.

    `written` is the function as it stands on the line ("math.sin"), where a function is called there. `dtype` is that
    of the result, `prim` the operation inside, where there is one. Of a value that left, `as_` says how ("float",
    "numpy", "item"), and `stores` that it was written into a plain array; `back` is the line where it was made into an
    array again, where that is known. `used_at` is the line where the result is used, if that is as an index only;
    `branch` the one where it decides which way Python goes, if it does nothing else; `whole` is a function that is
    given it and takes integers or truth values only. `again` says that the derivative had ended before; `fate` what
    becomes of a value that left. `of_tensor` says that it is a Tensor that was cut off; `back` is then the line that
    switched recording off, and `written` whose code it is.
    """

    called: str
    kind: Ending
    loc: Loc | None
    written: str = ""
    dtype: np.dtype | None = None
    prim: Primitive | None = None
    as_: str = ""
    stores: bool = False
    back: Loc | None = None
    used_at: Loc | None = None
    branch: Loc | None = None
    whole: str = ""
    call: CallSite | None = None
    again: bool = False
    of_tensor: bool = False
    fate: Fate = Fate.RETURNED


class Around:
    """What a followed run can be asked further; each question may run the function again."""

    def same_array(self) -> Any:
        """Where the function reads the very array asked about from outside: its name, and a Place; or None."""

    def used_instead(self) -> list[str]:
        """Other arguments on which the output depends, by their paths."""
        return []

    def used_beside(self) -> list[str]:
        """Other leaves that were asked about with it and on which the output does depend."""
        return []

    def dropped(self) -> Node | None:
        """The last operation on the value, whose result is not used."""


@dataclass
class Evidence:
    """One leaf or tensor, and what is known of it.

    `live` of its `total` paths to the output bring a derivative back; `ends` are where the others end, the nearest to
    the leaf first; `left` are those at which grad refuses that a number leaves, where it is not seen to come back to
    the output. `arrival` is what came back to it (None: nothing did), `called` says the name of an entry's operation as
    the user called it. `born` is the operation on its way in which a value stopped being finite, where the output is
    not, and whether that was "nan" or "inf"; of a leaf that is so itself, `born_name` is the name.
    """

    path: str
    value: Any
    called: Callable[[Node], str]
    total: int = 0
    live: int = 0
    ends: tuple[End, ...] = ()
    left: tuple[End, ...] = ()
    gradient: np.ndarray | None = None
    arrival: Arrival | None = None
    born: tuple[Spot, str] | None = None
    born_name: str = ""
    around: Around | None = None
    refused: Exception | None = None
    """The error with which grad refuses what the function does."""
    saved_of: Callable[[Node], Any] = lambda node: node.saved
    """What an entry saved, which may have been let go since."""
    history: Any = None
    """What the shim remembers of the tensor; None for a followed run."""

    @property
    def is_number(self) -> bool:
        return array_leaf(self.value) is not None

    @property
    def dtype(self) -> np.dtype:
        return aval_of(self.value).dtype

    @property
    def is_differentiable(self) -> bool:
        return self.is_number and self.dtype.kind in "fc"

    @property
    def is_zero(self) -> bool:
        """Whether what came back is zero everywhere, up to rounding."""
        grad = self.gradient
        if grad is not None and self.arrival is None and self.history is not None:
            return bool(grad.size) and not grad.any()
        return bool(grad is not None and grad.size and (self.arrival is None or not self.arrival.ct.any()))

    @property
    def is_finite(self) -> bool:
        return self.gradient is None or bool(np.isfinite(self.gradient).all())


@dataclass
class Whole:
    """What is known of a followed run as a whole: what it returned, what grad refuses in it, what may be a mistake.

    `paired` are those of `FollowTrace`. `born` is the operation in which a value stopped being finite,
    where an output is not: its name, line, and "nan" or "inf". `runs` is how often the function ran.
    """

    fun: Any
    output: Any
    outputs: list[Any]
    refused: tuple[End, ...]
    paired: tuple[tuple[str, Loc | None], ...]
    born: tuple[str, Loc | None, str] | None
    runs: int
