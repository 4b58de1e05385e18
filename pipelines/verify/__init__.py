"""Checks of a release."""
