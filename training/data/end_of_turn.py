"""The token that ends an answer in a chat template, and the tokens that end generation."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

# Of the private use area at both ends: nothing that a template would trim or take for its own.
MARK = "\uf0e1answer\uf0e2"
GENERATION_TAGS = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


def token_text(value: Any) -> str | None:
    """Return a special token of a tokenizer's configuration, a string or an object, as text."""
    text = value.get("content") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) else None


def ids(value: Any) -> tuple[int, ...]:
    """Return the token ids of a configuration's value: null, one id or a list."""
    listed = value if isinstance(value, list) else [value]
    return tuple(number for number in listed if isinstance(number, int))


def end_of_turn(template: Any, settings: Mapping[str, Any], tokens: Collection[str]) -> str | None:
    """Return the special token that a chat template writes after an answer.

    ``tokens`` are the special ones. None where the template writes none of them, or cannot be rendered here.
    """
    text = _default(template)
    if text is None:
        return None
    rendered = _rendered(text, settings)
    if rendered is None or MARK not in rendered:
        return None
    rest = rendered.rpartition(MARK)[2]
    tokens_after_answer = [(rest.index(token), -len(token), token) for token in tokens if token and token in rest]
    return min(tokens_after_answer)[2] if tokens_after_answer else None


def _default(template: Any) -> str | None:
    """Return the default of several templates."""
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, Mapping)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _rendered(text: str, settings: Mapping[str, Any]) -> str | None:
    from jinja2.exceptions import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals |= {"raise_exception": refuse, "strftime_now": lambda form: "01 Jan 2026"}
    known = {key: token_text(value) for key, value in settings.items() if key.endswith("_token")}
    turns = [{"role": "user", "content": "Question?"}, {"role": "assistant", "content": MARK}]
    try:
        # transformers reads ``generation`` blocks by an extension of its own; they write nothing themselves.
        template = environment.from_string(GENERATION_TAGS.sub("", text))
        return template.render(messages=turns, add_generation_prompt=False, **known)
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError):
        return None  # the end is unknown for a template that cannot be rendered here
