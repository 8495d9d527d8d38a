"""Going back: the backward pass, and functions with rules of their own."""
