"""One file per recipe; each reads from top to bottom."""
