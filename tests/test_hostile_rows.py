"""Any rows, changed files and vectors: steps account for every row, shards do not matter, kernels agree with numpy."""

import json
import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from fuzz_readers import cases, check, mutated
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rows import row, table

from pipelines.build.shard import check_outcome
from quality.cleaning.clean import Clean, clean
from quality.duplicates import cosine_kernels, lookup_kernels
from quality.duplicates.exact import Exact, exact_duplicates, exact_keys
from quality.duplicates.near_records import NearRecords, near_duplicate_records, near_signatures
from quality.duplicates.near_settings import NearRules
from quality.duplicates.segment import occurring
from quality.duplicates.signatures import blocks, shingle_sets, sign_block
from quality.privacy.redaction import Privacy, screen
from sources.record import Message
from synth.answers.json_reply import parse

PIECES = st.sampled_from(
    [
        *("The patient is 60 years old. ", "Dr. Smith ", "call +34 600 123 456 ", "a@b.org ", "12/03/1981 ", "no "),
        *("<b>", "</b>", "&amp;", "\n\n", "\t", "```", "| a | b |\n|---|---|\n", "https://example.org/x ", "(", ")"),
        *(
            "\u200b",
            "\u202e",
            "\ufeff",
            "\x00",
            "\x1b[2J",
            "é",
            "e\u0301",
            "ﬁ",
            "İ",
            "ß",
            "𝔘",
            "👩‍⚕️",
            "心电图 ",
            "ไทย ",
        ),
        *(
            "ไทย ",
            "-5",
            "−5",
            "<5",
            "≥ 5 mg",
            "1,000",
            "Answer: A",
            "I cannot help",
            "unknown",
            "{",
            '{"a": [1',
            "\\",
            '"',
        ),
    ]
)
TEXTS = (
    st.lists(PIECES | st.text(max_size=6), max_size=10)
    .map("".join)
    .map(lambda text: text.encode("utf-8", "ignore").decode())
)
OPTIONAL = st.none() | TEXTS


@st.composite
def records(draw):
    """Draw a few rows; some share their texts."""
    shared = draw(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3))
    text = st.sampled_from(shared) | TEXTS
    made = []
    for number in range(draw(st.integers(1, 6))):
        turns = [Message("user", draw(text) or "?")]
        if draw(st.booleans()):
            turns += [Message("assistant", draw(text) or "!"), Message("user", draw(text) or "?")]
        options = tuple(draw(st.lists(text.filter(str.strip), max_size=3, unique=True)))
        fields = {name: draw(st.none() | text) for name in ("context", "answer", "rationale", "response", "rejected")}
        gold = (0,) if options else ()
        made.append(row(f"corpus:{number}", messages=tuple(turns), options=options, gold=gold, **fields))
    return table(*made)


@pytest.mark.parametrize(("step", "config"), [(clean, Clean()), (screen, Privacy())], ids=["clean", "privacy"])
@settings(max_examples=25, deadline=None)
@given(rows=records())
def test_a_step_returns_every_row_in_order_with_its_origin_and_gives_the_same_for_single_rows(step, config, rows):
    outcome = step(rows, config)
    assert outcome.rows["id"].to_list() == rows["id"].to_list()
    check_outcome("step", rows, outcome.rows.with_columns(before="id"))
    alone = [step(rows.slice(n, 1), config).rows for n in range(rows.height)]
    assert pl.concat(alone).equals(outcome.rows)


def shards_of(rows, cuts):
    bounds = sorted({0, rows.height, *(cut % (rows.height + 1) for cut in cuts)})
    return [rows.slice(first, last - first) for first, last in pairwise(bounds)]


def drops(decision):
    return decision.drops.sort("id").rows()


@settings(max_examples=25, deadline=None)
@given(rows=records(), cuts=st.lists(st.integers(0, 6), max_size=3), order=st.randoms(use_true_random=False))
def test_duplicates_do_not_depend_on_shards_their_order_or_earlier_builds(rows, cuts, order):
    shards = shards_of(rows, cuts)
    mixed = order.sample(shards, len(shards))
    exact = drops(exact_duplicates(lambda: iter([rows]), Exact()))
    assert drops(exact_duplicates(lambda: iter(mixed), Exact())) == exact
    assert drops(exact_duplicates(lambda: (exact_keys(shard, Exact()) for shard in mixed), Exact())) == exact
    config = NearRecords()
    whole = near_duplicate_records(lambda: iter([rows]), config)
    assert drops(near_duplicate_records(lambda: iter(mixed), config)) == drops(whole)
    first = near_duplicate_records(lambda: iter(mixed[:1]), config)
    assert drops(near_duplicate_records(lambda: iter(mixed[1:]), config, first.memory)) == drops(whole)
    signed = near_duplicate_records(lambda: (near_signatures(shard, config) for shard in mixed), config)
    assert drops(signed) == drops(whole)
    assert signed.tables["clusters"].equals(near_duplicate_records(lambda: iter(mixed), config).tables["clusters"])
    dropped = {id for id, *_ in drops(whole)}
    assert not dropped & {json.loads(evidence)["duplicate_of"] for *_, evidence in drops(whole)}


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
@example(texts=["", " ", "\x00", "𝔘" * 3, "心" * 9, "a" * 300])
def test_the_signature_of_a_text_does_not_depend_on_the_texts_around_it(texts):
    rules = NearRules()
    rows = pl.DataFrame({"text": texts, "subject": texts[::-1], "must_match": [""] * len(texts)})
    whole = [sign_block(block, rules) for block in blocks(rows)]
    alone = [sign_block(block, rules) for n in range(len(texts)) for block in blocks(rows.slice(n, 1))]
    for name in ("shingles", "counts", "names", "marks", "mark_counts"):
        assert np.array_equal(
            np.concatenate([getattr(one, name) for one in whole]), np.concatenate([getattr(one, name) for one in alone])
        )
    for text, shingles in zip(texts, shingle_sets(pl.Series(texts), rules).to_list(), strict=True):
        assert shingles == sorted(set(shingles))
        assert bool(shingles) or not any(character.isalnum() for character in text)


NUMBERS = st.lists(st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1]), max_size=40)


@settings(max_examples=80, deadline=None)
@given(there=NUMBERS, wanted=NUMBERS)
def test_the_keys_that_occur_are_those_that_numpy_finds(there, wanted):
    keys, requested = (np.array(numbers, np.uint32) for numbers in (there, wanted))
    assert occurring(keys, requested).tolist() == np.flatnonzero(np.isin(keys, requested)).tolist()
    ordered = np.unique(requested)
    assert [bool(lookup_kernels.holds(ordered, key)) for key in keys] == np.isin(keys, ordered).tolist()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 6), width=st.integers(1, 40), scale=st.integers(-12, 12))
def test_cosines_are_those_of_numpy_for_vectors_of_any_width_and_length(seed, rows, width, scale):
    vectors = (np.random.default_rng(seed).normal(size=(rows, width)) * 10.0**scale).astype(np.float32)
    lengths = cosine_kernels.lengths(vectors)
    wide = vectors.astype(np.float64)
    assert np.allclose(lengths, np.linalg.norm(wide, axis=1), rtol=1e-12)
    left, right = np.arange(rows), np.arange(rows)[::-1].copy()
    found = cosine_kernels.cosines(vectors, lengths, left, vectors, lengths, right)
    assert np.allclose(found, (wide[left] * wide[right]).sum(1) / (lengths[left] * lengths[right]), atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(['{"mark": 3}', '{"mark": "3"}', "{", "}", '"', "[", "```json\n", "null", "\\", "1e999", "NaN"])
        | st.text(max_size=5),
        max_size=10,
    ).map("".join)
)
def test_a_reply_is_an_object_with_the_fields_asked_for_or_is_unread(text):
    found = parse(text, {"mark": int})
    assert found is None or (set(found) == {"mark"} and type(found["mark"]) is int)


@pytest.mark.parametrize("seed", range(4))
def test_changed_files_of_every_corpus_are_read_or_refused(seed, tmp_path):
    rng = random.Random(seed)
    for corpus, file in rng.sample(cases(), 60):
        with file.open() as stream:
            content = mutated(stream.read(), rng)
        check(corpus, file, content, tmp_path / file.name.replace("/", "-").removesuffix(".gz"))
