"""The data set of the tour: the Palmer penguins, which ship with the package (see data/README.md)."""

import csv
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

MEASUREMENTS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")

# The island is left out on purpose: Gentoo live on one island only and Chinstrap on another, so a model
# would tell them apart by address. Sex stays: it explains much of the size differences within a species.
# As there are two sexes, one 0/1 column holds it; a second would be the first one's mirror image.
FEATURES = (*MEASUREMENTS, "sex_male")


@dataclass(frozen=True, slots=True)
class Penguins:
    """The complete rows, standardised and split.

    `x_train` and `x_test` are float64 of shape (rows, features), `y_train` and `y_test` are int64 indices
    into `class_names`. Each feature has mean 0 and deviation 1 over the *training* rows; `mean` and `scale`
    are what that took, so that `x * scale + mean` is in millimetres and grams again.
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


def read_rows() -> list[dict[str, str]]:
    """All 344 rows of the file as they are, missing values as "NA"."""
    text = (files("funcgrad") / "data" / "penguins.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def load_penguins(held_out: float = 0.3, seed: int = 0) -> Penguins:
    """The 333 complete rows, a share `held_out` of them (chosen by `seed`) as test rows.

    >>> p = load_penguins()
    >>> p.x_train.shape, p.x_test.shape, p.class_names
    ((233, 5), (100, 5), ('Adelie', 'Chinstrap', 'Gentoo'))
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    rows = [row for row in read_rows() if "NA" not in row.values()]
    class_names = tuple(sorted({row["species"] for row in rows}))
    x = np.array([[*(float(row[m]) for m in MEASUREMENTS), float(row["sex"] == "male")] for row in rows])
    y = np.array([class_names.index(row["species"]) for row in rows], dtype=np.int64)

    order = np.random.default_rng(seed).permutation(len(rows))
    test, train = np.split(order, [round(held_out * len(rows))])
    mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
    x = (x - mean) / scale
    return Penguins(x[train], y[train], x[test], y[test], class_names, FEATURES, mean, scale)
