"""Findings in any files or a release, without changes."""
