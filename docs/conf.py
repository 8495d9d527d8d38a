"""The site: `python -m pip install -e '.[docs]' && python -m sphinx -W docs site`, then open site/index.html.

The pages are the Markdown files of this folder, whose blocks tests/test_docs.py runs. The reference is made from the
docstrings of the names in each module's `__all__`; the gallery from the programs in gallery/, which run here.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

import funcgrad

HERE = Path(__file__).parent
MODULES = {
    "funcgrad": "Transformations",
    "funcgrad.lax": "Control flow and JAX's operators",
    "funcgrad.ops": "Sums of segments",
    "funcgrad.numpy": "NumPy's functions",
    "funcgrad.numpy.linalg": "Linear algebra",
    "funcgrad.numpy.fft": "Fourier transforms",
    "funcgrad.nn": "Neural networks",
    "funcgrad.nn.initializers": "Initializers",
    "funcgrad.random": "Random numbers",
    "funcgrad.scipy.special": "Special functions",
    "funcgrad.scipy.linalg": "SciPy's linear algebra",
    "funcgrad.scipy.sparse.linalg": "Iterative solvers",
    "funcgrad.scipy.optimize": "Optimisation",
    "funcgrad.scipy.integrate": "Integrals and ODEs",
    "funcgrad.scipy.interpolate": "Interpolation",
    "funcgrad.scipy.signal": "Signals",
    "funcgrad.scipy.ndimage": "Images",
    "funcgrad.scipy.stats": "Distributions",
    "funcgrad.tree": "Pytrees",
    "funcgrad.debug": "Printing from programs",
    "funcgrad.ad_checkpoint": "Checkpoints",
    "funcgrad.kernels": "Functions for numba's code",
    "funcgrad.test_util": "Checking derivatives",
    "funcgrad.errors": "Errors",
}

project = "funcgrad"
copyright = "funcgrad contributors"
version = release = funcgrad.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["gallery/*", "conf.py"]
html_theme = "furo"
html_title = f"funcgrad {version}"
html_static_path: list[str] = []
default_role = "code"
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "alphabetical"
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "min_reported_time": 1e9,
    "download_all_examples": False,
    "show_memory": False,
    "abort_on_example_error": True,
}
warnings.filterwarnings("ignore", category=DeprecationWarning)  # of numpy's own names, when autodoc looks at them


def write_reference(app: Any) -> None:
    """A page for each public module, and the list of them."""
    folder = HERE / "reference"
    folder.mkdir(exist_ok=True)
    for module, title in MODULES.items():
        heading = f"{title}: {module}"
        text = f"{heading}\n{'=' * len(heading)}\n\n.. automodule:: {module}\n   :members:\n"
        _write(folder / f"{module}.rst", text)
    _write(folder / "index.rst", "Reference\n=========\n\n.. toctree::\n\n" + "".join(f"   {m}\n" for m in MODULES))


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:  # an untouched page is not built again
        path.write_text(text)


def skip_foreign(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """NumPy's and SciPy's own functions and classes have their own reference."""
    owner = getattr(inspect.unwrap(obj) if callable(obj) else obj, "__module__", None) or "funcgrad"
    return True if not owner.startswith("funcgrad") else None


def setup(app: Any) -> None:
    app.add_lexer("output", TextLexer)
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-skip-member", skip_foreign)
    for module in MODULES:
        importlib.import_module(module)
