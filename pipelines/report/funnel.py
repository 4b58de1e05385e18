"""The funnel as a Sankey diagram: stages as boxes, rows as ribbons between them, endings below, all in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.report.funnel_stages import Flow, Stage, stages
from sources.releases.manifest_model import StepSummary

WIDTH, LEFT, RIGHT, TOP = 1150, 200, 150, 56
BOX = 12
LAYER = 132
"""The least distance of layers: the width of the text below an ending."""
TRUNK = 240
"""The height of all rows read."""
SLOT = 20
"""The least height of a source: one line of text."""
THINNEST = 1.5
"""The least height of a ribbon, so that few rows among many stay visible."""
REASONS_SHOWN = 4
LINE = 16


@dataclass(frozen=True, kw_only=True)
class Box:
    """A stage, or an ending, with its lines of text."""

    x: float
    y: float
    height: float
    kind: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ribbon:
    """A flow of rows as an SVG path."""

    path: str
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """A diagram and its size, and its stages as rows of a table, for pages too narrow for it."""

    width: int
    height: int
    stages: tuple[Stage, ...]
    boxes: tuple[Box, ...]
    ribbons: tuple[Ribbon, ...]


def funnel(steps: list[StepSummary]) -> Funnel:
    """Lay out the steps of a manifest from left to right in processing order."""
    shown_stages, flows = stages(steps)
    layers = max(stage.layer for stage in shown_stages)
    pitch = max(LAYER, (WIDTH - LEFT - RIGHT) // max(layers, 1))
    scale = TRUNK / max(sum(stage.rows_in for stage in shown_stages if not stage.layer), 1)
    places = _places(shown_stages, pitch, scale)
    floor = max(y + max(_high(stage, scale), SLOT) for stage, (_, y) in zip(shown_stages, places, strict=True)) + 44
    endings = _endings(shown_stages, places, pitch, scale, floor)
    lines = max((len(box.lines) for box in endings), default=0)
    tallest = max((box.height for box in endings), default=0)
    return Funnel(
        width=max(WIDTH, LEFT + layers * pitch + RIGHT),
        height=round(floor + tallest + (lines + 1) * LINE),
        stages=tuple(shown_stages),
        boxes=(*_boxes(shown_stages, places, scale), *endings),
        ribbons=(*_ribbons(shown_stages, flows, places, scale), *_ending_ribbons(shown_stages, places, endings, scale)),
    )


def _high(stage: Stage, scale: float) -> float:
    return max((stage.rows_in + stage.generated) * scale, THINNEST)


def _places(stages: list[Stage], pitch: int, scale: float) -> list[tuple[float, float]]:
    """Return the upper left corner of each stage: layers from left to right, stages of one from top to bottom."""
    below: dict[int, float] = {}
    places = []
    for stage in stages:
        y = below.get(stage.layer, float(TOP))
        places.append((float(LEFT + stage.layer * pitch), y))
        gap = 4 if not stage.layer else 2 * SLOT + 8
        below[stage.layer] = y + max(_high(stage, scale), SLOT - 4 if not stage.layer else 0) + gap
    return places


def _boxes(stages: list[Stage], places: list[tuple[float, float]], scale: float) -> list[Box]:
    last = max(stage.layer for stage in stages)
    boxes = []
    for n, (stage, (x, y)) in enumerate(zip(stages, places, strict=True)):
        kind = f"source s{n % 12}" if not stage.layer else "released" if stage.layer == last else "stage"
        generated = f", {stage.generated:,} generated here" if stage.generated else ""
        rows = f"{stage.rows_in:,} rows in{generated}, {stage.kept:,} kept, {stage.lost:,} lost"
        title = f"{', '.join(stage.steps)}: {rows}"
        count = f"{stage.kept:,} released" if kind == "released" else f"{stage.rows_in:,}"
        lines = (stage.name, count)
        boxes.append(Box(x=x, y=y, height=_high(stage, scale), kind=kind, title=title, lines=lines))
    return boxes


def _endings(
    stages: list[Stage], places: list[tuple[float, float]], pitch: int, scale: float, floor: float
) -> list[Box]:
    """Return a box for the rows dropped in a layer, below the gap between it and the next."""
    ended: dict[int, dict[str, int]] = {}
    for stage in stages:
        reasons = ended.setdefault(stage.layer, {})
        for reason, rows in stage.ended.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    boxes = []
    for layer, reasons in sorted(ended.items()):
        if rows := sum(reasons.values()):
            height = max(rows * scale, THINNEST)
            x = LEFT + layer * pitch + 0.42 * pitch
            boxes.append(
                Box(x=x, y=floor, height=height, kind="ending", title=_all(reasons), lines=_ending_lines(reasons))
            )
    return boxes


def _ending_lines(reasons: dict[str, int]) -> tuple[str, ...]:
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{reason} {rows:,}" for reason, rows in ordered[:REASONS_SHOWN]]
    more = [f"{len(ordered) - REASONS_SHOWN} other reasons"] if len(ordered) > REASONS_SHOWN else []
    return (f"−{sum(reasons.values()):,}", *shown, *more)


def _all(reasons: dict[str, int]) -> str:
    return ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(reasons.items(), key=lambda r: (-r[1], r[0])))


def _ribbons(stages: list[Stage], flows: list[Flow], places: list[tuple[float, float]], scale: float) -> list[Ribbon]:
    left = {n: y for n, (_, y) in enumerate(places)}
    right = dict(left)
    ribbons = []
    for flow in flows:
        high = max(flow.rows * scale, THINNEST)
        x, to = places[flow.start][0] + BOX, places[flow.end][0]
        path = _band(x, right[flow.start], to, left[flow.end], high)
        right[flow.start] += flow.rows * scale
        left[flow.end] += flow.rows * scale
        start, end = stages[flow.start], stages[flow.end]
        kind = f"s{flow.start % 12}" if not start.layer else "stage"
        ribbons.append(Ribbon(path=path, kind=kind, title=f"{start.name} to {end.name}: {flow.rows:,} rows"))
    return ribbons


def _ending_ribbons(
    stages: list[Stage], places: list[tuple[float, float]], endings: list[Box], scale: float
) -> list[Ribbon]:
    by_layer = iter(endings)
    ribbons = []
    for layer in sorted({stage.layer for stage in stages if stage.lost}):
        box = next(by_layer)
        y = box.y
        for stage, (x, top) in zip(stages, places, strict=True):
            if stage.layer == layer and stage.lost:
                high = max(stage.lost * scale, THINNEST)
                path = _band(x + BOX, top + stage.kept * scale, box.x, y, high)
                ribbons.append(Ribbon(path=path, kind="ending", title=f"{stage.name}: {_all(stage.ended)}"))
                y += stage.lost * scale
    return ribbons


def _band(x: float, y: float, to_x: float, to_y: float, high: float) -> str:
    """Return a band of even height with horizontal ends."""
    middle = (x + to_x) / 2
    upper = f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    y, to_y = y + high, to_y + high
    return f"{upper}V{to_y:.1f}C{middle:.1f} {to_y:.1f} {middle:.1f} {y:.1f} {x:.1f} {y:.1f}Z"
