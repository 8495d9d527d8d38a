"""Every page of docs/ and the README runs: its Python blocks, top to bottom, print what their output blocks say."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

import funcgrad.scipy

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md"])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str, str]]:
    """Line number, language and text of the fenced blocks."""
    text = page.read_text()
    return [(text.count("\n", 0, m.start()) + 2, m[1], m[2]) for m in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs_as_printed(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}
    printed = ""
    for line, language, text in blocks(page):
        if language == "python":
            # blank lines in front make tracebacks and explain() name the page's own lines
            code = compile("\n" * (line - 1) + text, str(page), "exec")
            with contextlib.redirect_stdout(io.StringIO()) as stream:
                exec(code, namespace)
            printed = stream.getvalue()
        elif language == "output":
            assert printed.rstrip() == text.rstrip(), f"{page.name}:{line}"
            printed = ""


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    for name in re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`", page.read_text()):
        assert (ROOT / name).exists() or (ROOT / "funcgrad" / name).exists(), name


@pytest.mark.parametrize("module", [*(m for m in funcgrad.scipy.__all__ if m != "sparse"), "sparse.linalg"])
def test_scipys_names_are_listed(module):
    page = (ROOT / "docs" / "scipy.md").read_text()
    (row,) = re.findall(rf"^\| `{re.escape(module)}` \| (.*) \|$", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", row)) == sorted(importlib.import_module(f"funcgrad.scipy.{module}").__all__)


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name
)
def test_prose_has_one_width(page):
    """Tables, what programs print, and lists that are made have the width that they need."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    made = {"torch.md": "- `", "coverage.md": "NumPy's own"}.get(page.name, "|")
    wide = [line for line in prose.split("\n") if len(line) > 120 and not line.startswith(("|", "`", "![", made))]
    assert not wide


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Also where a page is read without the site that is made of it."""
    prose = re.sub(r"^```.*?^```$|`[^`]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", prose):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert link.startswith("https://") or target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE) if heading else ()
        assert not heading or heading in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings], link


def test_pages_are_found():
    assert {"how_it_works.md", "README.md"} <= {page.name for page in PAGES}


def test_the_small_version_is_small():
    page = ROOT / "docs" / "how_it_works.md"
    assert sum(text.count("\n") for _, language, text in blocks(page) if language == "python") <= 300
