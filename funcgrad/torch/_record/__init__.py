"""How a call becomes entries on the tape."""
