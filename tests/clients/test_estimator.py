"""An estimator for scikit-learn, written with gradients: it fits, clones, pickles, and is searched over."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.optimize

import funcgrad as fg
import funcgrad.numpy as fnp
from funcgrad import nn

sklearn = pytest.importorskip("sklearn")
pytestmark = pytest.mark.peers

from sklearn.base import BaseEstimator, ClassifierMixin, clone  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402


def penalised(flat: Any, x: Any, labels: Any, c: Any) -> Any:
    """The loss of scikit-learn's logistic regression over its number of samples times C."""
    w, b = flat[:-3].reshape(-1, 3), flat[-3:]
    chosen = fnp.take_along_axis(nn.log_softmax(x @ w + b), labels[:, None], axis=1)
    return -fnp.mean(chosen) + 0.5 * fnp.sum(w**2) / (c * len(labels))


loss_and_slope = fg.jit(fg.value_and_grad(penalised))


class Softmax(ClassifierMixin, BaseEstimator):
    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(self, X: np.ndarray, y: np.ndarray) -> Softmax:
        self.classes_, labels = np.unique(y, return_inverse=True)
        start = np.zeros((X.shape[1] + 1) * len(self.classes_))
        found = scipy.optimize.minimize(loss_and_slope, start, (X, labels, self.C), jac=True, tol=1e-7)
        self.coef_, self.intercept_ = found.x[:-3].reshape(-1, 3).T, found.x[-3:]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(nn.softmax(X @ self.coef_.T + self.intercept_))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_it_is_their_logistic_regression() -> None:
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    ours = Softmax(C=0.7).fit(x, y)
    theirs = LogisticRegression(C=0.7, tol=1e-12, max_iter=2000).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


def test_it_works_in_their_tools() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), Softmax())
    assert cross_val_score(pipeline, x, y, cv=4).mean() > 0.93
    search = GridSearchCV(pipeline, {"softmax__C": [1e-3, 1.0]}, cv=3).fit(x, y)
    assert search.best_params_ == {"softmax__C": 1.0}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(x), search.predict(x))
    assert clone(Softmax(C=3.0)).C == 3.0
