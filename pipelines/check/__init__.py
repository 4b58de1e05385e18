"""Findings in any files or a release, without changes."""

from pipelines.callable_room import make_callable

make_callable(__name__)
