"""Benchmark items found in training rows."""
