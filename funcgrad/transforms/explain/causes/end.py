"""The end: all is well."""

from __future__ import annotations

from funcgrad.transforms.explain.causes.registry import Finding, cause
from funcgrad.transforms.explain.evidence import Evidence
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import gradient_summary, lead


@cause(0, status=Status.FLOWS)
def flows(e: Evidence) -> Finding | None:
    if not e.live or e.gradient is None:
        return None
    return Finding(f"{lead(e.live)} to the output. {gradient_summary(e.gradient)}")
