"""Items of the catalog's benchmarks: which editions there are, which rows are scored, and what is left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import orjson

from sources.catalog import BENCHMARKS
from sources.errors import SabilaError
from sources.fetch.mirror import MissingCorpusError
from sources.fields.dates import first_day
from sources.files import RawFile
from sources.read import read
from sources.record import Malformed, Record
from sources.shapes.benchmark_shapes import ABSTAIN, ERROR, NUMBER, PROPOSED, SENTENCES
from sources.shapes.row_shapes import LETTERS
from sources.source import Benchmark
from sources.suggest import did_you_mean
from synth.answers.option_reading import is_decision
from synth.prompting.generators import question_of
from training.evaluation.corpus_rows import corpus_files
from training.evaluation.item_results import Criterion, Item, ItemKind, NumberLimits

SUITE = "multimedqa"
"""The name under which all benchmarks of MultiMedQA's weighted mean are evaluated."""

SAFETY = frozenset({"safety", "preference"})
"""Tasks whose rows have no right answer by this road."""

RUBRICS = "rubrics"
"""The field of ``meta`` with the criteria of a reply."""


class BenchmarkError(SabilaError):
    """A benchmark that cannot be evaluated: unknown, absent, or of a changed schema."""


@dataclass(frozen=True, kw_only=True)
class ItemSet:
    """The items of one benchmark that are scored.

    ``total`` are the items before ``limit``; ``left_out`` counts rows that are no items, by reason. ``files`` are the
    sha256 of the files that were read.
    """

    name: str
    corpus: Benchmark
    revision: str
    files: dict[str, str]
    items: tuple[Item, ...]
    total: int
    left_out: dict[str, int]

    @property
    def hash(self) -> str:
        """Return a hash of the items' content, equal for equal items in this order."""
        parts = [
            [
                *(i.id, i.question, i.context, i.options, i.gold, i.answer, *map(tuple, i.criteria)),
                *([list(i.number)] if i.number else ()),
            ]
            for i in self.items
        ]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def evaluated_name(corpus: Benchmark) -> str:
    """Return the name of a benchmark in evaluations."""
    return corpus.evaluated_as or corpus.name


class Edition(NamedTuple):
    """A corpus that has the items of a benchmark, all of them or those of some subsets."""

    corpus: Benchmark
    subsets: tuple[str, ...] | None = None


def benchmark_names() -> dict[str, list[Edition]]:
    """Return the editions of every benchmark that can be evaluated, by its name: whole corpora first, then parts."""
    editions_by_name: dict[str, list[Edition]] = {}
    corpora = [corpus for corpus in BENCHMARKS.values() if corpus.task not in SAFETY]
    for corpus in corpora:
        editions_by_name.setdefault(evaluated_name(corpus), []).append(Edition(corpus))
    for corpus in corpora:
        for name, subsets in corpus.parts_evaluated_as.items():
            editions_by_name.setdefault(name, []).append(Edition(corpus, subsets))
    return editions_by_name


def expand_names(names: Sequence[str]) -> list[str]:
    """Return the names of benchmarks, ``multimedqa`` replaced by those it consists of, each once.

    A name may end with ``:SUBSET``. Raises ``BenchmarkError`` for an unknown name, with what there is.
    """
    known = benchmark_names()
    expanded: dict[str, None] = {}
    for name in names or (SUITE,):
        if name == SUITE:
            expanded.update(dict.fromkeys(n for n, editions in known.items() if editions[0].corpus.multimedqa))
            continue
        if name.partition(":")[0] not in known:
            hint = did_you_mean(name, [*known, SUITE]) or f", expected one of {', '.join(sorted(known))} or {SUITE}"
            raise BenchmarkError(f"benchmark is {name!r}{hint}")
        expanded[name] = None
    return list(expanded)


def load_items(
    name: str, *, mirror: Path | None, raw: Path, limit: int | None = None, seed: int = 0, after: str | None = None
) -> ItemSet:
    """Return the items of a benchmark from its first edition that is in the mirror, or else on the Hub.

    ``raw`` is the folder for files from the Hub. With ``after`` only items of that date or later are scored; earlier
    ones and those without a date are counted as left out. With ``limit`` a sample: the items with the lowest hash of
    seed and id, so that a smaller limit takes a part of a larger one. Raises ``BenchmarkError`` where no edition is
    available or no row can be read.
    """
    name, _, subset = name.partition(":")
    edition, revision, files = _find_edition(name, mirror, raw)
    corpus = edition.corpus
    left_out: Counter[str] = Counter()
    malformed: list[Malformed] = []
    items = [
        replace(item, benchmark=name)
        for item in _items(corpus, files, after, left_out, malformed)
        if edition.subsets is None or item.subset in edition.subsets
    ]
    if malformed:
        left_out["malformed row"] = len(malformed)
    if not items:
        first = f"; the first error: {malformed[0].error}" if malformed else ""
        counts = ", ".join(f"{reason}: {count:,}" for reason, count in left_out.items()) or "no row"
        raise BenchmarkError(
            f"{name} has no item that can be scored in {', '.join(file.name for file in files)} ({counts}{first}); "
            f"expected rows as {corpus.name} reads them: fetch the files again, or mend its connector"
        )
    several = any(len(item.gold) > 1 for item in items)
    items = [replace(item, several=several) for item in items]
    if subset:
        kept = [item for item in items if item.subset == subset]
        if not kept:
            subsets = sorted({item.subset for item in items if item.subset})
            raise BenchmarkError(
                f"{name} has no subset {subset!r}{did_you_mean(subset, subsets)}: {', '.join(subsets)}"
            )
        name, items = f"{name}:{subset}", [replace(item, benchmark=f"{name}:{subset}") for item in kept]
    total = len(items)
    if limit is not None and limit < len(items):
        chosen = {item.id for item in sorted(items, key=lambda item: _rank(item, seed))[:limit]}
        items = [item for item in items if item.id in chosen]
    hashes = {file.name: file.sha256 for file in files}
    hashes.update({other.name: other.sha256 for file in files for other in file.companions})
    return ItemSet(
        name=name,
        corpus=corpus,
        revision=revision,
        files=hashes,
        items=tuple(items),
        total=total,
        left_out=dict(sorted(left_out.items())),
    )


def _find_edition(name: str, mirror: Path | None, raw: Path) -> tuple[Edition, str, list[RawFile]]:
    """Return the first edition that is available, its revision, and the files of the split that is scored."""
    errors = []
    for edition in benchmark_names()[name]:
        corpus = edition.corpus
        try:
            files, revision = corpus_files(corpus, mirror, raw)
        except MissingCorpusError as error:
            errors.append(str(error))
            continue
        return edition, revision, [file for file in files if file.split == corpus.evaluated_split]
    raise BenchmarkError(f"{name} is not available: {'; '.join(errors)}. Read from a folder with --mirror")


def edition_items(name: str, mirror: Path | None, raw: Path) -> list[tuple[str, str]]:
    """Return (id, question) of all rows of a benchmark of the catalog, none where it is not available."""
    corpus = BENCHMARKS.get(name)
    if corpus is None:
        return []
    try:
        files, _ = corpus_files(corpus, mirror, raw)
    except MissingCorpusError:
        return []
    rows = (row for file in files for row in read(corpus, file))
    return [(row.id, question_of(row)) for row in rows if isinstance(row, Record)]


def _items(
    corpus: Benchmark,
    files: Iterable[RawFile],
    after: str | None,
    left_out: Counter[str],
    malformed: list[Malformed],
) -> Iterator[Item]:
    """Yield the rows of the files that are items, each id once; count the others."""
    seen: set[str] = set()
    for file in files:
        for row in read(corpus, file):
            if isinstance(row, Malformed):
                malformed.append(row)
            elif row.id in seen:
                left_out["repeated id"] += 1
            elif (reason := _no_item(row) or _too_early(row, after)) is not None:
                left_out[reason] += 1
            else:
                seen.add(row.id)
                yield item_of(row, corpus)


def _no_item(row: Record) -> str | None:
    """Return why a row is no item, None if it is one."""
    if len(row.options) > len(LETTERS):
        return f"more than {len(LETTERS)} options"
    if row.options and not row.gold:
        return "no right option published"
    if not row.options and not row.answer and not row.meta.get(RUBRICS) and not row.meta.get(SENTENCES):
        return "no reference answer published"
    if not question_of(row).strip():
        return "empty question"
    return None


def _too_early(row: Record, after: str | None) -> str | None:
    """Return why a row is not of the date ``after`` or later, None if it is or no date is asked for."""
    if after is None:
        return None
    if row.date is None:
        return "no date"
    return None if first_day(row.date) >= first_day(after) else f"before {after}"


def item_of(row: Record, corpus: Benchmark) -> Item:
    """Return the item of a benchmark's row."""
    subset = row.meta.get(corpus.subset_field) if corpus.subset_field else None
    context = row.context or None
    number, error, proposed = row.meta.get(NUMBER), row.meta.get(ERROR), row.meta.get(PROPOSED)
    kind: ItemKind = "choice" if row.options else "open"
    if not row.options and (number or row.meta.get(SENTENCES)):
        kind = "number" if number else "error"
    return Item(
        id=row.id,
        benchmark=evaluated_name(corpus),
        kind=kind,
        task=row.task,
        lang=row.lang,
        question=f"{question_of(row)}\n\nProposed answer: {proposed}" if proposed else question_of(row),
        context=context,
        options=row.options,
        gold=(error["number"],) if error else row.gold,
        answer=row.answer,
        abstain=tuple(row.meta.get(ABSTAIN) or ()),
        number=NumberLimits(number["type"], number["lower"], number["upper"]) if number else None,
        sentences=tuple((place, text) for place, text in row.meta.get(SENTENCES) or ()),
        clipped=corpus.clips_each,
        subset=str(subset) if subset else None,
        conversation=row.messages if len(row.messages) > 1 or row.meta.get(RUBRICS) else (),
        criteria=tuple(
            Criterion(one["criterion"], float(one["points"]), tuple(one["tags"])) for one in row.meta.get(RUBRICS) or ()
        ),
        cluster=hashlib.sha256(context.encode()).hexdigest()[:16] if context else None,
    )


def _rank(item: Item, seed: int) -> str:
    return hashlib.sha256(f"{seed} {item.id}".encode()).hexdigest()


def chance_of(item: Item) -> float | None:
    """Return the chance of a right guess; None without options, or with several right ones."""
    if item.kind != "choice" or len(item.gold) != 1:
        return None
    return 1 / len(item.options)


def has_letters(item: Item) -> bool:
    """Return whether options have letters in prompts; yes, no and maybe do not."""
    return not is_decision(item.options)
