"""Progress on stderr: live bars on a terminal, a plain line per finished step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pipelines.build.build_context import Progress
from pipelines.completions.cached_teacher import ProgressSnapshot
from pipelines.terminal import printable
from sources.releases.manifest_model import StepSummary


@contextmanager
def show_progress(steps: int) -> Iterator[Progress]:
    """Yield a progress display for ``steps`` steps: rows so far, rows per second, time left."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainProgress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        yield RichProgress(bars, steps)


class RichProgress:
    """Bars: one for all steps, one for each running step, with its shards done and its rows per second."""

    def __init__(self, bars: Bars, steps: int) -> None:
        self._bars = bars
        self._all = bars.add_task("steps", total=steps, rate="")
        self._running: dict[str, tuple[TaskID, float]] = {}
        self._rows: dict[str, int] = {}
        self._requests_bar: TaskID | None = None

    def started(self, step: str, shards: int) -> None:
        if step in self._running:  # its first pass over the shards is done
            self._bars.remove_task(self._running.pop(step)[0])
        self._rows[step] = 0
        self._running[step] = (self._bars.add_task(step, total=shards, rate=""), time.monotonic())

    def advanced(self, step: str, rows: int) -> None:
        task, since = self._running[step]
        self._rows[step] += rows
        rate = self._rows[step] / max(time.monotonic() - since, 1e-3)
        self._bars.update(task, advance=1, rate=f"{self._rows[step]:,} rows, {rate:,.0f}/s", refresh=True)

    def finished(self, step: str, summary: StepSummary, shards: int, reused: int) -> None:
        self._bars.remove_task(self._running.pop(step)[0])
        self._bars.console.print(printable(format_step(step, summary, shards, reused)), markup=False, highlight=False)
        self._bars.advance(self._all)

    def report(self, snapshot: ProgressSnapshot) -> None:
        if self._requests_bar is None:
            self._requests_bar = self._bars.add_task("requests", total=snapshot.total, rate="")
        rate = f"{snapshot.requests_per_s:,.0f}/s, {snapshot.tokens_per_s:,.0f} tokens/s, {snapshot.cached:,} cached"
        rate += f", {snapshot.failed:,} failed" if snapshot.failed else ""
        self._bars.update(self._requests_bar, total=snapshot.total, completed=snapshot.done, rate=rate)

    def waiting(self, step: str) -> None:
        self._bars.console.print(WAITING.format(step), markup=False, highlight=False)

    def fetched(self, step: str, summary: StepSummary) -> None:
        self._bars.console.print(printable(format_fetched(step, summary)), markup=False, highlight=False)
        self._bars.advance(self._all)


@dataclass
class _Running:
    """A running step: its shards, those done, the rows of these, and when a line was last written."""

    shards: int
    reported: float
    done: int = 0
    rows: int = 0


class PlainProgress:
    """One line for each finished step, for logs."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._reported, self._line = 0.0, ""

    def started(self, step: str, shards: int) -> None:
        self._running[step] = _Running(shards, reported=time.monotonic())

    def advanced(self, step: str, rows: int) -> None:
        now, running = time.monotonic(), self._running[step]
        running.done += 1
        running.rows += rows
        if now - running.reported > 10:
            running.reported = now
            parts = f", {running.done:,} of {running.shards:,} parts" if running.shards > 1 else ""
            print(f"{step}: {running.rows:,} row{'s' * (running.rows != 1)} so far{parts}", file=sys.stderr)

    def finished(self, step: str, summary: StepSummary, shards: int, reused: int) -> None:
        print(printable(format_step(step, summary, shards, reused)), file=sys.stderr)

    def report(self, snapshot: ProgressSnapshot) -> None:
        now = time.monotonic()
        line = format_requests(snapshot)
        if now - self._reported > 10 or (snapshot.done == snapshot.total and line != self._line):
            self._reported, self._line = now, line
            print(line, file=sys.stderr)

    def waiting(self, step: str) -> None:
        print(WAITING.format(step), file=sys.stderr)

    def fetched(self, step: str, summary: StepSummary) -> None:
        print(printable(format_fetched(step, summary)), file=sys.stderr)


WAITING = "{}: another build is running it; waiting"


def format_requests(snapshot: ProgressSnapshot) -> str:
    """Return the progress of a teacher as one line."""
    left = "" if snapshot.seconds_left is None else f", {snapshot.seconds_left:,.0f} s left"
    return (
        f"requests: {snapshot.done:,} of {snapshot.total:,}, {snapshot.cached:,} cached, {snapshot.failed:,} failed, "
        f"{snapshot.requests_per_s:,.1f}/s, {snapshot.tokens_per_s:,.0f} tokens/s{left}"
    )


def format_fetched(step: str, summary: StepSummary) -> str:
    """Return a step that was fetched as one line."""
    return f"{format_step(step, summary, 0, 0)}; fetched from the shared store"


def format_step(step: str, summary: StepSummary, shards: int, reused: int) -> str:
    """Return a finished step as one line: rows in, and their outcomes."""
    counts = summary.counts
    ranked = sorted(summary.reasons.items(), key=lambda r: -r[1])
    rest = sum(n for _, n in ranked[4:])
    reasons = ", ".join([*(f"{reason} {n:,}" for reason, n in ranked[:4]), *([f"others {rest:,}"] if rest else [])])
    dropped = f", {counts.dropped:,} dropped ({reasons})" if counts.dropped else ""
    broken = f", {counts.quarantined:,} quarantined" if counts.quarantined else ""
    before = f"; {reused:,} of {shards:,} shards reused" if reused else ""
    warnings = "".join(f"\n{step}: warning: {warning}" for warning in summary.warnings)
    return f"{step}: {counts.rows_in:,} rows in, {counts.kept:,} kept{dropped}{broken}{before}{warnings}"
