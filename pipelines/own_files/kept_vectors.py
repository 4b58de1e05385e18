"""Vectors of texts, kept in a store: a text that a model has embedded is not embedded again by a verb on files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import polars as pl

from pipelines.build.fingerprint import code_hash, fingerprint, library_versions
from pipelines.build.progress import show_progress
from pipelines.storage.store import VECTOR_FOLDER, StoreError
from quality.embeddings import F32, VECTORS, Embed, as_column, as_matrix, check_one_width, one_vector_each
from sources.atomic import WriteError, write_table
from sources.fields.names import portable_model
from sources.formats.literal import read_parquet
from synth.teachers import embedders

BLOCK = 1024
"""Texts that are embedded and kept at a time: a minute's work of all-MiniLM-L6-v2 on one core."""

KEPT = pl.Schema({"text": pl.Binary(), "vector": VECTORS})
"""A text by its hash, and its vector."""


def keeping_embedder(spec: str, store: Path) -> Embed:
    """Return the embedding model that ``spec`` names (``embedders.embedder``), which embeds only new texts.

    Each block of vectors is kept in ``store`` as soon as it is there, so a call that was interrupted goes on; a store
    that cannot be written is left as it is. The model is loaded at the first new text. Raises ``EmbedderError``,
    ``VectorError``, and ``StoreError`` for a file of vectors that cannot be read.
    """
    folder = store / VECTOR_FOLDER / _folder_name(spec)
    load = cache(lambda: embedders.embedder(spec))

    def embed(texts: Sequence[str]) -> F32:
        hashes = [_hash(text) for text in texts]
        by_hash = dict(zip(hashes, texts, strict=True))
        known = [pl.DataFrame(schema=KEPT), *_kept_vectors(folder, by_hash)]
        absent = set(by_hash).difference(*(part["text"] for part in known))
        new = [one for one in by_hash if one in absent]
        parts = [*known, *_embedded(spec, load, folder, new, by_hash)]
        # Two calls at once may both have embedded a text, in other blocks and so with other last digits.
        vectors = pl.concat(parts).unique("text", keep="first", maintain_order=True)
        check_one_width(vectors["vector"], spec)
        wanted = pl.DataFrame({"text": hashes}, schema={"text": pl.Binary})
        return as_matrix(wanted.join(vectors, on="text", how="left", maintain_order="left")["vector"])

    return embed


def _embedded(
    spec: str, load: Callable[[], Embed], folder: Path, new: Sequence[bytes], texts: dict[bytes, str]
) -> Iterator[pl.DataFrame]:
    """Embed the ``new`` texts, by hash, a block at a time, and yield each block after it is kept in ``folder``."""
    if not new:
        return
    model = load()
    with show_progress(1) as progress:
        progress.started("embed", -(-len(new) // BLOCK))
        for start in range(0, len(new), BLOCK):
            block = new[start : start + BLOCK]
            vectors = one_vector_each(model([texts[one] for one in block]), len(block), spec)
            table = pl.DataFrame({"text": block, "vector": as_column(vectors)}, KEPT)
            with suppress(WriteError):  # the texts are embedded again by the next call, which is slower and not wrong
                write_table(folder / f"{hashlib.sha256(b''.join(block)).hexdigest()[:32]}.parquet", table)
            progress.advanced("embed", len(block))
            yield table


def _kept_vectors(folder: Path, wanted: dict[bytes, str]) -> Iterator[pl.DataFrame]:
    """Yield the kept vectors of ``wanted`` texts, by hash; ``StoreError`` for a file that cannot be read."""
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = read_parquet(path).select(KEPT.names()).cast(KEPT)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"{path} cannot be read ({str(error).splitlines()[0]}), expected kept vectors of texts: remove it, and "
                "they are embedded again"
            ) from error
        yield table.filter(pl.Series([one in wanted for one in table["text"]], dtype=pl.Boolean))


def _folder_name(spec: str) -> str:
    """Return a name for the vectors of a model, which its files, our code and the libraries decide."""
    model = portable_model(spec)
    identity = {
        "model": model,
        "revision": embedders.revision_of(spec),
        "code": code_hash(embedders.sentence_transformer),
        "libraries": library_versions(embedders.sentence_transformer),
    }
    shown = "".join(one if one.isalnum() or one in "-_." else "-" for one in model)
    return f"{shown[-60:].strip('-.')}-{fingerprint(identity)}"


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
