"""Recipes, plans and their runs."""

from pipelines.callable_room import make_callable

make_callable(__name__)
