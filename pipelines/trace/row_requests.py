"""The prompt and the sampling parameters of each completion of a row, from the store."""

from __future__ import annotations

import json

from pipelines.completions.completion_store import reading
from pipelines.storage.row_locations import Row
from pipelines.storage.store import Store
from sources.record import Message
from synth.teachers.teacher import Request, Sampling


def with_requests(candidates: list[Row], store: Store) -> list[Row]:
    """Return the candidates with ``messages``, ``sampling`` and ``seed``; those the store has lost go without."""
    path = store.root / "completions"
    if not path.exists():
        return candidates
    with reading(path) as completions:
        exported = completions.exported([row["key"] for row in candidates])
    requests = {row["key"]: _requests(row) for row in exported.iter_rows(named=True)}
    return [{**row, **requests.get(row["key"], {})} for row in candidates]


def _requests(row: Row) -> Row:
    messages, sampling = json.loads(row["messages"]), json.loads(row["sampling"])
    request = Request(
        row="",
        stage="",
        messages=tuple(Message(**message) for message in messages),
        sampling=Sampling(seed=sampling["seed"]),
        sample=row["sample"],
    )
    return {"messages": messages, "sampling": sampling, "seed": request.seed}
