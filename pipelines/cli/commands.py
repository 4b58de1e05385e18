"""The command line: a verb, its help, one call into the library. Results on stdout, progress on stderr."""

from __future__ import annotations

import atexit
import gc
import sys

from pipelines.cli import (
    bias_verbs,
    build_verbs,
    check_verb,
    evaluation_verbs,
    init_verb,
    model_report_verbs,
    red_team_verb,
    release_verbs,
    review_verb,
    score_verbs,
    training_verbs,
)
from pipelines.cli.shared_options import main


def skip_last_collection() -> None:
    """Skip the last garbage collection of this process, except for libraries that must end threads or report leaks."""
    if not {"duckdb", "torch"} & sys.modules.keys():
        gc.freeze()


# Imported objects live until the process ends. Collecting garbage among them takes a tenth of a short run, and as much
# again at exit.
gc.set_threshold(50_000)
atexit.register(skip_last_collection)

__all__ = [
    "bias_verbs",
    "build_verbs",
    "check_verb",
    "evaluation_verbs",
    "init_verb",
    "main",
    "model_report_verbs",
    "red_team_verb",
    "release_verbs",
    "review_verb",
    "score_verbs",
    "training_verbs",
]
