"""Scores of rows, and the rows dropped by score."""
