"""Return values of the functions: typed results that print as their verb does, and display in a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.api.notebook import facts_html, frame_html, text_html
from pipelines.build.account import BuildAccount, Forecast
from pipelines.check.check_result import CheckResult
from pipelines.diff.release_diff import ReleaseDiff
from pipelines.freeze.export_release import ExportSummary
from pipelines.release.assigned_splits import split_names, split_of_file
from pipelines.release.data_files import config_pattern, configs
from pipelines.release.open_release import open_release, reading
from pipelines.release.released_files import refuse_changed_files
from pipelines.trace.row_event import RowEvent
from pipelines.verify.verify_release import Verdict
from quality.splits import TRAIN
from sources.errors import SabilaError
from sources.formats.literal import read_parquet
from sources.releases.manifest_model import Manifest
from sources.suggest import did_you_mean
from sources.table import SCHEMA

if TYPE_CHECKING:
    import datasets

    from pipelines.own_files.file_tables import FileAccount


class Shown:
    """A result that prints as its verb does, and in a notebook too."""

    def __str__(self) -> str:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return text_html(str(self))


class Plan(Shown, Forecast):
    """What a build would do: steps done and to do with reasons, requests and their cost, absent sources."""

    def __str__(self) -> str:
        from pipelines.cli.print_tables import plan_table

        return plan_table(self)


@dataclass(frozen=True, kw_only=True)
class Build(Shown):
    """A finished build: the folder of its last step, and the outcomes of every step's rows."""

    folder: Path
    account: BuildAccount

    @property
    def rows(self) -> pl.DataFrame:
        """The kept rows of the last step, as records."""
        return _rows_of(self.folder / "kept")

    @property
    def dropped(self) -> pl.DataFrame:
        """The rows that all steps dropped, with ``step``, ``reason`` and ``evidence``; benchmarks are left out."""
        steps = [step for step in self.account.steps if not step.reference_only and step.counts.dropped]
        folders = ((step.name, self.folder.parent / step.folder / "dropped") for step in steps)
        parts = [_rows_of(folder).with_columns(step=pl.lit(name)) for name, folder in folders]
        none = pl.DataFrame(schema={**SCHEMA, **dict.fromkeys(("reason", "evidence", "step"), pl.String)})
        return pl.concat([none, *parts], how="diagonal_relaxed")

    def __str__(self) -> str:
        from pipelines.cli.print_tables import build_table

        return f"{build_table(self.account)}\n{self.folder}"


def _rows_of(folder: Path) -> pl.DataFrame:
    files = sorted(folder.glob("*.parquet"))
    return pl.concat([read_parquet(path) for path in files]) if files else pl.DataFrame()


@dataclass(frozen=True, kw_only=True)
class Release(Shown):
    """A frozen release: its folder and manifest, and its rows, ledger and card, read on first use."""

    folder: Path
    manifest: Manifest = field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> Release:
        """Open the release in a folder; ``ReleaseError`` for any other folder."""
        return cls(folder=folder, manifest=open_release(folder))

    @property
    def name(self) -> str:
        """The release as ``NAME@VERSION``."""
        return self.manifest.title

    @property
    def configs(self) -> list[str]:
        """Configurations of ``rows`` and ``dataset``, the default first: ``sft``, ``sft-medqa`` and so on."""
        return list(configs(self.folder))

    @property
    def splits(self) -> list[str]:
        """Values of ``split`` in ``rows`` and ``dataset``: train, and validation and test if the release has them."""
        return split_names({split_of_file(path.name) for path in self.folder.glob("data/*/*/*.parquet")})

    def rows(self, config: str | None = None, split: str = TRAIN) -> pl.DataFrame:
        """Return the rows of a configuration, the first without one, with the columns that trainers read.

        They are the training rows, unless ``split`` says validation or test.
        """
        with reading(self.folder):
            return pl.concat([read_parquet(path) for path in self._files(config, split)])

    def dataset(self, config: str | None = None, split: str = TRAIN) -> datasets.Dataset:
        """Return the same rows for ``datasets``, which must be installed."""
        try:
            import datasets
        except ModuleNotFoundError as error:
            raise SabilaError("datasets is not installed: pip install datasets, or use rows()") from error
        return datasets.Dataset.from_parquet([str(path) for path in self._files(config, split)])

    def _files(self, config: str | None, split: str) -> list[Path]:
        known = self.configs
        config = config or known[0]
        if config not in known:
            hint = did_you_mean(config, known)
            raise SabilaError(f"{self.name} has no configuration {config!r}, expected {', '.join(known)}{hint}")
        files = sorted(self._checked_folder.glob(config_pattern(config, split)))
        if not files:
            raise SabilaError(f"{config} of {self.name} has no split {split!r}, expected {', '.join(self.splits)}")
        return files

    @cached_property
    def _checked_folder(self) -> Path:
        """The folder, whose files of rows are hashed once; ``ReleaseError`` where one is not that of the manifest."""
        refuse_changed_files(self.folder, self.manifest)
        return self.folder

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """One row for every row read or generated: its outcome, and the step and reason that dropped it; no texts."""
        with reading(self.folder):
            return pl.concat([read_parquet(path) for path in sorted(self._checked_folder.glob("ledger/*.parquet"))])

    @property
    def card(self) -> str:
        """The dataset card, as Markdown."""
        return (self.folder / "README.md").read_text(encoding="utf-8")

    def __str__(self) -> str:
        return f"{self.name}: {self.manifest.rows:,} rows, {self.manifest.license}\n{self.folder}"

    def _repr_html_(self) -> str:
        facts = {
            "rows": f"{self.manifest.rows:,}",
            "licence": str(self.manifest.license),
            "configurations": ", ".join(self.configs),
            "hash": str(self.manifest.hash),
            "folder": str(self.folder),
        }
        return facts_html(self.name, facts) + frame_html(self.rows())


@dataclass(frozen=True, kw_only=True)
class History(Shown):
    """The history of one row: an event for each step, up to the one that kept or dropped it."""

    id: str
    events: tuple[RowEvent, ...]

    @property
    def status(self) -> str:
        """The outcome of the row, as its last event says: kept, dropped or quarantined."""
        return self.events[-1].status

    @property
    def reason(self) -> str | None:
        """Why the row was dropped, None where it was not."""
        return self.events[-1].reason

    def __str__(self) -> str:
        import click

        from pipelines.trace.history_text import history_text

        return click.unstyle(history_text(self.id, list(self.events)))


@dataclass(frozen=True, kw_only=True)
class Check(Shown, CheckResult):
    """Findings of all kinds in files or a release, the most serious first; ``examples`` of each are printed."""

    examples: int = 3

    def __str__(self) -> str:
        from pipelines.cli.print_check import check_text

        return check_text(self, self.examples)


@dataclass(frozen=True, kw_only=True)
class Diff(Shown, ReleaseDiff):
    """All changes from one release to another; ``rows`` are the first of each kind."""

    def __str__(self) -> str:
        from pipelines.cli.print_release import diff_text

        return diff_text(self)


@dataclass(frozen=True, kw_only=True)
class Verification(Shown, Verdict):
    """All errors found in a release; ``ok`` if there are none."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __str__(self) -> str:
        from pipelines.cli.print_release import verdict_text

        return verdict_text(self)


@dataclass(frozen=True, kw_only=True)
class Export(Shown, ExportSummary):
    """An export for another trainer: its folder and files, rows by kind, and rows left out by reason."""

    def __str__(self) -> str:
        from pipelines.cli.print_tables import export_text

        return export_text(self)


@dataclass(frozen=True, kw_only=True)
class Split(Shown):
    """Rows split in two: ``kept``, and ``dropped`` with a reason each; ``account`` is what the verb prints."""

    kept: pl.DataFrame = field(repr=False)
    dropped: pl.DataFrame = field(repr=False)
    account: FileAccount

    def __str__(self) -> str:
        from pipelines.cli.print_tables import account_text

        return account_text(self.account)

    def _repr_html_(self) -> str:
        facts = {
            name.replace("_", " "): f"{value:,}" if isinstance(value, int) else str(value)
            for name, value in self.account.items()
        }
        return facts_html("", facts) + frame_html(self.dropped, "dropped")


@dataclass(frozen=True, kw_only=True)
class Deduplication(Split):
    """Rows without near-duplicates; ``clusters`` has the kept representative of each row."""

    clusters: pl.DataFrame = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Decontamination(Split):
    """Rows without benchmark items; ``leaks`` are all pairs of row and item with both texts.

    ``not_checked`` are items that no rule can find.
    """

    leaks: pl.DataFrame = field(repr=False)
    not_checked: pl.DataFrame = field(repr=False)


def title_of(value: Any) -> str:
    """Return a release as the verbs name it: ``NAME@VERSION`` or the path of its folder."""
    return str(value.folder if isinstance(value, Release) else value)
