"""What a user of the training stage can cause, each told in one line."""

from __future__ import annotations

from sources.errors import SabilaError


class TrainingError(SabilaError):
    """A run that cannot go on: what was found, what was expected, and what to do next."""


class SettingsError(TrainingError):
    """A setting that is not there or does not take its value: field, value, expectation. A wrong call."""

    exit_code = 2


class UnfitRowError(TrainingError):
    """A row that a chat template or a tokenizer cannot express as it is; a setting says what becomes of it."""
