"""Reports on programs of users, over the catalogue of causes: nothing false, the line, the words, the remedy."""

from pathlib import Path

import numpy as np
import pytest

from tests.explain.users import as_arrays, faults, programs, remedied, repaired

FILES = sorted(Path(__file__).parent.glob("users_programs/*/*.txt"))
of_each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


@of_each_file
def test_reports_say_what_is_true_and_where(path, tmp_path):
    wrong = []
    for program in programs(path):
        found, _ = faults(program, tmp_path)
        wrong += [f"{program.row} {program.title}: {kind} {what}" for kind, what in found]
    assert not wrong, "\n".join(wrong)


@of_each_file
def test_remedies_of_the_catalogue_bring_the_right_gradient(path, tmp_path):
    for program in programs(path):
        if program.has_remedy:
            ours, expected = (as_arrays(tree) for tree in remedied(program, tmp_path))
            assert len(ours) == len(expected) > 0, program.title
            for mine, true in zip(ours, expected, strict=True):
                np.testing.assert_allclose(mine, true, rtol=2e-5, atol=1e-7, err_msg=f"{program.row} {program.title}")


@of_each_file
def test_code_that_reports_advise_ends_the_fault(path, tmp_path):
    for program in programs(path):
        leaf = None if program.healthy else repaired(program, tmp_path)
        if leaf is not None:
            assert leaf.status not in ("cut", "nan", "inf", "not_requested", "refused"), (program.title, leaf.message)
