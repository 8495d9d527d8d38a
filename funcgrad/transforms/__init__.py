"""Interpreters of programs. They know what a primitive offers (`core.trace.Primitive`), not which there are."""
