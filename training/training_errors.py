"""Errors of training that a user can fix."""

from __future__ import annotations

from sources.errors import SabilaError


class TrainingError(SabilaError):
    """A run that cannot continue."""


class SettingsError(TrainingError):
    """An unknown setting or an invalid value: a usage error."""

    exit_code = 2


class MergeError(TrainingError):
    """Models that cannot be merged, or a merge that cannot continue."""


class MergeConfigError(MergeError, SettingsError):
    """An invalid configuration of a merge: a usage error."""


class UnfitRowError(TrainingError):
    """A row that a chat template or tokenizer cannot represent; the settings decide whether it is dropped."""
