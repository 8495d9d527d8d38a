"""Softmax regression, written with plain NumPy calls."""

from __future__ import annotations

from typing import Any

import numpy as np

import funcgrad as fg

PENALTY = 1e-3


def start(features: int, classes: int) -> dict[str, Any]:
    """Parameters of zeros: weights of shape (features, classes) and a bias of shape (classes,)."""
    return {"weights": np.zeros((features, classes)), "bias": np.zeros(classes)}


def loss(params: dict[str, Any], x: np.ndarray, one_hot: np.ndarray) -> Any:
    """Mean cross entropy and an L2 penalty on the weights; x is (rows, features), one_hot (rows, classes)."""
    scores = x @ params["weights"] + params["bias"]
    shift = fg.stop_gradient(np.max(scores, axis=1, keepdims=True))
    log_total = np.log(np.sum(np.exp(scores - shift), axis=1)) + shift[:, 0]
    fit = np.mean(log_total - np.sum(scores * one_hot, axis=1))
    return fit + PENALTY * np.sum(params["weights"] ** 2)


def accuracy(params: dict[str, Any], x: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows whose highest score is their label's."""
    return float(np.mean(np.argmax(x @ params["weights"] + params["bias"], axis=1) == labels))
