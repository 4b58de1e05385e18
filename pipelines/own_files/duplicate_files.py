"""Near-duplicates in any files, by words and, if a model is named, by meaning: read, decide, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.own_files.file_tables import (
    FileAccount,
    TableError,
    refuse_overwriting,
    refuse_result,
    scan,
    text_columns,
    write_rows,
)
from pipelines.storage.stored_step import height
from quality.duplicates.near_duplicates import Deduplicated, deduplicate, free_column, part_rows, text_batches
from quality.duplicates.near_settings import NearRules
from quality.duplicates.signatures import TEXT_COLUMNS
from quality.scratch import Scratch, limit_bytes, using
from sources.atomic import remove_leftovers, write_table

if TYPE_CHECKING:
    from quality.duplicates.semantic import Semantic
    from quality.embeddings import Embed

OUTPUTS = ("kept.parquet", "dropped.parquet", "clusters.parquet")


def dedup(
    files: Sequence[Path],
    out: Path,
    *,
    text: Sequence[str],
    id: str | None,
    rules: NearRules,
    threads: int | None,
    memory: float | None = None,
    semantic: Semantic | None = None,
    store: Path = Path("store"),
    overwrite: bool = False,
) -> FileAccount:
    """Split the rows of ``files`` into kept, dropped and clusters, one parquet file each in ``out``; return the
    account.

    A dropped row has the reason, the most similar kept row, and the similarity. A row without an id is named by its
    number over all files in order, from 0. Signatures fill ``memory`` gigabytes, by default a quarter of the machine's,
    before they are in files in ``out``. Kept rows are also compared by meaning where ``semantic`` names a model, whose
    vectors are kept in ``store``.
    Raises ``TableError``, before anything is written, for an output that is an input, an earlier result in ``out``
    unless ``overwrite``, a missing column, and a null or repeated id.
    """
    refuse_overwriting(files, [out / name for name in OUTPUTS])
    refuse_result(out, overwrite=overwrite)
    rows = scan(files)
    columns = text_columns(rows, text)
    try:
        with using(Scratch(folder=out, limit=limit_bytes(memory))):
            result = deduplicate(rows, text=columns, id=id, rules=rules, threads=threads)
    except ValueError as error:
        raise TableError(f"{error}{f' (--id-column {id})' if id else ''}") from error
    remove_leftovers(out)
    account: FileAccount = {}
    clusters = result.found.clusters
    if semantic:
        from pipelines.own_files.kept_vectors import keeping_embedder

        by_words = len(result.others)
        embed = keeping_embedder(semantic.model, store)
        result, more = by_meaning(rows, result, columns, id, semantic, embed)
        clusters = pl.concat([clusters, more])
        account = {"by_words": by_words, "by_meaning": len(result.others) - by_words}
    (out / OUTPUTS[0]).unlink(missing_ok=True)  # of an earlier call, whose other files are replaced from here on
    write_rows(result.dropped, out / OUTPUTS[1])
    write_table(out / OUTPUTS[2], clusters)
    write_rows(result.kept, out / OUTPUTS[0])
    kept, dropped = height([out / OUTPUTS[0]]), height([out / OUTPUTS[1]])
    return {
        "rows": kept + dropped,
        "kept": kept,
        "dropped": dropped,
        **account,
        "clusters": clusters["representative"].n_unique(),
        "buckets_cut": result.found.cut,
        "folder": str(out),
    }


def by_meaning(
    rows: pl.LazyFrame, result: Deduplicated, text: Sequence[str], id: str | None, semantic: Semantic, embed: Embed
) -> tuple[Deduplicated, pl.DataFrame]:
    """Split the rows again, dropping those with the same meaning, and return their clusters.

    The row whose id, or number, is first is kept. Rows without a text are not compared, as by words. All texts are in
    memory.
    """
    from quality.duplicates.semantic import drops
    from quality.duplicates.semantic_guard import guarded_duplicates

    columns = rows.collect_schema().names()
    name = id or free_column("row", columns)
    numbered = rows if id else rows.with_row_index(name)
    read = pl.concat(text_batches(numbered, text, name))
    has_text = pl.col("text").str.strip_chars() != ""
    left = read.filter(~pl.col("id").is_in(result.others["id"].implode()), has_text)
    absent = [pl.lit("").alias(column) for column in TEXT_COLUMNS if column not in left.columns]
    texts = left.with_columns(absent).with_columns(pl.col(TEXT_COLUMNS).fill_null(""))
    ranked = texts.with_columns(rank=pl.col("id").rank("ordinal"), id=pl.col("id").cast(pl.String))
    vectors = embed(ranked["text"].to_list())
    same = guarded_duplicates(ranked, vectors, semantic, order=("rank",)).clusters
    other = pl.when(pl.col("id") != pl.col("representative")).then("representative").alias("duplicate_of")
    shown = same.select("id", "representative", other, "similarity")
    kind = pl.col("id", "representative", "duplicate_of").cast(read.schema["id"])
    verdicts = drops(same, semantic).rename({"drop_reason": "reason"}).join(shown, on="id").with_columns(kind)
    others = pl.concat([result.others, verdicts.select(result.others.columns)])
    clusters = shown.with_columns(kind, similarity=pl.when(pl.col("duplicate_of").is_not_null()).then("similarity"))
    return part_rows(numbered, others, columns, name, id, result.found), clusters
