"""Training of models on the rows of a release: a thin stage over TRL."""
