"""Every module is reached from a command or a recipe, or is listed here with what it waits for."""

import pytest
from test_house import MODULES, modules_imported, name

ENTRY = "pipelines.cli.commands"
RECIPES = "pipelines.recipes."
FUNCTIONS = ("pipelines.api.functions", "pipelines.callable_room")
"""What ``from pipelines import build`` reaches."""

UNREACHED: dict[str, str] = {}
"""Modules that no command and no recipe imports, each with the reason why it stays."""


def dotted(path):
    return name(path.with_suffix("")).replace("/", ".")


IMPORTS = {dotted(path): set(modules_imported(path)) for path in MODULES if path.name != "__init__.py"}


def reached(starts):
    """Return the modules that ``starts`` import, directly or through others, ``starts`` included."""
    found, pending = set(), list(starts)
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            pending.extend(IMPORTS.get(module, ()))
    return found


STARTS = [ENTRY, *FUNCTIONS, *(module for module in IMPORTS if module.startswith(RECIPES))]


def test_what_no_command_or_recipe_reaches_is_listed_with_its_reason():
    assert len(STARTS) > 4
    unreached = set(IMPORTS) - reached(STARTS)
    assert sorted(unreached - UNREACHED.keys()) == [], "give it a command or a recipe's option, or delete it"
    assert sorted(UNREACHED.keys() - unreached) == [], "these are reached now, or gone: take them off the list"


@pytest.mark.parametrize("module", ["sources.connectors.medquad", "quality.cleaning.rules", "training.run.trainers"])
def test_a_module_is_missed_where_nothing_imports_it(module, monkeypatch):
    assert module in reached(STARTS)
    monkeypatch.setattr(f"{__name__}.IMPORTS", {key: names - {module} for key, names in IMPORTS.items()})
    assert module not in reached(STARTS)
