"""The page on which a reviewer reads rows and gives verdicts, and the responses of its server."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import orjson

from pipelines.release.review_verdicts import ANSWERS, REASONS, Verdict, append_verdicts, check_verdict, read_verdicts
from pipelines.report.all_rows import ReleaseView
from pipelines.report.browse import HTML, JSON
from pipelines.report.history_page import CHARS, history_json
from pipelines.report.page import as_json, page
from pipelines.report.page_text import plain, safe_text
from pipelines.report.row_queries import QuestionError
from pipelines.review.review_sample import SampledRow

SCRIPTS = ("report_rows.js", "review.js")
ANSWER_FIELDS = ("verdict", "reason", "comment")
FIELDS = frozenset({"n", *ANSWER_FIELDS})


@dataclass(frozen=True, kw_only=True)
class ReviewApp:
    """The rows of one reviewer, the file of the verdicts, and the secret token of the URL."""

    release: ReleaseView
    sample: Sequence[SampledRow]
    reviewer: str
    file: Path
    token: str
    html: bytes
    policy: str
    writing: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, release: ReleaseView, sample: Sequence[SampledRow], reviewer: str, file: Path) -> ReviewApp:
        """Render the page with the reviewer's own earlier verdicts only."""
        rows = {one.id: one for one in sample}
        known = {one.id: one for one in read_verdicts(file) if one.id in rows and one.mark == rows[one.id].mark}
        verdicts = [known.get(one.id) for one in sample]
        html, policy = page(
            "review.html.jinja",
            SCRIPTS,
            connect="'self'",
            title=f"Review of {safe_text(release.manifest.title)}",
            reviewer=safe_text(reviewer),
            file=safe_text(str(file)),
            answers=ANSWERS,
            reasons=REASONS,
            data=as_json(
                {
                    "rows": [{"id": safe_text(one.id), "source": safe_text(one.row["source"])} for one in sample],
                    "verdicts": [one and {name: getattr(one, name) for name in ANSWER_FIELDS} for one in verdicts],
                }
            ),
        )
        token = secrets.token_urlsafe(24)
        content = html.encode("utf-8", "replace")
        return cls(
            release=release, sample=sample, reviewer=reviewer, file=file, token=token, html=content, policy=policy
        )

    def answer(self, path: str, query: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, type and content for a path below the token; ``QuestionError`` for a malformed query."""
        if path == "/":
            return HTTPStatus.OK, HTML, self.html
        if path == "/row":
            return HTTPStatus.OK, JSON, orjson.dumps(self._row(dict(parse_qsl(query)).get("n")))
        return HTTPStatus.NOT_FOUND, JSON, b'{"error": "no such page"}'

    def accept(self, path: str, content: bytes) -> tuple[HTTPStatus, str, bytes]:
        """Store a verdict sent by the page and sync it to the disk; ``QuestionError`` for a malformed one."""
        if path != "/verdict":
            return HTTPStatus.NOT_FOUND, JSON, b'{"error": "no such page"}'
        try:
            sent = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise QuestionError(f"the verdict is not JSON: {error}") from error
        if not isinstance(sent, dict) or sent.keys() != FIELDS:
            raise QuestionError(f"expected an object with {', '.join(sorted(FIELDS))}")
        row = self._at(str(sent["n"]))
        answer, reason, comment = (str(sent[name]) for name in ("verdict", "reason", "comment"))
        try:
            check_verdict(answer, reason, comment)
        except ValueError as error:
            raise QuestionError(str(error)) from error
        verdict = Verdict(
            id=row.id,
            mark=row.mark,
            reviewer=self.reviewer,
            verdict=answer,  # type: ignore[arg-type]
            reason=reason,
            comment=comment,
            release=self.release.manifest.title,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with self.writing:
            append_verdicts(self.file, [verdict])
        return HTTPStatus.OK, JSON, b'{"saved": true}'

    def _at(self, n: str | None) -> SampledRow:
        if not (n and n.isascii() and n.isdigit() and len(n) < 10 and int(n) < len(self.sample)):
            raise QuestionError(f"n is {n!r}, expected the number of one of {len(self.sample)} rows, from 0")
        return self.sample[int(n)]

    def _row(self, n: str | None) -> dict[str, Any]:
        """Return a row with its history; long texts are cut."""
        one = self._at(n)
        known = {name: value for name, value in one.row.items() if value not in (None, "", [])}
        shown: dict[str, Any] = plain(known, CHARS)
        return {**shown, **history_json(self.release, one.id)}
