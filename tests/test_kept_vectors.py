"""Vectors that verbs on own files keep: a text is embedded once, also after an interruption."""

import json
from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from embeddings_server import serving

from pipelines.cli.commands import main
from pipelines.own_files import kept_vectors
from pipelines.own_files.kept_vectors import keeping_embedder
from pipelines.storage.store import StoreError
from quality.embeddings import VectorError

TEXTS = [f"Patient {n} has a cough and a fever of {n} degrees." for n in range(10)]


def vector(text):
    """Return a direction that a text alone decides."""
    return [float(len(text)), float(sum(map(ord, text)) % 97), 1.0]


@contextmanager
def model(monkeypatch, block=4, vector=vector):
    """Serve an embedding model and yield its spec, and how many texts it was sent so far."""
    monkeypatch.setattr(kept_vectors, "BLOCK", block)
    with serving(vector) as server:
        yield (
            f"openai:http://127.0.0.1:{server.server_address[1]}/v1#m",
            lambda: sum(texts for *_, texts in server.asked),
        )


def test_a_text_is_embedded_once_by_all_calls(tmp_path, monkeypatch):
    with model(monkeypatch) as (spec, sent):
        first = keeping_embedder(spec, tmp_path)([*TEXTS, TEXTS[0]])
        assert sent() == len(TEXTS)
        assert first.tolist() == [vector(text) for text in [*TEXTS, TEXTS[0]]]
        again = keeping_embedder(spec, tmp_path)([TEXTS[3], "New.", TEXTS[1]])
        assert sent() == len(TEXTS) + 1
        assert again.tolist() == [vector(TEXTS[3]), vector("New."), vector(TEXTS[1])]
    # The server is gone, and nothing is asked of it.
    assert keeping_embedder(spec, tmp_path)(["New."]).tolist() == [vector("New.")]


def test_an_interrupted_call_goes_on_after_the_blocks_that_it_kept(tmp_path, monkeypatch):
    def interrupted(text):
        if text == TEXTS[9]:
            raise ValueError("the server dies")
        return vector(text)

    with model(monkeypatch, vector=interrupted) as (spec, _), pytest.raises(ValueError, match="cannot be reached"):
        keeping_embedder(spec, tmp_path)(TEXTS)
    with model(monkeypatch) as (spec, sent):
        assert keeping_embedder(spec, tmp_path)(TEXTS).tolist() == [vector(text) for text in TEXTS]
        assert sent() == 2  # of ten texts in blocks of four


def test_another_model_has_vectors_of_its_own(tmp_path, monkeypatch):
    with model(monkeypatch) as (spec, sent):
        keeping_embedder(spec, tmp_path)(TEXTS)
        keeping_embedder(f"{spec}-2", tmp_path)(TEXTS)
        assert sent() == 2 * len(TEXTS)
    assert len([*(tmp_path / "vectors").iterdir()]) == 2


def test_vectors_of_two_widths_are_refused(tmp_path, monkeypatch):
    widths = iter([3] * 4 + [2] * 6)
    with (
        model(monkeypatch, vector=lambda text: [1.0] * next(widths)) as (spec, _),
        pytest.raises(VectorError, match=r"vectors of 2 and 3 numbers, expected one width"),
    ):
        keeping_embedder(spec, tmp_path)(TEXTS)


def test_a_store_that_cannot_be_written_is_left_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "store").write_text("a file in its place")
    with model(monkeypatch) as (spec, sent):
        assert keeping_embedder(spec, tmp_path / "store")(TEXTS).tolist() == [vector(text) for text in TEXTS]
        assert sent() == len(TEXTS)


def test_a_damaged_file_of_vectors_is_named(tmp_path, monkeypatch):
    with model(monkeypatch) as (spec, _):
        keeping_embedder(spec, tmp_path)(TEXTS)
        path = min(tmp_path.rglob("*.parquet"))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(StoreError, match=f"{path.name} cannot be read .*remove it, and they are embedded again"):
            keeping_embedder(spec, tmp_path)(TEXTS)
        path.unlink()
        assert keeping_embedder(spec, tmp_path)(TEXTS).tolist() == [vector(text) for text in TEXTS]


def test_no_texts_have_no_vectors(tmp_path):
    assert keeping_embedder("nofolder/x", tmp_path)([]).shape == (0, 0)


def call(*arguments):
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def test_verbs_on_own_files_share_the_vectors_of_a_store(tmp_path, monkeypatch):
    rows = [{"text": text, "score": n} for n, text in enumerate(TEXTS)]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = ("--store", tmp_path / "store")
    with model(monkeypatch) as (spec, sent):
        for out in ("1", "2"):
            call("dedup", file, "--out", tmp_path / out, "--semantic", f"{spec}@1", *store)
            assert sent() == len(TEXTS)
        assert pl.read_parquet(tmp_path / "1/kept.parquet").equals(pl.read_parquet(tmp_path / "2/kept.parquet"))
        bench = tmp_path / "bench.jsonl"
        question = "Which antipyretic drug should a paediatrician avoid in a feverish infant with varicella?"
        bench.write_text(json.dumps({"question": question}) + "\n")
        for out in ("3", "4"):
            more = ("--against", bench, "--text-column", "text", "--embedder", f"{spec}@1")
            call("decontaminate", file, "--out", tmp_path / out, *more, *store)
            # All that is new is the question of the benchmark: its rows were embedded above.
            assert sent() == len(TEXTS) + 1
        call("select", file, "--question-column", "text", "--by", "score", "--rows", 2, "--out", tmp_path / "5",
             "--embedder", f"{spec}@1", *store)  # fmt: skip
    assert np.isin(pl.read_parquet(tmp_path / "5/kept.parquet")["score"], [8, 9]).all()
