"""The families of primitives. A derivative is written once; forward mode, reverse mode, `vmap` and shapes follow here.

- `Elementwise`: each output element depends on one element of each (broadcast) input. Written: partial derivatives.
- `Linear`: linear in some arguments, jointly or in each. Pushing is the primitive itself. Written: the pull.
- `General`: anything else. Written: the forward derivative for each argument, linear in its tangent; the pull is
  its transpose.
"""
