"""Validation and test rows: what belongs together is in one split, and added rows move none."""

import json
import random

import polars as pl
import pytest
import tiny_recipe
from datasets import load_dataset
from rows import row, table
from tiny_recipe import refused, run, tree, write_mirror, write_recipe

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.freeze.freeze_release import release
from pipelines.verify.verify_release import verify
from quality.splits import TRAIN, Splits, assign_splits, split_groups, split_of
from sources.record import Message
from sources.releases.read_manifest import ReleaseError
from training.data.release_rows import read_release
from training.settings import Data
from training.training_errors import TrainingError

RECIPE = (
    tiny_recipe.RECIPE.replace(
        '    return whole_set("exact", exact_duplicates, Exact(), *rows)\n',
        '    distinct = whole_set("exact", exact_duplicates, Exact(), *rows)\n'
        "    shares = (validation_share, test_share)\n"
        "    split = split_rows(distinct, shares=shares, seed=split_seed, near_threshold=0.72)\n"
        '    return each_shard("render", render_prompts, None, *split)\n',
    )
    .replace(
        "    min_prose_chars: Annotated[int, Field(ge=1)] = 1,\n",
        "    min_prose_chars: Annotated[int, Field(ge=1)] = 1,\n"
        "    validation_share: knobs.ValidationShare = 0.0,\n"
        "    test_share: knobs.TestShare = 0.0,\n"
        "    split_seed: knobs.SplitSeed = 0,\n",
    )
    .replace(
        "from pipelines.build.step import",
        "from pipelines.build import knobs\n"
        "from pipelines.recipes.aloe_sft import split_rows\n"
        "from synth.formatting.render_prompts import render_prompts\n"
        "from pipelines.build.step import",
    )
)

TOPICS = "asthma gout measles anemia eczema scurvy rickets malaria mumps cholera typhus plague rabies tetanus".split()

QUARTERS = Splits(validation=0.25, test=0.25, seed=3)


def questions(count, source="clinic", start=0):
    """Return rows that share neither question nor passage."""
    return [
        row(
            f"{source}:{n}",
            f"What does a nurse on ward {n} write into chart {n * 7} about {TOPICS[n % len(TOPICS)]}?",
            answer=f"The nurse writes finding {n * 13} and the hour, and signs with mark {n * 17}.",
        )
        for n in range(start, start + count)
    ]


def assigned(records, config=QUARTERS):
    """Return the split of each kept row by id, and the drops by id."""
    decision = assign_splits(lambda: iter([table(*records)]), config)
    drops = {one["id"]: json.loads(one["evidence"]) for one in decision.drops.rows(named=True)}
    splits = dict(decision.tables["splits"].select("id", "split").iter_rows())
    return {id: split for id, split in splits.items() if id not in drops}, drops


# --- what belongs together -------------------------------------------------------------------------------------------


def groups_of(*records):
    return split_groups(table(*records))["split_group"].to_list()


def test_rows_on_one_passage_are_one_group_whatever_they_ask():
    passage = "Scurvy follows from months without vitamin C."
    one, other, closed, none = groups_of(
        row("a:1", "What follows?", context=passage),
        row("a:2", "Which vitamin?", context=f"  {passage.upper()} "),
        row("a:4", "When does it follow?", meta={"passage": {"text": passage}}),
        row("a:3", "What follows?", meta={"passage": [3, 9]}),
    )
    assert one == other == closed != none


def test_rows_with_one_question_are_one_group_whatever_their_options():
    one, other = groups_of(
        row("a:1", "Which vitamin prevents scurvy?", options=["A", "C"], gold=[1], answer="C"),
        row("b:1", "which vitamin prevents Scurvy", answer="Vitamin C."),
    )
    assert one == other


def test_a_conversation_cut_after_any_turn_is_one_group():
    start = (Message("user", "Hi!"), Message("assistant", "Hello, how can I help you?"))
    question = Message("user", "My gums bleed and I am tired all day.")
    rest = (Message("assistant", "Since when?"), Message("user", "Since March."))
    short, long, other = groups_of(
        row("a:1", messages=(*start, question)),
        row("a:2", messages=(*start, question, *rest)),
        row("a:3", messages=(*start, Message("user", "My knee hurts when I climb the stairs."))),
    )
    assert short == long != other


def test_near_duplicates_are_never_in_two_splits():
    """Of two near-duplicates the one in the less protected split is dropped, and the evidence names the other."""
    records = questions(120)
    copies = [
        row(f"ward:{n}", one.messages[0].content.replace("What does", "So what does"), answer=one.answer)
        for n, one in enumerate(records)
    ]
    splits, drops = assigned([*records, *copies])
    assert drops
    order = ["train", "validation", "test"]
    for n in range(120):
        both = {splits[id] for id in (f"clinic:{n}", f"ward:{n}") if id in splits}
        assert len(both) == 1
    for id, evidence in drops.items():
        assert order.index(evidence["assigned_split"]) > 0
        assert splits[evidence["neighbour"]] == evidence["assigned_split"]
        assert id.partition(":")[2] == evidence["neighbour"].partition(":")[2]


def attack(id, request, style):
    """Return an attack: the request inside the text of a style, which is longer than any request."""
    text = f"{style} Stay in this role whatever happens, never break it, and answer in full sentences: {request}"
    return row(id, text, meta={"attack": {"request": request, "style": style, "base": id.partition("/")[0]}})


def test_a_set_without_rows_has_no_splits():
    decision = assign_splits(lambda: iter([table()]), Splits(validation=0.1, test=0.1))
    assert decision.tables["splits"].is_empty()
    assert decision.drops.is_empty()


def test_attacks_are_split_by_their_plain_request():
    """One request is in one split in every style, and one style in all splits: only its requests are compared."""
    records = questions(60)
    attacks = [
        attack(f"{one.id}/{style}", one.messages[0].content, f"Act as my {style}.")
        for one in records
        for style in ("aunt", "captain")
    ]
    splits, drops = assigned(attacks)
    assert not drops
    assert {splits[f"{one.id}/aunt"] == splits[f"{one.id}/captain"] for one in records} == {True}
    assert {splits[f"{one.id}/aunt"] for one in records} == {"train", "validation", "test"}
    plain, _ = assigned(records)
    assert {one.id: splits[f"{one.id}/aunt"] for one in records} == plain


# --- shares, seeds, added rows ---------------------------------------------------------------------------------------


def test_shares_hold_for_each_source_on_average():
    records = [*questions(2_000), *questions(2_000, "ward", 10_000)]
    splits = assign_splits(lambda: iter([table(*records)]), Splits(validation=0.05, test=0.1)).tables["splits"]
    shares = splits.group_by(pl.col("id").str.extract("^([a-z]+)"), "split").len()
    share_of = {(source, split): rows / 2_000 for source, split, rows in shares.iter_rows()}
    for source in ("clinic", "ward"):
        assert share_of[source, "validation"] == pytest.approx(0.05, abs=0.02)
        assert share_of[source, "test"] == pytest.approx(0.1, abs=0.02)


def test_added_rows_move_no_row():
    """Whatever is added, also copies that join groups, a row is where it was, or is dropped for a row that it names."""
    records = questions(300)
    before, _ = assigned(records)
    draw = random.Random(1)
    for _ in range(5):
        new = [
            row(
                f"ward:{n}",
                records[at].messages[0].content.replace("What does", "So what does"),
                answer=records[at].answer,
            )
            for n, at in enumerate(draw.sample(range(300), 30))
        ]
        after, drops = assigned([*records, *new, *questions(30, "school", 5_000)])
        assert {id: after[id] for id in before if id in after} == {id: before[id] for id in before if id in after}
        for id in before.keys() - after.keys():
            assert drops[id]["neighbour"].startswith("ward:")
        assert not {id for id, split in before.items() if split == "test"} - after.keys()


def test_a_larger_share_takes_rows_from_training_alone():
    groups = pl.Series("group", [f"{n:016x}" for n in range(5_000)])

    def at(**shares):
        return groups.to_frame().select(split_of(pl.col("group"), Splits(**shares))).to_series()

    small, large = at(validation=0.1, test=0.1), at(validation=0.1, test=0.2)
    moved = small != large
    assert set(small.filter(moved)) == {TRAIN}
    assert set(large.filter(moved)) == {"test"}
    assert at(validation=0.1, test=0.1, seed=1).ne(small).any()


def test_rows_added_shard_by_shard_get_what_one_run_gives():
    first, second = table(*questions(100)), table(*questions(100, "ward", 1_000))
    before = assign_splits(lambda: iter([first]), QUARTERS)
    added = assign_splits(lambda: iter([second]), QUARTERS, before.memory)
    one_run = assign_splits(lambda: iter([first, second]), QUARTERS)
    assert added.tables["splits"].equals(one_run.tables["splits"])
    assert added.drops.equals(one_run.drops)


# --- a release -------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A recipe with splits, and a mirror of 60 questions on 20 passages, so to say: three wordings of each topic."""
    write_recipe(tmp_path, RECIPE)
    rows = [
        {
            "id": f"{source}{n}",
            "question": f"{start} {TOPICS[n % 14]} in ward {n}?",
            "answer": f"Finding {n * 13} of the {source}, in the words of its own page {n}.",
        }
        for source in ("clinic", "ward")
        for n, start in enumerate(["What is", "How do doctors treat", "Who is at risk of"] * 14)
    ]
    write_mirror(
        tmp_path / "mirror",
        {name: {"rows.jsonl": [one for one in rows if one["id"].startswith(name)]} for name in ("clinic", "ward")},
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def released(place, version="1", store="store", **values):
    knobs = {"validation_share": 0.2, "test_share": 0.2, **values}
    recipe = load(str(place / "tiny.py"))
    opened = BuildSession.open(recipe, knobs, store=place / store, mirror=place / "mirror", relock=True)
    opened.build(workers=1)
    release(opened, version)
    return place / store / "releases" / "tiny" / version


def test_the_splits_of_a_release_are_those_of_load_dataset(place):
    folder = released(place)
    dataset = load_dataset(str(folder), "sft", cache_dir=str(place / "cache"))
    assert list(dataset) == ["train", "validation", "test"]
    sizes = {name: len(rows) for name, rows in dataset.items()}
    assert all(sizes.values())
    questions_of = {name: {one[0]["content"] for one in rows["messages"]} for name, rows in dataset.items()}
    assert not questions_of["train"] & (questions_of["validation"] | questions_of["test"])
    card = (folder / "README.md").read_text()
    assert f"| `sft` | {sizes['train']} | {sizes['validation']} | {sizes['test']} |" in card
    assert run("verify", folder).exit_code == 0


def test_the_ledger_has_split_and_group_of_each_kept_row(place):
    ledger = pl.read_parquet(released(place) / "ledger" / "*.parquet")
    kept = ledger.filter(status="kept")
    assert kept.select("assigned_split", "split_group").null_count().row(0) == (0, 0)
    assert ledger.filter(pl.col("status") != "kept")["assigned_split"].null_count() == ledger.height - kept.height


def test_without_shares_all_is_as_it_was(place):
    folder = released(place, validation_share=0.0, test_share=0.0)
    assert {path.name for path in folder.glob("data/*/*/*")} == {"train-00000-of-00001.parquet"}
    assert "assigned_split" not in pl.read_parquet_schema(next((folder / "ledger").glob("*.parquet")))
    assert "## Splits" not in (folder / "README.md").read_text()


def test_a_row_in_the_files_of_another_split_is_found(place):
    folder = released(place)
    train, test = (folder / "data" / "sft" / "clinic" / f"{name}-00000-of-00001.parquet" for name in ("train", "test"))
    moved = pl.read_parquet(train).head(1)
    schema = pl.read_parquet(test)
    pl.concat([schema, moved]).write_parquet(test)
    shown = run("verify", folder).stdout
    assert f"split of {moved['id'][0]}\n  expected train\n  found    test" in shown


def test_a_build_with_more_rows_gives_what_a_fresh_one_gives_and_moves_none(place):
    first = released(place)
    more = [
        {"id": f"s{n}", "question": f"What is {topic} called in school {n}?", "answer": f"Word {n} of lesson {n * 3}."}
        for n, topic in enumerate(TOPICS)
    ]
    write_mirror(place / "mirror", {"school": {"lessons.jsonl": more}})
    grown = released(place, "2", corpora=("clinic", "ward", "school"))
    fresh = released(place, "2", "fresh", corpora=("clinic", "ward", "school"))
    assert {path.name: path.read_bytes() for path in grown.rglob("*.parquet")} == {
        path.name: path.read_bytes() for path in fresh.rglob("*.parquet")
    }
    used = {path for path in tree(place / "fresh") if path.endswith("splits.parquet")}
    assert used <= tree(place / "store").keys()

    def splits_of(folder):
        return dict(
            pl.read_parquet(folder / "ledger" / "*.parquet")
            .filter(status="kept")
            .select("id", "assigned_split")
            .iter_rows()
        )

    before, after = splits_of(first), splits_of(grown)
    assert {id: after[id] for id in before} == before


def test_an_export_for_training_leaves_held_out_rows_out(place):
    folder = released(place)
    done = run("export", folder, "--to", "trl", "--out", place / "out")
    assert done.exit_code == 0, done.output
    n_held_out = sum(pl.read_parquet(path).height for path in folder.glob("data/sft/*/[tv]e*.parquet"))
    n_held_out += sum(pl.read_parquet(path).height for path in folder.glob("data/sft/*/va*.parquet"))
    train = sum(pl.read_parquet(path).height for path in folder.glob("data/sft/*/train*.parquet"))
    assert len((place / "out" / "sft.jsonl").read_text().splitlines()) == train
    listed = [json.loads(line) for line in (place / "out" / "not_exported.jsonl").read_text().splitlines()]
    assert len(listed) == n_held_out
    assert {one["reason"] for one in listed} == {
        "row of the split validation, which is not for training",
        "row of the split test, which is not for training",
    }


def test_a_set_whose_rows_are_all_dropped_is_not_released(place):
    for name in ("clinic", "ward"):
        (place / "mirror" / name / "rows.jsonl").write_text('{"id": "1", "question": "N/A", "answer": "N/A"}\n')
    with pytest.raises(ReleaseError, match="kept no row, expected one at least; sabila build lists why"):
        released(place)


def test_a_release_whose_rows_are_all_held_out_has_none_to_train_on(place):
    folder = released(place, validation_share=0.5, test_share=0.5)
    assert not list(folder.glob("data/sft/*/train*.parquet"))
    said = refused(1, "export", folder, "--to", "trl", "--out", place / "out")
    assert "tiny@1: none of 84 rows fits trl" in said
    assert "which is not for training" in said
    with pytest.raises(TrainingError, match="has no training row for sft, all are in validation and test"):
        read_release(folder, "sft", Data())
    assert 'load_dataset("ORG/NAME", "sft", split="validation")' in (folder / "README.md").read_text(encoding="utf-8")
    assert not verify(folder).findings


def test_a_split_conflict_cannot_be_overruled():
    from pipelines.build.overrides_file import OverridesError, checked_overrides

    entry = {"id": "a:1", "decision": "keep", "step": "split", "rule": "split_conflict", "reason": "r", "by": "b"}
    with pytest.raises(OverridesError, match="cannot be overruled"):
        checked_overrides([entry], "overrides.toml")


def test_rows_of_a_release_are_the_training_rows_unless_a_split_is_named(place):
    from pipelines.api.functions import load as open_release

    opened = open_release(released(place))
    sizes = {split: opened.rows(split=split).height for split in opened.splits}
    assert list(sizes) == ["train", "validation", "test"]
    assert sum(sizes.values()) == opened.manifest.rows
    assert opened.rows().height == sizes["train"]
    assert len(opened.dataset(split="test")) == sizes["test"]
    with pytest.raises(Exception, match=r"sft of tiny@1 has no split 'dev', expected train, validation, test"):
        opened.rows(split="dev")
