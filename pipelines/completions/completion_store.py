"""The completion store: a request answered once is not sent again, by any build.

SQLite in WAL mode: several processes of one machine read and write at once, and a commit takes tens of microseconds
since it does not wait for the disk. A killed process loses only uncommitted answers; a power failure can lose the last
moments. WAL needs shared memory: on a shared file system only one machine at a time may send requests.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.storage.store import StoreError
from sources.atomic import write_table
from synth.teachers.teacher import Completion, Failure, Request, Teacher

FORMAT = 2

FILE = "completions"
"""The file of completions in the root of a store; builds, evaluations and verbs on own files share it."""

BUSY_S = 60.0
"""Seconds to wait for another process to finish its commit."""

EXPORT_ROWS = 100_000

LOOKED_UP = 1000
"""Keys that one query names."""

TABLES = """
CREATE TABLE IF NOT EXISTS prompts (prompt TEXT PRIMARY KEY, messages TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS completions (
    key TEXT NOT NULL UNIQUE, teacher TEXT NOT NULL, revision TEXT NOT NULL, prompt TEXT NOT NULL,
    sampling TEXT NOT NULL, sample INTEGER NOT NULL, text TEXT NOT NULL, reasoning TEXT, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, logprobs TEXT, seconds REAL NOT NULL, any_limit TEXT
);
CREATE INDEX IF NOT EXISTS by_any_limit ON completions (any_limit);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, teacher TEXT NOT NULL, revision TEXT NOT NULL, row TEXT NOT NULL, stage TEXT NOT NULL,
    sample INTEGER NOT NULL, error TEXT NOT NULL, tries INTEGER NOT NULL
);
"""

SINCE_FORMAT_1 = """
ALTER TABLE completions ADD COLUMN any_limit TEXT;
CREATE INDEX by_any_limit ON completions (any_limit);
"""
"""``any_limit`` is ``Request.key_of_any_limit``; null for completions that were stored before there was one."""

EXCHANGED = (
    "CREATE TABLE IF NOT EXISTS exchanged (place TEXT, file TEXT, number INTEGER NOT NULL, PRIMARY KEY (place, file))"
)
"""Files of completions in shared stores that are known here; made when a shared store is first used."""

COMPLETION = "text, reasoning, finish_reason, prompt_tokens, completion_tokens, logprobs, seconds"

EXPORTED = {
    "key": pl.String,
    "teacher": pl.String,
    "revision": pl.String,
    "messages": pl.String,
    "sampling": pl.String,
    "sample": pl.Int64,
    "text": pl.String,
    "reasoning": pl.String,
    "finish_reason": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "logprobs": pl.String,
}
"""The exported columns, without seconds, which alone differ between a run and its repetition."""

FAILURES = {
    "key": pl.String,
    "teacher": pl.String,
    "revision": pl.String,
    "row": pl.String,
    "stage": pl.String,
    "sample": pl.Int64,
    "error": pl.String,
    "tries": pl.Int64,
}


@dataclass(frozen=True)
class Completions:
    """A file of completions by key over one connection; for one thread at a time."""

    path: Path
    connection: sqlite3.Connection

    def lookup(self, keys: Sequence[str]) -> dict[str, Completion]:
        """Return the stored completions among some thousand keys."""
        placeholders = ",".join("?" * len(keys))
        with _store_errors(self.path):
            rows = self.connection.execute(
                f"SELECT key, {COMPLETION} FROM completions WHERE key IN ({placeholders})", keys
            )
            return {key: _completion(values) for key, *values in rows.fetchall()}

    def lookup_under_other_limits(self, requests: Mapping[str, Request], teacher: Teacher) -> dict[str, Completion]:
        """Return the completions of some thousand requests by key that were stored under another ``max_tokens``.

        A completion that ended by itself is the answer under any limit that it fits in; one that was cut off is the
        answer under its own limit alone.
        """
        keys: dict[str, list[str]] = {}
        for key, request in requests.items():
            keys.setdefault(request.key_of_any_limit(teacher.name, teacher.revision), []).append(key)
        limit = "json_extract(sampling, '$.max_tokens')"
        placeholders = ",".join("?" * len(keys))
        query = (
            f"SELECT any_limit, {limit}, {COMPLETION} FROM completions WHERE any_limit IN ({placeholders}) ORDER BY key"
        )
        with _store_errors(self.path):
            rows = self.connection.execute(query, list(keys)).fetchall()
        completions: dict[str, Completion] = {}
        for any_limit, own_limit, *values in rows:
            completion = _completion(values)
            for key in keys[any_limit]:
                if _fits(completion, own_limit, requests[key].sampling.max_tokens):
                    completions.setdefault(key, completion)
        return completions

    def keep(self, answers: Sequence[tuple[str, Request, Completion]], teacher: Teacher) -> list[Completion]:
        """Store completions in one commit and return them, or those that another process stored before."""
        keys = [key for key, _, _ in answers]
        with _store_errors(self.path), _transaction(self.connection) as run:
            others = self.lookup(keys)
            new = [answer for answer in answers if answer[0] not in others]
            if new:
                prompts = {_prompt(request): None for _, request, _ in new}
                _insert(run, "INSERT OR IGNORE INTO prompts", list(prompts))
                _insert(run, "INSERT INTO completions", [_row(*answer, teacher) for answer in new])
            run(f"DELETE FROM failures WHERE key IN ({','.join('?' * len(keys))})", keys)
        return [others.get(key, completion) for key, _, completion in answers]

    def list_failures(self, failed: Sequence[tuple[str, Request, Failure]], teacher: Teacher) -> None:
        """Store failures; they do not count as answers, and their requests are sent again by the next run."""
        rows = [
            (
                *(key, teacher.name, teacher.revision, request.row, request.stage, request.sample),
                *(failure.error, failure.tries),
            )
            for key, request, failure in failed
        ]
        with _store_errors(self.path), _transaction(self.connection) as run:
            _insert(run, "INSERT OR REPLACE INTO failures", rows)

    def failed(self, keys: Sequence[str]) -> set[str]:
        """Return which of some thousand keys failed and were not answered since."""
        placeholders = ",".join("?" * len(keys))
        with _store_errors(self.path):
            rows = self.connection.execute(f"SELECT key FROM failures WHERE key IN ({placeholders})", keys).fetchall()
        return {key for (key,) in rows}

    def failures(self) -> pl.DataFrame:
        """Return the requests that failed and were not answered since, by stage, row and sample."""
        with _store_errors(self.path):
            rows = self.connection.execute("SELECT * FROM failures ORDER BY stage, row, sample, key").fetchall()
        return pl.DataFrame(rows, FAILURES, orient="row")

    def exported(self, keys: Sequence[str]) -> pl.DataFrame:
        """Return the stored completions among these keys as a table of ``EXPORTED``, unordered."""
        rows: list[Any] = []
        query = f"SELECT {', '.join(EXPORTED)} FROM completions JOIN prompts USING (prompt) WHERE key IN"
        with _store_errors(self.path):
            for at in range(0, len(keys), LOOKED_UP):
                part = keys[at : at + LOOKED_UP]
                rows += self.connection.execute(f"{query} ({','.join('?' * len(part))})", part).fetchall()
        return pl.DataFrame(rows, EXPORTED, orient="row")

    def exported_after(self, number: int) -> tuple[pl.DataFrame, int]:
        """Return the first ``EXPORT_ROWS`` completions stored after one with this number, and the last number.

        The table has the columns of ``EXPORTED`` and is sorted by key; it is empty where there are none.
        """
        columns = ", ".join(EXPORTED)
        query = f"SELECT completions.rowid, {columns} FROM completions JOIN prompts USING (prompt) "
        with _store_errors(self.path):
            rows = self.connection.execute(
                f"{query} WHERE completions.rowid > ? ORDER BY completions.rowid LIMIT {EXPORT_ROWS}", [number]
            ).fetchall()
        table = pl.DataFrame([row[1:] for row in rows], EXPORTED, orient="row").sort("key")
        return table, int(rows[-1][0]) if rows else number

    def last_number(self) -> int:
        """Return the number of the completion that was stored last, 0 where there is none."""
        with _store_errors(self.path):
            (number,) = self.connection.execute("SELECT max(rowid) FROM completions").fetchone()
        return int(number or 0)

    def exchanged(self, place: str) -> tuple[int, set[str]]:
        """Return the number of the last completion uploaded to a shared store, and the names of files known there."""
        with _store_errors(self.path):
            self.connection.execute(EXCHANGED)
            rows = self.connection.execute("SELECT file, number FROM exchanged WHERE place = ?", [place]).fetchall()
        return max((number for _, number in rows), default=0), {file for file, _ in rows}

    def note_exchanged(self, place: str, file: str, number: int) -> None:
        """Store that a file of a shared store is known, and that completions up to a number are there."""
        with _store_errors(self.path), _transaction(self.connection) as run:
            run("INSERT OR REPLACE INTO exchanged VALUES (?, ?, ?)", [place, file, number])

    def export(self, folder: Path) -> list[Path]:
        """Write all completions, by key, as parquet files of ``EXPORT_ROWS`` into a new folder, atomically.

        The same completions give the same bytes, whatever their order of arrival.
        """
        if folder.exists():
            raise StoreError(f"{folder} exists already, expected the name of a new folder")
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        columns = ", ".join(EXPORTED)
        with _store_errors(self.path):
            query = f"SELECT {columns} FROM completions JOIN prompts USING (prompt) ORDER BY key"
            rows = self.connection.execute(query)
            shards = iter(lambda: rows.fetchmany(EXPORT_ROWS), [])
            for number, shard in enumerate(shards):
                write_table(partial / f"{number:05}.parquet", pl.DataFrame(shard, EXPORTED, orient="row"))
        partial.mkdir(parents=True, exist_ok=True)
        partial.rename(folder)
        return sorted(folder.iterdir())


@contextmanager
def opened(path: Path) -> Iterator[Completions]:
    """Open a store, creating it if needed. Raises ``StoreError`` where the file is something else, or newer."""
    with _store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        with _store_errors(path):
            _prepare(path, connection)
        yield Completions(path, connection)
    finally:
        connection.close()


@contextmanager
def reading(path: Path) -> Iterator[Completions]:
    """Open an existing store for lookups, also on a read-only file system."""
    fixed = "" if os.access(path.parent, os.W_OK) else "&immutable=1"
    with _store_errors(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{fixed}", uri=True, timeout=BUSY_S)
    try:
        yield Completions(path, connection)
    finally:
        connection.close()


def _to_wal(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on, waiting for a process that does the same; SQLite itself does not wait."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    _to_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 10000")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise StoreError(f"{path} has format {version}, expected {FORMAT} or less: a newer sabila wrote it; upgrade")
    if version < FORMAT:
        with _transaction(connection) as run:
            for statement in (SINCE_FORMAT_1 if version else TABLES).split(";"):
                run(statement)
            run(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[Any]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection.execute
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Turn the database's errors into a ``StoreError`` that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"cannot use the completions in {path}: {error}; committed answers are kept. Free disk space, or wait for "
            "the process that uses it, or name another folder with --store"
        ) from error


def _fits(completion: Completion, limit: int, requested: int) -> bool:
    """Return whether a completion under one limit of tokens is the answer under another."""
    if completion.ended != "stop":
        return False
    # The token that ends a text may count or not, so one fewer than the lower limit is sure to fit.
    return limit <= requested or (completion.completion_tokens is not None and completion.completion_tokens < requested)


def _prompt(request: Request) -> tuple[str, str]:
    messages = json.dumps([message._asdict() for message in request.messages], ensure_ascii=False)
    return hashlib.sha256(messages.encode()).hexdigest()[:32], messages


def _insert(run: Any, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows one statement at a time, so that other threads can run in between."""
    placeholders = f"({','.join('?' * len(rows[0]))})"
    run(f"{into} VALUES {','.join([placeholders] * len(rows))}", [value for row in rows for value in row])


def _row(key: str, request: Request, completion: Completion, teacher: Teacher) -> tuple[Any, ...]:
    logprobs = completion.logprobs
    return (
        *(key, teacher.name, teacher.revision, _prompt(request)[0]),
        *(json.dumps(vars(request.sampling), sort_keys=True), request.sample),
        *(completion.text, completion.reasoning, completion.finish_reason),
        *(completion.prompt_tokens, completion.completion_tokens),
        *(None if logprobs is None else json.dumps(logprobs), completion.seconds),
        request.key_of_any_limit(teacher.name, teacher.revision),
    )


def _completion(values: Sequence[Any]) -> Completion:
    text, reasoning, finish_reason, prompt_tokens, completion_tokens, logprobs, seconds = values
    alternatives: list[Mapping[str, float]] | None = None if logprobs is None else json.loads(logprobs)
    return Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        logprobs=None if alternatives is None else tuple(alternatives),
        seconds=seconds,
    )
