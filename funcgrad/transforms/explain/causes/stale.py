"""H. Changed in place, or stale."""
