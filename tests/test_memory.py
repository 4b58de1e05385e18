"""What a step remembers: adding rows looks at the new ones alone, and the outcome is that of one run over all."""

import random

import polars as pl
import pytest
from rows import row, table

from pipelines.build.signature_memory import Memory
from quality.duplicates.near_records import NearRecords, near_duplicate_records
from sources.atomic import write_table
from sources.record import Message

WORDS = [f"{one}{two}word" for one in "bcdfghklmnprstv" for two in "bcdfghklmnprstvwxz"]


def corpus(seed, rows):
    """Rows of which one in three is an edited copy of another, one in five a conversation; the question stays."""
    rng = random.Random(seed)
    texts, made = [], []
    for n in range(rows):
        words = list(rng.choice(texts)) if texts and n % 3 == 0 else rng.choices(WORDS, k=40)
        words[rng.randrange(4, 40)] = rng.choice(WORDS)
        texts.append(words)
        turns = (Message("user", " ".join(words[:4])),) * (2 if n % 5 == 0 else 1)
        license = rng.choice(("MIT", "CC-BY-4.0"))
        made.append(row(f"s{seed}:{n}", messages=turns, answer=" ".join(words[4:]), license=license))
    return table(*made)


def decide(shards, known=None):
    return near_duplicate_records(lambda: iter(shards), NearRecords(), known or {})


def test_rows_added_in_portions_give_what_one_run_gives():
    shards = [corpus(seed, 90) for seed in range(4)]
    whole = decide(shards)
    known = {}
    for shard in shards:
        added = decide([shard], known)
        known = added.memory
    assert whole.drops.height > 50
    assert added.drops.sort("id").equals(whole.drops.sort("id"))
    assert added.tables["clusters"].sort("id").equals(whole.tables["clusters"].sort("id"))


def test_old_texts_are_not_read_again():
    first = decide([corpus(0, 60)])
    added = decide([corpus(1, 60)], first.memory)
    unchanged = [name for name, held in first.memory.items() if added.memory.get(name) is held]
    assert "single-sets-0000" in unchanged
    assert {"single-sets-0001", "conversation-sets-0001"} <= set(added.memory)


@pytest.fixture
def shards(tmp_path):
    paths = [tmp_path / f"{n}.parquet" for n in range(3)]
    for n, path in enumerate(paths):
        write_table(path, pl.DataFrame({"n": [n]}))
    return paths


def frames(*numbers):
    return {f"part-{n}": pl.DataFrame({"n": [n]}) for n in numbers}


def test_a_memory_gives_back_its_tables_and_tells_which_shards_are_new(tmp_path, shards):
    memory = Memory(tmp_path / "memory")
    assert memory.recall(shards) == ({}, shards)
    memory.keep(frames(0, 1), {}, shards[:2])
    known, fresh = memory.recall(shards)
    assert fresh == shards[2:]
    assert {name: held["n"].item() for name, held in known.items()} == {"part-0": 0, "part-1": 1}


def test_a_memory_of_a_shard_that_is_gone_is_of_no_use(tmp_path, shards):
    memory = Memory(tmp_path / "memory")
    memory.keep(frames(0), {}, shards)
    assert memory.recall(shards[1:]) == ({}, shards[1:])


def test_what_did_not_change_is_linked_and_the_old_memory_goes(tmp_path, shards):
    memory = Memory(tmp_path / "memory")
    memory.keep(frames(0), {}, shards[:1])
    known, _ = memory.recall(shards)
    inode = next(memory.folder.glob("*/part-0.arrow")).stat().st_ino
    memory.keep({**known, **frames(1)}, known, shards)
    [place] = memory.folder.iterdir()
    assert (place / "part-0.arrow").stat().st_ino == inode
    assert memory.recall(shards)[1] == []


def test_two_equal_shards_are_no_ground_for_remembering(tmp_path, shards):
    memory = Memory(tmp_path / "memory")
    write_table(shards[2], pl.DataFrame({"n": [0]}))
    memory.keep(frames(0), {}, shards[:1])
    assert memory.recall(shards) == ({}, shards)
