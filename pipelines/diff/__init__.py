"""Comparison of two releases."""
