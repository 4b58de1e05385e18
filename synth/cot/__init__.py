"""Verified chains of thought."""
