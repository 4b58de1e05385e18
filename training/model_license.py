"""The licence that a model states: in the record that sabila left beside it, or on its card."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import yaml

from sources.known_licenses import LICENSES

UNKNOWN_LICENSE = "LicenseRef-unknown"

RECORDS = ("run.json", "merge.json")
"""What a training run and a merge leave beside the weights they wrote."""

# What the Hub calls licences whose names are not theirs in lower case.
HUB_LICENSES = {
    "llama2": "LicenseRef-llama-2-community",
    "llama3": "LicenseRef-llama-3-community",
    "llama3.1": "LicenseRef-llama-3.1-community",
    "gpl-3.0": "GPL-3.0-only",
    "openrail": "LicenseRef-openrail",
    **{license_id.lower(): license_id for license_id in LICENSES},
}


HEAD = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def card_head(text: str) -> dict[str, Any]:
    """Return the metadata at the head of a card, between two lines of ``---``; empty where it has none to read."""
    found = HEAD.match(text)
    try:
        head = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError:
        return {}
    return head if isinstance(head, dict) else {}


def stated_license(text_of: Callable[[str], str | None]) -> str:
    """Return the licence in a model's record or else on its card; ``LicenseRef-unknown`` where it states none.

    ``text_of`` gives the text of a file of the model by its name, None where there is none.
    """
    for name in RECORDS:
        if record := text_of(name):
            return str(json.loads(record).get("license", UNKNOWN_LICENSE))
    head = card_head(text_of("README.md") or "")
    named = head.get("license_name") if head.get("license") == "other" else head.get("license")
    return HUB_LICENSES.get(str(named).lower(), UNKNOWN_LICENSE)
