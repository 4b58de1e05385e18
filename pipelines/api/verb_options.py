"""Arguments of functions checked as the options of their verbs, whose names, limits, defaults and help they share."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from pipelines.api.frames import CallError
from pipelines.cli import build_verbs, check_verb, release_verbs
from pipelines.cli.shared_options import RecipeGroup, main
from sources.errors import SabilaError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

OF_TERMINAL = frozenset({"json", "help", "files", "targets", "fail_on"})
"""Parameters of verbs that functions lack: on printing, on the exit code, and files, which may be tables."""

assert build_verbs
assert check_verb
assert release_verbs


def verb_options(verb: str) -> dict[str, click.Parameter]:
    """Return the arguments and options of a verb by their names in Python, without recipes' own and unused ones."""
    command = main.commands[verb]
    parameters = command.shared_parameters() if isinstance(command, RecipeGroup) else command.params
    named = {python_name(one): one for one in parameters}
    return {name: one for name, one in named.items() if one.expose_value and name not in OF_TERMINAL}


def python_name(parameter: click.Parameter) -> str:
    """Return the longest name of an option as an identifier: ``text_column`` of ``--text-column``."""
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


def like_verb(verb: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Check the arguments of a function as ``sabila VERB`` does, and list the options in its docstring.

    A missing argument has the default of the verb, including its environment variable. Raises ``CallError`` for a
    value that the option rejects.
    """

    def wrap(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        options = verb_options(verb)
        signature = inspect.signature(function)

        @wraps(function)
        def call(*arguments: Arguments.args, **keywords: Arguments.kwargs) -> Result:
            bound = signature.bind(*arguments, **keywords)
            bound.apply_defaults()
            for name in options.keys() & bound.arguments.keys():
                bound.arguments[name] = _checked(name, options[name], bound.arguments[name])
            try:
                return function(*bound.args, **bound.kwargs)
            except SabilaError as error:
                error.args = (_in_python(str(error), options),)
                raise

        call.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{_listed(options, signature)}"
        return call

    return wrap


def _checked(name: str, option: click.Parameter, value: Any) -> Any:
    """Return a value in the type of its option; ``CallError`` names the argument, the value and what was expected."""
    if option.multiple and isinstance(value, str | Path):
        value = (value,)
    of_python = not isinstance(value, list | tuple) if option.multiple else option.type is click.STRING
    if of_python and value is not None and option.callback is None:
        return value  # a table in place of files, a Release in place of its name
    context = click.Context(click.Command(name))
    if value is None:
        value = option.value_from_envvar(context) if option.envvar else None
        default = option.default
        value = default() if value is None and callable(default) else value
    try:
        value = None if value is None else option.type_cast_value(context, value)
        return option.callback(context, option, value) if option.callback else value
    except click.BadParameter as error:
        raise CallError(f"{name} is {value!r}: {error.message}") from error


def _in_python(text: str, options: Mapping[str, click.Parameter]) -> str:
    """Return a text on a verb with its options named as arguments: ``text_column`` for ``--text-column``."""
    names = {opt: name for name, option in options.items() for opt in option.opts if opt.startswith("--")}
    return re.sub(r"--[a-z][a-z-]*", lambda option: names.get(option[0], option[0]), text)


def _listed(options: dict[str, click.Parameter], signature: inspect.Signature) -> str:
    """Return the section of a docstring on the arguments, with the help of their options."""
    lines = ["Args:"]
    for name, option in options.items():
        if name in signature.parameters and isinstance(option, click.Option):
            shown = f"  [default: {option.default}]" if option.show_default else ""
            about = _in_python(f"{name}: {option.help}{shown}", options)
            lines += textwrap.wrap(about, 110, initial_indent="    ", subsequent_indent="        ")
    return "\n".join(lines)
