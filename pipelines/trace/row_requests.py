"""What a teacher was asked for a row: the prompt and the sampling of each completion, from the store."""

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
        asked = completions.exported([row["key"] for row in candidates])
    told = {row["key"]: _requests(row) for row in asked.iter_rows(named=True)}
    return [{**row, **told.get(row["key"], {})} for row in candidates]


def _requests(row: Row) -> Row:
    messages, sampling = json.loads(row["messages"]), json.loads(row["sampling"])
    drawn = Request(
        row="",
        stage="",
        messages=tuple(Message(**message) for message in messages),
        sampling=Sampling(seed=sampling["seed"]),
        sample=row["sample"],
    )
    return {"messages": messages, "sampling": sampling, "seed": drawn.seed}
