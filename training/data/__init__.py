"""Rows of a release as tokens."""
