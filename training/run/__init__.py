"""One training run, from its forecast to its record."""
