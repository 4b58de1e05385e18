"""The licence that a model states: in the record that sabila left beside it, or on its card."""

from __future__ import annotations

import json
from collections.abc import Callable

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


def stated_license(text_of: Callable[[str], str | None]) -> str:
    """Return the licence in a model's record or else on its card; ``LicenseRef-unknown`` where it states none.

    ``text_of`` gives the text of a file of the model by its name, None where there is none.
    """
    for name in RECORDS:
        if record := text_of(name):
            return str(json.loads(record).get("license", UNKNOWN_LICENSE))
    card = text_of("README.md")
    if not card or not card.startswith("---"):
        return UNKNOWN_LICENSE
    head = yaml.safe_load(card.split("---")[1]) or {}
    named = head.get("license_name") if head.get("license") == "other" else head.get("license")
    return HUB_LICENSES.get(str(named).lower(), UNKNOWN_LICENSE)
