"""Complete small training scripts, each a function `run(torch, dtype)` that returns the losses of fifty steps."""
