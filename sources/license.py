"""Licences: what each allows, which of two is stricter, and which rows a use may hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Use = Literal["any", "commercial"]
USES: tuple[str, ...] = get_args(Use)


@dataclass(frozen=True, kw_only=True)
class License:
    """What a licence allows. ``strictness`` orders licences: on joining rows the highest wins."""

    id: str
    commercial: bool
    derivatives: bool = True
    share_alike: bool = False
    attribution: bool = True
    strictness: int


def _license(id: str, strictness: int, **terms: bool) -> License:
    return License(id=id, strictness=strictness, **{"commercial": True, **terms})


# Ordered from free to strict: public domain, attribution, copyleft, a vendor's own terms, no commercial use, unknown.
LICENSES: dict[str, License] = {
    license.id: license
    for license in (
        _license("CC0-1.0", 0, attribution=False),
        _license("PDDL-1.0", 0, attribution=False),
        _license("Unlicense", 0, attribution=False),
        _license("MIT", 10),
        _license("BSD-3-Clause", 10),
        _license("Apache-2.0", 11),
        _license("ODC-By-1.0", 12),
        _license("CC-BY-2.5", 13),
        _license("CC-BY-3.0", 13),
        _license("CC-BY-4.0", 13),
        _license("CDLA-Permissive-2.0", 13),
        _license("ODbL-1.0", 30, share_alike=True),
        _license("CC-BY-SA-3.0", 31, share_alike=True),
        _license("CC-BY-SA-4.0", 31, share_alike=True),
        _license("GPL-3.0-only", 32, share_alike=True),
        _license("LicenseRef-openrail", 40),
        _license("LicenseRef-llama-2-community", 41),
        _license("LicenseRef-llama-3-community", 41),
        _license("LicenseRef-llama-3.1-community", 41),
        _license("CC-BY-NC-3.0", 60, commercial=False),
        _license("CC-BY-NC-4.0", 60, commercial=False),
        _license("CC-BY-NC-SA-3.0", 61, commercial=False, share_alike=True),
        _license("CC-BY-NC-SA-4.0", 61, commercial=False, share_alike=True),
        _license("CC-BY-ND-4.0", 62, derivatives=False),
        _license("CC-BY-NC-ND-4.0", 63, commercial=False, derivatives=False),
        _license("LicenseRef-research-only", 70, commercial=False),
        _license("LicenseRef-none-stated", 90, commercial=False),
        _license("LicenseRef-unknown", 95, commercial=False),
    )
}

UNKNOWN = LICENSES["LicenseRef-unknown"]


def terms(license_id: str) -> License:
    """Return what ``license_id`` allows; one that is not in the table is held to the terms of the strictest."""
    return LICENSES.get(license_id, UNKNOWN)


def strictest(license_ids: Iterable[str]) -> str:
    """Return the id that wins when rows under these licences are joined; ties go to the first by name."""
    return max(sorted(set(license_ids)), key=lambda license_id: terms(license_id).strictness)


def fits(license_id: str, use: str) -> bool:
    """Say whether rows under ``license_id`` may be in a build for ``use``: adapted and, if so asked, sold."""
    if use not in USES:
        raise ValueError(f"use is {use!r}, expected one of {', '.join(USES)}")
    allowed = terms(license_id)
    return use == "any" or (allowed.commercial and allowed.derivatives)
