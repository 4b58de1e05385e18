"""Rows of a release read by people: a sample, the page, sheets, and what their verdicts say."""
