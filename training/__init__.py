"""Models from rows: a thin stage over TRL."""
