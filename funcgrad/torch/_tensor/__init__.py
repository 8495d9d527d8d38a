"""What a Tensor is: its memory, views, dtypes, and how it looks."""
