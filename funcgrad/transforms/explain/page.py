"""A report as HTML: for a notebook, and as a page of its own. Light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from funcgrad.transforms.explain.text import WIDTH, as_html

if TYPE_CHECKING:
    from funcgrad.transforms.explain.report import Report

_LIGHT = (
    "--fg-text:#1f2937;--fg-back:#ffffff;--fg-line:#64748b;--fg-good:#15803d;--fg-bad:#b91c1c;--fg-doubtful:#a16207;"
    "--fg-leaf:#dbeafe;--fg-output:#dcfce7;--fg-op:#f1f5f9;--fg-left:#fee2e2;"
)
_DARK = (
    "--fg-text:#e5e7eb;--fg-back:#111827;--fg-line:#94a3b8;--fg-good:#4ade80;--fg-bad:#f87171;--fg-doubtful:#facc15;"
    "--fg-leaf:#1e3a5f;--fg-output:#14532d;--fg-op:#1f2937;--fg-left:#5f1d1d;"
)
STYLE = (
    f".fg-report{{{_LIGHT}color:var(--fg-text);background:var(--fg-back);padding:8px;color-scheme:light dark}}"
    f"@media (prefers-color-scheme:dark){{.fg-report{{{_DARK}}}}}"
    f'[data-jp-theme-light="true"] .fg-report,.vscode-light .fg-report{{{_LIGHT}color-scheme:light}}'
    f'[data-jp-theme-light="false"] .fg-report,.vscode-dark .fg-report{{{_DARK}color-scheme:dark}}'
    ".fg-report pre{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;line-height:1.35;margin:0;"
    "color:inherit;background:none;border:0;white-space:pre;overflow-x:auto}"
    ".fg-report .title,.fg-report .path{font-weight:600}"
    ".fg-report .good{color:var(--fg-good)}.fg-report .bad,.fg-report .caret{color:var(--fg-bad)}"
    ".fg-report .doubtful{color:var(--fg-doubtful)}"
    ".fg-report .graph{overflow:auto;max-height:40em;margin-top:10px}"
    ".fg-report svg text{fill:var(--fg-text);font-family:ui-monospace,Menlo,Consolas,monospace;font-size:11px}"
    ".fg-report svg .name{font-weight:600}.fg-report svg rect{stroke:var(--fg-line)}"
    ".fg-report svg path{stroke:var(--fg-line);fill:none}.fg-report svg path.cut{stroke:var(--fg-bad);"
    "stroke-dasharray:4 3}.fg-report svg text.cut{fill:var(--fg-bad)}"
    ".fg-report svg text.cut,.fg-report svg text.chooses{paint-order:stroke;stroke:var(--fg-back);stroke-width:4px}"
    ".fg-report svg path.chooses{stroke-dasharray:1 3}"
    ".fg-report svg marker path{fill:var(--fg-line);stroke:none}"
    ".fg-report svg .leaf{fill:var(--fg-leaf)}.fg-report svg .output{fill:var(--fg-output)}"
    ".fg-report svg .op{fill:var(--fg-op)}.fg-report svg .left{fill:var(--fg-left)}"
)


def fragment(report: Report) -> str:
    """The report in a notebook's cell."""
    return f'<div class="fg-report"><style>{STYLE}</style>{_body(report)}</div>'


def page(reports: Sequence[Report], title: str) -> str:
    """Reports as a page."""
    bodies = "".join(f'<section class="fg-report">{_body(report)}</section>' for report in reports)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><style>body{{margin:16px;background:Canvas}}section{{margin-bottom:16px}}{STYLE}</style>'
        f"</head><body>{bodies}</body></html>\n"
    )


def _body(report: Report) -> str:
    svg = report.drawing.to_svg()
    graph = f'<div class="graph">{svg}</div>' if svg else ""
    return f"<pre>{as_html(report.lines(WIDTH))}</pre>{graph}"
