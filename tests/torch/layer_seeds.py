# ruff: noqa: E501
"""Initial weights from a seed, in full precision, as PyTorch draws them.

`python -m tests.torch.layer_seeds` writes layer_seeds.json, with PyTorch installed.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_name("layer_seeds.json")
DTYPES = ("float64", "float32")
MADE = (
    "nn.Linear(4, 5)", "nn.Linear(4, 5, bias=False)", "nn.Bilinear(2, 3, 2)", "nn.Conv1d(2, 3, 3)", "nn.Conv2d(2, 4, 3, groups=2)", "nn.ConvTranspose2d(2, 3, 2)",
    "nn.LSTM(2, 2, 2, bidirectional=True)", "nn.GRU(2, 3)", "nn.RNNCell(3, 2)", "nn.Embedding(3, 4)", "nn.Embedding(3, 4, padding_idx=1)", "nn.MultiheadAttention(4, 2)",
    "nn.MultiheadAttention(4, 2, kdim=3, add_bias_kv=True)", "nn.TransformerEncoderLayer(4, 2, 6)", "nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.PReLU(), nn.Linear(3, 1))",
)  # fmt: skip
FILLED = (
    "nn.init.uniform_(x)", "nn.init.uniform_(x, -0.3, 0.7)", "nn.init.normal_(x)", "nn.init.normal_(x, 2.0, 0.3)", "nn.init.xavier_uniform_(x)", "nn.init.xavier_uniform_(x, 2.0)", "nn.init.xavier_normal_(x, 0.5)",
    "nn.init.kaiming_uniform_(x)", "nn.init.kaiming_uniform_(x, 0.2, 'fan_out')", "nn.init.kaiming_normal_(x, nonlinearity='relu')", "nn.init.orthogonal_(x)", "nn.init.orthogonal_(x, 2.0)", "nn.init.trunc_normal_(x)",
    "nn.init.trunc_normal_(x, std=0.02)", "nn.init.trunc_normal_(x, 0.0, 1.0, 1.5, 3.0)", "nn.init.sparse_(x, 0.3)",
)  # fmt: skip
SHAPES = {"few": "torch.empty(3, 4)", "many": "torch.empty(5, 7)", "tall": "torch.empty(7, 3)"}


def draws() -> dict[str, str]:
    return {text: text for text in MADE} | {
        f"{text} of {name}": text.replace("(x", f"({shape}") for text in FILLED for name, shape in SHAPES.items()
    }


def outcome(torch: Any, text: str, dtype: str) -> list[str]:
    """All numbers, and one that is drawn next."""
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(7)
            made = eval(text, {"torch": torch, "nn": torch.nn})
            tensors = [made] if isinstance(made, torch.Tensor) else list(made.state_dict().values())
            return [" ".join(map(str, t.detach().numpy().reshape(-1))) for t in (*tensors, torch.rand(1))]
    finally:
        torch.set_default_dtype(torch.float32)


@lru_cache(maxsize=1)
def stored() -> dict[str, dict[str, list[str]]]:
    return json.loads(STORED.read_text())


def main() -> None:
    import torch

    table = {name: {d: outcome(torch, text, d) for d in DTYPES} for name, text in draws().items()}
    STORED.write_text(json.dumps(table, indent=0) + "\n")


if __name__ == "__main__":
    main()
