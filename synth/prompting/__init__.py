"""Prompts: templates, turns, the generators of chains of thought."""
