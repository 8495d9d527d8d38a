"""The programs of the gallery run; the site's build runs them with their plots."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest

GALLERY = sorted(Path(__file__).parent.parent.glob("docs/gallery/plot_*.py"))


@pytest.mark.long
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_program_of_the_gallery(path, monkeypatch, capsys):
    """With a stand-in for matplotlib, which the tests do not need."""
    plots = MagicMock()
    monkeypatch.setitem(sys.modules, "matplotlib", MagicMock(pyplot=plots))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plots)
    runpy.run_path(str(path))
    printed = capsys.readouterr().out
    assert printed and "nan" not in printed
    assert plots.show.called


def test_there_are_twelve():
    assert len(GALLERY) == 12
