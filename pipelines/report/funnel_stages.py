"""The steps of a release grouped into a few stages, and the number of rows that flow between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import groupby

from sources.releases.manifest_model import StepSummary

SOURCES_SHOWN = 10
"""Sources with a node of their own; the smaller ones share one."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Steps shown as one: input rows, generated rows, and rows that end here, by reason."""

    name: str
    steps: tuple[str, ...]
    layer: int
    rows_in: int
    generated: int
    kept: int
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Number of rows that end here, dropped or quarantined."""
        return sum(self.ended.values())


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Rows that pass from one stage to a later one; positions in the list of stages."""

    start: int
    end: int
    rows: int


def trunk(steps: list[StepSummary]) -> list[StepSummary]:
    """Return the steps whose rows flow to the last one; reference inputs are left out."""
    by_folder = {step.folder: step for step in steps}
    seen: set[str] = set()
    left = [steps[-1].folder]
    while left:
        folder = left.pop()
        if folder not in seen:
            seen.add(folder)
            left += by_folder[folder].inputs
    return [step for step in steps if step.folder in seen]


def stages(steps: list[StepSummary]) -> tuple[list[Stage], list[Flow]]:
    """Return the stages in order and the flows between them, for the steps of a manifest."""
    steps = trunk(steps)
    groups = _grouped(steps)
    grouped_stages = [_stage(name, layer, members) for (layer, name), members in groups.items()]
    stage_index = {step.folder: n for n, members in enumerate(groups.values()) for step in members}
    kept = {step.folder: step.counts.kept for step in steps}
    row_counts: Counter[tuple[int, int]] = Counter()
    for step in steps:
        for before in step.inputs:
            row_counts[stage_index[before], stage_index[step.folder]] += kept[before]
    flows = [Flow(start=start, end=end, rows=rows) for (start, end), rows in sorted(row_counts.items())]
    return _without_still_runs(grouped_stages, flows)


def _grouped(steps: list[StepSummary]) -> dict[tuple[int, str], list[StepSummary]]:
    """Group steps by their distance from the raw files and by the first word of their names."""
    layers: dict[str, int] = {}
    for step in steps:
        layers[step.folder] = 1 + max((layers[before] for before in step.inputs), default=-1)
    sources = sorted((s for s in steps if not s.inputs), key=lambda s: (-s.counts.rows_in, s.name))
    large = [s.folder for s in (sources if len(sources) <= SOURCES_SHOWN + 1 else sources[:SOURCES_SHOWN])]
    others = f"{len(sources) - len(large)} smaller sources"

    def key(step: StepSummary) -> tuple[int, str]:
        if step.inputs:
            return layers[step.folder], step.name.partition("-")[0]
        return 0, step.name.removeprefix("read-") if step.folder in large else others

    groups: dict[tuple[int, str], list[StepSummary]] = {}
    rank = {step.folder: n for n, step in enumerate(sources)}
    for step in sorted(steps, key=lambda s: (layers[s.folder], rank.get(s.folder, 0))):
        groups.setdefault(key(step), []).append(step)
    return groups


def _stage(name: str, layer: int, members: list[StepSummary]) -> Stage:
    ended: Counter[str] = Counter()
    for step in members:
        ended.update(step.reasons)
        ended["malformed"] += step.counts.quarantined
    shown = members[0].name if len(members) == 1 and layer else name
    return Stage(
        name=shown,
        steps=tuple(step.name for step in members),
        layer=layer,
        rows_in=sum(step.counts.rows_in for step in members),
        generated=sum(step.counts.made for step in members),
        kept=sum(step.counts.kept for step in members),
        ended=dict(sorted(((reason, n) for reason, n in ended.items() if n), key=lambda pair: (-pair[1], pair[0]))),
    )


def _without_still_runs(stages: list[Stage], flows: list[Flow]) -> tuple[list[Stage], list[Flow]]:
    """Merge consecutive stages that neither drop nor generate a row."""
    into = Counter(flow.end for flow in flows)
    out_of = Counter(flow.start for flow in flows)
    before = {flow.end: flow.start for flow in flows}

    def still(n: int) -> bool:
        stage = stages[n]
        has_own_box = not stage.layer or stage.lost or stage.generated
        return not has_own_box and into[n] == 1 and out_of[n] <= 1

    head: dict[int, int] = {}
    for n in range(len(stages)):
        joins = still(n) and still(before[n]) and out_of[before[n]] == 1
        head[n] = head[before[n]] if joins else n
    runs = [list(run) for _, run in groupby(sorted(head, key=lambda n: (head[n], n)), key=head.__getitem__)]
    run_index = {n: at for at, run in enumerate(runs) for n in run}
    joined = [(run_index[flow.start], run_index[flow.end], flow.rows) for flow in flows]
    kept_flows = [Flow(start=start, end=end, rows=rows) for start, end, rows in joined if start != end]
    return _relayered([_joined([stages[n] for n in run]) for run in runs], kept_flows), kept_flows


def _joined(run: list[Stage]) -> Stage:
    if len(run) == 1:
        return run[0]
    steps = tuple(step for stage in run for step in stage.steps)
    first = run[0]
    name = f"{first.name} … {run[-1].name}"
    return Stage(name=name, steps=steps, layer=first.layer, rows_in=first.rows_in, generated=0, kept=run[-1].kept)


def _relayered(stages: list[Stage], flows: list[Flow]) -> list[Stage]:
    layers = dict.fromkeys(range(len(stages)), 0)
    for flow in sorted(flows, key=lambda flow: stages[flow.start].layer):
        layers[flow.end] = max(layers[flow.end], layers[flow.start] + 1)
    return [replace(stage, layer=layers[n]) for n, stage in enumerate(stages)]
