"""Why a gradient is missing, zero, wrong or NaN: one function for each row of the catalogue of causes.

A module holds the rows of one chapter: `asked` (what was never asked to be differentiated), `cut` (on purpose), `left`
(values that left the library), `step` (operations without a derivative), `zero`, `nan`, and `end` (the end of the
function, and that all is well). Rows that two interfaces share are one function of the `Evidence`; `remembered` has
those that rest on what tensors remember, with chapters of its own, and is asked first. Within a status, causes are
asked in the order of the modules' names and of their lines: `step`, which has an answer for every operation, comes
after `cut` and `left`.
"""

from funcgrad.transforms.explain.causes import asked as asked
from funcgrad.transforms.explain.causes import cut as cut
from funcgrad.transforms.explain.causes import end as end
from funcgrad.transforms.explain.causes import left as left
from funcgrad.transforms.explain.causes import nan as nan
from funcgrad.transforms.explain.causes import remembered as remembered
from funcgrad.transforms.explain.causes import step as step
from funcgrad.transforms.explain.causes import zero as zero
from funcgrad.transforms.explain.causes.registry import CAUSES as CAUSES
from funcgrad.transforms.explain.causes.registry import ENDS as ENDS
from funcgrad.transforms.explain.causes.registry import REMARKS as REMARKS
from funcgrad.transforms.explain.causes.registry import Finding as Finding
from funcgrad.transforms.explain.causes.registry import Reason as Reason
from funcgrad.transforms.explain.causes.registry import answer as answer
from funcgrad.transforms.explain.causes.registry import cause as cause
from funcgrad.transforms.explain.causes.registry import cut_of as cut_of
from funcgrad.transforms.explain.causes.registry import ends as ends
from funcgrad.transforms.explain.causes.registry import finding_of as finding_of
from funcgrad.transforms.explain.causes.registry import remark as remark
from funcgrad.transforms.explain.causes.registry import remarks_on as remarks_on
