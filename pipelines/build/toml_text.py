"""Values as TOML, and mappings as commented TOML files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """Return a key as TOML, quoted where it must be."""
    return name if BARE.fullmatch(name) else toml_value(name)


def toml_value(value: Any) -> str:
    """Return a text, number, truth value, list or object as one line of TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(name)} = {toml_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's


def mapping_text(values: Mapping[str, Any], notes: Iterable[str] = (), table: str = "") -> str:
    """Return the values of a mapping as TOML with comments; ``table`` is the one of a larger file that holds it."""
    facts = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"# {note}" for note in notes]
    for name, value in facts.items():
        about = f"  # {FACTS[name]}" if name in FACTS else ""
        lines.append(f"{toml_key(name)} = {toml_value(value)}{about}")
    for name, inner in values.items():
        if isinstance(inner, Mapping):
            lines += ["", f"[{table}{name}]", *(f"{toml_key(key)} = {toml_value(one)}" for key, one in inner.items())]
    return "\n".join(lines) + "\n"


FACTS = {
    "license": "SPDX id (sabila licenses lists them); LicenseRef-proprietary where none is stated",
    "license_read": "where the licence was read: a page, a file, a letter",
    "language": "ISO 639-1 code",
    "task": "mcqa, qa, dialogue, … (sabila sources shows the tasks)",
    "split": "train, or a column under [columns]",
    "gold_base": "0 or 1 (a position that counts from it), letter, or text (of the option)",
    "subject": "completes the instructions that are put before the questions",
}
"""What each fact of a mapping means, as the comment after it."""
