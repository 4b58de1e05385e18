"""Tables and texts printed by the verbs; programs read ``--json``.

Functions import what they need: the verbs on own files print a few lines, and start without rich and the plan.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from pipelines.build.account import (
        BuildAccount,
        Forecast,
        PartForecast,
        RequestForecast,
        SharedAccount,
        StepAccount,
    )
    from pipelines.build.store_contents import StoreContents
    from pipelines.cli.list_sources import CatalogRow
    from pipelines.freeze.export_release import ExportSummary
    from pipelines.own_files.file_tables import FileAccount
    from pipelines.trace.dropped_rows import DroppedRows
    from quality.calibration import EmbedderFigures
    from sources.releases.figures_model import MixPart, OverrideOutcome
    from sources.releases.manifest_model import Counts, FailedRequests

GAP = 2
"""Spaces between two columns of a table."""

SHOWN_STEPS = 3
"""Steps that a line names; more are counted."""

WIDE = 200
"""Width of a table that is not printed to a terminal."""


def _width() -> int:
    """Return the width of a table: that of the terminal, or a fixed one for a file."""
    from rich.console import Console

    return Console().width if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE


def render_text(*parts: Any) -> str:
    """Return tables and texts as they are printed, as wide as the terminal."""
    from rich.console import Console

    console = Console(file=StringIO(), width=_width(), soft_wrap=False)
    for part in parts:
        console.print(part, markup=False, highlight=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.rstrip()


def text_table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table of these columns; those of ``numbers`` are aligned to the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column in numbers
        no_wrap = right or column == columns[0]  # the first column names the row
        table.add_column(column, justify="right" if right else "left", no_wrap=no_wrap, overflow="fold")
    return table


def sources_table(rows: list[CatalogRow]) -> str:
    """Return the catalog as a table."""
    cells = {
        "name": [row.name for row in rows],
        "license": [row.license for row in rows],
        "from": [row.readable_from or "-" for row in rows],
        "schema": [row.schema for row in rows],
        "rows": [f"{row.rows:,}" if row.rows else "" for row in rows],
        "kind": [row.kind for row in rows],
        "task": [row.task for row in rows],
        "lang": [row.lang for row in rows],
        "home": [row.home.removeprefix("hf://datasets/") for row in rows],
    }
    shown = _fitting(cells)
    table = text_table(*shown, numbers=("rows",))
    for row in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*row)
    readable = sum(1 for row in rows if row.readable_from)
    left_out = [name for name in cells if name not in shown]
    note = f"; no room for {', '.join(left_out)}: widen the terminal, or --json" if left_out else ""
    shares = sum(1 for row in rows if row.shares)
    return render_text(
        table,
        f"\n{len(rows)} corpora, {readable} of them readable from here{note}",
        f"{shares} corpora share questions with a hold-out; --json says which and why",
    )


def _fitting(cells: dict[str, list[str]]) -> list[str]:
    """Return the first columns that fit the terminal without breaking a name."""
    shown, room = [], _width()
    for name, texts in cells.items():
        room -= max(map(len, [name, *texts])) + GAP
        if room < 0:
            break
        shown.append(name)
    return shown


def plan_table(forecast: Forecast) -> str:
    """Return the steps of a plan, and its absent or waiting parts."""
    from pipelines.build.rebuild_reasons import causes_text

    table = text_table("step", "state", "rows in", "kept", "why", numbers=("rows in", "kept"))
    benchmarks: dict[tuple[str, str], list[Counts | None]] = {}
    for step in forecast.steps:
        why = causes_text(step.why) or _accepted(step.failed)
        state = "done" if step.done else "shared" if step.shared else "to do"
        if step.reference_only:
            benchmarks.setdefault((state, why), []).append(step.counts)
        else:
            table.add_row(step.step, state, *_row_counts([step.counts]), why)
    for (state, why), counts in benchmarks.items():
        table.add_row(f"{len(counts)} benchmark step{'s' * (len(counts) > 1)}", state, *_row_counts(counts), why)
    for name, needs in forecast.waiting_for_teacher.items():
        table.add_row(name, f"needs a teacher: {needs}", "", "", "")
    requests = [text for step in forecast.steps if step.asks for text in _format_requests(step.step, step.asks)]
    requests += _all_requests([step.asks for step in forecast.steps if step.asks])
    shared = sum(step.shared for step in forecast.steps)
    fetch = [f"\n{shared:,} steps are fetched from the shared store (shared)"] if shared else []
    return render_text(table, *fetch, *requests, *_absent(forecast.absent))


def _row_counts(counts: list[Counts | None]) -> list[str]:
    """Return the input and kept rows of steps, empty for those that are not built."""
    built = [one for one in counts if one]
    if len(built) < len(counts):
        return ["", ""]
    return [f"{sum(one.rows_in for one in built):,}", f"{sum(one.kept for one in built):,}"]


def _format_requests(name: str, forecast: RequestForecast) -> list[str]:
    """Return the first round of a step, then of each of its parts where it has several."""
    if forecast.requests is None:
        missing = "a model has written what comes before" if forecast.foretold_from else "what comes before is built"
        advice = "" if forecast.foretold_from else ", as --prepare does"
        about = _expected_requests(forecast)
        return [f"\n{name} sends requests to a teacher{about}; their number is known once {missing}{advice}"]
    parts = forecast.parts if len(forecast.parts) > 1 else []
    more = _expected_requests(forecast)
    if forecast.requests_at_most > forecast.requests:
        more += f"; {forecast.requests_at_most:,} requests at most in all rounds"
    source = f"first round, estimated from the rows of {_first_names(forecast.foretold_from)}"
    if forecast.not_counted:
        source += f", without those of {_first_names(forecast.not_counted)}"
    return [
        f"\n{name}, {source}: {_request_figures(forecast)}{more}",
        *(f"  {part.part}: {_request_figures(part)}" for part in parts),
    ]


def _expected_requests(forecast: RequestForecast) -> str:
    if forecast.requests_expected is None:
        return ""
    rows = f"{forecast.expected_from:,} row{'s' * (forecast.expected_from != 1)}"
    return f"; {forecast.requests_expected:,} requests expected in all rounds, from {rows} answered before"


def _all_requests(forecasts: list[RequestForecast]) -> list[str]:
    """Return the requests of all steps together, where several send some."""
    if len(forecasts) < 2:
        return []
    numbers = [one.number for one in forecasts]
    unknown = sum(number is None for number in numbers)
    without = f", without {unknown:,} step{'s' * (unknown != 1)} whose number is not known yet" if unknown else ""
    return [f"\nall steps together: {sum(filter(None, numbers)):,} requests expected{without}"]


def _first_names(steps: list[str]) -> str:
    """Return the names of the first steps, and the number of the others."""
    more = [f"and {len(steps) - SHOWN_STEPS:,} more steps"] if len(steps) > SHOWN_STEPS else []
    return ", ".join([*steps[:SHOWN_STEPS], *more])


def _request_figures(part: RequestForecast | PartForecast) -> str:
    failed = f", {part.failed_before:,} failed, to be sent again" if part.failed_before else ""
    tokens = f"{part.prompt_tokens:,} tokens in, {part.completion_tokens_at_most:,} out at most"
    stored = f"{part.answered_before:,} of them cached"
    return f"{part.requests:,} requests, {stored}{failed}; {tokens}, cost {part.cost_at_most:,} at most"


def store_table(contents: StoreContents) -> str:
    """Return the parts of a store with their sizes, and what was or can be removed."""
    table = text_table("part", "number", "MB", "", numbers=("number", "MB"))
    for part in contents.parts:
        state = "unused" if part.unused and part.count else ""
        table.add_row(part.part, f"{part.count:,}", f"{part.bytes / 1e6:,.1f}", state)
    if contents.removed_bytes:
        return render_text(table, f"\nremoved {contents.removed_bytes / 1e6:,.1f} MB that nothing used")
    if not contents.unused_bytes:
        return render_text(table, "\nnothing is unused")
    megabytes = f"{contents.unused_bytes / 1e6:,.1f} MB"
    return render_text(
        table, f"\nunused: {megabytes}; --remove-unused removes it, and a build that needs it rebuilds it"
    )


def build_table(account: BuildAccount) -> str:
    """Return the outcomes of the rows of a build, by step and reason."""
    table = text_table("step", "rows in", "kept", "dropped", "quarantined", "why", numbers=NUMBERS)
    for step in (step for step in account.steps if not step.reference_only):
        counts = (step.counts.rows_in, step.counts.kept, step.counts.dropped, step.counts.quarantined)
        why = ", ".join(f"{reason} {n:,}" for reason, n in sorted(step.reasons.items(), key=lambda r: (-r[1], r[0])))
        table.add_row(step.name, *(f"{count:,}" for count in counts), why)
    waiting = [f"needs a teacher: {name}, {needs}" for name, needs in account.waiting_for_teacher.items()]
    mixes = [part for step in account.steps if step.account is not None for part in _mix(step.name, step.account)]
    return render_text(
        table,
        *_generators(account.steps),
        *mixes,
        *_format_benchmarks(account.steps),
        *waiting,
        *_requests(account),
        *_absent(account.absent),
        *([f"\n{overrides_text(account.overrides)}"] if account.overrides else []),
        f"\n{account.rows:,} rows",
    )


EXCERPT = 160
"""Characters of a text in a list of rows."""


def dropped_text(dropped: DroppedRows) -> str:
    """Return the dropped rows by source, step and reason, then the first of them with evidence and texts."""
    from pipelines.terminal import one_line

    table = text_table("source", "step", "reason", "rows", numbers=("rows",))
    for one in dropped.counts:
        table.add_row(one.source, one.step, one.reason, f"{one.rows:,}")
    lines = []
    for row in dropped.rows:
        lines += ["", one_line(row.id), one_line(f"  {row.step}: {row.reason}")]
        texts = {"evidence": row.evidence, "question": row.question, "answer": row.answer}
        lines += [f"  {name}: {_excerpt(text)}" for name, text in texts.items() if text]
    total = sum(one.rows for one in dropped.counts)
    lines += ["", f"{total:,} rows, {len(dropped.rows):,} of them listed"]
    return "\n".join([render_text(table), *lines])


def _excerpt(text: str) -> str:
    from pipelines.terminal import one_line

    line = one_line(" ".join(text.split()))
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"


OUTCOMES = {
    "dropped_later": "past its rule, but",
    "no_effect": "no effect:",
    "no_row": "no such row:",
    "no_step": "no such step:",
    "quarantined": "malformed row:",
}
"""Text printed before the explanation of an override that had no or another effect."""

OVERRIDES_SHOWN = 20


def overrides_text(outcomes: Sequence[OverrideOutcome]) -> str:
    """Return the number of overrides applied, and those not applied with the explanation of each."""
    done = [one for one in outcomes if one.status == "applied"]
    open_ones = [one for one in outcomes if one.status != "applied"]
    by_decision = [f"{decision} {n:,}" for decision, n in sorted(Counter(one.decision for one in done).items())]
    counted = f" ({', '.join(by_decision)})" if done else ""
    lines = [f"overrides: {len(done):,} of {len(outcomes):,} applied{counted}"]
    for one in open_ones[:OVERRIDES_SHOWN]:
        edited = one.decision == "edit" and one.status == "dropped_later"
        status = "applied, but" if edited else OUTCOMES.get(one.status, one.status)
        lines.append(f"  {one.decision} {one.id}: {status} {one.detail}")
    if len(open_ones) > OVERRIDES_SHOWN:
        lines.append(f"  and {len(open_ones) - OVERRIDES_SHOWN} more, which --json lists")
    if any(one.status == "dropped_later" and one.decision == "keep" for one in open_ones):
        lines.append("  to let a row pass that rule too, call sabila override for it again, and build again")
    return "\n".join(lines)


NUMBERS = ("rows in", "kept", "dropped", "quarantined")

REQUESTS = ("requests", "answered", "cached", "failed", "rejected replies", "tokens in", "tokens out", "cost")


def _requests(account: BuildAccount) -> list[Any]:
    """Return the outcomes of the requests of this run by stage, of those accepted as failed, and notices."""
    table = text_table("stage", *REQUESTS, numbers=REQUESTS)
    for stage, one in sorted(account.requests.items()):
        tokens = (one.prompt_tokens, one.completion_tokens)
        counts = (one.requests, one.sent, one.cached, one.failed, one.rejected, *tokens)
        table.add_row(stage, *(f"{count:,}" for count in counts), f"{one.cost:,.4f}")
    accepted = [f"{step.name}: {text}" for step in account.steps if (text := _accepted(step.failed))]
    notices = [f"note: {text}" for text in account.notices]
    return [*(["", table] if account.requests else []), *_shared(account.shared), *accepted, *notices]


def _shared(account: SharedAccount | None) -> list[str]:
    """Return what a build exchanged with its shared store, as one line; nothing where it has none."""
    if account is None:
        return []
    warnings = f"; {account.warnings:,} warnings" if account.warnings else ""
    return [
        f"\nshared store: {account.fetched:,} steps and {account.completions_fetched:,} completions fetched, "
        f"{account.uploaded:,} steps and {account.completions_uploaded:,} completions uploaded{warnings}"
    ]


def _generators(steps: list[StepAccount]) -> list[str]:
    """Return, for each step with generators of chains, the outcomes of the rows assigned to each generator."""
    lines = []
    for step in steps:
        if not step.generators:
            continue
        taken = sum(one.rows for one in step.generators)
        lines.append(f"\n{step.name}: {taken:,} of {step.counts.rows_in:,} rows were eligible")
        for one in step.generators:
            dropped = f", {one.dropped:,} dropped" if one.dropped else ""
            lines.append(f"  {one.generator}: {one.rows:,} rows, {one.with_chain:,} with a chain{dropped}")
    return lines


def _accepted(failed: FailedRequests | None) -> str:
    """Return the failed requests of a complete step, accepted by --max-failed."""
    from pipelines.completions.failed_requests import failures_text

    return f"{failures_text(failed)} (accepted by --max-failed)" if failed else ""


def _mix(step: str, parts: list[MixPart]) -> list[Any]:
    """Return the target and actual size of each part of a mix, and the parts that fell short."""
    columns = ("share", "wanted", "reached", "tokens", "of tokens", "rows", "of rows", "over cap")
    table = text_table("part", *columns, numbers=columns)
    for part in parts:
        shares = (part.share, part.share_wanted, part.share_reached)
        counts = (part.tokens, part.tokens_available, part.rows, part.rows_available, part.rows_over_cap)
        table.add_row(part.part, *(f"{share:.1%}" for share in shares), *(f"{count:,}" for count in counts))
    return [f"\n{step}: shares of the tokens", table, *filter(None, map(_shortage, parts)), _left_out(parts)]


def _left_out(parts: list[MixPart]) -> str:
    """Return the share of tokens that a mix leaves out, those over a cap included, and the parts used in full."""
    had = sum(part.tokens_available + part.tokens_over_cap for part in parts)
    taken = sum(part.tokens for part in parts)
    complete = [
        part.part
        for part in parts
        if part.rows_available and part.rows == part.rows_available and not part.rows_over_cap
    ]
    share = (had - taken) / had if had else 0.0
    return f"{share:.1%} of the tokens are left out; whole: {', '.join(complete) or 'no part'}"


def _shortage(part: MixPart) -> str:
    if not part.rows_available:
        return f"{part.part} has no rows: its share of {part.share:.1%} went to other parts or to none"
    if part.tokens_available < part.tokens_wanted - 1:
        return f"{part.part} has {part.tokens_available:,} of {part.tokens_wanted:,.0f} tokens requested"
    return ""


def _format_benchmarks(steps: list[StepAccount]) -> list[str]:
    only = [step.counts.kept for step in steps if step.reference_only]
    return [f"\nchecked against {sum(only):,} benchmark rows from {len(only)} corpora"] if only else []


def _absent(absent: dict[str, str]) -> list[str]:
    names = list(absent)
    more = f" and {len(names) - 8} more, which --json lists" if len(names) > 8 else ""
    return [f"\nnot found, left out: {', '.join(names[:8])}{more}"] if names else []


def calibration_table(figures: EmbedderFigures, model: str, compared: str, precision: float) -> str:
    """Return recall and precision by threshold, the cosines by kind of pair, and the advised threshold."""
    by_threshold = text_table("threshold", "recall", "precision", "found", "wrong", numbers=("recall", "precision"))
    for one in figures.thresholds[::5]:
        shown = "-" if one.precision is None else f"{one.precision:.1%}"
        by_threshold.add_row(f"{one.threshold:.2f}", f"{one.recall:.1%}", shown, str(one.found), str(one.wrong))
    by_kind = text_table("kind", "same", "pairs", "least", "median", "greatest", "found", numbers=("pairs",))
    for kind in figures.kinds:
        cosines = (f"{value:.2f}" for value in (kind.least, kind.median, kind.greatest))
        recall = "-" if kind.found is None else f"{kind.found:.0%}"
        by_kind.add_row(kind.kind or "(none)", "yes" if kind.same else "no", str(kind.pairs), *cosines, recall)
    way = "dedup --semantic" if compared == "rows" else "decontaminate --embedder, --similarity"
    advised = figures.advised
    if advised is None:
        best = max(figures.thresholds, key=lambda one: (one.precision or 0.0, one.recall))
        last = (
            f"no threshold has a precision of {precision:.0%} on these pairs; the best has {best.precision or 0:.1%}, "
            f"{best.threshold:.2f}, and finds {best.recall:.1%} of the same pairs: use another model, or read what it "
            "drops"
        )
    else:
        last = (
            f"advised: {advised.threshold:.2f}, which finds {advised.recall:.1%} of the same pairs with "
            f"{advised.wrong} of {advised.found} wrong; as in {model}@{advised.threshold:.2f} for {way}"
        )
    head = f"{figures.pairs} pairs, {figures.same} of them the same; cosines of -1 are pairs that the words forbid"
    return render_text(head, by_threshold, by_kind, last)


def account_text(account: FileAccount) -> str:
    """Return an account, one line per figure."""
    return "\n".join(
        f"{name.replace('_', ' ')}: {value:,}" if isinstance(value, int) else f"{name}: {value}"
        for name, value in account.items()
    )


def export_text(done: ExportSummary) -> str:
    """Return the written and unwritten rows of an export; the last line is the folder."""
    by_kind = {name.partition(".")[0]: name for name in done.files if name.endswith((".jsonl", ".csv", ".xlsx"))}
    lines = [f"{rows:,} rows in {by_kind[kind]}" for kind, rows in done.rows.items()]
    lines += [f"{rows:,} rows not exported: {reason}" for reason, rows in done.reasons.items()]
    others = [name for name in done.files if name.partition(".")[0] not in done.rows]
    written = f"{'also ' if lines else ''}written: {', '.join(others)}"
    return "\n".join([*lines, written, done.folder])


def examples(account: BuildAccount, steps: Path) -> str:
    """Return a kept candidate, a rejected one and a preference pair of a build, where it has them."""
    import polars as pl

    from sources.formats.literal import scan_parquet

    filters = {
        ("candidates", "a kept candidate"): pl.col("verdict") == "kept",
        ("candidates", "a rejected candidate"): pl.col("verdict") == "wrong",
        ("pairs", "a preference pair"): pl.col("drop_reason").is_null(),
    }
    parts = []
    for step in account.steps:
        for (name, title), chosen in filters.items():
            paths = sorted((steps / step.folder / name).glob("*.parquet"))
            if paths:
                parts.append(_example(title, scan_parquet(paths).filter(chosen).head(1).collect()))
    return "\n".join(part for part in dict.fromkeys(parts) if part)


EXAMPLE_FIELDS = ("verdict", "parsed", "text", "chosen", "rejected")


def _example(title: str, rows: pl.DataFrame) -> str:
    if rows.is_empty():
        return ""
    from pipelines.release.screening import Screening

    [row] = Screening().values([rows.row(0, named=True)])
    fields = {name: row[name] for name in ("teacher", *EXAMPLE_FIELDS) if row.get(name)}
    return "\n".join(
        [
            f"\n{title}, {row['id']}",
            *(f"  {name}: {' '.join(str(text).split())[:240]}" for name, text in fields.items()),
        ]
    )
