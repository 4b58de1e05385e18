"""Corpora that are copies of others, and hold-outs that share questions with each other or with training corpora."""
