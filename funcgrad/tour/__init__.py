"""The tour that `python -m funcgrad` gives."""
