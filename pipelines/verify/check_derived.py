"""Checks of derived content of a release: figures, card, metadata, and the keys of its completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest

from pipelines.completions.completion_rows import CompletionRow, completion_rows, request
from pipelines.release.card import card
from pipelines.release.completion_files import FOLDER, answered, tables
from pipelines.release.config_file import CONFIG, release_config
from pipelines.release.croissant import croissant
from pipelines.release.figures import check_figures
from pipelines.release.finding import Finding, in_manifest
from pipelines.release.released_files import left_out
from pipelines.release.review_verdicts import FILE as REVIEWS
from pipelines.release.review_verdicts import of_unchanged_rows, released_verdicts
from pipelines.verify.release_under_test import ReleaseUnderTest
from sources.errors import SabilaError

FROM_COMPLETIONS = "figures.requests"
"""Figures counted from the completions, which cannot be checked where a release came without them."""


def figures(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find figures of the manifest that differ from those counted from rows, ledger and steps."""
    reported_elsewhere = ["README.md"]  # line by line, by the next check
    if left_out(release.folder, release.manifest):
        reported_elsewhere.append(FROM_COMPLETIONS)
    for line in check_figures(release.manifest, release.folder):
        if not line.startswith(tuple(reported_elsewhere)):
            yield in_manifest("figures", "figures recounted from rows, ledger and steps", line)


def card_text(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find lines of the card that differ from those made of the manifest's figures."""
    yield from _lines(release, "README.md", card(release.manifest, release.folder))


def metadata(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find lines of the Croissant metadata that differ from those made of manifest and files."""
    yield from _lines(release, "croissant.json", croissant(release.manifest, release.folder))


def config(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find lines of the config that differ from those made of the manifest's values."""
    try:
        expected = release_config(release.manifest)
    except (SabilaError, TypeError, ValueError) as error:
        yield in_manifest("values: source", "definitions of own sources", str(error))
        return
    yield from _lines(release, CONFIG, expected)


def _lines(release: ReleaseUnderTest, name: str, expected_text: str) -> Iterator[Finding]:
    path = release.folder / name
    if not path.is_file():
        return  # reported as missing
    text = path.read_bytes().decode("utf-8", errors="replace")
    if text == expected_text:
        return
    pairs = zip_longest(expected_text.splitlines(), text.splitlines())
    differing = [(number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1]]
    for number, expected, line in differing:
        yield Finding(file=name, what=f"line {number}, rendered from the figures", expected=expected, found=line)
    if not differing:
        yield Finding(file=name, what="line ends", expected="those written by sabila", found="others")


def reviews(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find verdicts of reviewers on rows that the release lacks or has changed."""
    verdicts = released_verdicts(release.folder)
    unchanged = {one.id for one in of_unchanged_rows(verdicts, release.folder)} if verdicts else set()
    for one in verdicts:
        if one.id not in unchanged:
            yield Finding(
                file=REVIEWS, what=f"row {one.id}", expected="as its reviewer read it", found="gone or changed"
            )


def completions(release: ReleaseUnderTest) -> Iterator[Finding]:
    """Find completions whose key is not that of their request, that are repeated, or out of order."""
    last = ""
    for rows in tables(release.folder):
        keys = rows["key"]
        if keys.len() and (not keys.is_sorted() or keys.is_duplicated().any() or keys[0] <= last):
            yield Finding(file=FOLDER, what="keys", expected="each once, in order", found="repeated or out of order")
        last = keys[-1] if keys.len() else last
        for row in completion_rows(answered(rows)):
            if (key := _key(row)) != row["key"]:
                yield Finding(file=FOLDER, what=f"key of {row['key']}", expected=key, found=row["key"])


def _key(row: CompletionRow) -> str:
    try:
        return request(row).key(row["teacher"], row["revision"])
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        return f"none, the request is invalid: {error}"
