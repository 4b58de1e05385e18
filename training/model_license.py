"""The licence of a model, from its sabila record or its card."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from sources.known_licenses import LICENSES, named_license
from sources.license import joint, parts
from sources.suggest import did_you_mean

UNKNOWN_LICENSE = "LicenseRef-unknown"

RECORDS = ("run.json", "merge.json")
"""Records that a training run and a merge write next to the weights."""

LINEAGES = (
    (r"meta-llama/(?:Meta-)?Llama-2-", "LicenseRef-llama-2-community"),
    (r"meta-llama/(?:Meta-)?Llama-(?:3|Guard-2)-", "LicenseRef-llama-3-community"),
    (r"meta-llama/(?:Meta-)?Llama-(?:3\.1|Guard-3-8B)", "LicenseRef-llama-3.1-community"),
    (r"deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "LicenseRef-llama-3.1-community"),
    (r"meta-llama/Llama-(?:3\.2|Guard-3-1B|Guard-3-11B)", "LicenseRef-llama-3.2-community"),
    (r"(?:meta-llama/Llama-3\.3|deepseek-ai/DeepSeek-R1-Distill-Llama-70B)", "LicenseRef-llama-3.3-community"),
    (r"meta-llama/Llama-(?:4|Guard-4)", "LicenseRef-llama-4-community"),
    (r"google/(?:code|shield|t5)?gemma-(?:1\.1|[237n])", "LicenseRef-gemma"),
    (r"google/(?:med|tx)gemma", "LicenseRef-health-ai-developer-foundations"),
)
"""Models whose terms bind their derivatives, by the beginning of their names on the Hub.

Many cards of tuned models name a freer licence than that of their start model: then both count.
"""

HEAD = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def card_head(text: str) -> dict[str, Any]:
    """Return the YAML metadata of a card; empty where it has none."""
    match = HEAD.match(text)
    try:
        head = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError:
        return {}
    return head if isinstance(head, dict) else {}


def file_text(path: Path) -> str | None:
    """Return the text of a file, None where there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def stated_license(text_of: Callable[[str], str | None], name: str = "") -> str:
    """Return the licence in a model's record or else on its card; ``LicenseRef-unknown`` where neither states one.

    ``text_of`` returns the text of a file of the model by its name, None where it is missing; ``name`` is the model's
    own on the Hub. The terms of a model that it is known to derive from are part of the licence.
    """
    for record in RECORDS:
        if text := text_of(record):
            return str(json.loads(text).get("license", UNKNOWN_LICENSE))
    head = card_head(text_of("README.md") or "")
    bases = head.get("base_model")
    names = [name, *(bases if isinstance(bases, list) else [bases])]
    inherited = [license for pattern, license in LINEAGES for one in names if re.match(pattern, str(one or ""))]
    stated = card_license(head)
    return joint([*inherited, *([] if inherited and stated == UNKNOWN_LICENSE else [stated])])


def card_license(head: dict[str, Any]) -> str:
    """Return the licence expression of a card's metadata; unknown names become ``LicenseRef-unknown``."""
    names = list(_license_names(head))
    known = [named_license(word) for word in names]
    return joint(id or UNKNOWN_LICENSE for id in known) if names else UNKNOWN_LICENSE


def _license_names(head: dict[str, Any]) -> Iterator[str]:
    """Yield the names of licences on a card; for ``other`` the separate name."""
    license = head.get("license")
    for word in license if isinstance(license, list) else [license]:
        if word == "other":
            name = str(head.get("license_name"))
            yield from [name] if named_license(name) else re.split(r"-and-", name)
        elif word is not None:
            yield str(word)


def license_of_user(expression: str, what: str) -> str:
    """Return the licence given by a user for a model; ``ValueError`` for an unknown one."""
    known = {part: named_license(part) for part in parts(expression)}
    if wrong := next((part for part, id in known.items() if id is None), None):
        raise ValueError(f"{what} is {wrong!r}, expected a licence that is known here{did_you_mean(wrong, LICENSES)}")
    return joint(id for id in known.values() if id)
