"""Steps, caches, releases and the command line; no domain logic.

The verbs of ``sabila`` as functions: ``from pipelines import build, release, load, trace, diff, deduplicate``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.api.functions import (
        build,
        check,
        decontaminate,
        deduplicate,
        diff,
        export,
        load,
        plan,
        release,
        trace,
        verify,
    )

__all__ = [
    "build",
    "check",
    "decontaminate",
    "deduplicate",
    "diff",
    "export",
    "load",
    "plan",
    "release",
    "trace",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Return a function of ``__all__``, loaded when it is first used; rooms of these names are callable themselves."""
    if name not in __all__:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    from pipelines.api import functions

    return getattr(functions, name)
