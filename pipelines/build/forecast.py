"""Forecast of a build's requests to teachers: number, tokens and cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.build.account import PartForecast, RequestFigures, RequestForecast
from pipelines.build.plan import Node
from pipelines.build.step import GenerateStep
from pipelines.completions.completion_store import FILE, opened
from pipelines.storage.store import Store
from sources.formats.literal import read_parquet
from synth.teachers.options import Rates
from synth.teachers.teacher import Request

CHARS_A_TOKEN = 4
"""A rule of thumb for English; the actual number is counted during the run."""

LOOKED_UP = 1000


def requests_of(node: Node, store: Store, rates: Rates) -> RequestForecast | None:
    """Return the first round of requests of a generating step, in all and by part; None for any other step.

    The estimate uses the rows of the nearest built step before it, some of which may still be dropped; None where none
    is built. Later rounds, for rows without a right answer, are in ``requests_at_most`` alone.
    """
    work, known = node.step.work, _built(node, store)
    if not isinstance(work, GenerateStep):
        return None
    if known is None:
        return RequestForecast(requests=None, foretold_from=None)
    parts: dict[str, list[Request]] = {}
    most = 0
    for path in sorted((store.folder(known.name) / "kept").glob("*.parquet")):
        rows = read_parquet(path)
        most += work.most_requests(rows, node.step.config)
        for part, requests in work.requests(rows, node.step.config).items():
            parts.setdefault(part, []).extend(requests)
    completions = store.root / FILE
    total = _figures([one for requests in parts.values() for one in requests], work, completions, rates)
    named = {part: _figures(requests, work, completions, rates) for part, requests in sorted(parts.items()) if part}
    return RequestForecast(
        **total.to_json(),
        requests_at_most=most,
        foretold_from=known.step.name,
        parts=[PartForecast(part=part, **figures.to_json()) for part, figures in named.items()],
    )


def _figures(requests: Sequence[Request], work: GenerateStep, completions: Path, rates: Rates) -> RequestFigures:
    prompt = sum(len(message.content) for one in requests for message in one.messages) // CHARS_A_TOKEN
    most = sum(one.sampling.max_tokens for one in requests)
    return RequestFigures(
        requests=len(requests),
        **_known_of(requests, work, completions),
        prompt_tokens=prompt,
        completion_tokens_at_most=most,
        cost_at_most=round(rates.cost(prompt, most), 4),
    )


def _built(node: Node, store: Store) -> Node | None:
    """Return the nearest built node before this one, along the first inputs."""
    while node.inputs:
        node = node.inputs[0]
        if store.done(node.name):
            return node
    return None


def _known_of(requests: Sequence[Request], work: GenerateStep, path: Path) -> dict[str, int]:
    """Return how many requests are cached, and how many failed and were not answered since."""
    if not path.exists():
        return {"answered_before": 0, "failed_before": 0}
    by_key = sorted({one.key(work.teacher.name, work.teacher.revision): one for one in requests}.items())
    counts = {"answered_before": 0, "failed_before": 0}
    with opened(path) as completions:
        for at in range(0, len(by_key), LOOKED_UP):
            part = dict(by_key[at : at + LOOKED_UP])
            cached = completions.lookup(list(part))
            missing = {key: request for key, request in part.items() if key not in cached}
            cached |= completions.lookup_under_other_limits(missing, work.teacher)
            counts["answered_before"] += len(cached)
            counts["failed_before"] += completions.count_failed([key for key in part if key not in cached])
    return counts
