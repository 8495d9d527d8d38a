"""What a report can say of a gradient, in one word: the words of both interfaces."""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """The status of a leaf. Where several causes apply, the status that stands first here is the answer."""

    NOT_DIFFERENTIABLE = "not_differentiable"
    REFUSED = "refused"
    MODIFIED = "modified"
    NOT_REQUESTED = "not_requested"
    NOT_LEAF = "not_leaf"
    UNUSED = "unused"
    CUT = "cut"
    NOT_RUN = "not_run"
    NAN = "nan"
    INF = "inf"
    PARTLY_CUT = "partly_cut"
    CANCELS = "cancels"
    ZERO = "zero"
    ACCUMULATED = "accumulated"
    FLOWS = "flows"


ORDER = {status: i for i, status in enumerate(Status)}
