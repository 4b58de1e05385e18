"""The data files of a release: one folder per source, in the formats that trainers read unchanged.

A row with a rejected answer is a preference pair (``dpo``), one with a response a conversation (``sft``), one with
neither a prompt (``prompts``). Pages are cut by content and files by source, so that a small change uploads few bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from quality.splits import TRAIN
from sources.atomic import replacing, writing
from sources.formats.literal import read_parquet, scan_parquet
from sources.license import joint
from sources.releases.read_manifest import ReleaseError
from sources.table import SCHEMA

KINDS = ("sft", "dpo", "prompts")

ROWS_PER_FILE = 500_000
ROWS_PER_GROUP = 50_000

CHUNKS = {"min_chunk_size": 128 * 1024, "max_chunk_size": 512 * 1024, "norm_level": 0}
"""Sizes of content-defined pages in bytes before compression, half of pyarrow's, to upload less around a change."""

REPEATED = ["source", "license", "task", "lang", "split", "file", "date"]
"""Columns kept as a dictionary. Text has none: a dictionary would put all of it in one piece, new with every edit."""

_CHAT = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_TEXTS = ("id", "source", "license", "task", "lang", "split", "file")
_BEFORE = [*((name, pa.string()) for name in _TEXTS), ("line", pa.int64()), ("date", pa.string())]
_AFTER = [
    ("context", pa.string()),
    ("options", pa.list_(pa.string())),
    ("gold", pa.list_(pa.int32())),
    ("answer", pa.string()),
    ("rationale", pa.string()),
    ("meta", pa.string()),
]


class Part(NamedTuple):
    """The turns of a published chat column that correspond to one field of a record."""

    column: str
    turns: Literal["all", "all but last", "last"]


RECORD_PARTS = {
    "sft": {"messages": Part("messages", "all but last"), "response": Part("messages", "last")},
    "dpo": {
        "messages": Part("prompt", "all"),
        "response": Part("chosen", "last"),
        "rejected": Part("rejected", "last"),
    },
    "prompts": {"messages": Part("messages", "all")},
}
"""Chat columns of each kind of file, with the record fields they contain, in the order of the columns.

Writing, reading, figures and diff all follow this table. Any other field of a record is a column of its own.
"""

_CHATS = {kind: list(dict.fromkeys(part.column for part in parts.values())) for kind, parts in RECORD_PARTS.items()}

SCHEMAS = {kind: pa.schema([*_BEFORE, *((name, _CHAT) for name in chats), *_AFTER]) for kind, chats in _CHATS.items()}
"""The columns of each kind of file: a record with its turns joined in the form that TRL's trainers read."""

_KIND = (
    pl.when(pl.col("rejected").is_not_null())
    .then(pl.lit("dpo"))
    .when(pl.col("response").is_not_null())
    .then(pl.lit("sft"))
    .otherwise(pl.lit("prompts"))
)


def write_data(shards: list[Path], folder: Path, splits: pl.DataFrame | None = None) -> None:
    """Write the rows of ``shards`` as ``data/<kind>/<source>/<split>-….parquet`` in ``folder``, in their order.

    ``splits`` has ``id`` and ``split`` of the rows that are not for training; without it all files are ``train-…``.
    """
    parts = _parts(shards, splits)
    for kind, source, split in parts.select("kind", "source", "split").unique().sort(pl.all()).iter_rows():
        mine = parts.filter(kind=kind, source=source, split=split)
        with writing(folder):
            (place := folder / "data" / kind / source).mkdir(parents=True, exist_ok=True)
        files = -(-int(mine["len"].sum()) // ROWS_PER_FILE)
        rows = _rows([shards[n] for n in mine["shard"]], kind, source, split, splits)
        for n in range(files):
            _write_file(place / f"{split}-{n:05}-of-{files:05}.parquet", rows, SCHEMAS[kind])


def _parts(shards: list[Path], splits: pl.DataFrame | None) -> pl.DataFrame:
    """Return the number of rows of each kind, source and split in each shard."""
    keys = (_KIND.alias("kind"), "source", pl.col("_split").alias("split"))
    counts = [
        _with_split(scan_parquet(path), splits).group_by(keys).agg(pl.len()).collect().with_columns(shard=pl.lit(n))
        for n, path in enumerate(shards)
    ]
    return pl.concat(counts).sort("shard", "kind", "source", "split")


def _with_split(rows: pl.LazyFrame, splits: pl.DataFrame | None) -> pl.LazyFrame:
    """Return rows with the split of their file as ``_split``."""
    if splits is None:
        return rows.with_columns(_split=pl.lit(TRAIN))
    named = splits.lazy().rename({"split": "_split"})
    return rows.join(named, on="id", how="left", maintain_order="left").with_columns(pl.col("_split").fill_null(TRAIN))


def _rows(shards: list[Path], kind: str, source: str, split: str, splits: pl.DataFrame | None) -> Iterator[pa.Table]:
    """Yield the rows of one set of files, ``ROWS_PER_GROUP`` at a time, whatever the size of shards."""
    buffer = pl.DataFrame()
    for path in shards:
        mine = read_parquet(path).filter(_KIND == kind, source=source)
        fresh = _with_split(mine.lazy(), splits).filter(_split=split).drop("_split").collect()
        buffer = buffer.vstack(fresh) if buffer.height else fresh
        while buffer.height >= ROWS_PER_GROUP:
            yield _published(buffer.head(ROWS_PER_GROUP), kind)
            buffer = buffer.slice(ROWS_PER_GROUP)
    if buffer.height:
        yield _published(buffer, kind)


def _published(rows: pl.DataFrame, kind: str) -> pa.Table:
    """Return records as the columns of a kind of file."""
    chats: dict[str, list[pl.Expr]] = {}
    for field, part in RECORD_PARTS[kind].items():
        answer = pl.concat_list(pl.struct(role=pl.lit("assistant"), content=pl.col(field)))
        chats.setdefault(part.column, []).append(answer if part.turns == "last" else pl.col(field))
    columns = [pl.concat_list(turns).alias(name) for name, turns in chats.items()]
    table = rows.with_columns(columns).select(SCHEMAS[kind].names)
    return table.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SCHEMAS[kind])


def _write_file(path: Path, groups: Iterator[pa.Table], schema: pa.Schema) -> None:
    """Write the next ``ROWS_PER_FILE`` rows."""
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression="zstd", use_content_defined_chunking=CHUNKS, use_dictionary=_repeated(schema)
        ) as file,
    ):
        for _ in range(ROWS_PER_FILE // ROWS_PER_GROUP):
            if (group := next(groups, None)) is None:
                return
            file.write_table(group, row_group_size=ROWS_PER_GROUP)


def _repeated(schema: pa.Schema) -> list[str]:
    chats = [field.name for field in schema if field.type == _CHAT]
    return [*REPEATED, *(f"{name}.list.element.role" for name in chats)]


def scan(folder: Path, split: str = "") -> pl.LazyFrame:
    """Return the rows of a release as records, the columns of ``sources.table.SCHEMA``, kind by kind and by source.

    With a split only its rows.
    """
    files = f"{split and f'{split}-'}*.parquet"
    kinds = [kind for kind in KINDS if any(folder.glob(f"data/{kind}/*/{files}"))]
    if not kinds:
        what = f"rows of the split {split}" if split else "rows"
        raise ReleaseError(f"{folder} holds no {what}, expected data/KIND/SOURCE/{files}; sabila verify checks it")
    return pl.concat(
        scan_parquet(sorted(folder.glob(f"data/{kind}/*/{files}")))
        .with_columns(**record_fields(kind))
        .select(SCHEMA.names())
        for kind in kinds
    )


def record_fields(kind: str) -> dict[str, pl.Expr]:
    """Return the prompt and the answers of a record as expressions over the columns of a kind of file."""
    fields = {name: pl.lit(None, pl.String) for name in ("response", "rejected")}
    for field, part in RECORD_PARTS[kind].items():
        turns = pl.col(part.column)
        fields[field] = {
            "all": turns,
            "all but last": turns.list.head(turns.list.len() - 1),
            "last": turns.list.last().struct.field("content"),
        }[part.turns]
    return fields


def configs(folder: Path) -> dict[str, str]:
    """Return the configurations of a release for ``datasets``: name to file pattern, the default first.

    ``sft``, ``dpo`` and ``prompts`` are all rows of a kind, ``sft-medqa`` those of one source.
    """
    kinds = [kind for kind in KINDS if (folder / "data" / kind).is_dir()]
    sources = [(kind, place.name) for kind in kinds for place in sorted((folder / "data" / kind).iterdir())]
    names = [*kinds, *(f"{kind}-{source}" for kind, source in sources)]
    return {name: config_pattern(name) for name in names}


def config_pattern(config: str, split: str = "") -> str:
    """Return the pattern of the files of a configuration: ``data/sft/medqa/*.parquet`` of ``sft-medqa``.

    With a split it is that of the files of one split.
    """
    kind, _, source = config.partition("-")
    return f"data/{kind}/{source or '*'}/{split and f'{split}-'}*.parquet"


def license_of(folder: Path) -> str:
    """Return the licence that holds for all rows of a release together."""
    return joint(scan(folder).select(pl.col("license").unique()).collect()["license"])
