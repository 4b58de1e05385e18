"""Requests about texts that models are still to write, foretold from an earlier run of the same steps on other rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.build.account import RequestForecast
from pipelines.build.plan import Node
from pipelines.build.shared_steps import sends_requests
from pipelines.storage.store import Store
from pipelines.storage.stored_step import height
from sources.releases.manifest_model import StepSummary

CANDIDATES = "candidates"
"""The table of a generating step with a row for each of its requests."""


@dataclass(frozen=True, kw_only=True)
class ExpectedRequests:
    """The requests that a step is expected to send, and the rows of its earlier run that this follows from."""

    requests: int
    from_rows: int


def expected_requests(node: Node, store: Store, foretold: Mapping[str, RequestForecast]) -> ExpectedRequests | None:
    """Return the requests of a step about what models are still to write; None without an earlier run.

    ``foretold`` has the requests of the steps before it, by folder. A step is taken to send as many for each request of
    the nearest generating steps before it as in its earlier run with the same settings: a guard judges each answer.
    """
    earlier = _earlier_run(node, store)
    writers = _nearest_writers(node, store)
    before = [foretold[one.name].number for one in writers if one.name in foretold]
    if earlier is None or len(before) < len(writers) or None in before:
        return None
    sent_before = _sent_by(earlier, {one.step.name for one in writers}, store)
    if not sent_before:
        return None
    expected = sum(filter(None, before)) * _requests(earlier, store) / sent_before
    return ExpectedRequests(requests=round(expected), from_rows=earlier.counts.rows_in)


def _nearest_writers(node: Node, store: Store) -> list[Node]:
    """Return the generating steps to run whose texts reach a step with no other generating step between, each once."""
    found: dict[str, Node] = {}
    waiting = [one for one in node.inputs if not store.done(one.name)]
    for one in waiting:  # grows while it is read
        if sends_requests(one):
            found[one.name] = one
        else:
            waiting += [before for before in one.inputs if not store.done(before.name) and before not in waiting]
    return list(found.values())


def _earlier_run(node: Node, store: Store) -> StepSummary | None:
    """Return the finished run of the same step with the same settings on the most rows; None where there is none."""
    folders = sorted((store.root / "steps").glob(f"{node.step.name}-*"))
    runs = [store.summary(folder.name) for folder in folders if store.done(folder.name)]
    config = node.identity.config
    same = [run for run in runs if run.name == node.step.name and run.identity.config == config]
    return max(same, key=lambda run: run.counts.rows_in, default=None)


def _sent_by(run: StepSummary, names: set[str], store: Store) -> int:
    """Return the requests of the steps of these names that are nearest before a finished one."""
    sent = 0
    waiting = [*run.inputs]
    for folder in waiting:  # grows while it is read
        if not store.done(folder):
            continue
        before = store.summary(folder)
        if before.name in names:
            sent += _requests(before, store)
        else:
            waiting += [one for one in before.inputs if one not in waiting]
    return sent


def _requests(run: StepSummary, store: Store) -> int:
    return height(sorted((store.folder(run.folder) / CANDIDATES).glob("*.parquet")))
