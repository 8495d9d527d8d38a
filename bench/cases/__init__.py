"""The cases of bench/compiled.py."""

from cases import adbench, elementwise, first_calls, loops, models, rows

CASES = [
    *elementwise.CASES,
    *rows.CASES,
    *models.CASES,
    *adbench.CASES,
    *loops.CASES,
    *first_calls.CASES,
]
