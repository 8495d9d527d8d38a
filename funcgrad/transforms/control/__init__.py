"""Control flow inside of programs: primitives that run programs by a condition, or again and again.

They exist where values are only traced (`jit`, `vmap` of a condition). On values that are known, `funcgrad.lax` is
Python's own `if` and `for`, and its operations are recorded one by one.
"""
