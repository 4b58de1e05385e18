"""The signature index: rows added in any portions give what one run over all of them gives."""

import random

import polars as pl
import pytest
from minhash_truth import corpus

from quality.duplicates.near_duplicates import near_duplicates
from quality.duplicates.near_settings import NearRules
from quality.duplicates.segment import Segment
from quality.duplicates.signature_index import SignatureIndex, add, compacted
from quality.mapped_tables import mapped, write_mapped

RULES = NearRules()


def table(texts):
    draw = random.Random(1)
    ids = [f"row{i}" for i in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts, "rank": [draw.randrange(3) for _ in texts]}, strict=False)


@pytest.fixture(scope="module")
def rows():
    return table([*corpus(800, seed=21), None, "", "yes", "Yes!", None])


def spelled(number):
    """Return a word without digits for a number: digits would make it a name that tells rows apart."""
    return "q" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def empty(rules=RULES):
    return SignatureIndex(rules=rules, order=("rank",))


@pytest.mark.parametrize("seed", range(4))
def test_any_portions_in_any_order_equal_one_run(rows, seed):
    draw = random.Random(seed)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=seed)
    cuts = sorted(draw.sample(range(rows.height), 3))
    index = empty()
    for first, last in zip([0, *cuts], [*cuts, rows.height], strict=True):
        index = add(index, [shuffled[first:last]])
    assert len(index.segments) == 4
    assert index.clusters.height > 200
    assert index.clusters.equals(near_duplicates([rows], RULES, order=["rank"]).clusters)


def test_one_row_at_a_time_equals_one_run(rows):
    index = empty()
    for row in rows[:25].iter_slices(1):
        index = add(index, [row])
    assert index.clusters.equals(near_duplicates([rows[:25]], RULES, order=["rank"]).clusters)
    assert compacted(index).clusters.equals(index.clusters)


def test_a_new_row_can_join_clusters_and_take_over():
    words = [spelled(i) for i in range(40)]
    left, right = " ".join([*words, "xa", "xb", "xc"]), " ".join(["ya", "yb", "yc", *words])
    old = pl.DataFrame({"id": ["a", "b"], "text": [left, right], "rank": [2, 1]})
    index = add(empty(NearRules(threshold=0.9, recall=0.9999, permutations=512)), [old])
    assert index.clusters.is_empty()
    middle = pl.DataFrame({"id": ["c"], "text": [" ".join(words)], "rank": [0]})
    after = add(index, [middle]).clusters
    assert after.select("id", "representative").rows() == [("a", "c"), ("b", "c"), ("c", "c")]


def test_copies_of_an_old_row_need_no_new_set(rows):
    index = add(empty(), [rows])
    copies = rows[:50].with_columns(id=pl.col("id") + "again")
    after = add(index, [copies])
    assert after.segments[1].sets.is_empty()
    assert after.clusters.equals(near_duplicates([rows, copies], RULES, order=["rank"]).clusters)


def test_adding_nothing_changes_nothing(rows):
    index = add(empty(), [rows])
    assert add(index, []).clusters.equals(index.clusters)
    assert add(index, [rows.clear()]).clusters.equals(index.clusters)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (write_mapped, mapped),
        (lambda table, path: table.write_parquet(path, row_group_size=100), pl.read_parquet),
    ],
    ids=["mapped", "parquet"],
)
def test_an_index_can_be_written_and_read(rows, tmp_path, write, read):
    index = add(empty(), [rows[:700]])
    tables = {"rows": index.segments[0].rows, "sets": index.segments[0].sets, "members": index.members}
    for name, table in tables.items():
        write(table, tmp_path / name)
    again = SignatureIndex(
        rules=RULES,
        order=("rank",),
        segments=(Segment(rows=read(tmp_path / "rows"), sets=read(tmp_path / "sets")),),
        members=read(tmp_path / "members"),
    )
    after = add(again, [rows[700:]]).clusters
    assert after.equals(near_duplicates([rows], RULES, order=["rank"]).clusters)


def test_a_compacted_index_goes_on_as_before(rows):
    index = empty()
    for part in rows.iter_slices(200):
        index = add(index, [part])
    short = compacted(index)
    assert len(short.segments) == 1
    more = table(corpus(100, seed=22)).with_columns(id=pl.col("id") + "more")
    assert add(short, [more]).clusters.equals(add(index, [more]).clusters)


def test_a_long_chain_gives_the_same_in_portions():
    words = [spelled(i) for i in range(2200)]
    rows = table([" ".join(words[i : i + 40]) for i in range(2100)]).sample(fraction=1, shuffle=True, seed=4)
    index = add(add(empty(), [rows[:1500]]), [rows[1500:]])
    assert index.clusters["representative"].n_unique() == 1
    assert index.clusters.equals(near_duplicates([rows], RULES, order=["rank"]).clusters)


def test_a_hostile_input_gives_the_same_in_portions():
    draw = random.Random(9)
    pool = [f"word{i}" for i in range(32)]
    rows = table([" ".join(draw.sample(pool, 16)) for _ in range(4500)])
    rules = NearRules(shingle_tokens=1, threshold=0.75, recall=0.7, permutations=1)
    whole = near_duplicates([rows], rules, order=["rank"])
    index = add(add(empty(rules), [rows[:2500]]), [rows[2500:]])
    assert whole.cut == index.cut > 0
    assert index.clusters.equals(whole.clusters)


def test_rows_that_do_not_fit_the_index_are_refused(rows):
    index = add(empty(), [rows])
    with pytest.raises(ValueError, match="id 'row3' occurs twice"):
        add(index, [rows[3:4]])
    with pytest.raises(ValueError, match=r"a batch has types .*'rank': String.*, expected .*'rank': Int64"):
        add(index, [rows[:1].with_columns(pl.lit("new").alias("id"), pl.col("rank").cast(pl.String))])
    with pytest.raises(ValueError, match="the index holds 25 bands, expected 17; it was made under other rules"):
        SignatureIndex(rules=NearRules(threshold=0.77), segments=index.segments)
    with pytest.raises(ValueError, match="the index is empty, expected rows; add some first"):
        _ = empty().clusters
