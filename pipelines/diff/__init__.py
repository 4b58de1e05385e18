"""Comparison of two releases."""

from pipelines.callable_room import make_callable

make_callable(__name__)
