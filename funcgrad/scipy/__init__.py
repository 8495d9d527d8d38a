"""SciPy's names, differentiable: `funcgrad.scipy.special`. It needs SciPy (`pip install 'funcgrad[scipy]'`).

On plain arrays SciPy itself runs. After the import SciPy's own functions take traced values too.
"""

from funcgrad.scipy import special as special
