"""One pattern for names that become folders, files and tags."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"\w(?:[\w .+@=-]{0,126}[\w.+@=-])?")
"""Letters, digits and ``_ . + @ = -``, spaces within: no path separator, no control character."""

LONGEST_PATH = 4096


def is_name(text: str) -> bool:
    """Return whether a text can name a source, a step, a recipe or one part of a path."""
    return NAME.fullmatch(text) is not None


def check_name(what: str, text: str) -> None:
    """Raise ``ValueError`` for a text that is no name; ``what`` is the named thing in the message."""
    if not is_name(text):
        raise ValueError(f"{what} is {text!r}, expected letters, digits and _ . + @ = - alone, as in medquad or near-2")


def is_inner_path(text: str) -> bool:
    """Return whether a text is a relative path inside its folder."""
    parts = text.split("/")
    return len(text) <= LONGEST_PATH and "\0" not in text and all(part not in ("", ".", "..") for part in parts)


def portable_model(spec: str) -> str:
    """Return a model's spec without the folders and addresses of this machine, for what must be the same on any other.

    A folder or file is named by its last part, a served model by its name; a Hub id is returned as it is.
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind == "openai":
        return f"{kind}:{rest.rpartition('#')[2]}"
    if colon and kind in ("llamacpp", "model2vec", "transformers", "vllm"):
        return f"{kind}:{portable_model(rest)}"
    path = Path(spec)
    return path.resolve().name if path.exists() else spec
