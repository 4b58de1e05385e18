"""The command line: a verb, its help, one call into the library. Results on stdout, progress on stderr."""

from __future__ import annotations

from pipelines.cli import build_verbs, release_verbs, training_verbs
from pipelines.cli.shared_options import main

__all__ = ["build_verbs", "main", "release_verbs", "training_verbs"]
