"""The history of one row."""
