"""What a report advises is not accused by the next one: its code is put in place until there is none, and explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explain.users import programs, repaired

FILES = sorted(Path(__file__).parent.glob("users_programs/functional/*.txt"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_programs_with_every_remedy_in_place_are_healthy(path, tmp_path):
    wrong = []
    for program in programs(path):
        leaf = None if program.healthy else repaired(program, tmp_path)
        if leaf is not None and (leaf.fixes or leaf.status not in ("flows", "zero", "cancels")):
            wrong.append(f"{program.row} {program.title}: {leaf.status}: {leaf.message}")
    assert not wrong, "\n".join(wrong)
