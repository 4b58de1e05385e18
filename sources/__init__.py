"""Rows in: what each corpus contains, under which licence, at which revision."""
