"""The data files of a release: where rows go, in what shape, and that nothing is lost on the way."""

import tempfile
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import row, table

from pipelines.release import data_files
from pipelines.release.data_files import SCHEMAS, configs, scan, write_data
from pipelines.release.row_figures import row_figures
from sources.record import Message
from sources.table import SCHEMA

TALK = (Message("system", "Be brief."), Message("user", "What is scurvy?"))


def shards(folder, *tables):
    """Write tables as the shards of a step and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n:05}.parquet" for n in range(len(tables))]
    for path, rows in zip(paths, tables, strict=True):
        rows.write_parquet(path)
    return paths


def mixed(tmp_path):
    """Return two shards with conversations, a pair and a prompt of two sources."""
    answered = row("clinic:1", response="A lack of vitamin C.", messages=TALK)
    pair = row("clinic:2", response="Vitamin C.", rejected="Vitamin D.", options=("C", "D"), gold=(0,))
    first = table(answered, pair, row("ward:1"))
    return shards(tmp_path / "kept", first, table(row("clinic:3", response="Yes."), row("ward:2", response="No.")))


def test_each_row_stands_once_in_the_folder_of_its_kind_and_source(tmp_path):
    write_data(mixed(tmp_path), tmp_path)
    found = {
        path.relative_to(tmp_path).as_posix(): pl.read_parquet(path)["id"].to_list()
        for path in sorted(tmp_path.glob("data/*/*/*"))
    }
    assert found == {
        "data/dpo/clinic/train-00000-of-00001.parquet": ["clinic:2"],
        "data/prompts/ward/train-00000-of-00001.parquet": ["ward:1"],
        "data/sft/clinic/train-00000-of-00001.parquet": ["clinic:1", "clinic:3"],
        "data/sft/ward/train-00000-of-00001.parquet": ["ward:2"],
    }
    for path in tmp_path.glob("data/*/*/*"):
        assert pq.read_schema(path).equals(SCHEMAS[path.parts[-3]])


def test_conversations_end_with_the_response_and_pairs_stand_as_trl_reads_them(tmp_path):
    write_data(mixed(tmp_path), tmp_path)
    talk = pl.read_parquet(tmp_path / "data" / "sft" / "clinic" / "*")["messages"][0].to_list()
    assert talk == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is scurvy?"},
        {"role": "assistant", "content": "A lack of vitamin C."},
    ]
    pair = pl.read_parquet(tmp_path / "data" / "dpo" / "clinic" / "*").row(0, named=True)
    assert pair["prompt"] == [{"role": "user", "content": "Which vitamin prevents scurvy?"}]
    assert pair["chosen"] == [{"role": "assistant", "content": "Vitamin C."}]
    assert pair["rejected"] == [{"role": "assistant", "content": "Vitamin D."}]


def test_a_release_read_back_gives_the_records_that_were_kept(tmp_path):
    paths = mixed(tmp_path)
    write_data(paths, tmp_path)
    back = scan(tmp_path).collect()
    assert back.schema == SCHEMA
    assert back.sort("id").equals(pl.read_parquet(paths).sort("id"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TURN = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT)


@st.composite
def any_row(draw):
    """Return a row of one of the three kinds, with any texts and any number of turns."""
    number, source = draw(st.integers(0, 10**6)), draw(st.sampled_from(["clinic", "ward"]))
    response = draw(st.none() | TEXT)
    rejected = None if response is None else draw(st.none() | TEXT)
    fields = {"context": draw(st.none() | TEXT), "rationale": draw(st.none() | TEXT), "lang": draw(TEXT)}
    turns = tuple(draw(st.lists(TURN, min_size=1, max_size=4)))
    return row(f"{source}:{number}", messages=turns, response=response, rejected=rejected, **fields)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_row(), min_size=1, max_size=6, unique_by=lambda one: one.id))
def test_any_rows_that_were_written_are_read_back_unchanged(rows):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written = table(*rows)
        write_data(shards(folder / "kept", written), folder)
        assert scan(folder).collect().sort("id").equals(written.sort("id"))
        figures = row_figures(folder)
    texts = ["".join(turn.content for turn in one.messages) for one in rows]
    texts += [text for one in rows for text in (one.response, one.rejected) if text]
    assert figures.tokens.all == sum(-(-len(text) // 4) for text in texts)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_files_do_not_depend_on_how_rows_were_cut_into_shards(size, tmp_path, monkeypatch):
    monkeypatch.setattr(data_files, "ROWS_PER_GROUP", 4)
    monkeypatch.setattr(data_files, "ROWS_PER_FILE", 8)
    rows = [row(f"clinic:{n}", response=f"Answer {n}.") for n in range(21)]
    write_data(shards(tmp_path / "whole", table(*rows)), tmp_path / "a")
    cut = [table(*rows[n : n + size]) for n in range(0, len(rows), size)]
    write_data(shards(tmp_path / "cut", *cut), tmp_path / "b")
    files = sorted(path.name for path in tmp_path.glob("a/data/sft/clinic/*"))
    assert files == [f"train-{n:05}-of-00003.parquet" for n in range(3)]
    for name in files:
        one, other = (tmp_path / side / "data" / "sft" / "clinic" / name for side in "ab")
        assert one.read_bytes() == other.read_bytes()
    assert [pq.read_metadata(tmp_path / "a/data/sft/clinic" / name).num_rows for name in files] == [8, 8, 5]
    assert pl.read_parquet(tmp_path / "a/data/sft/clinic/*")["id"].to_list() == [f"clinic:{n}" for n in range(21)]


def test_the_first_configuration_is_the_default_and_every_source_has_its_own(tmp_path):
    write_data(mixed(tmp_path), tmp_path)
    assert configs(tmp_path) == {
        "sft": "data/sft/*/*.parquet",
        "dpo": "data/dpo/*/*.parquet",
        "prompts": "data/prompts/*/*.parquet",
        "sft-clinic": "data/sft/clinic/*.parquet",
        "sft-ward": "data/sft/ward/*.parquet",
        "dpo-clinic": "data/dpo/clinic/*.parquet",
        "prompts-ward": "data/prompts/ward/*.parquet",
    }
