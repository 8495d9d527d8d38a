"""B. Looking at the wrong tensor."""
