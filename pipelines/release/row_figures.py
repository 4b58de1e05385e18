"""Figures of the data of a release: rows, tokens, lengths, licences, chains and pairs.

Everything here is counted from ``data/`` alone, so that anyone with the release can recount it. A text column is read
once, fifty thousand rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from pipelines.release.assigned_splits import split_names, split_of_file
from pipelines.release.data_files import KINDS, RECORD_PARTS, ROWS_PER_GROUP, SCHEMAS, Part, configs
from pipelines.release.open_release import same_type
from quality.splits import TRAIN
from sources.fields.json_model import Values
from sources.license import parts
from sources.releases.figures_model import (
    ChainFigures,
    ConfigSize,
    LanguageGroup,
    LengthBias,
    LicenseRows,
    OriginRows,
    PairFigures,
    RowCounts,
    RowFigures,
    SourceGroup,
    SplitSize,
    TaskGroup,
    TokenSpread,
    TokenTotals,
)
from sources.releases.read_manifest import ReleaseError
from synth.preferences.pair_rows import length_bias_of
from synth.teachers.token_counts import CHARACTERS_PER_TOKEN, estimate_tokens

SHOWN_DIGITS = 6
"""Digits kept of a share or a mean, so that another order of summation gives the same figure."""

FIELDS = {"prompt": "messages", "response": "response", "rejected": "rejected"}
"""The measured texts of a record, by their name in figures."""

LABELS = ("source", "license", "task", "lang")

READ = frozenset({*LABELS, "meta", *(part.column for parts in RECORD_PARTS.values() for part in parts.values())})
"""Columns used for figures; other columns of a file may be untrusted."""

FACTS = pl.Schema(
    {
        "chain": pl.String,
        "pass_rate": pl.Float64,
        "samples": pl.Int64,
        "teacher": pl.String,
        "pair": pl.String,
        "margin": pl.Float64,
    }
)
"""Fields of ``meta``: the chain's origin, how often its teacher was right, the pair's origin and its margin."""


def row_figures(folder: Path) -> RowFigures:
    """Return the figures of the rows of a release, by subject: counts, lengths, chains and pairs."""
    rows, sizes = _measured(folder)
    kinds = [kind for kind in KINDS if kind in rows["kind"].cast(pl.String).unique()]
    return RowFigures(
        rows=RowCounts(all=rows.height, **{kind: rows.filter(kind=kind).height for kind in kinds}),
        configs=_configs(folder, sizes),
        tokens=TokenTotals(characters_per_token=CHARACTERS_PER_TOKEN, **_sums(rows)),
        lengths={kind: _lengths(rows.filter(kind=kind)) for kind in kinds},
        by_source=[SourceGroup(**group) for group in _by(rows, "kind", "source", "license")],
        by_task=[TaskGroup(**group) for group in _by(rows, "task")],
        by_language=[LanguageGroup(**group) for group in _by(rows, "lang")],
        by_license=_by_license(rows),
        chains=_chains(rows),
        pairs=_pairs(rows),
    )


Sizes = dict[tuple[str, str], dict[str, int]]

EMPTY = {"rows": 0, "bytes": 0, "download_bytes": 0}
"""Figures of a configuration: ``bytes`` is its size in memory, ``num_bytes`` on the Hub."""


# --- one pass over the data ----------------------------------------------------------------------------------------


def _measured(folder: Path) -> tuple[pl.DataFrame, Sizes]:
    """Return a row of numbers for every row, and rows and bytes by ``<kind>-<source>`` and split."""
    tables: list[pl.DataFrame] = []
    sizes: Sizes = {}
    for path in sorted((folder / "data").glob("*/*/*.parquet")):
        kind, source = path.parts[-3:-1]
        size = sizes.setdefault((f"{kind}-{source}", split_of_file(path.name)), dict(EMPTY))
        size["download_bytes"] += path.stat().st_size
        for rows, in_memory in _batches(path):
            size["rows"] += rows.height
            size["bytes"] += in_memory
            tables.append(_numbers(rows, kind))
    return pl.concat(tables), sizes


def _batches(path: Path) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield the rows of a file in parts, with their size in Arrow (``num_bytes`` on the Hub)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    expected = SCHEMAS[path.parts[-3]]
    with pq.ParquetFile(path) as file:
        for name in set(file.schema_arrow.names) & READ & set(expected.names):
            if not same_type(actual := file.schema_arrow.field(name).type, expected.field(name).type):
                raise ReleaseError(f"{path}: column {name} is {actual}, expected {expected.field(name).type}")
        for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
            names = [name for name in batch.schema.names if name in READ and name in expected.names]
            read = pa.Table.from_batches([batch.select(names)])
            # The names of fields inside lists may be invalid text; the cast replaces them.
            clean = read.cast(pa.schema([expected.field(name) for name in names]))
            yield pl.DataFrame(pl.from_arrow(clean)), batch.nbytes


def _numbers(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    columns = RECORD_PARTS[kind]
    chars = {f"{name}_chars": _chars(columns.get(field)) for name, field in FIELDS.items()}
    measured = rows.select(pl.lit(kind).alias("kind"), *LABELS, **chars)
    facts = pl.DataFrame([_facts(meta) for meta in rows["meta"]], FACTS, orient="row")
    labels = [pl.col(name).cast(pl.Categorical) for name in ("kind", *LABELS)]
    return measured.with_columns(labels).hstack(facts)


def _chars(part: Part | None) -> pl.Expr:
    """Return the characters of some turns of a column; 0 for a field that the kind of file lacks."""
    if part is None:
        return pl.lit(0, pl.Int64)
    turns = pl.col(part.column).list.eval(pl.element().struct.field("content").str.len_chars())
    every, last = turns.list.sum().cast(pl.Int64), turns.list.last().cast(pl.Int64)
    return {"all": every, "all but last": every - last, "last": last}[part.turns]


NO_FACTS = (None,) * len(FACTS)


def _facts(meta: str) -> tuple[Any, ...]:
    if '"cot"' not in meta and '"pair"' not in meta:
        return NO_FACTS
    counted = orjson.loads(meta)
    chain, pair = counted.get("cot") or {}, counted.get("pair") or {}
    rates = (chain.get("pass_rate"), chain.get("samples"), chain.get("teacher"))
    return chain.get("origin"), *rates, pair.get("origin"), pair.get("margin")


# --- figures -------------------------------------------------------------------------------------------------------


def _tokens(name: str) -> pl.Expr:
    """Return the estimated tokens of each row's text."""
    return estimate_tokens(pl.col(f"{name}_chars"))


SUMS = [_tokens(name).sum().alias(name) for name in ("prompt", "response", "rejected")]


def _sums(rows: pl.DataFrame) -> dict[str, int]:
    sums: dict[str, int] = rows.select(SUMS).row(0, named=True)
    return {**sums, "all": sum(sums.values())}


def _by(rows: pl.DataFrame, *names: str) -> list[dict[str, Any]]:
    """Return rows and tokens by some labels, most rows first."""
    counts = rows.group_by(names).agg(pl.len().alias("rows"), *SUMS).with_columns(pl.col(names).cast(pl.String))
    with_shares = counts.with_columns(
        tokens=pl.sum_horizontal("prompt", "response", "rejected"), share=(pl.col("rows") / rows.height)
    )
    shown = with_shares.select(
        *names, "rows", pl.col("share").round(SHOWN_DIGITS), "tokens", "prompt", "response", "rejected"
    )
    return shown.sort(pl.col("rows"), *names, descending=[True, *(False for _ in names)]).to_dicts()


def _by_license(rows: pl.DataFrame) -> list[LicenseRows]:
    """Return the number of rows under each single licence; a row under several counts for each."""
    counted: dict[str, int] = {}
    for expression, number in rows.group_by(pl.col("license").cast(pl.String)).len().iter_rows():
        for id in parts(expression):
            counted[id] = counted.get(id, 0) + number
    ordered = sorted(counted.items(), key=lambda x: (-x[1], x[0]))
    return [LicenseRows(license=id, rows=number) for id, number in ordered]


def _lengths(rows: pl.DataFrame) -> dict[str, TokenSpread]:
    """Return the spread of estimated tokens of prompt, response and rejected answer."""
    return {
        name: TokenSpread(
            **rows.select(
                least=_tokens(name).min(),
                median=_tokens(name).quantile(0.5, "nearest").cast(pl.Int64),
                p95=_tokens(name).quantile(0.95, "nearest").cast(pl.Int64),
                most=_tokens(name).max(),
            ).row(0, named=True)
        )
        for name in ("prompt", "response", "rejected")
        if rows[f"{name}_chars"].max()
    }


def _chains(rows: pl.DataFrame) -> list[ChainFigures]:
    """Return, for each teacher and prompt form, the number of rows with its chains, and the share of right ones."""
    by_teacher = rows.filter(pl.col("chain").is_not_null()).group_by("teacher", "chain")
    counted = by_teacher.agg(
        pl.len().alias("rows"), samples=pl.col("samples").sum(), pass_rate=pl.col("pass_rate").mean()
    )
    ordered = counted.with_columns(pl.col("pass_rate").round(SHOWN_DIGITS)).sort("teacher", "chain")
    return [ChainFigures(**chain) for chain in ordered.to_dicts()]


def _pairs(rows: pl.DataFrame) -> PairFigures | None:
    """Return the origins of the pairs, and whether the longer text tends to be the chosen one."""
    pairs = rows.filter(kind="dpo")
    if pairs.is_empty():
        return None
    lengths = pairs.select("margin", chosen_chars="response_chars", rejected_chars="rejected_chars")
    origins = pairs.group_by(origin=pl.col("pair").fill_null("source")).agg(rows=pl.len()).sort("origin")
    bias = length_bias_of(lengths)
    return PairFigures(
        origins=[OriginRows(**origin) for origin in origins.to_dicts()],
        length_bias=LengthBias.of({name: rounded(value) for name, value in bias.items()}),
    )


def rounded(value: Any) -> Any:
    """Return a float with ``SHOWN_DIGITS`` digits, anything else as it is."""
    return round(value, SHOWN_DIGITS) if isinstance(value, float) else value


def _configs(folder: Path, sizes: Sizes) -> list[ConfigSize]:
    """Return rows, bytes in memory and bytes to download of each configuration, the default one first."""
    counted = []
    several = {split for _, split in sizes} != {TRAIN}
    for name in configs(folder):
        of_config = {
            key: size
            for key, size in sizes.items()
            if key[0] == name or (name in KINDS and key[0].startswith(f"{name}-"))
        }
        totals: Values = {field: sum(size[field] for size in of_config.values()) for field in EMPTY}
        splits = [
            SplitSize(
                split=split,
                rows=sum(size["rows"] for (_, one), size in of_config.items() if one == split),
                bytes=sum(size["bytes"] for (_, one), size in of_config.items() if one == split),
            )
            for split in split_names({split for _, split in of_config})
        ]
        counted.append(ConfigSize(config=name, **totals, **(Values(splits=splits) if several else {})))
    return counted
