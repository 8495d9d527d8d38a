"""The rows of the catalogue as tensors know them: from what they remember (`Evidence.history`), not from a run.

They are asked before those of the other modules, within a status.
"""

from funcgrad.transforms.explain.causes.remembered import asked as asked
from funcgrad.transforms.explain.causes.remembered import cut as cut
from funcgrad.transforms.explain.causes.remembered import end as end
from funcgrad.transforms.explain.causes.remembered import nan as nan
from funcgrad.transforms.explain.causes.remembered import stale as stale
from funcgrad.transforms.explain.causes.remembered import step as step
from funcgrad.transforms.explain.causes.remembered import wrong_tensor as wrong_tensor
from funcgrad.transforms.explain.causes.remembered import zero as zero
