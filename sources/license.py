"""Licence expressions of rows; a row may have several licences, all of which apply.

``license`` is an SPDX expression: one id, or several joined by ``AND``, sorted. A row that a Llama model rewrote is
under its source's licence and under Llama's terms: ``CC-BY-SA-4.0 AND LicenseRef-llama-3.1-community``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from sources.known_licenses import LICENSES, License
from sources.suggest import did_you_mean

Use = Literal["any", "share", "commercial"]
"""Intended use of rows: ``any`` use of one's own, to ``share`` them with others, or ``commercial`` use."""

USES: tuple[str, ...] = get_args(Use)


@dataclass(frozen=True, kw_only=True)
class StatedLicense:
    """A licence that some place states for a corpus, and the place; ``copy`` is the Hub id of a copy that states it."""

    license: str
    where: str
    copy: str | None = None


UNKNOWN = LICENSES["LicenseRef-unknown"]

AND = re.compile(r"\s+AND\s+")


def parts(expression: str) -> tuple[str, ...]:
    """Return the ids that an expression joins by ``AND``, sorted, each once."""
    return tuple(sorted({part.strip("() ") for part in AND.split(expression)}))


def joint(expressions: Iterable[str]) -> str:
    """Return the licence of text under all of ``expressions``; public-domain dedications are left out.

    Raises ``ValueError`` for none, since text without any licence is not free.
    """
    ids = {id for expression in expressions for id in parts(expression)}
    if not ids:
        raise ValueError("no licence to join, expected one at least; LicenseRef-unknown where it is not known")
    asking = {id for id in ids if terms(id).strictness > 0}
    return " AND ".join(sorted(asking or {min(ids)}))


def terms(id: str) -> License:
    """Return the terms of one licence; an unknown licence gets the strictest terms."""
    return LICENSES.get(id, UNKNOWN)


def unknown_parts(expression: str) -> tuple[str, ...]:
    """Return the unknown licences of an expression, each with a suggestion."""
    return tuple(f"{id!r}{did_you_mean(id, LICENSES)}" for id in parts(expression) if id not in LICENSES)


def all_terms(expression: str) -> tuple[License, ...]:
    """Return the terms of each licence of an expression."""
    return tuple(terms(id) for id in parts(expression))


def strictness(expression: str) -> int:
    """Return the strictness of the strictest licence of an expression."""
    return max(license.strictness for license in all_terms(expression))


def fits(expression: str, use: str) -> bool:
    """Return whether rows under ``expression`` may be in a build for ``use``."""
    if use not in USES:
        raise ValueError(f"use is {use!r}, expected one of {', '.join(USES)}")
    if use == "any":
        return True
    asked = "redistribution" if use == "share" else "commercial"
    return all(getattr(license, asked) and license.derivatives for license in all_terms(expression))


def contradiction(expression: str) -> str | None:
    """Return why the licences of an expression exclude each other; None where they are compatible.

    Joining two texts is an adaptation of both. A no-derivatives licence allows none. A share-alike licence requires the
    result to be under itself (or one of ``License.into``), which must allow all that it allows: commercial use, except
    under a non-commercial one, and no further terms that bind the reader. Terms of a model bind its user, not the text,
    so they are compatible with a share-alike licence unless they forbid commercial use.
    """
    bound = [license for license in all_terms(expression) if license.strictness > 0]
    if len(bound) > 1 and (closed := [license.id for license in bound if not license.derivatives]):
        return f"{closed[0]} allows no adaptation, and joining it with text under another licence is one"
    alike = [license for license in bound if license.share_alike]
    if not alike:
        return None
    shared = frozenset.intersection(*(license.into for license in alike))
    if not shared:
        return f"{' and '.join(license.id for license in alike)} each require derived works to be under themselves"
    others = [license for license in bound if not license.share_alike]
    refused = [[other.id for other in others if not _admits(LICENSES[id], other)] for id in sorted(shared)]
    if all(refused):
        return (
            f"{alike[0].id} requires derived works to be under itself, which the terms of {refused[0][0]} do not allow"
        )
    return None


def _admits(outer: License, inner: License) -> bool:
    """Return whether an adaptation under ``outer`` may include text under ``inner``."""
    return inner.redistribution and not inner.passes_on and (inner.commercial or not outer.commercial)


def covers(declared: str, license: str) -> bool:
    """Return whether ``declared``, the licence of a whole set, has all duties of one licence in it."""
    wanted = terms(license)
    return any(_asks_all(terms(id), wanted, same=id == license) for id in parts(declared))


def freer_licenses(license: str, original: str) -> tuple[str, ...]:
    """Return the licences of ``original`` that ``license`` does not cover; empty where all were kept."""
    return tuple(id for id in parts(original) if not covers(license, id))


def _asks_all(declared: License, wanted: License, *, same: bool) -> bool:
    if same or wanted.strictness == 0:
        return True
    if wanted.share_alike:
        return declared.id in wanted.into
    own_terms = wanted.outputs or wanted.passes_on or not wanted.redistribution
    return (
        not own_terms
        and declared.strictness >= wanted.strictness
        and declared.attribution
        and (wanted.commercial or not declared.commercial)
        and (wanted.derivatives or not declared.derivatives)
    )
