"""Evaluation runs: requests sent through the store of completions, results written and compared."""
