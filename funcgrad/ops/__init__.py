"""The language: each primitive whole in one place (implementation, derivative, batching, kernel)."""

from funcgrad.ops import arithmetic as arithmetic
