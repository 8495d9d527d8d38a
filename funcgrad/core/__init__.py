"""The core: where a value came from, what it looks like, who is tracing it, and the two programs one can record.

``tape`` records linear maps while values are computed; ``graph`` records a program without computing it.
"""
