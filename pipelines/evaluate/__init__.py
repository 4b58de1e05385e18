"""Evaluations run: items asked through the store of completions, results written, results compared."""
