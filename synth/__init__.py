"""Rows that a model wrote, and whether they are right."""
