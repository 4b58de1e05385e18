"""Conversion of a release's rows to tokens."""
