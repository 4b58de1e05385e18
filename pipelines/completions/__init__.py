"""Stored completions, budgets and failed requests: a teacher is asked once."""
