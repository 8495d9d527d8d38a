"""The compiler: a `Graph` is simplified, cut into loops and NumPy calls, and run as one generated function.

simplify (Graph -> Graph), fuse (Graph -> loops and calls), emit (loop -> readable Python), kernels (that text
-> machine code), program (buffers, and the generated function), jit (which program belongs to a call).
"""
