"""The tour's data set: the file as published, the split, the standardisation."""

from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from funcgrad.tour.data import FEATURES, load_penguins, read_rows


def test_the_file_is_the_published_one():
    rows = read_rows()
    assert Counter(row["species"] for row in rows) == {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}
    assert sum("NA" not in row.values() for row in rows) == 333
    assert rows[0] == {
        "species": "Adelie", "island": "Torgersen", "bill_length_mm": "39.1", "bill_depth_mm": "18.7",
        "flipper_length_mm": "181", "body_mass_g": "3750", "sex": "male", "year": "2007",
    }  # fmt: skip


def test_source_and_licence_ship_beside_the_file():
    text = (files("funcgrad") / "data" / "README.md").read_text(encoding="utf-8")
    assert "CC0" in text and "Gorman" in text and "Horst" in text


def test_shapes_types_and_names():
    p = load_penguins()
    assert p.x_train.shape == (233, 5) and p.x_test.shape == (100, 5)
    assert p.y_train.shape == (233,) and p.y_test.shape == (100,)
    assert p.x_train.dtype == p.x_test.dtype == np.float64
    assert p.y_train.dtype == p.y_test.dtype == np.int64
    assert p.class_names == ("Adelie", "Chinstrap", "Gentoo")
    assert p.feature_names == FEATURES
    assert np.bincount(np.concatenate([p.y_train, p.y_test])).tolist() == [146, 68, 119]
    assert p.x_train.flags.c_contiguous and p.x_train.flags.writeable


def test_standardised_over_the_training_rows_only():
    p = load_penguins()
    np.testing.assert_allclose(p.x_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(p.x_train.std(axis=0), 1, rtol=1e-12)
    assert abs(p.x_test.mean(axis=0)).max() > 1e-3


def test_mean_and_scale_lead_back_to_the_file():
    p = load_penguins()
    x = np.concatenate([p.x_train, p.x_test]) * p.scale + p.mean
    assert set(np.round(x[:, -1], 9)) == {0.0, 1.0}
    masses = [float(row["body_mass_g"]) for row in read_rows() if "NA" not in row.values()]
    np.testing.assert_allclose(np.sort(x[:, 3]), np.sort(masses))


def test_the_split_depends_on_the_seed_only():
    a, b, c = load_penguins(), load_penguins(), load_penguins(seed=1)
    np.testing.assert_array_equal(a.x_train, b.x_train)
    np.testing.assert_array_equal(a.y_test, b.y_test)
    assert not np.array_equal(a.y_test, c.y_test)
    assert len(load_penguins(held_out=0.5).y_test) == 166


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_that_leaves_a_side_empty_is_refused(share):
    with pytest.raises(ValueError, match="held_out"):
        load_penguins(held_out=share)
