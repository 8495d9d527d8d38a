"""What a report advises is not accused by the next one: its code is put in place, and the new program explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
from tests.explain.users import programs, repaired

FILES = sorted(Path(__file__).parent.glob("users_programs/functional/*.txt"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_programs_with_every_remedy_in_place_are_healthy(path, tmp_path):
    wrong = []
    for program in programs(path):
        if program.healthy or program.statuses == ["raises"]:
            continue
        found = repaired(program, tmp_path)
        if found is None:
            continue
        mended, space = found
        leaf = space["report"].leaves[program.leaf]
        title = f"{program.row} {program.title}: {leaf.status}"
        if leaf.fixes:
            wrong.append(f"{title}: the advice never ends: {leaf.message}")
        elif leaf.status not in ("flows", "zero", "cancels"):
            wrong.append(f"{title}: {leaf.message}")
        else:
            gradient = fg.grad(space["f"], space.get("argnums", 0))(*space["args"])
            if not all(np.isfinite(each).all() for each in fg.tree.leaves(gradient)):
                wrong.append(f"{title}: not finite")
    assert not wrong, "\n".join(wrong)
