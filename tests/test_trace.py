"""The history of a row: its file, what each step did with it, the requests made for it, and its last status."""

import json
import shutil

import polars as pl
import pytest
import tiny_recipe
from branched_recipe import as_an_older_sabila_left_it, branched_store
from json_results import events_of, history_text, row_history
from tiny_recipe import refused, run, write_mirror, write_recipe

from pipelines.completions.shard_groups import GROUP_ROWS
from pipelines.release.ledger import write_ledger
from pipelines.storage.store import Store
from pipelines.trace.row_history import History, TraceError
from synth.teachers.teacher import Request

CUT = b'{"id": "w3", "question": "cut'
ALONE = ("tiny.py", "--mirror", "mirror", "--workers", "1")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with the tiny recipe and its mirror, of whose rows one is cut off."""
    rows = {**tiny_recipe.ROWS, "ward": {"rounds.jsonl": [*tiny_recipe.ROWS["ward"]["rounds.jsonl"], CUT]}}
    write_recipe(tmp_path)
    write_mirror(tmp_path / "mirror", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def built(place):
    answer("build", *ALONE)
    return place


def answer(*arguments):
    """Return the stdout of a call that works."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


# --- what a person reads -------------------------------------------------------------------------------------------

READ = """\
  read from {file}, line {line}, of hf://datasets/sabila-tests/{corpus} at revision main
  licence CC0-1.0, read in: written for these tests
"""

KEPT = f"""\
clinic:c1

read-clinic: kept
{READ.format(file="fevers.jsonl", line=1, corpus="clinic")}  split train

clean-clinic: kept

exact: kept
"""

EDITED = f"""\
clinic:c2

read-clinic: kept
{READ.format(file="fevers.jsonl", line=2, corpus="clinic")}  split train

clean-clinic: kept
  answer: url removed '(www.example.org)'
  answer: About a week[- (www.example.org)-].

exact: kept
"""

DROPPED = f"""\
clinic:c3

read-clinic: kept
{READ.format(file="fevers.jsonl", line=3, corpus="clinic")}  split train

clean-clinic: dropped
  because of junk_question: unknown
  to put it back: sabila override clinic:c3 --by NAME --reason WHY
"""

DUPLICATE = f"""\
ward:w1

read-ward: kept
{READ.format(file="rounds.jsonl", line=1, corpus="ward")}  split train

clean-ward: kept

exact: dropped
  because of duplicate: duplicate_of clinic:c1, similarity 1.0
  to put it back: sabila override ward:w1 --by NAME --reason WHY
"""

QUARANTINED = f"""\
ward:rounds.jsonl:3

read-ward: quarantined
{READ.format(file="rounds.jsonl", line=3, corpus="ward")}\
  because not JSON: unexpected end of data at character 29
  text: {CUT.decode()}
"""

LIVES = {"kept": KEPT, "edited": EDITED, "dropped": DROPPED, "duplicate": DUPLICATE, "quarantined": QUARANTINED}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_trace_prints_the_history_of_a_row(life, built):
    assert answer("trace", life.splitlines()[0]) == life


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_trace_prints_the_same_history_as_json(life, built):
    events = json.loads(answer("trace", life.splitlines()[0], "--json"))
    step_lines = [line for line in life.splitlines()[1:] if line and not line.startswith(" ")]
    assert [f"{event['step']}: {event['status']}" for event in events] == step_lines
    for event in events:
        assert (built / "store" / "steps" / event["folder"]).is_dir()
        for name in ("file", "line", "home", "revision", "license", "license_read", "reason", "error"):
            assert str(event.get(name, "")) in life
        for edit in event.get("edits", []):
            assert f"{edit['field']}: {edit['rule']} removed {edit['removed']!r}" in life
    assert json.loads(events[-1].get("evidence") or "{}" if life == DUPLICATE else "{}") == (
        {"duplicate_of": "clinic:c1", "similarity": 1.0} if life == DUPLICATE else {}
    )


def test_what_a_step_changed_is_told_whole_to_programs(built):
    events = json.loads(answer("trace", "clinic:c2", "--json"))
    assert [event["changes"] for event in events] == [
        [],
        [
            {
                "field": "answer",
                "before": "About a week (www.example.org).",
                "after": "About a week.",
            }
        ],
        [],
    ]


def test_a_row_cannot_command_the_terminal_it_is_shown_on():
    hostile = "\x1b[2J\x9b31m wiped \x07"
    change = {"field": "answer", "before": "fine", "after": hostile}
    meta = {"field": "meta", "before": "{}", "after": json.dumps({"note": hostile})}
    text = history_text("a:\x1b1", [{"step": "clean", "status": "kept", "changes": [change, meta]}])
    assert "\\x1b[2J\\x9b31m wiped \\x07" in text
    coloured = {"\x1b[31m", "\x1b[32m", "\x1b[0m"}
    for code in coloured:
        text = text.replace(code, "")
    assert text.isprintable() or all(char == "\n" or char.isprintable() for char in text)


# --- what is not there ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["clinic:zz", "nowhere:c1", "clinic", "", "clinic:fevers.jsonl:1", "clinic:c1/made"])
def test_trace_of_a_row_that_no_step_read_is_told(row, built):
    assert refused(1, "trace", row) == (
        f"Error: no row {row!r} in the last build of this store; expected <source>:<id>, "
        "or <source>:<file>:<line> for a malformed row"
    )


def test_trace_looks_into_the_last_build_or_that_of_a_recipe(built):
    (built / "other.py").write_text(tiny_recipe.RECIPE)
    answer("build", "other.py", *ALONE[1:], "--corpora", "school")
    assert answer("trace", "school:s1").startswith("school:s1")
    assert "no row 'clinic:c1' in the last build of this store" in refused(1, "trace", "clinic:c1")
    assert answer("trace", "clinic:c1", "--recipe", "tiny") == KEPT
    assert refused(1, "trace", "school:s1", "--recipe", "nope") == (
        "Error: store contains no finished build of nope; run sabila build first"
    )
    assert refused(1, "trace", "school:s1", "--recipe", "tihy").endswith("; did you mean 'tiny'?")


def test_trace_without_a_build_says_to_build(place):
    assert refused(1, "trace", "clinic:c1") == "Error: store contains no finished build; run sabila build first"


def test_trace_of_a_step_that_was_deleted_says_to_build_again(built):
    step = next((built / "store" / "steps").glob("read-clinic-*"))
    (step / "step.json").unlink()
    assert refused(1, "trace", "clinic:c1") == (
        f"Error: store/steps/{step.name} is gone, expected a finished step; build again"
    )


# --- releases ------------------------------------------------------------------------------------------------------


@pytest.fixture
def released(place):
    answer("release", *ALONE, "--version", "1")
    answer("build", *ALONE, "--corpora", "clinic")
    return place


def test_a_row_is_traced_in_a_release_whatever_was_built_since(released):
    assert "no row 'ward:w1'" in refused(1, "trace", "ward:w1")
    assert answer("trace", "ward:w1", "--release", "tiny@1") == DUPLICATE
    assert answer("trace", "clinic:c2", "--release", released / "store/releases/tiny/1") == EDITED
    assert refused(1, "trace", "school:s1", "--release", "tiny@1") == (
        "Error: no row 'school:s1' in tiny@1; expected <source>:<id>, or <source>:<file>:<line> for a malformed row"
    )
    assert "no release 'tiny@2'" in refused(1, "trace", "clinic:c1", "--release", "tiny@2")
    answer("build", *ALONE, "--limit", "2")
    assert refused(1, "trace", "clinic:c5").endswith(
        "; read-clinic read 2 rows because of --limit, and the row may be beyond them"
    )
    assert refused(2, "trace", "clinic:c1", "--release", "tiny@1", "--recipe", "tiny") == (
        "Error: --recipe is tiny and --release tiny@1, expected one of them"
    )


def test_a_release_far_from_its_store_tells_what_its_ledger_knows(released):
    away = released / "away"
    shutil.copytree(released / "store/releases/tiny/1", away)
    output = answer("trace", "clinic:c2", "--release", away, "--store", "elsewhere")
    assert output == (
        f"clinic:c2\n\nexact: kept\n{READ.format(file='fevers.jsonl', line=2, corpus='clinic')}"
        "  changed by clean-clinic\n"
        "  from the ledger of the release; the texts before and after are in the store it was built in\n"
    )
    (dropped,) = json.loads(answer("trace", "ward:w1", "--release", away, "--store", "elsewhere", "--json"))
    assert (dropped["step"], dropped["status"], dropped["reason"]) == ("exact", "dropped", "duplicate")
    assert json.loads(dropped["evidence"]) == {"duplicate_of": "clinic:c1", "similarity": 1.0}
    assert "no row 'clinic:zz' in tiny@1" in refused(1, "trace", "clinic:zz", "--release", away, "--store", "elsewhere")


# --- every row -----------------------------------------------------------------------------------------------------


def ledger(store, recipe):
    return pl.read_parquet(store / "releases" / recipe / "1" / "ledger" / "*.parquet").rows(named=True)


@pytest.mark.parametrize("recipe", ["demo", "demo_dpo"])
def test_every_row_ever_read_is_traced_to_where_the_ledger_says_it_is(recipe, demo_store):
    history = History.of_build(Store(demo_store), recipe)
    read = {step.name: step.source.name for step in history.steps if step.source}
    for row in ledger(demo_store, recipe):
        events = events_of(history, row["id"])
        first, last = events[0], events[-1]
        assert read[first["step"]] == row["source"]
        assert (first["file"], first["line"]) == (row["file"], row["line"])
        assert first["license_read"] and first["home"] and first["revision"]
        assert last["status"] == row["status"]
        assert last["step"] == row["step"] or row["status"] == "reference_only"
        assert last.get("reason", row["reason"]) == row["reason"]
        assert [event["step"] for event in events if event.get("changes")] == row["changed_by"]


def test_a_row_that_another_stands_for_names_one_that_can_be_traced_in_turn(demo_store):
    history = History.of_build(Store(demo_store), "demo")
    named = [
        json.loads(row["evidence"])["duplicate_of"]
        for row in ledger(demo_store, "demo")
        if "dup" in (row["reason"] or "")
    ]
    assert len(named) == 20
    assert all(events_of(history, other) for other in named)


def test_a_trace_looks_into_few_files_whatever_the_number_of_shards(demo_store):
    history = History.of_build(Store(demo_store), "demo")
    kept = next(row["id"] for row in ledger(demo_store, "demo") if row["status"] == "kept")
    steps = len(events_of(history, kept))
    assert history.files.ids.cache_info().misses < 6 * steps


def test_prompts_and_completions_are_shown_with_their_verdicts(demo_store):
    history = History.of_build(Store(demo_store), "demo")
    row = next(row for row in ledger(demo_store, "demo") if "chains" in row["changed_by"])
    events = {event["step"]: event for event in events_of(history, row["id"])}
    candidates = events["chains"]["tables"]["candidates"]
    assert [one["sample"] for one in candidates] == [0, 1, 2, 3]
    assert {one["verdict"] for one in candidates} >= {"kept"}
    written = next(change for change in events["chains"]["changes"] if change["field"] == "response")
    assert written["after"] in [one["text"] for one in candidates if one["verdict"] == "kept"]
    for one in candidates:
        assert one["messages"][0]["role"] == "system"
        assert one["sampling"]["temperature"] == 0.8
        read_event = events_of(history, row["id"])[0]
        assert read_event["status"] == "kept"
        assert one["teacher"] == "embedded" and one["revision"]
        assert 0 <= one["seed"] < 2**31
    text = history_text(row["id"], list(events.values()))
    assert "verdict kept (parsed" in text
    assert "prompt, differences:" in text


def test_completions_that_the_store_has_lost_are_said_to_be_lost(demo_store, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(demo_store, store, ignore=shutil.ignore_patterns("completions*", "releases"))
    row = next(row["id"] for row in ledger(demo_store, "demo") if "chains" in row["changed_by"])
    events = row_history(row, store, "demo")
    assert "the request is not in the store" in history_text(row, events)


def test_prompts_are_found_in_a_store_that_cannot_be_written(demo_store, monkeypatch):
    row = next(row["id"] for row in ledger(demo_store, "demo") if "chains" in row["changed_by"])
    before = row_history(row, demo_store, "demo")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert row_history(row, demo_store, "demo") == before
    assert any("messages" in one for event in before for one in event.get("tables", {}).get("candidates", []))


# --- rows made by steps, branches, many shards ---------------------------------------------------------------------


@pytest.fixture
def branched(tmp_path, monkeypatch):
    return branched_store(tmp_path, monkeypatch)


def of_build(store, place):
    """Return the rows of the ledger of a store's last build."""
    write_ledger(Store(store), list(History.of_build(Store(store), None).steps), place)
    return pl.read_parquet(place / "ledger" / "*.parquet").rows(named=True)


def test_a_row_made_by_a_step_is_traced_to_the_row_it_was_made_from(branched):
    events = row_history("ward:w2-1/short/again", branched)
    assert [(event["step"], event["status"], event.get("made_from")) for event in events] == [
        ("read-ward", "kept", None),
        ("split", "kept", "ward:w2-1"),
        ("one", "dropped", None),
        ("other", "kept", None),
        ("again", "kept", "ward:w2-1/short"),
        ("last", "kept", None),
    ]
    assert (events[0]["file"], events[0]["line"]) == ("2.jsonl", 2)
    changes = {change["field"]: (change["before"], change["after"]) for change in events[1]["changes"]}
    assert changes == {"answer": ("She is, on day 1.", "Yes.")}
    assert "made from ward:w2-1" in history_text("ward:w2-1/short/again", events)


def test_every_row_of_branches_and_many_shards_is_traced(branched, tmp_path):
    assert GROUP_ROWS > 20
    history = History.of_build(Store(branched), None)
    rows = of_build(branched, tmp_path)
    assert len(rows) == 21 * 4 + 2
    ends = {row["id"]: (row["status"], row["step"], row["reason"]) for row in rows}
    assert ends["clinic:c0-0/long"] == ("dropped", "split", "too_long")
    assert ends["clinic:c0-0"] == ("kept", "last", None)
    assert ends["exam:e1"] == ("reference_only", "read-exam", None)
    for row in rows:
        last = events_of(history, row["id"])[-1]
        assert last["status"] == row["status"]
        assert (last["step"], last.get("reason")) == (
            ("last", None) if row["status"] != "dropped" else ("split", "too_long")
        )


def test_a_store_without_indexes_is_traced_all_the_same(branched, tmp_path):
    ids = [row["id"] for row in of_build(branched, tmp_path)]
    known = History.of_build(Store(branched), None)
    before = {id: events_of(known, id) for id in ids}
    as_an_older_sabila_left_it(branched)
    older = History.of_build(Store(branched), None)
    for id in ids:
        for event, same in zip(events_of(older, id), before[id], strict=True):
            assert {**event, "title": None, "home": None, "license_read": None} == {
                **same,
                "title": None,
                "home": None,
                "license_read": None,
            }


def test_a_row_out_of_its_place_is_found_all_the_same(branched):
    step = next(branched.glob("steps/last-*"))
    files = sorted((step / "kept").iterdir())
    rows = pl.concat([pl.read_parquet(path) for path in files])
    for path, part in zip(files, [rows.reverse().head(50), rows.reverse().slice(50)], strict=False):
        part.write_parquet(path)
    assert row_history("ward:w2-1", branched)[-1]["status"] == "kept"
    with pytest.raises(TraceError, match="no row 'ward:w9-9'"):
        row_history("ward:w9-9", branched)


def test_the_seed_shown_is_the_seed_of_the_request(demo_store):
    row = next(row["id"] for row in ledger(demo_store, "demo") if "chains" in row["changed_by"])
    step = next(event for event in row_history(row, demo_store, "demo") if event["step"] == "chains")
    from sources.record import Message
    from synth.teachers.teacher import Sampling

    for one in step["tables"]["candidates"]:
        request = Request(
            row=row,
            stage="cot",
            messages=tuple(Message(**message) for message in one["messages"]),
            sampling=Sampling(**{**one["sampling"], "stop": tuple(one["sampling"]["stop"])}),
            sample=one["sample"],
        )
        assert (request.key(one["teacher"], one["revision"]), request.seed) == (one["key"], one["seed"])


def test_a_change_of_white_space_alone_takes_one_line():
    change = {"field": "answer", "before": "Rest.\n\n\nDrink   water.", "after": "Rest.\n\nDrink water."}
    text = history_text("a:1", [{"step": "clean", "status": "kept", "changes": [change]}])
    assert "  answer: only white space changed, 22 -> 19 characters" in text.splitlines()
