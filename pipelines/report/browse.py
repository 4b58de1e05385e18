"""The browser of all rows of a release, and its queries."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson

from pipelines.release.open_release import reading
from pipelines.report.all_rows import ReleaseView, ledger_row, records
from pipelines.report.history_page import CHARS, history_json
from pipelines.report.page import as_json, page
from pipelines.report.page_text import plain, safe_text
from pipelines.report.report_figures import FACETS, STATUSES
from pipelines.report.row_queries import Index, Question, QuestionError

SCRIPTS = ("report_rows.js", "browse.js")
HTML, JSON = "text/html; charset=utf-8", "application/json"
SEARCH_CHARS = 500

NUMBERS = ("shortest", "longest", "page", "size")


@dataclass(frozen=True, kw_only=True)
class BrowseApp:
    """The served data: a release, its index, and the secret token of its URL."""

    release: ReleaseView
    index: Index
    token: str
    html: bytes
    policy: str

    @classmethod
    def of(cls, release: ReleaseView) -> BrowseApp:
        """Read a release into memory and render its page."""
        with reading(release.folder):
            index = Index.of(release)
            values = index.values()
        html, policy = page(
            "browse.html.jinja",
            SCRIPTS,
            connect="'self'",
            title=safe_text(release.manifest.title),
            in_store=release.store is not None,
            totals={**dict.fromkeys(STATUSES, 0), **dict(values["status"])},
            data=as_json({"facets": FACETS, "values": values}),
        )
        token = secrets.token_urlsafe(24)
        return cls(release=release, index=index, token=token, html=html.encode("utf-8", "replace"), policy=policy)

    def answer(self, path: str, query: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, type and content for a path below the token; ``QuestionError`` for a malformed query."""
        if path == "/":
            return HTTPStatus.OK, HTML, self.html
        query_fields = dict(parse_qsl(query, keep_blank_values=True))
        if path == "/rows":
            selection = question(query_fields)
            rows, total = self.index.rows(selection)
            return (
                HTTPStatus.OK,
                JSON,
                orjson.dumps({"rows": rows, "total": total, "values": self.index.values(selection)}),
            )
        if path == "/row":
            return self._row(query_fields)
        return HTTPStatus.NOT_FOUND, JSON, b'{"error": "no such page"}'

    def _row(self, query_fields: dict[str, str]) -> tuple[HTTPStatus, str, bytes]:
        known = self.index.row(_whole_number("n", query_fields.get("n", "")))
        if known is None:
            return HTTPStatus.NOT_FOUND, JSON, b'{"error": "no such row"}'
        id = known["id"]
        record = records(self.release, [id]).get(id) or {}
        evidence = {"evidence": record["error"]} if record.get("error") else {}
        merged = {**ledger_row(self.release.folder, id), **known, **record, **evidence}
        history = history_json(self.release, id)
        shown_row = plain({name: value for name, value in merged.items() if value not in (None, "", [])}, CHARS)
        return HTTPStatus.OK, JSON, orjson.dumps({**shown_row, **history})


def question(query_fields: dict[str, str]) -> Question:
    """Return the query of a URL; ``QuestionError`` names what is wrong with it."""
    by = {name.removeprefix("by."): value for name, value in query_fields.items() if name.startswith("by.")}
    rest = {name: value for name, value in query_fields.items() if not name.startswith("by.")}
    if unknown := sorted(set(rest) - {*NUMBERS, "text", "sort"}):
        raise QuestionError(f"no parameter {unknown[0]!r}, expected by.<filter>, text, sort or {', '.join(NUMBERS)}")
    text = rest.get("text", "")
    if len(text) > SEARCH_CHARS:
        raise QuestionError(f"the text has {len(text)} characters, expected {SEARCH_CHARS} or fewer")
    numbers: dict[str, Any] = {name: _whole_number(name, rest[name]) for name in NUMBERS if rest.get(name)}
    return Question(filters=by, text=text, sort=rest.get("sort", ""), **numbers)


def _whole_number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise QuestionError(f"{name} is {value!r}, expected a whole number")
    return int(value)
