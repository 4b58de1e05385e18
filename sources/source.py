"""The definition of a corpus: pinned origin, licence, files by split, and functions that read it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sources.fields.names import check_name
from sources.files import RawFile
from sources.license import StatedLicense, strictness
from sources.record import TASKS, ChainPrompt, Draft
from sources.schema.columns import Aspect, ColumnTypes, GoldColumn, SchemaReading, unverified

Kind = Literal["training", "preference", "safety", "general"]
MixPart = Literal["instruction", "synthetic"]
"""Parts of Aloe Beta's mix that a corpus belongs to as a whole; the task of a row decides the others."""


class Raw(NamedTuple):
    """One raw row: its 1-based line or element in the file, and its value as the file's format gives it."""

    line: int
    value: Any


class Broken(NamedTuple):
    """A place in a file that is not a row: its line, the error, and its text."""

    line: int
    error: str
    text: str


USUAL_RANK = 50

Rows = Callable[[RawFile], Iterator[Raw | Broken]]
Parse = Callable[[Raw, RawFile], Draft]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A pinned origin of rows.

    - ``home``: ``hf://datasets/ORG/NAME``, or the address of a page
    - ``license``, ``license_read``: an SPDX expression, and where it was read
    - ``files``: glob patterns inside the corpus's folder, by the publisher's name of the split
    - ``rows``, ``parse``: functions that yield the raw rows of a file, and turn one into a draft or raise
    - ``folder``: the folder in a local mirror, the corpus's name by default
    - ``revision``: the branch, tag or commit that the lock resolves
    - ``companions``: further files that the connector reads with the rows
    - ``repairs``: text repairs that the corpus needs (``quality/cleaning/normalize.py``)
    - ``rank``: of two equal rows the one whose source has the lower rank is kept
    - ``real_persons``: False where every person is invented, as in word problems; names are not masked then
    - ``joins_lines``: True where one row spans several lines, so that lines cannot be counted
    - ``empty_files``: True where a file may have no row, as a document without text, as long as another one has
    - ``columns``, ``gold``: the columns that ``parse`` reads and the one that numbers the right option; a file without
      them is refused (``sources/schema/drift.py``)
    - ``stated_licenses``: what several places state where they differ; the strictest is ``license``
    - ``schema_read``: the public places where columns, gold base, splits and licence were read
    - ``path``: the own file or folder that is read in place of a mirror and the Hub (``sources.mapping``)
    - ``mapping``: the mapping of an own source, as JSON
    """

    name: str
    title: str
    home: str
    license: str
    license_read: str
    task: str
    lang: str
    files: Mapping[str, tuple[str, ...]]
    rows: Rows
    parse: Parse
    folder: str = ""
    revision: str = "main"
    companions: tuple[str, ...] = ()
    repairs: frozenset[str] = field(default_factory=frozenset)
    rank: int = USUAL_RANK
    published_rows: int | None = None
    real_persons: bool = True
    joins_lines: bool = False
    empty_files: bool = False
    columns: ColumnTypes = field(default_factory=dict)
    gold: GoldColumn | None = None
    schema_read: tuple[SchemaReading, ...] = ()
    stated_licenses: tuple[StatedLicense, ...] = ()
    path: Path | None = None
    mapping: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("the name of a corpus", self.name)
        if self.task not in TASKS:
            raise ValueError(f"{self.name}: task is {self.task!r}, expected one of {', '.join(TASKS)}")
        for claim in self.stated_licenses:
            if strictness(claim.license) > strictness(self.license):
                raise ValueError(
                    f"{self.name}: license is {self.license!r}, expected the strictest that is claimed, "
                    f"{claim.license} by {claim.where}"
                )

    @property
    def hub_id(self) -> str | None:
        """The dataset's id on the Hugging Face Hub, or None for a corpus hosted elsewhere."""
        prefix = "hf://datasets/"
        return self.home.removeprefix(prefix) if self.home.startswith(prefix) else None

    @property
    def unverified(self) -> tuple[Aspect, ...]:
        """What of its schema was read nowhere: some of columns, gold, splits, license."""
        return unverified(self.schema_read, gold=self.task == "mcqa")


@dataclass(frozen=True, kw_only=True)
class Source(Corpus):
    """A corpus whose rows may be trained on; ``files`` may list only splits that its publisher trains on.

    - ``kind``: which recipes read it
    - ``chain_prompt``: the prompt that generates chains of thought for its rows; None for no chains
    - ``instruction_subject``: completes the instructions that are put before its questions ("Answer this question on
      consumer health."); None where the rows bring instructions of their own
    - ``instruction_subtask``: a file of ``synth/prompts/instructions``; None to choose it by the task of a row
    - ``mix_part``: its part of Aloe's mix; None to choose it by the task of a row, medical by default
    - ``attack_topic``: the topic of all its harmful requests (``synth/redteam/attacks.py``); None to read the labels
    - ``jailbreaks``: True where its rows are jailbreak prompts to put requests into, and not requests
    - ``by_name_only``: True where recipes read it only if it is named, as large collections made of other corpora and
      the training parts of benchmarks
    """

    kind: Kind = "training"
    chain_prompt: ChainPrompt | None = None
    instruction_subject: str | None = None
    instruction_subtask: str | None = None
    mix_part: MixPart | None = None
    attack_topic: str | None = None
    jailbreaks: bool = False
    by_name_only: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if held := [split for split in self.files if is_held_out(split)]:
            raise ValueError(f"{self.name}: split {min(held)!r} is held out, expected it in a Benchmark")


@dataclass(frozen=True, kw_only=True)
class Benchmark(Corpus):
    """Rows that only decontamination and evaluation may read.

    - ``evaluated_as``: the name of its items in evaluations, shared by all editions of one set; None for its own name
    - ``evaluated_split``: the split that is scored
    - ``subset_field``: the field of ``meta`` by which scores are grouped, such as the subject
    - ``likelihood_prompt``: a file of ``synth/prompts/evaluation``, the prompt whose continuations are compared
    - ``parts_evaluated_as``: the subsets of it that are a benchmark of their own, by that benchmark's name
    - ``multimedqa``: whether it is part of MultiMedQA's weighted mean
    - ``variant_of``: the benchmark whose questions it asks in another way; decontamination reads that one only
    - ``figures``: further figures that its paper reports (``training/evaluation/paper_figures.py``)
    - ``clips_each``: True where its paper clips every item's rubric score to 0 to 1, and not only the mean
    """

    evaluated_as: str | None = None
    evaluated_split: str = "test"
    subset_field: str | None = None
    likelihood_prompt: str = "choice"
    parts_evaluated_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    multimedqa: bool = False
    variant_of: str | None = None
    figures: tuple[str, ...] = ()
    clips_each: bool = False


HELD_OUT_WORDS = frozenset(
    "test tests testing testset dev devel devset development val valid validate validation valset eval evals "
    "evaluate evaluation heldout holdout hidden".split()
)
"""Names of held-out splits: a publisher's test and validation rows never enter training."""

TRAINING_WORDS = frozenset("train training trainset".split())


def is_held_out(split: str) -> bool:
    """Return whether a split's name, in any spelling, marks rows that must not be trained on."""
    words = _words(split)
    return not HELD_OUT_WORDS.isdisjoint(words) or {"held", "out"} <= words or {"hold", "out"} <= words


def is_training(split: str) -> bool:
    """Return whether a split's name marks training rows."""
    return not is_held_out(split) and not TRAINING_WORDS.isdisjoint(_words(split))


def _words(split: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", split).casefold()))


def held_out(source: Source, name: str, files: Mapping[str, tuple[str, ...]], **changes: Any) -> Benchmark:
    """Return the benchmark that shares everything with ``source`` but its name, its files and ``changes``."""
    shared = {f.name: getattr(source, f.name) for f in fields(Corpus)}
    return Benchmark(**{**shared, "name": name, "files": files, **changes})
