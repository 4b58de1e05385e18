"""What a user of a merge can cause, each told in one line."""

from __future__ import annotations

from training.training_errors import SettingsError, TrainingError


class MergeError(TrainingError):
    """Models that cannot be merged, or a merge that cannot go on: what was found, what was expected, what to do."""


class MergeConfigError(MergeError, SettingsError):
    """A configuration of a merge that says what cannot be: key, value, expectation. A wrong call."""
