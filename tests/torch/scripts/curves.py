"""The loss curves that PyTorch has: stored by `python -m tests.torch.scripts.curves`, with PyTorch installed."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

CURVES = Path(__file__).with_name("curves.json")
SCRIPTS = (
    "linear_regression",
    "physics_informed",
    "maml",
    "neural_ode",
    "lbfgs_fit",
    "classifier",
    "images",
    "autoencoder",
    "tagger",
    "gan",
)
DTYPES = ("float64", "float32")
TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
"""Relative, over fifty steps from the same weights."""


def curve(torch: Any, script: str, dtype: str) -> list[float]:
    return import_module(f"tests.torch.scripts.{script}").run(torch, getattr(torch, dtype))


@lru_cache(maxsize=1)
def stored() -> dict[str, dict[str, list[float]]]:
    return json.loads(CURVES.read_text())


def main() -> None:
    import torch

    curves = {script: {dtype: curve(torch, script, dtype) for dtype in DTYPES} for script in SCRIPTS}
    CURVES.write_text(json.dumps(curves, indent=0) + "\n")


if __name__ == "__main__":
    main()
