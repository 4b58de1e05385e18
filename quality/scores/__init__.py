"""Scores of rows, and the rows that a score drops."""
