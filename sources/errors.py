"""The errors that a user can cause or mend: reported in one line, without a traceback."""


class SabilaError(Exception):
    """An error whose message names the value, what was expected and what to do next."""

    exit_code = 1
    """Of the command that it ends: 1 for a failed run, 2 for a wrong call."""
