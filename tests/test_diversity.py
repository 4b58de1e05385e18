"""Subsets of good and unlike rows, by size, by tokens or as many as are unlike."""

import json

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from quality.scores.diversity import Diversity, select


def at_degrees(*angles):
    """Return unit vectors in the plane; two are more similar than 0.9 if less than 25.8 degrees apart."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def rows(scores, **columns):
    return pl.DataFrame({"id": [f"r{i}" for i in range(len(scores))], "deita": scores, **columns})


def taken(subset):
    return subset.selected["id"].to_list()


def reasons(subset):
    return dict(subset.drops.select("id", "drop_reason").iter_rows())


def test_the_best_row_comes_first_and_a_row_too_similar_to_it_is_passed_over():
    subset = select(rows([1.0, 5.0, 4.0, 3.0]), at_degrees(120, 0, 20, 60).__getitem__, Diversity(score="deita"))
    assert subset.selected.rows() == [("r1", 1), ("r3", 2), ("r0", 3)]
    assert subset.drops.rows() == [
        ("r2", "too_similar", '{"score": 4.0, "similar_to": "r1", "similarity": 0.939693, "most_similar": 0.9}')
    ]


def test_a_row_is_compared_with_the_rows_taken_and_not_with_those_passed_over():
    subset = select(rows([3.0, 2.0, 1.0]), at_degrees(0, 20, 40).__getitem__, Diversity(score="deita"))
    assert taken(subset) == ["r0", "r2"]


def test_exactly_the_allowed_similarity_is_still_unlike():
    vectors = np.float32([[1, 0], [0.6, 0.8]])
    assert taken(select(rows([2.0, 1.0]), vectors.__getitem__, Diversity(score="deita", most_similar=0.6))) == [
        "r0",
        "r1",
    ]
    assert taken(select(rows([2.0, 1.0]), vectors.__getitem__, Diversity(score="deita", most_similar=0.599999))) == [
        "r0"
    ]


def test_with_everything_allowed_even_copies_are_taken():
    subset = select(rows([2.0, 1.0]), at_degrees(10, 10).__getitem__, Diversity(score="deita", most_similar=1.0))
    assert taken(subset) == ["r0", "r1"]


def test_taking_ends_at_the_size_wanted():
    subset = select(
        rows([4.0, 3.0, 2.0, 1.0]), at_degrees(0, 10, 90, 180).__getitem__, Diversity(score="deita", size=2)
    )
    assert taken(subset) == ["r0", "r2"]
    assert reasons(subset) == {"r1": "too_similar", "r3": "beyond_target"}
    assert json.loads(subset.drops["evidence"][1]) == {"score": 1.0, "size": 2}


def test_a_row_beyond_the_budget_is_passed_over_and_a_shorter_one_may_fit():
    table = rows([4.0, 3.0, 2.0, 1.0], tokens=[60, 50, 30, 20])
    subset = select(table, at_degrees(0, 90, 180, 270).__getitem__, Diversity(score="deita", budget_tokens=100))
    assert taken(subset) == ["r0", "r2"]
    assert reasons(subset) == {"r1": "beyond_target", "r3": "beyond_target"}
    assert json.loads(subset.drops["evidence"][0]) == {"score": 3.0, "budget_tokens": 100}


def test_a_row_that_did_not_fit_keeps_none_like_it_out():
    table = rows([3.0, 2.0], tokens=[500, 10])
    assert taken(select(table, at_degrees(0, 1).__getitem__, Diversity(score="deita", budget_tokens=100))) == ["r1"]


def test_equal_scores_are_taken_by_id_in_whatever_order_the_rows_come():
    table, vectors = rows([1.0] * 6), at_degrees(0, 20, 40, 60, 80, 100)
    subset = select(table, vectors.__getitem__, Diversity(score="deita"))
    assert taken(subset) == ["r0", "r2", "r4"]
    again = select(table.reverse(), vectors[::-1].__getitem__, Diversity(score="deita"))
    assert again.selected.equals(subset.selected)
    assert again.drops.equals(subset.drops)


def test_rows_without_score_or_vector_cannot_be_taken_and_say_so():
    vectors = np.concatenate([at_degrees(0, 90), np.zeros((1, 2), np.float32)])
    subset = select(rows([1.0, None, 3.0]), vectors.__getitem__, Diversity(score="deita"))
    assert taken(subset) == ["r0"]
    assert reasons(subset) == {"r1": "unscored", "r2": "no_vector"}


@pytest.mark.parametrize("target", [{}, {"size": 300}, {"budget_tokens": 9000}])
def test_every_row_is_taken_or_dropped_and_those_taken_are_unlike(target):
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((400, 24))
    vectors = (centres[draw.integers(0, 400, 5000)] + 0.3 * draw.standard_normal((5000, 24))).astype(np.float32)
    table = rows(draw.integers(0, 50, 5000).astype(float), tokens=draw.integers(1, 90, 5000))
    config = Diversity(score="deita", most_similar=0.8, **target)
    subset = select(table, vectors.__getitem__, config)
    assert sorted([*taken(subset), *subset.drops["id"]]) == sorted(table["id"])
    places = [int(name[1:]) for name in taken(subset)]
    unit = vectors[places] / np.linalg.norm(vectors[places], axis=1, keepdims=True)
    assert (unit @ unit.T - 2 * np.eye(len(places))).max() < 0.8 + 1e-5
    scores = table["deita"].to_numpy()[places]
    assert (np.diff(scores) <= 0).all()
    if "size" in target:
        assert len(places) == 300
    if "budget_tokens" in target:
        assert 8900 < table["tokens"].to_numpy()[places].sum() <= 9000


def greedy(table, vectors, config):
    """Return the rows taken one by one, each compared with all taken before, and the places that were looked at."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    tokens, names = table["tokens"].to_list(), table["id"].to_list()
    score = table[config.score].to_list()
    room = config.size or config.budget_tokens
    chosen = []
    for place in sorted(range(len(table)), key=lambda at: (-score[at], len(names[at]), names[at])):
        weight = tokens[place] if config.budget_tokens else 1
        if weight <= room and all(unit[place] @ unit[other] <= config.most_similar for other in chosen):
            chosen.append(place)
            room -= weight
    return [names[place] for place in chosen]


@pytest.mark.parametrize(("target", "most_asked"), [({"size": 1300}, 4000), ({"budget_tokens": 20_000}, 3500)])
def test_only_the_vectors_of_rows_that_may_be_taken_are_asked_for(target, most_asked):
    draw = np.random.default_rng(1)
    centres = draw.standard_normal((3000, 16))
    vectors = (centres[draw.integers(0, 3000, 9000)] + 0.2 * draw.standard_normal((9000, 16))).astype(np.float32)
    table = rows(draw.integers(0, 500, 9000).astype(float), tokens=draw.integers(20, 60, 9000))
    config = Diversity(score="deita", most_similar=0.8, **target)
    asked = []

    def vectors_of(places):
        asked.extend(places)
        return vectors[places]

    subset = select(table, vectors_of, config)
    assert taken(subset) == greedy(table, vectors, config)
    assert len(asked) == len(set(asked)) < most_asked
    assert sorted([*taken(subset), *subset.drops["id"]]) == sorted(table["id"])


def test_no_rows_select_none():
    subset = select(
        rows([]).with_columns(pl.col("deita").cast(pl.Float64)), at_degrees()[:0].__getitem__, Diversity(score="deita")
    )
    assert subset.selected.is_empty()
    assert subset.drops.is_empty()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([1, None], "column 'tokens' holds nulls or negative numbers"),
        ([1, -1], "column 'tokens' holds nulls or negative"),
    ],
)
def test_a_budget_needs_the_tokens_of_each_row(tokens, message):
    with pytest.raises(ValueError, match=message):
        select(
            rows([2.0, 1.0], tokens=tokens), at_degrees(0, 90).__getitem__, Diversity(score="deita", budget_tokens=5)
        )


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="column 'deita' holds nan, expected finite numbers or null"):
        select(rows([1.0, float("nan")]), at_degrees(0, 90).__getitem__, Diversity(score="deita"))
    with pytest.raises(ValueError, match="1 vectors for 2 rows, expected one each"):
        select(rows([1.0, 2.0]), lambda places: at_degrees(0), Diversity(score="deita"))


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"budget_tokens": 0}, {"most_similar": 0.0}, {"most_similar": 1.5}, {"size": 5, "budget_tokens": 5}],
)
def test_a_wrong_target_is_refused(wrong):
    with pytest.raises(ValidationError):
        Diversity(score="deita", **wrong)
