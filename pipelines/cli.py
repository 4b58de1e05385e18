"""The command line: a verb, its help, one call into the library. Results on stdout, progress on stderr."""

from __future__ import annotations

from pipelines import cli_build, cli_release, cli_training
from pipelines.command import main

__all__ = ["cli_build", "cli_release", "cli_training", "main"]
