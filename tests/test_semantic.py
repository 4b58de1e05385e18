"""Semantic duplicates: which row is kept for which; texts embedded once; the embedding models."""

import logging
import math

import numpy as np
import polars as pl
import pytest
from embeddings_server import serving
from pydantic import ValidationError

from quality.duplicates.cosine_bounds import Bounds, bounds_for, slack
from quality.duplicates.cosine_kernels import KEPT, OVER, lengths
from quality.duplicates.leaders import leaders, neighbours
from quality.duplicates.semantic import Semantic, drops, duplicates
from synth.teachers.embedders import EmbedderError, embedder, server_embedder

SEMANTIC = Semantic(model="toy@1", threshold=0.9)


def at_degrees(*angles):
    """Return unit vectors in the plane."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def ranked(ids, ranks):
    return pl.DataFrame({"id": ids, "rank": ranks})


def crowd(rows, size, seed=0):
    """Return vectors like embeddings: close to a few axes, in groups of near-duplicates."""
    draw = np.random.default_rng(seed)
    families = draw.standard_normal((rows // 3, size)) * np.linspace(2, 0.2, size)
    jitter = draw.standard_normal((rows, size)) * draw.choice([0.02, 0.2, 0.5], (rows, 1))
    return (families[draw.integers(0, len(families), rows)] + jitter).astype(np.float32)


def all_cosines(x, y):
    unit = [v.astype(np.float64) / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True) for v in (x, y)]
    return np.floor(unit[0] @ unit[1].T * 1e6 + 0.5) / 1e6


def greedy(vectors, order, threshold):
    """Return what ``leaders`` must return, computed one pair at a time."""
    cosines, leader, best, kept = all_cosines(vectors, vectors), np.full(len(vectors), OVER), {}, []
    for row in order:
        near = cosines[row, kept]
        if near.size and near.max() >= threshold:
            leader[row], best[row] = kept[near.argmax()], near.max()
        else:
            leader[row] = KEPT
            kept.append(row)
    return leader, np.array([best.get(row, math.nan) for row in range(len(vectors))])


# --- clusters


def test_a_row_is_dropped_for_the_row_it_resembles_most_among_those_that_stay():
    result = duplicates(ranked(list("abcd"), [1, 2, 3, 4]), at_degrees(0, 40, 24, 90), SEMANTIC, ["rank"])
    assert result.clusters.rows() == [("b", "b", 1.0), ("c", "b", pytest.approx(math.cos(math.radians(16)), abs=1e-6))]
    assert drops(result.clusters, SEMANTIC).rows() == [
        ("c", "semantic_duplicate", '{"duplicate_of": "b", "similarity": 0.961262, "threshold": 0.9, "model": "toy@1"}')
    ]


def test_a_chain_of_similar_rows_does_not_join_its_dissimilar_ends():
    # 20 degrees is similar, 40 is not: the row in the middle goes to the better one, the far end stays.
    rows = ranked(["first", "middle", "far"], [1, 2, 3])
    result = duplicates(rows, at_degrees(0, 20, 40), SEMANTIC, ["rank"])
    assert result.clusters["id"].to_list() == ["first", "middle"]
    # Unless the middle ranks first: then both ends are directly similar to it.
    rows = ranked(["end", "middle", "far"], [2, 1, 3])
    result = duplicates(rows, at_degrees(0, 20, 40), SEMANTIC, ["rank"])
    assert set(result.clusters["representative"]) == {"middle"}
    assert len(result.clusters) == 3


def test_ties_of_the_keep_policy_go_by_id_and_nulls_come_last():
    rows = ranked(["c", "b", "a"], [None, 1, 1])
    result = duplicates(rows, at_degrees(0, 1, 2), SEMANTIC, ["rank"])
    assert set(result.clusters["representative"]) == {"a"}


def test_by_default_the_keep_policy_of_exact_duplicates_decides():
    rows = pl.DataFrame(
        {"id": ["a", "b", "c"], "strictness": [2, 1, 1], "source_rank": [0, 5, 5], "unfilled": [0, 3, 2]}
    )
    result = duplicates(rows, at_degrees(0, 1, 2), SEMANTIC)
    assert set(result.clusters["representative"]) == {"c"}


def test_the_order_of_the_rows_counts_for_nothing():
    vectors = crowd(600, 24)
    rows = ranked([f"r{i:03}" for i in range(600)], [i % 7 for i in range(600)])
    expected = duplicates(rows, vectors, SEMANTIC, ["rank"])
    shuffled = np.random.default_rng(1).permutation(600)
    again = duplicates(rows[shuffled.tolist()], vectors[shuffled], SEMANTIC, ["rank"])
    assert len(expected.clusters) > 100
    assert again.clusters.equals(expected.clusters)


def test_the_threshold_itself_is_similar():
    at = math.floor(math.cos(math.radians(25)) * 1e6 + 0.5) / 1e6
    rows, vectors = ranked(["a", "b"], [1, 2]), at_degrees(0, 25)
    assert len(duplicates(rows, vectors, Semantic(model="m", threshold=at), ["rank"]).clusters) == 2
    assert duplicates(rows, vectors, Semantic(model="m", threshold=at + 1e-6), ["rank"]).clusters.is_empty()


def test_equal_rows_have_similarity_one_whatever_their_length():
    vectors = np.float32([[0.1, 0.7, 0.3], [1e-6, 7e-6, 3e-6], [1e12, 7e12, 3e12]])
    result = duplicates(ranked(list("abc"), [1, 2, 3]), vectors, Semantic(model="m", threshold=1.0), ["rank"])
    assert result.clusters["similarity"].to_list() == [1.0, 1.0, 1.0]


def test_rows_without_a_vector_are_kept_and_reported():
    vectors = np.concatenate([at_degrees(0, 1), np.zeros((2, 2), np.float32)])
    result = duplicates(ranked(["a", "b", "empty", "blank"], [1, 2, 3, 4]), vectors, SEMANTIC, ["rank"])
    assert result.uncompared.to_list() == ["blank", "empty"]
    assert result.clusters["id"].to_list() == ["a", "b"]


@pytest.mark.parametrize("count", [0, 1])
def test_no_rows_and_one_row_have_no_clusters(count):
    result = duplicates(ranked(["a"][:count], [1][:count]), at_degrees(0)[:count], SEMANTIC, ["rank"])
    assert result.clusters.is_empty()
    assert drops(result.clusters, SEMANTIC).is_empty()


def test_many_copies_of_one_row_make_one_cluster():
    rows = pl.DataFrame({"id": [f"r{i:05}" for i in range(30_000)]})
    result = duplicates(rows, np.ones((30_000, 32), np.float32), SEMANTIC, [])
    assert len(result.clusters) == 30_000
    assert set(result.clusters["representative"]) == {"r00000"}


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.float32([[1, 0], [math.nan, 1]]), "the vector of row 1 holds NaN or infinity"),
        (np.float32([[math.inf, 0], [0, 1]]), "the vector of row 0 holds NaN or infinity"),
        (np.float64([[1, 0], [0, 1]]), r"vectors are float64 of shape \(2, 2\), expected float32"),
        (np.float32([1, 0]), r"vectors are float32 of shape \(2,\), expected float32 of \(rows, width\)"),
        (np.float32([[1, 0]]), "1 vectors for 2 rows, expected one each"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(vectors, message):
    with pytest.raises(ValueError, match=message):
        duplicates(ranked(["a", "b"], [1, 2]), vectors, SEMANTIC, ["rank"])


@pytest.mark.parametrize("wrong", [{}, {"threshold": 0.0}, {"threshold": 1.1}, {"threshold": 0.9, "tresh": 1}])
def test_a_threshold_must_be_given_and_be_a_cosine(wrong):
    with pytest.raises(ValidationError):
        Semantic(model="m", **wrong)


# --- exactness


@pytest.mark.parametrize(("rows", "size"), [(300, 7), (2500, 40), (5000, 64)])
def test_leaders_are_those_of_the_plain_comparison_of_all_pairs(rows, size):
    vectors, order = crowd(rows, size), np.random.default_rng(2).permutation(rows)[: rows - 10]
    leader, similarity = greedy(vectors, order, 0.9)
    result = leaders(vectors, order, 0.9)
    np.testing.assert_array_equal(result.leader, leader)
    np.testing.assert_array_equal(result.similarity, similarity)
    assert 0.05 < (leader >= 0).mean() < 0.95


def test_five_thousand_rows_are_compared_through_narrow_copies():
    vectors = crowd(5000, 64)
    assert bounds_for(vectors, lengths(vectors), np.arange(5000), 0.9).width(64) < 64


@pytest.mark.parametrize("width", [1, 15, 63])
def test_a_product_of_narrow_rows_is_never_less_than_the_cosine(width):
    vectors = crowd(800, 64)
    axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)[1][:, ::-1][:, :width].astype(np.float32)
    narrow = Bounds(axes=np.ascontiguousarray(axes)).narrow(vectors, lengths(vectors))
    assert narrow.shape == (800, width + 1)
    assert (narrow @ narrow.T + slack(64) - all_cosines(vectors, vectors)).min() >= 0


def test_read_only_and_strided_vectors_give_the_same():
    vectors = crowd(400, 16)
    wide = np.zeros((400, 32), np.float32)
    wide[:, ::2] = vectors
    wide.setflags(write=False)
    expected = leaders(vectors, np.arange(400), 0.9)
    np.testing.assert_array_equal(leaders(wide[:, ::2], np.arange(400), 0.9).leader, expected.leader)


def test_neighbours_are_all_pairs_at_or_above_the_threshold():
    base, queries = crowd(4500, 48), crowd(4500, 48)[:60] * np.float32(3)
    base[7] = 0
    cosines = all_cosines(queries, np.where(base == 0, 1e-9, base))
    pairs = neighbours(queries, base, 0.8)
    expected = [(i, j) for i, j in zip(*np.nonzero(cosines >= 0.8), strict=True) if j != 7]
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == expected
    np.testing.assert_allclose(pairs.similarity, [cosines[pair] for pair in expected], atol=1e-6)
    assert len(expected) > 100


def test_nothing_has_no_neighbours():
    pairs = neighbours(np.empty((0, 4), np.float32), np.ones((3, 4), np.float32), 0.5)
    assert (len(pairs.left), len(pairs.right), len(pairs.similarity)) == (0, 0, 0)


# --- embedding models


@pytest.fixture
def endpoint():
    with serving(lambda text: [float(len(text)), 1.0]) as server:
        yield server


def test_an_endpoints_vectors_come_back_in_the_order_of_the_texts(endpoint):
    embed = server_embedder(f"http://127.0.0.1:{endpoint.server_port}/v1", "m", batch_size=2, workers=2)
    vectors = embed(["a", "bb", "ccc", "dddd", "eeeee"])
    assert vectors.dtype == np.float32
    assert vectors[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert sorted(endpoint.asked) == sorted([("/v1/embeddings", "m", "float", n) for n in (2, 2, 1)])


def test_an_endpoint_that_loses_a_text_is_refused(endpoint):
    endpoint.lost = 1
    embed = server_embedder(f"http://127.0.0.1:{endpoint.server_port}/v1", "m")
    with pytest.raises(ValueError, match="returned 1 embeddings of 2 texts, expected one each"):
        embed(["a", "bb"])


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "fever", "cough", "rash", "and", "pain", "in", "the", "chest"]


def word_tokenizer():
    tokenizers = pytest.importorskip("tokenizers", reason="needs tokenizers: install the extra 'local'")
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return tokenizers, raw


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A BERT of random weights that reads 8 tokens; sentence-transformers takes the mean of its tokens."""
    torch = pytest.importorskip("torch", reason="needs torch: install the extra 'local'")
    pytest.importorskip("sentence_transformers", reason="needs sentence-transformers: install the extra 'local'")
    import transformers

    tokenizers, raw = word_tokenizer()
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    folder = tmp_path_factory.mktemp("bert")
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=8, **names).save_pretrained(folder)
    torch.set_num_threads(1)
    torch.manual_seed(6)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=8, initializer_range=0.5,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def test_a_language_model_is_no_embedding_model_unless_it_was_made_one(tmp_path):
    """Its mean states put unrelated texts at 0.9 and more, so that most rows would be duplicates."""
    pytest.importorskip("torch", reason="needs torch: install the extra 'local'")
    library = pytest.importorskip(
        "sentence_transformers", reason="needs sentence-transformers: install the extra 'local'"
    )
    import tiny_model

    made = tiny_model.make(tmp_path / "writer")
    with pytest.raises(EmbedderError, match="holds a Qwen2ForCausalLM without modules"):
        embedder(str(made))
    library.SentenceTransformer(str(made), device="cpu").save(str(tmp_path / "embedding"))
    assert embedder(str(tmp_path / "embedding"))(["fever", "cough"]).shape == (2, 128)


def test_a_long_text_is_read_in_windows_without_a_false_alarm(tiny_bert):
    """The tokenizer warns of texts that are longer than the model, which are never given to it in one piece."""
    from transformers.utils import logging as library_logging

    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    library_logging.add_handler(handler)
    try:
        embedder(tiny_bert)(["fever and cough " * 20])
    finally:
        library_logging.remove_handler(handler)
    assert not [one for one in said if "longer than" in one]


def test_a_sentence_transformer_gives_what_the_library_gives(tiny_bert):
    import sentence_transformers

    from synth.teachers.embedders import sentence_transformer

    texts = ["fever and cough", "rash", "pain in the chest"]
    plain = sentence_transformers.SentenceTransformer(tiny_bert, device="cpu").encode(texts)
    np.testing.assert_allclose(
        np.diag(all_cosines(sentence_transformer(tiny_bert, device="cpu")(texts), plain)), 1, atol=1e-5
    )


def test_texts_that_begin_alike_and_end_apart_are_no_duplicates(tiny_bert):
    from synth.teachers.embedders import sentence_transformer

    start = "pain in the chest and cough "
    texts = [start + "fever fever fever fever", start + "rash rash rash rash rash rash rash rash", start.strip()]
    vectors = sentence_transformer(tiny_bert, device="cpu")(texts)
    assert vectors.shape == (3, 16)
    assert all_cosines(vectors, vectors)[0, 1] < 0.99
    import sentence_transformers

    cut = sentence_transformers.SentenceTransformer(tiny_bert, device="cpu").encode(texts)
    assert all_cosines(cut, cut)[0, 1] == 1


def test_a_prompt_that_leaves_no_room_for_a_text_is_refused(tiny_bert):
    from synth.teachers.embedders import sentence_transformer

    with pytest.raises(ValueError, match="the prompt takes 9 of the model's 8 tokens"):
        sentence_transformer(tiny_bert, device="cpu", prompt="pain in the chest and cough fever")


def test_model2vec_reads_whole_texts(tmp_path):
    library = pytest.importorskip("model2vec", reason="needs model2vec: pip install model2vec")
    from synth.teachers.embedders import model2vec

    _, raw = word_tokenizer()
    vectors = np.eye(len(WORDS), dtype=np.float32)
    library.StaticModel(vectors, raw, normalize=False).save_pretrained(tmp_path)
    embed = model2vec(str(tmp_path))
    embedded = embed(["fever " * 600 + "rash " * 600, "cough"])
    assert embedded.dtype == np.float32
    assert embedded[0, WORDS.index("fever")] == pytest.approx(embedded[0, WORDS.index("rash")])
    assert embedded[1, WORDS.index("cough")] > 0
