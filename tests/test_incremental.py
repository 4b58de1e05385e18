"""A new source, a fixed row, a changed rule: what follows from it is done again, shard by shard, and nothing else."""

import json
import shutil
from collections import Counter

import pytest
import tiny_recipe
from tiny_recipe import build, tree, write_mirror, write_recipe

from pipelines.build import shard as shard_module
from pipelines.recipes import demo

RECIPE = tiny_recipe.RECIPE.replace(
    '    return whole_set("exact", exact_duplicates, Exact(), *rows)\n',
    '    distinct = whole_set("exact", exact_duplicates, Exact(), *rows)\n'
    '    return each_shard("again", clean, config, distinct)\n',
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a recipe that cleans again what is distinct, built once."""
    assert RECIPE != tiny_recipe.RECIPE
    write_recipe(tmp_path, RECIPE)
    write_mirror(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    built(tmp_path)
    return tmp_path


def built(place, store="store", **values):
    return build(place / "tiny.py", place / store, place / "mirror", relock=True, **values)


@pytest.fixture
def mapped(monkeypatch):
    """Count the shards that are mapped, by step."""
    done = Counter()
    write = shard_module._write_outcome

    def counting(function, rows, outcome, folder, *more):
        done[folder.name.rpartition("-")[0]] += 1
        return write(function, rows, outcome, folder, *more)

    monkeypatch.setattr(shard_module, "_write_outcome", counting)
    return done


def fix(place, corpus, file, at, **changes):
    """Change fields of one raw row."""
    path = place / "mirror" / corpus / file
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[at] |= changes
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def same_as_built_anew(place, **values):
    """Say whether the last build left what a build into an empty store leaves, byte for byte."""
    built(place, "anew", **values)
    anew, grown = tree(place / "anew"), tree(place / "store")
    return all(grown[path] == content for path, content in anew.items())


def test_a_fixed_row_maps_its_own_shard_again_and_no_other(place, mapped):
    fix(place, "clinic", "fevers.jsonl", 1, answer="About ten days.")
    built(place)
    assert mapped == {"clean-clinic": 1, "again": 1}  # of two and three
    assert same_as_built_anew(place)


def test_a_new_source_maps_its_own_rows_alone(place, mapped):
    built(place, corpora=("clinic", "ward", "school"))
    assert mapped == {"clean-school": 1, "again": 1}  # of one and four
    assert same_as_built_anew(place, corpora=("clinic", "ward", "school"))


def test_a_new_source_before_the_others_maps_its_own_rows_alone(place, mapped):
    built(place, corpora=("school", "clinic", "ward"))
    assert mapped == {"clean-school": 1, "again": 1}
    assert same_as_built_anew(place, corpora=("school", "clinic", "ward"))


def test_a_source_left_out_maps_only_what_its_rows_stood_for(place, mapped):
    built(place, corpora=("ward",))
    assert mapped == {"again": 1}  # the ward's first row was a duplicate of the clinic's
    assert same_as_built_anew(place, corpora=("ward",))


def test_a_changed_rule_maps_every_shard_it_is_for(place, mapped):
    built(place, min_prose_chars=2)
    assert mapped == {"clean-clinic": 2, "clean-ward": 1, "again": 3}
    assert same_as_built_anew(place, min_prose_chars=2)


def test_shards_of_a_step_that_is_not_whole_are_not_taken_over(place, mapped):
    for index in (place / "store").glob("steps/*/step.json"):
        if index.parent.name.startswith("clean-"):
            index.unlink()
    fix(place, "clinic", "fevers.jsonl", 1, answer="About ten days.")
    built(place)
    assert mapped["clean-clinic"] == 2


def test_what_was_taken_over_outlives_the_step_it_is_from(place, capsys):
    before = {path.name for path in (place / "store" / "steps").iterdir()}
    fix(place, "clinic", "fevers.jsonl", 1, answer="About ten days.")
    built(place)
    assert "clean-clinic: 5 rows in, 4 kept, 1 dropped (junk_question 1); 1 of 2 shards reused" in (
        capsys.readouterr().err
    )
    for name in before:
        shutil.rmtree(place / "store" / "steps" / name)
    built(place)
    assert same_as_built_anew(place)


def test_shards_are_copied_where_they_cannot_be_linked(place, mapped, monkeypatch):
    def refuse(path, target):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    fix(place, "clinic", "fevers.jsonl", 1, answer="About ten days.")
    built(place)
    assert mapped == {"clean-clinic": 1, "again": 1}
    assert same_as_built_anew(place)


# --- with a teacher ------------------------------------------------------------------------------------------------


def test_a_fixed_row_asks_for_itself_alone(demo_store, tmp_path, monkeypatch, mapped):
    """The teacher learns from the sample that is shipped, which stays as it was."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo_store, tmp_path / "store", ignore=shutil.ignore_patterns("releases"))
    shutil.copytree(demo.MIRROR, tmp_path / "mirror")
    path = tmp_path / "mirror" / "hpai_prompt_engine" / "medmcqa" / "medmcqa_val.json"
    path.write_text(
        path.read_text().replace("Injury at the surgical neck of the humerus most", "A broken humerus most")
    )
    account = build("demo", tmp_path / "store", tmp_path / "mirror", relock=True)
    asked = account["requests"]["cot"]
    assert asked["requests"] - asked["cached"] in (4, 8, 12)  # the rounds of four samples of one row
    assert asked["cached"] > 600
    assert mapped["clean-medmcqa_sample"] == 1
    assert {step: count for step, count in mapped.items() if step.startswith("clean-")} == {"clean-medmcqa_sample": 1}
    assert mapped["leaks"] == mapped["privacy"] == 1  # of six
