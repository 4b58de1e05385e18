"""Export of a release for other programs and for people: rows in their formats, a starting config, the licences.

Rows that a format cannot represent are listed with the reason in ``not_exported.jsonl``.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, get_args

import orjson
import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.freeze.export_files import FILES, RowFile
from pipelines.freeze.lineage_event import FILE as LINEAGE_FILE
from pipelines.freeze.lineage_event import lineage_event
from pipelines.release.assigned_splits import split_names, split_of_file
from pipelines.release.data_files import scan
from pipelines.release.open_release import open_release, reading
from pipelines.release.released_files import refuse_changed_files
from quality.splits import TRAIN
from sources.atomic import write_bytes, write_json, writing
from sources.catalog import SOURCES
from sources.errors import SabilaError
from sources.record import Record
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST, file_hash
from sources.table import records
from synth.formatting.trainer_formats import ONE_SHAPE, Kind, Target, kind_of, shaped
from training.data.handoff import Handoff, Tool, configs
from training.settings import Dpo, Sft

ROWS_AT_ONCE = 10_000
NOT_EXPORTED = "not_exported.jsonl"
ATTRIBUTION = "ATTRIBUTION.md"

Lineage = Literal["openlineage"]
"""The export that has no rows: the release as an event of a lineage catalog."""


class ExportError(SabilaError):
    """A release without rows of the requested kind, or an existing folder."""


@dataclass(kw_only=True)
class Exported:
    """Counts of written rows by kind, and of others by reason."""

    rows: Counter[Kind] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    licenses: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class ExportSummary:
    """The result of an export: its folder and files, rows by kind, and rows that were not exported by reason."""

    folder: str
    rows: dict[Kind, int]
    not_exported: int
    reasons: dict[str, int]
    files: list[str]


def export(release: Path, out: Path, *, to: Target | Lineage, kind: Kind | None, model: str) -> ExportSummary:
    """Write the rows of a release for ``to`` into a new folder, atomically; for ``openlineage`` its event alone.

    ``kind`` selects conversations (``sft``) or pairs (``dpo``), where a format has both. Returns the account: rows by
    kind, those not exported by reason, the files. Raises ``ReleaseError`` where the release is broken, ``ExportError``
    where it has no such rows or ``out`` exists.
    """
    if kind and (to in ONE_SHAPE or to == "openlineage"):
        has = "no rows" if to == "openlineage" else "one kind of rows"
        raise ExportError(f"--config is {kind}, and {to} has {has}: leave the option out")
    manifest = open_release(release)
    refuse_changed_files(release, manifest)
    if to == "openlineage":
        return _export_lineage(manifest, release, out)
    exists = out.exists()
    if exists and not (out / ATTRIBUTION).is_file():
        raise ExportError(f"{out} exists already, expected the name of a new folder")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    done = Exported()
    with writing(out), reading(release):
        partial.mkdir(parents=True)
        _write_rows(release, partial, to, kind, done)
    if not done.rows.total():
        shutil.rmtree(partial)
        raise ExportError(_nothing(manifest, to, kind, done))
    for name, text in _started(manifest, to, model, done).items():
        write_bytes(partial / name, text.encode())
    write_bytes(partial / ATTRIBUTION, _attribution(manifest, done).encode())
    if exists:  # the call is repeated after one that was interrupted at its end
        same = _hashes(partial) == _hashes(out)
        shutil.rmtree(partial)
        if not same:
            raise ExportError(f"{out} exists already with another export, expected the name of a new folder")
    else:
        with writing(out):
            partial.rename(out)
    return ExportSummary(
        folder=str(out),
        rows=dict(done.rows),
        not_exported=done.reasons.total(),
        reasons=dict(sorted(done.reasons.items())),
        files=sorted(path.name for path in out.iterdir()),
    )


def _export_lineage(manifest: Manifest, release: Path, out: Path) -> ExportSummary:
    """Write the event of a release into a folder; its time is that at which the manifest was written."""
    if "recipe" not in manifest.model_fields_set:
        raise ExportError(f"{release / MANIFEST} names no recipe: sabila verify lists what is wrong")
    written = datetime.fromtimestamp(int((release / MANIFEST).stat().st_mtime), UTC)
    if out.exists() and any(path.name != LINEAGE_FILE for path in out.iterdir()):
        raise ExportError(f"{out} exists already, expected the name of a new folder")
    write_json(out / LINEAGE_FILE, lineage_event(manifest, written))
    return ExportSummary(folder=str(out), rows={}, not_exported=0, reasons={}, files=[LINEAGE_FILE])


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: file_hash(path) for path in folder.iterdir() if path.is_file()}


# --- rows ------------------------------------------------------------------------------------------------------------


def _write_rows(release: Path, folder: Path, to: Target, only: Kind | None, done: Exported) -> None:
    suffix = to if to in FILES else "jsonl"
    files: dict[Kind, RowFile] = {}
    try:
        with (folder / NOT_EXPORTED).open("wb") as refused:
            splits = _splits(release)
            held_out = [split for split in splits if split != TRAIN]
            for record in _rows(release, splits):
                kind = kind_of(record, to)
                if only and kind != only:
                    continue
                if kind not in files:
                    files[kind] = FILES[suffix](folder / f"{kind}.{suffix}")
                _write(record, to, kind, files[kind], refused, done)
            for split in held_out:
                _leave_out(release, split, refused, done)
    finally:
        for file in files.values():
            file.close()
    for kind in files:
        if not done.rows[kind]:
            (folder / f"{kind}.{suffix}").unlink()


def _splits(release: Path) -> list[str]:
    """Return the splits of a release that have rows."""
    return split_names({split_of_file(path.name) for path in release.glob("data/*/*/*.parquet")})


def _leave_out(release: Path, split: str, refused: IO[bytes], done: Exported) -> None:
    """List the rows of a split that is not for training among those not exported."""
    reason = f"row of the split {split}, which is not for training"
    for (id,) in scan(release, split).select("id").collect().iter_rows():
        refused.write(orjson.dumps({"id": id, "reason": reason}) + b"\n")
        done.reasons[reason] += 1


def _rows(release: Path, splits: list[str]) -> Iterator[Record]:
    """Yield the training rows; of a release without splits those are all."""
    if splits and TRAIN not in splits:
        return
    for batch in scan(release, TRAIN if len(splits) > 1 else "").collect_batches(
        chunk_size=ROWS_AT_ONCE, maintain_order=True
    ):
        yield from records(batch)


def _write(record: Record, to: Target, kind: Kind, file: RowFile, refused: IO[bytes], done: Exported) -> None:
    try:
        file.write(shaped(record, to, kind))
    except ValueError as error:
        reason = str(error).removeprefix(f"{record.id} ")
        refused.write(orjson.dumps({"id": record.id, "reason": reason}) + b"\n")
        done.reasons[reason.partition(", expected")[0]] += 1
        return
    done.rows[kind] += 1
    done.licenses[record.source, record.license] += 1


def _nothing(manifest: Manifest, to: Target, kind: Kind | None, done: Exported) -> str:
    what = manifest.title
    if done.reasons:
        reason, count = done.reasons.most_common(1)[0]
        return f"{what}: none of {done.reasons.total():,} rows fits {to}; {count:,} of them: {reason}"
    other = f"; it may have others, for --config {'dpo' if kind == 'sft' else 'sft'}" if kind else ""
    return f"{what} has no {kind or 'finished'} rows to export{other}"


# --- configs and attribution -----------------------------------------------------------------------------------------


def _started(manifest: Manifest, to: Target, model: str, done: Exported) -> dict[str, str]:
    """Return the starting configs of a tool, with Aloe's settings; formats without a tool have none."""
    if to not in get_args(Tool):
        return {}
    trained: dict[Kind, Sft | Dpo] = {"sft": Sft(), "dpo": Dpo()}
    parts = [
        Handoff(
            dataset=f"{manifest.name}_{kind}",
            file=f"{kind}.jsonl",
            rows=done.rows[kind],
            model=model,
            settings=settings,
        )
        for kind, settings in trained.items()
        if done.rows[kind]
    ]
    return configs(to, parts)  # type: ignore[arg-type]


def _attribution(manifest: Manifest, done: Exported) -> str:
    environment = Environment(
        loader=PackageLoader("pipelines", "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    parts = pl.DataFrame(
        [(*key, rows) for key, rows in done.licenses.items()], ["source", "license", "rows"], orient="row"
    )
    origins = {step.source.name: (step.origin.get("title", ""), "") for step in manifest.steps if step.source}
    origins |= {name: (SOURCES[name].title, SOURCES[name].home) for name in parts["source"] if name in SOURCES}
    return environment.get_template("attribution.md.jinja").render(
        manifest=manifest, parts=parts.sort("source", "license").to_dicts(), origins=origins
    )
