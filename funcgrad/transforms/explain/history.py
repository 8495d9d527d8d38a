"""What is remembered of a tensor that keeps its gradient: `Evidence.history` of `funcgrad.torch`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from funcgrad.core.provenance import Loc
from funcgrad.transforms.explain.evidence import End
from funcgrad.transforms.explain.status import Status


class Deed(NamedTuple):
    """Something that was done: its line, what stands there, and when it was, among the entries of tapes."""

    loc: Loc | None
    text: str = ""
    when: int = 0


class Going(NamedTuple):
    """A backward pass: its line, what was called (`backward`, `grad`), and the error that it ended in."""

    loc: Loc | None
    called: str
    when: int = 0
    refused: str = ""


class Changed(NamedTuple):
    """A saved value that was written: who saved it, who wrote it (None: it is not known), and what it is called.

    `versions` are those when it was saved and now; `unseen` says that it was written through `.data`.
    """

    saver: str
    saved: Loc | None
    write: Deed | None
    name: str
    versions: tuple[int, int]
    unseen: bool = False


def kind_of(gradient: np.ndarray) -> str:
    """Of a gradient that is spoilt, how: "nan", "inf", "zero" in all elements, or "small"; else ""."""
    if not np.isfinite(gradient).all():
        return "nan" if np.isnan(gradient).any() else "inf"
    if not gradient.any():
        return "zero"
    return "small" if np.abs(gradient).max() < SMALL else ""


def is_like(one: str, other: str) -> bool:
    """Whether two kinds say the same of passes in a row: what is infinite in one is NaN in the next."""
    return one == other or {one, other} <= {"nan", "inf"}


SMALL = 1e-6
"""What is left of contributions that cancel is smaller."""


@dataclass
class Verdict:
    """Why a gradient came out zero or not finite, as it was found at the end of the pass that brought it.

    `kind` is that of `kind_of`, `status` and `finding` what a cause said of it. `passes` counts those that have
    brought the same since, with the first.
    """

    kind: str
    status: Status
    finding: Any
    going: Going
    passes: int = 1


@dataclass
class History:
    """What a tensor remembers. `kind` is "leaf", "computed" (from what requires grad) or "constant".

    `op` computed it at `loc`; `made` is the line of a leaf or constant and `origin` the function. Of a leaf, `passes`
    are the last that brought a gradient since it was cleared, of `count`; `others` have run since it was made and did
    not reach it; in `denied` a rule of the user's, `denier`, gave it None. `told` are the ends of what was computed
    from it, `copied` those of the value it was made from, and `flat` those of piecewise constant values beside its live
    paths. `is_output` says that the last pass began at it, `compiled` that a compiled program ran it. `near` are other
    tensors that the caller sees, `near_unseen` those of them that were written through `.data`, and where. `verdict` is
    what the pass has found, `asked_verdict` what `asked` has. `left_out`: there are optimizers, and none has it.
    """

    kind: str
    made: Loc | None = None
    origin: str = ""
    op: str = ""
    loc: Loc | None = None
    buffer: str = ""
    misspelt: str = ""
    requires_grad: bool = False
    predicted: bool = False
    left_out: bool = False
    is_output: bool = False
    compiled: bool = False
    freed: bool = False
    passes: tuple[Going, ...] = ()
    count: int = 0
    others: tuple[Going, ...] = ()
    missed: Going | None = None
    asked: Going | None = None
    refused: Going | None = None
    denied: Going | None = None
    denier: Loc | None = None
    inside: Loc | None = None
    cleared: Deed | None = None
    assigned: Deed | None = None
    written: Deed | None = None
    frozen: Deed | None = None
    retained: Deed | None = None
    rewritten: Deed | None = None
    rebound: str = ""
    changed: Changed | None = None
    verdict: Verdict | None = None
    asked_verdict: Verdict | None = None
    told: tuple[End, ...] = ()
    missed_ends: tuple[End, ...] = ()
    copied: tuple[End, ...] = ()
    recent: tuple[End, ...] = ()
    flat: tuple[End, ...] = ()
    marks: tuple[tuple[str, Loc | None], ...] = ()
    suspects: tuple[tuple[str, Loc | None], ...] = ()
    leaves: tuple[str, ...] = ()
    near: tuple[tuple[str, Loc | None], ...] = ()
    near_frozen: tuple[tuple[str, Loc | None], ...] = ()
    near_late: tuple[tuple[str, Loc | None], ...] = ()
    near_unseen: tuple[tuple[str, Loc | None], ...] = ()
    shape: tuple[int, ...] = ()
    dtype: Any = None

    @property
    def told_cuts(self) -> tuple[End, ...]:
        """Of what was computed from it, where values were cut off, and not only looked at as numbers."""
        return tuple(end for end in self.told if end.as_ not in ("item", "tolist", "save"))
