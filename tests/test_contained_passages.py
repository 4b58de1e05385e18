"""Passages that a text contains: their pieces are added up once per text, and the order is that of the pieces."""

import numpy as np
import polars as pl
import pytest

from quality.decontamination.contained_passages import contained, index_passages

WORDS = np.array([8, 13, 18])
"""Words of the sequences 0, 1 and 2."""


def found(pieces, needs, occurrences):
    """Return (text, passage, words, first, longest) for (sequence, passage) pairs and (text, sequence, at) found."""
    table = pl.DataFrame(pieces, schema={"sequence": pl.Int32, "passage": pl.Int32}, orient="row")
    texts, sequences, at = (np.array(column) for column in zip(*occurrences, strict=True))
    known = index_passages(table, WORDS, np.array(needs, dtype=np.float64))
    made = contained(texts.astype(np.int32), sequences.astype(np.int32), at.astype(np.int64), known)
    return list(zip(*(column.tolist() for column in made), strict=True))


def test_a_passage_is_contained_with_enough_of_its_words_and_quoted_by_its_longest_piece():
    pieces = [(0, 0), (1, 0), (2, 1)]
    assert found(pieces, [21, 18], [(3, 0, 40), (3, 1, 50)]) == [(3, 0, 21, 50, 13)]
    assert found(pieces, [22, 18], [(3, 0, 40), (3, 1, 50)]) == []


def test_a_piece_counts_once_in_a_text_however_often_it_occurs_there():
    assert found([(0, 0)], [9], [(0, 0, 1), (0, 0, 20), (1, 0, 60)]) == []
    assert found([(0, 0)], [8], [(0, 0, 1), (0, 0, 20), (1, 0, 60)]) == [(0, 0, 8, 1, 8), (1, 0, 8, 60, 8)]
    assert found([(0, 0), (0, 0)], [9], [(0, 0, 1)]) == []  # nor where a passage has it twice


def test_passages_come_in_the_order_of_their_first_pieces():
    pieces = [(2, 1), (2, 0), (1, 2), (0, 0)]
    rows = found(pieces, [18, 18, 13], [(0, 1, 5), (0, 2, 30), (0, 0, 60)])
    assert [row[1] for row in rows] == [2, 1, 0]


@pytest.mark.parametrize("texts", [1, 200])
def test_a_sentence_of_many_passages_is_found_in_those_that_it_fills_alone(texts):
    pieces = [(1, passage) for passage in range(500)]
    needs = [13.0 if passage % 100 == 7 else 13.5 for passage in range(500)]
    rows = found(pieces, needs, [(text, 1, text) for text in range(texts)])
    assert [row[:2] for row in rows] == [
        (text, passage) for text in range(texts) for passage in (7, 107, 207, 307, 407)
    ]


def test_where_nothing_is_known_or_found_nothing_is_contained():
    empty = pl.DataFrame(schema={"sequence": pl.Int32, "passage": pl.Int32})
    nothing = index_passages(empty, np.empty(0, np.int64), np.empty(0, np.float64))
    none32, none64 = np.empty(0, np.int32), np.empty(0, np.int64)
    assert [len(column) for column in contained(none32, none32, none64, nothing)] == [0] * 5
