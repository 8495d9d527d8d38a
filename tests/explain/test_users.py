"""Reports on programs of users, over every row of the catalogue of causes: nothing false, the line, the words, the remedy."""

from pathlib import Path

import numpy as np
import pytest

from tests.explain.users import as_arrays, faults, programs, remedied

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("users_programs/*/*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_reports_say_what_is_true_and_where(path, tmp_path):
    wrong = []
    for program in programs(path):
        found, _ = faults(program, tmp_path)
        wrong += [f"{program.row} {program.title}: {kind} {what}" for kind, what in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_remedies_bring_the_right_gradient(path, tmp_path):
    for program in programs(path):
        if program.has_remedy:
            ours, expected = (as_arrays(tree) for tree in remedied(program, tmp_path))
            assert len(ours) == len(expected) > 0, program.title
            for mine, true in zip(ours, expected, strict=True):
                np.testing.assert_allclose(mine, true, rtol=2e-5, atol=1e-7, err_msg=f"{program.row} {program.title}")
