"""Embedding models in a build: each shard and each benchmark is embedded once, whatever ends or follows a build."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tiny_recipe import EMBEDDED, build, tree, write_mirror, write_recipe

from quality.embeddings import VectorError
from synth.judges import leak_step, semantic_step
from synth.judges.semantic_step import semantic_config, semantic_duplicate_records

RECIPE = EMBEDDED.replace("MODEL", "toy@0.8")
FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
FEVER, VACCINE = [1.0, 0.0, 0.1], [0.0, 1.0, 0.1]


@pytest.fixture
def embedded(monkeypatch):
    """The texts that were embedded, in order; those on fever are alike, those on vaccines, and those on neither."""
    texts = []

    def embed(batch):
        texts.extend(batch)
        return np.array([FEVER if "fever" in text else VACCINE if "vaccine" in text else [0, 0, 1] for text in batch])

    monkeypatch.setattr(semantic_step, "loaded_embedder", lambda spec: embed)
    return texts


@pytest.fixture
def place(tmp_path, monkeypatch):
    assert "by_model" in RECIPE and "toy@0.8" in RECIPE
    write_recipe(tmp_path, RECIPE)
    write_mirror(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def built(place, store="store", **values):
    return build(place / "tiny.py", place / store, place / "mirror", relock=True, **values)


def dropped(store):
    tables = [pl.read_parquet(path) for path in store.glob("steps/semantic-*/dropped/*.parquet")]
    return pl.concat(tables)["id"].sort().to_list()


def test_a_row_that_restates_another_is_dropped(place, embedded):
    built(place)
    assert dropped(place / "store") == ["ward:w1", "ward:w2"]


def test_a_new_source_embeds_its_own_rows_alone_and_gives_what_one_build_gives(place, embedded):
    built(place)
    before = len(embedded)
    built(place, corpora=("clinic", "ward", "school"))
    assert [text.split("\n")[0] for text in embedded[before:]] == ["What do the lungs do?"]
    built(place, "anew", corpora=("clinic", "ward", "school"))
    anew, grown = tree(place / "anew"), tree(place / "store")
    assert all(grown[path] == content for path, content in anew.items())


def test_a_build_that_ends_while_it_embeds_goes_on_with_the_shard_that_is_missing(place, embedded, monkeypatch):
    def ends(spec):
        def embed(texts):
            if any("drip" in text for text in texts):
                raise VectorError("the model's server ended")
            return np.eye(len(texts), 3)

        return embed

    with monkeypatch.context() as patch:
        patch.setattr(semantic_step, "loaded_embedder", ends)
        with pytest.raises(VectorError, match="server ended"):
            built(place)
    assert not embedded
    built(place)
    assert any("drip" in text for text in embedded) and not any("cold" in text for text in embedded)


def vectors(ids, *rows):
    table = {"id": ids, "text": ids, "subject": ids, "must_match": ["", ""]}
    return pl.DataFrame(table).with_columns(vector=pl.Series(rows, dtype=pl.List(pl.Float32)))


def test_shards_with_vectors_of_two_widths_are_refused_with_the_model():
    shards = [vectors(["a", "b"], [1, 0], [0, 1]), vectors(["c", "d"], [1, 0, 0], [0, 1, 0])]
    with pytest.raises(VectorError, match="toy gave vectors of 2 and 3 numbers, expected one width"):
        semantic_duplicate_records(lambda: iter(shards), semantic_config("toy@0.8", ()))


def test_a_model_that_leaves_a_text_out_is_refused(place, embedded, monkeypatch):
    monkeypatch.setattr(semantic_step, "loaded_embedder", lambda spec: lambda texts: np.ones((len(texts) - 1, 3)))
    with pytest.raises(VectorError, match=r"toy gave shape \(\d+, 3\) for \d+ texts, expected a row each"):
        built(place)


# --- vectors of benchmark items


@pytest.fixture
def leaks_built(tmp_path, monkeypatch):
    """A function that builds the set of some sources with an embedder, and returns the texts that were embedded."""
    monkeypatch.chdir(tmp_path)

    def built(*sources, spec):
        texts = []

        def embed(batch):
            texts.extend(batch)
            return np.array([[len(text), text.count("e"), 1.0] for text in batch])

        monkeypatch.setattr(leak_step, "loaded_embedder", lambda spec: embed)
        leak_step._with_vectors.cache_clear()
        build("aloe_sft", tmp_path / "store", FIXTURES, sources=sources, leak_embedder=spec)
        return texts

    return built


def test_benchmark_items_are_embedded_by_the_first_build_alone(leaks_built, tmp_path):
    first = leaks_built("medquad", spec="toy@0.99")
    items = {text for path in tmp_path.glob("store/memory/leaks-*/*.parquet") for text in pl.read_parquet(path)["text"]}
    assert len(items) > 50 and items <= set(first)
    second = leaks_built("medquad", "rqe", spec="toy@0.995")
    assert second and not items & set(second)


def test_a_text_has_its_kept_vector_and_others_are_embedded(tmp_path, monkeypatch):
    kept = pl.DataFrame({"text": ["a bee"], "vector": pl.Series([[0.5, 0.75]], dtype=pl.List(pl.Float32))})
    kept.write_parquet(tmp_path / "kept.parquet")
    monkeypatch.setattr(leak_step, "loaded_embedder", lambda spec: lambda texts: [[1, len(text)] for text in texts])
    embed = leak_step._with_vectors("toy", (tmp_path / "kept.parquet",))
    assert embed(["a wasp", "a bee", "an ant"]).tolist() == [[1, 6], [0.5, 0.75], [1, 6]]
    monkeypatch.setattr(leak_step, "loaded_embedder", lambda spec: lambda texts: [[1, 2, 3] for _ in texts])
    with pytest.raises(VectorError, match="toy gave vectors of 3 numbers, and of 2 when it embedded the benchmarks"):
        embed(["a bee", "an ant"])
