"""Stored completions, budgets and failed requests, so that each request is sent once."""
