"""Forecast of a build's requests to teachers: number, tokens and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.build.account import PartForecast, RequestFigures, RequestForecast
from pipelines.build.earlier_runs import expected_requests
from pipelines.build.plan import Node
from pipelines.build.step import GenerateStep
from pipelines.completions.completion_store import FILE, opened
from pipelines.storage.store import Store
from sources.formats.literal import read_parquet
from synth.teachers.options import Rates
from synth.teachers.teacher import Answered, Completion, Request, TeacherError

CHARS_A_TOKEN = 4
"""A rule of thumb for English; the actual number is counted during the run."""

LOOKED_UP = 1000

Keyed = tuple[str, Request]
"""A request, after the key under which its answer is stored."""


def requests_of(
    node: Node, store: Store, rates: Rates, foretold: Mapping[str, RequestForecast]
) -> RequestForecast | None:
    """Return the first round of requests of a generating step, in all and by part; None for any other step.

    The estimate uses the rows of the nearest built steps before it, some of which may still be dropped; ``requests`` is
    None where none is built, or where these rows make none and a model is still to write what comes between. Later
    rounds, for rows without a right answer, are estimated from the rows that are answered in the store, as by a build
    of a few rows before; their most is known in any case. Requests about what a model is still to write are estimated
    from an earlier run, and from ``foretold``, the forecasts of the steps before by folder.
    """
    work = node.step.work
    if not isinstance(work, GenerateStep):
        return None
    built, unbuilt = _before(node, store)
    if not built:
        return RequestForecast(requests=None)
    shards = [path for one in built for path in sorted((store.folder(one.name) / "kept").glob("*.parquet"))]
    parts: dict[str, list[Keyed]] = {}
    most = 0
    for path in shards:
        rows = read_parquet(path)
        made = work.requests(rows, node.step.config)
        for part, requests in made.items():
            parts.setdefault(part, []).extend(_keyed(requests, work))
        most_of_all = work.most_requests(rows, node.step.config)
        most += sum(map(len, made.values())) if most_of_all is None else most_of_all
    completions = store.root / FILE
    first = [one for requests in parts.values() for one in requests]
    if not first and any(isinstance(one.step.work, GenerateStep) for one in unbuilt):  # about answers to be written
        earlier = expected_requests(node, store, foretold)
        return RequestForecast(
            requests=None,
            requests_expected=earlier.requests if earlier else None,
            expected_from=earlier.from_rows if earlier else 0,
            foretold_from=[one.step.name for one in built],
        )
    answered, failed = _known(first, work, completions)
    total = _figures(first, answered, failed, rates)
    named = {part: _figures(requests, answered, failed, rates) for part, requests in sorted(parts.items()) if part}
    expected, expected_from = None, 0
    if most > len(first) and total.answered_before:
        tables = (read_parquet(path) for path in shards)
        expected, expected_from = _all_rounds(tables, node.step.config, work, parts, completions)
    return RequestForecast(
        **total.to_json(),
        requests_expected=expected,
        expected_from=expected_from,
        requests_at_most=most,
        foretold_from=[one.step.name for one in built],
        not_counted=[one.step.name for one in unbuilt if not one.inputs],
        parts=[PartForecast(part=part, **figures.to_json()) for part, figures in named.items()],
    )


def _all_rounds(
    tables: Iterable[pl.DataFrame],
    config: Any,
    work: GenerateStep,
    parts: Mapping[str, Sequence[Keyed]],
    completions: Path,
) -> tuple[int | None, int]:
    """Return the requests expected in all rounds, and the number of rows that this follows from; None from no row.

    The step is run with the stored answers alone. Rows whose requests are all answered give the mean of their part, or
    of all parts where none of theirs is answered; other rows are taken to need as many.
    """
    sent = Counter[str]()
    unanswered = set[str]()

    def answer_from_store(requests: Iterable[Request]) -> Iterator[Answered]:
        keyed = _keyed(requests, work)
        answers = _cached(keyed, work, completions)
        for key, request in keyed:
            sent[request.row] += 1
            if (answer := answers.get(key)) is not None:
                yield request, answer
            else:
                unanswered.add(request.row)

    try:
        for rows in tables:
            work.function(rows, config, answer_from_store)
    except TeacherError:  # unreadable stored answers end a build too, which says so
        return None, 0
    finished = sent.keys() - unanswered
    if not finished:
        return None, 0
    mean_of_all = sum(sent[row] for row in finished) / len(finished)
    expected = 0.0
    for requests in parts.values():
        rows_of_part = {request.row for _, request in requests}
        known = rows_of_part & finished
        counted = sum(sent[row] for row in known)
        mean = counted / len(known) if known else mean_of_all
        expected += counted + mean * len(rows_of_part - known)
    return round(expected), len(finished)


def _keyed(requests: Iterable[Request], work: GenerateStep) -> list[Keyed]:
    """Return requests with their keys, which are hashes of whole prompts and are made once."""
    return [(one.key(work.teacher.name, work.teacher.revision), one) for one in requests]


def _figures(requests: Sequence[Keyed], answered: set[str], failed: set[str], rates: Rates) -> RequestFigures:
    keys = {key for key, _ in requests}
    prompt = sum(len(message.content) for _, one in requests for message in one.messages) // CHARS_A_TOKEN
    most = sum(one.sampling.max_tokens for _, one in requests)
    return RequestFigures(
        requests=len(requests),
        answered_before=len(keys & answered),
        failed_before=len(keys & failed),
        prompt_tokens=prompt,
        completion_tokens_at_most=most,
        cost_at_most=round(rates.cost(prompt, most), 4),
    )


def _before(node: Node, store: Store) -> tuple[list[Node], list[Node]]:
    """Return the nearest built nodes whose rows reach this one, and those between that are not built, each once."""
    built: dict[str, Node] = {}
    unbuilt: dict[str, Node] = {}
    waiting = list(node.inputs)
    while waiting:
        one = waiting.pop(0)
        if store.done(one.name):
            built[one.name] = one
        elif one.name not in unbuilt:
            unbuilt[one.name] = one
            waiting = [*one.inputs, *waiting]
    return list(built.values()), list(unbuilt.values())


def _known(requests: Sequence[Keyed], work: GenerateStep, path: Path) -> tuple[set[str], set[str]]:
    """Return the keys of requests that are answered in the store, and of those that failed and were not answered."""
    if not path.exists():
        return set(), set()
    answered = set(_cached(requests, work, path))
    missing = sorted({key for key, _ in requests} - answered)
    with opened(path) as completions:
        parts = [completions.failed(missing[at : at + LOOKED_UP]) for at in range(0, len(missing), LOOKED_UP)]
    return answered, set().union(*parts)


def _cached(requests: Iterable[Keyed], work: GenerateStep, path: Path) -> dict[str, Completion]:
    """Return the stored answers by key, those under another limit that fit included."""
    by_key = sorted(dict(requests).items())
    cached: dict[str, Completion] = {}
    with opened(path) as completions:
        for at in range(0, len(by_key), LOOKED_UP):
            part = dict(by_key[at : at + LOOKED_UP])
            found = completions.lookup(list(part))
            missing = {key: request for key, request in part.items() if key not in found}
            cached |= found | completions.lookup_under_other_limits(missing, work.teacher)
    return cached
