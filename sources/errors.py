"""Errors that a user can cause or fix: reported in one line, without a traceback."""


class SabilaError(Exception):
    """An error whose message names the value, what was expected and what to do next."""

    exit_code = 1
    """Exit code of a command that ends with this error: 1 for a failed run, 2 for a wrong call."""
