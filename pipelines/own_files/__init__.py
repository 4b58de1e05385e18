"""Duplicates and leaks in any files."""
