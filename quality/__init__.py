"""Rows that may stay. Nothing here writes a file or calls a model."""
