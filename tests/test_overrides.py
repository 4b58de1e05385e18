"""People's decisions about single rows: kept past one rule, taken down, edited; what has no effect is reported."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import tiny_recipe
from rows import row
from tiny_recipe import refused, run, tree, write_mirror, write_recipe

from pipelines.build import shard as shard_module
from pipelines.build.overrides_file import OverridesError, checked_overrides, read_overrides, to_toml
from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.freeze.freeze_release import release
from pipelines.freeze.rebuild import rebuild
from quality.cleaning.clean import Clean, clean
from quality.decontamination.find_leaks import Decontaminate
from quality.decontamination.leaking_rows import drop_leaks
from quality.overrides import (
    EditError,
    OtherRowError,
    Override,
    Overrides,
    edit_overridden,
    pass_rules,
    row_content,
)
from sources.atomic import write_table
from sources.table import frame

RECIPE = tiny_recipe.RECIPE.replace(
    '    return whole_set("exact", exact_duplicates, Exact(), *rows)\n',
    '    distinct = whole_set("exact", exact_duplicates, Exact(), *rows)\n'
    '    near = incremental_whole_set("near", near_duplicate_records, NearRecords(), distinct)\n'
    '    return each_shard("render", render_prompts, None, takedowns(near))\n',
).replace(
    "from pipelines.build.step import each_shard, read, whole_set",
    "from pipelines.build.step import each_shard, incremental_whole_set, read, takedowns, whole_set\n"
    "from quality.duplicates.near_records import NearRecords, near_duplicate_records\n"
    "from synth.formatting.render_prompts import render_prompts",
)

WHO = {"reason": "Read it twice.", "by": "Reviewer One"}

KEEP = {"id": "clinic:c3", "decision": "keep", "step": "clean-clinic", "rule": "junk_question", **WHO}
TWICE = {"id": "ward:w1", "decision": "keep", "step": "exact", "rule": "duplicate", **WHO}
DROP = {"id": "clinic:c5", "decision": "drop", **WHO}
EDIT = {"id": "clinic:c2", "decision": "edit", "field": "answer", "text": "Up to ten days.", **WHO}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a recipe that compares rows, has a place for takedowns and renders prompts, and its mirror."""
    write_recipe(tmp_path, RECIPE)
    write_mirror(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def session(place, *entries, store="store"):
    """Return a session of the recipe with overrides given as the tables of the file."""
    checked = checked_overrides(entries, "overrides.toml")
    recipe = load(str(place / "tiny.py"))
    return BuildSession.open(recipe, {}, store=place / store, mirror=place / "mirror", overrides=checked)


def built(place, *entries, store="store"):
    """Build and return the kept rows by id, the outcomes of the overrides by row, and the account."""
    opened = session(place, *entries, store=store)
    account = opened.build(workers=1)
    kept = pl.read_parquet(sorted((place / account.folder / "kept").glob("*.parquet")))
    rows = {one["id"]: one for one in kept.rows(named=True)}
    return rows, {one.id: one for one in account.overrides}, account


def test_a_kept_row_passes_the_rule_it_names(place):
    without, _, _ = built(place)
    rows, outcomes, _ = built(place, KEEP)
    assert set(rows) - set(without) == {"clinic:c3"}
    assert outcomes["clinic:c3"].status == "applied"


def test_it_passes_no_other_rule(place):
    """The copy passes ``exact``, and ``near`` drops it all the same: that takes an override of its own."""
    rows, outcomes, _ = built(place, TWICE)
    assert "ward:w1" not in rows
    assert (outcomes["ward:w1"].status, outcomes["ward:w1"].detail) == (
        "dropped_later",
        "dropped by near: near_duplicate",
    )
    rows, _, _ = built(place, TWICE, {**TWICE, "step": "near", "rule": "near_duplicate"})
    assert "ward:w1" in rows


def test_a_row_that_breaks_two_rules_of_one_step_is_dropped_for_the_second():
    """``unknown`` as a question and ``N/A`` as its answer: a junk question first, and a junk answer too."""
    rows = frame([row("x:1", "unknown", answer="N/A")])
    config = Clean()
    first = clean(rows, config)
    assert first.rows["drop_reason"].to_list() == ["junk_question"]

    def passing(*rules):
        entries = [Override(id="x:1", decision="keep", step="clean", rule=rule, **WHO) for rule in rules]
        return pass_rules(first, rows, entries, lambda some: clean(some, config))

    assert passing("junk_question").rows["drop_reason"].to_list() == ["junk_answer"]
    both = passing("junk_question", "junk_answer")
    assert both.rows["drop_reason"].to_list() == [None]
    assert both.tables["overrides"]["rule"].to_list() == ["junk_question", "junk_answer"]
    assert both.tables["overrides"]["evidence"].to_list() == ["unknown", "N/A"]


def test_a_leak_is_overruled_layer_by_layer(tmp_path):
    question = "Which of these vitamins prevents scurvy in sailors who are at sea for many months without fruit?"
    rows = frame([row("x:1", question, answer="Vitamin C")])
    write_table(tmp_path / "items.parquet", frame([row("bench:1", question, answer="Vitamin C")]))

    def leaks(some):
        return drop_leaks(some, Decontaminate(), (tmp_path / "items.parquet",))

    found = leaks(rows)
    [reason] = found.rows["drop_reason"]
    keep = Override(id="x:1", decision="keep", step="leaks", rule=reason, **WHO)
    other = Override(id="x:1", decision="keep", step="leaks", rule="leak:answer", **WHO)
    assert pass_rules(found, rows, [keep], leaks).rows["drop_reason"].to_list() == [None]
    assert pass_rules(found, rows, [other], leaks).rows["drop_reason"].to_list() == [reason]


def test_a_takedown_drops_the_row_and_brings_back_no_copy_of_it(place):
    """``ward:w1`` is a copy of ``clinic:c1``: it stays dropped when that row is taken down."""
    rows, outcomes, account = built(place, {**DROP, "id": "clinic:c1"})
    assert not {"clinic:c1", "ward:w1"} & set(rows)
    assert outcomes["clinic:c1"].status == "applied"
    [step] = [step for step in account.steps if step.name == "takedowns"]
    assert step.reasons == {"override": 1}


def test_without_a_place_of_its_own_a_takedown_is_the_last_step(tmp_path, monkeypatch):
    write_recipe(tmp_path)
    write_mirror(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    rows, _, account = built(tmp_path, DROP)
    assert "clinic:c5" not in rows
    assert account.steps[-1].name == "takedowns-last"


@pytest.mark.parametrize(
    ("field", "text", "column", "expected"),
    [
        ("answer", "Up to ten days.", "answer", "Up to ten days."),
        ("question", "How many days does a cold last?", "messages", "How many days does a cold last?"),
        ("rationale", "The body needs time.", "rationale", "The body needs time."),
    ],
)
def test_an_edit_gives_a_field_its_new_text(place, field, text, column, expected):
    rows, outcomes, _ = built(place, {**EDIT, "field": field, "text": text})
    value = rows["clinic:c2"][column]
    assert (value[-1]["content"] if column == "messages" else value) == expected
    assert outcomes["clinic:c2"].status == "applied"


@pytest.mark.parametrize("text", ["B", "b", "Measles"])
def test_the_right_option_is_given_by_its_letter_or_its_text(place, text):
    rows, _, _ = built(place, {**EDIT, "id": "clinic:c4", "field": "gold", "text": text})
    assert (rows["clinic:c4"]["gold"], rows["clinic:c4"]["answer"]) == ([1], "Measles")


def test_an_option_that_is_not_there_stops_the_build_in_one_line(place):
    (place / "overrides.toml").write_text(to_toml([Override(**{**EDIT, "id": "clinic:c4", "field": "gold"})]))
    line = refused(1, "build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1)
    assert "clinic:c4: text is 'Up to ten days.', expected the text of an option, or letters of its 2 options" in line


def test_one_row_under_two_names_is_not_edited_twice():
    rows = frame([row("clinic:c2", "How long does a cold last?", source="clinic", file="rows.jsonl", line=1)])
    twice = [Override(**EDIT), Override(**{**EDIT, "id": "clinic:rows.jsonl:1", "text": "Some days."})]
    with pytest.raises(EditError, match=r"clinic:c2 and clinic:rows\.jsonl:1 are one row and both edit its answer"):
        edit_overridden(rows, Overrides(entries=tuple(twice)))


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("answer", "Mumps", "x:1: field is 'answer', which is the right option 'Measles'; edit gold in place of it"),
        ("rejected", "Mumps", "x:1: field is 'rejected', but the row is no preference pair; edit another field"),
        ("gold", "C", "x:1: text is 'C', expected the text of an option, or letters of its 2 options"),
    ],
)
def test_an_edit_that_would_contradict_its_row_is_refused(field, text, expected):
    rows = frame([row("x:1", "Which has a rash?", options=["Mumps", "Measles"], gold=[1], answer="Measles")])
    edit = Override(id="x:1", decision="edit", field=field, text=text, **WHO)
    with pytest.raises(EditError, match=re.escape(expected)):
        edit_overridden(rows, Overrides(entries=(edit,)))


def test_a_right_option_that_is_named_twice_is_one():
    rows = frame([row("x:1", "Which has a rash?", options=["Mumps", "Measles"], gold=[0], answer="Mumps")])
    edit = Override(id="x:1", decision="edit", field="gold", text="B, b", **WHO)
    assert edit_overridden(rows, Overrides(entries=(edit,))).rows["gold"].to_list() == [[1]]


def test_an_edited_row_is_cleaned_and_compared_as_any_other(place):
    """An edit comes right after reading, so that no text reaches the set unchecked."""
    rows, outcomes, _ = built(place, {**EDIT, "text": "N/A"})
    assert "clinic:c2" not in rows
    assert outcomes["clinic:c2"].detail == "dropped by clean-clinic: junk_answer"


def test_an_edit_may_come_after_a_step(place):
    rows, _, account = built(place, {**EDIT, "step": "render"})
    assert rows["clinic:c2"]["answer"] == "Up to ten days."
    assert account.steps[-1].name == "edit-render"


LINE = "clinic:vaccines.jsonl:2"


def content_of(id):
    """Return the content of a row as it is read, from the last build in the store."""
    [path] = [path for path in sorted(Path("store/steps").glob("read-clinic-*")) if (path / "step.json").exists()][-1:]
    rows = pl.read_parquet(sorted(path.glob("kept/*.parquet")))
    return row_content(rows.row(by_predicate=pl.col("id") == id, named=True))


def test_a_row_is_named_by_its_file_and_line_too(place):
    built(place)
    rows, outcomes, _ = built(place, {**DROP, "id": LINE, "content": content_of("clinic:c5")})
    assert "clinic:c5" not in rows
    assert outcomes[LINE].status == "applied"


def test_a_line_alone_is_refused_with_the_row_that_it_holds(place):
    built(place)
    with pytest.raises(OtherRowError) as refusal:
        built(place, {**DROP, "id": LINE})
    assert "names a row by its line" in str(refusal.value)
    assert (
        f"clinic:c5, 'Is the flu vaccine yearly?': if that is the row, add content = {content_of('clinic:c5')!r}"
        in (str(refusal.value))
    )


# --- a raw file that shrank, and was locked again ---------------------------------------------------------------------


def cut_first_lines(place):
    """Remove the first row of each file, so that others move to its line, and accept that."""
    (place / "sabila.lock").unlink()
    for path in (place / "mirror").glob("*/*.jsonl"):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]) or path.read_text())


@pytest.mark.parametrize(
    "entry",
    [
        {**DROP, "id": "clinic:fevers.jsonl:2"},
        {**EDIT, "id": "clinic:fevers.jsonl:2"},
        {**KEEP, "id": "clinic:fevers.jsonl:2"},
    ],
)
def test_an_override_of_a_line_that_holds_another_row_stops_the_build(place, entry):
    built(place)
    entry = {**entry, "content": content_of("clinic:c2")}
    built(place, entry)
    cut_first_lines(place)
    with pytest.raises(OtherRowError) as refusal:
        built(place, entry)
    assert f"override {entry['decision']} {LINE.replace('vaccines', 'fevers')} is about another row" in str(
        refusal.value
    )
    assert "now this name is that of clinic:c3, 'unknown', with content" in str(refusal.value)


def test_an_override_of_a_line_that_is_gone_has_no_row(place):
    built(place)
    entry = {**DROP, "id": "clinic:fevers.jsonl:3", "content": content_of("clinic:c3")}
    cut_first_lines(place)
    assert built(place, entry)[1][entry["id"]].status == "no_row"


def test_written_overrides_name_the_row_they_are_about(place):
    """An id may be a line's number too: what sabila override writes says which row was meant."""
    run("build", "tiny.py", "--mirror", "mirror", "--workers", 1)
    run("override", "clinic:c2", "--decision", "drop", "--by", "Reviewer One", "--reason", "Read it twice.")
    [entry] = read_overrides(place / "overrides.toml")
    assert entry.content == content_of("clinic:c2")
    call = ("build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1)
    assert "overrides: 1 of 1 applied (drop 1)" in run(*call).stdout
    path = place / "mirror/clinic/fevers.jsonl"
    path.write_text(path.read_text().replace("How long does a cold last?", "What is a cold?"))
    assert "override drop clinic:c2 is about another row" in refused(1, *call, "--relock")


# --- what has no effect ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "status", "detail"),
    [
        ({**DROP, "id": "clinic:c99"}, "no_row", "no row of this build has this id"),
        ({**KEEP, "step": "clean-clinik"}, "no_step", "no step clean-clinik; did you mean 'clean-clinic'?"),
        ({**KEEP, "id": "clinic:c1"}, "no_effect", "clean-clinic does not drop it for junk_question any more"),
        ({**KEEP, "rule": "short_answer"}, "no_effect", "dropped by clean-clinic: junk_question, not by"),
        ({**EDIT, "text": "About a week (www.example.org)."}, "no_effect", "its answer already has this text"),
        ({**DROP, "id": "ward:w1"}, "no_effect", "dropped by exact: duplicate already"),
        ({**DROP, "id": "clinic:fevers.jsonl:4"}, "quarantined", "it never became a row: correct the file"),
        ({**EDIT, "id": "clinic:fevers.jsonl:4"}, "quarantined", "it never became a row: correct the file"),
    ],
)
def test_an_override_without_effect_is_reported(place, entry, status, detail):
    with (place / "mirror" / "clinic" / "fevers.jsonl").open("a") as file:
        file.write('{"id": "c9", "question": "No answer?"}\n')
    _, outcomes, _ = built(place, entry)
    found = outcomes[entry["id"]]
    assert found.status == status
    assert detail in found.detail


def test_the_build_prints_what_was_applied_and_what_was_not(place):
    missing = {**DROP, "id": "clinic:c99"}
    (place / "overrides.toml").write_text(to_toml([Override(**KEEP), Override(**missing)]))
    shown = run("build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1).stdout
    assert "overrides: 1 of 2 applied (keep 1)" in shown
    assert "drop clinic:c99: no such row: no row of this build has this id" in shown


# --- fresh and incremental builds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        [[], [KEEP]],
        [[KEEP], []],
        [[KEEP, TWICE, DROP, EDIT], [TWICE, EDIT]],
        [[TWICE], [{**TWICE, "step": "near", "rule": "near_duplicate"}], [KEEP, DROP]],
        [[EDIT], [{**EDIT, "text": "Ten days."}], [DROP]],
        [[KEEP], [{**KEEP, "reason": "Asked again."}]],
    ],
)
def test_changed_overrides_give_what_a_fresh_build_gives(place, steps):
    """Every step that the last build used holds the same bytes as in a store of its own."""
    for entries in steps:
        _, _, account = built(place, *entries)
    used = {step.folder for step in account.steps}
    built(place, *steps[-1], store="fresh")

    def used_files(store):
        return {
            path: digest
            for path, digest in tree(place / store).items()
            if path.split("/")[1] in used and not path.endswith("shards.json")
        }

    assert used_files("store") == used_files("fresh")


def test_one_override_maps_only_the_shards_that_it_changes(place, monkeypatch):
    done = Counter()
    write = shard_module._write_outcome

    def counted(function, rows, outcome, folder, *more):
        done[folder.name.rpartition("-")[0]] += 1
        return write(function, rows, outcome, folder, *more)

    built(place)
    monkeypatch.setattr(shard_module, "_write_outcome", counted)
    built(place, KEEP)
    assert done == {"clean-clinic": 1, "render": 1}
    done.clear()
    built(place, KEEP, DROP)
    assert done == {"takedowns": 1, "render": 1}
    done.clear()
    built(place, {**KEEP, "reason": "Asked again."}, DROP)
    assert done == {"clean-clinic": 1, "takedowns": 1}  # its evidence changed, and no row


# --- release, trace, diff, rebuild -----------------------------------------------------------------------------------


@pytest.fixture
def two_releases(place):
    """A release without overrides, and one with four, one of which has no effect."""
    for version, entries in (("1", ()), ("2", (KEEP, DROP, EDIT, {**DROP, "id": "clinic:c99"}))):
        opened = session(place, *entries)
        opened.build(workers=1)
        release(opened, version)
    return place / "store" / "releases" / "tiny"


def test_the_ledger_says_who_decided_and_why(two_releases):
    ledger = pl.read_parquet(two_releases / "2" / "ledger" / "*.parquet")
    decided = {one["id"]: one for one in ledger.drop_nulls("overrides").rows(named=True)}
    assert {id: one["status"] for id, one in decided.items()} == {
        "clinic:c2": "kept",
        "clinic:c3": "kept",
        "clinic:c5": "dropped",
    }
    [kept] = decided["clinic:c3"]["overrides"]
    assert (kept["decision"], kept["step"], kept["rule"]) == ("keep", "clean-clinic", "junk_question")
    assert (kept["reason"], kept["decided_by"]) == ("Read it twice.", "Reviewer One")
    assert json.loads(decided["clinic:c5"]["evidence"]) == {"reason": "Read it twice.", "decided_by": "Reviewer One"}
    assert "overrides" not in pl.read_parquet_schema(next((two_releases / "1" / "ledger").glob("*.parquet")))


def test_card_and_manifest_say_what_became_of_each(two_releases):
    card = (two_releases / "2" / "README.md").read_text()
    assert "of 4 overrides 3 were applied" in card
    assert "| `clinic:c99` | drop | Read it twice. | Reviewer One | no row: no row of this build has this id" in card
    assert "overrides" not in (two_releases / "1" / "README.md").read_text()
    assert run("verify", two_releases / "2").exit_code == 0


def test_a_diff_explains_rows_by_overrides(two_releases):
    shown = run("diff", two_releases / "1", two_releases / "2").stdout
    assert "added clinic:c3: before, clean-clinic, junk_question (override keep junk_question by Reviewer One" in shown
    assert (
        'removed clinic:c5: takedowns, override ({"reason": "Read it twice.", "decided_by": "Reviewer One"})' in shown
    )
    assert "edited clinic:c2: edit-clinic" in shown


def test_a_trace_shows_the_override(two_releases):
    shown = run("trace", "clinic:c3", "--release", two_releases / "2").stdout
    assert "override: keep although junk_question: unknown; decided by Reviewer One: Read it twice." in shown


def test_the_report_lists_them(two_releases, tmp_path):
    done = run("report", two_releases / "2", "--out", tmp_path / "report.html")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report.html").read_text()
    assert "3 of 4 overrides were applied" in page
    assert "keep although clean-clinic: junk_question" in page
    assert "Decisions of people" not in report_of(two_releases / "1")


def report_of(folder):
    from pipelines.report.report_page import report

    return report(folder)


def test_a_release_with_overrides_is_rebuilt_from_its_manifest(two_releases, tmp_path):
    again = rebuild(
        two_releases / "2",
        store=tmp_path / "again",
        mirror=tmp_path / "mirror",
        workers=1,
        recipe=str(tmp_path / "tiny.py"),
    )
    assert (again / "manifest.json").read_bytes() == (two_releases / "2" / "manifest.json").read_bytes()


def test_a_release_uses_the_overrides_of_the_last_build(place):
    (place / "overrides.toml").write_text(to_toml([Override(**KEEP)]))
    run("build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1)
    (place / "sub").mkdir()
    shown = run("release", "tiny.py", "--version", "1", "--workers", 1)
    assert shown.exit_code == 0, shown.output
    assert "overrides: 1 of 1 applied (keep 1)" in shown.stderr


# --- putting rows back -----------------------------------------------------------------------------------------------


def test_dropped_rows_are_listed_and_put_back(place):
    """The curator's way: list what was dropped, choose, write the file, build with it."""
    run("build", "tiny.py", "--mirror", "mirror", "--workers", 1)
    listed = run("dropped", "--source", "clinic").stdout
    assert "clinic:c3\n  clean-clinic: junk_question\n  evidence: unknown\n  question: unknown" in listed
    chosen = [one["id"] for one in json.loads(run("dropped", "--json").stdout)["rows"]]
    assert chosen == ["clinic:c3", "ward:w1"]
    written = run("override", *chosen, "--by", "Reviewer One", "--reason", "Read it twice.", "--date", "2026-11-29")
    assert written.stdout.splitlines() == [
        "keep clinic:c3, although clean-clinic drops it for junk_question",
        "keep ward:w1, although exact drops it for duplicate",
    ]
    entries = read_overrides(place / "overrides.toml")
    assert [(one.id, one.step, one.rule, one.date) for one in entries] == [
        ("clinic:c3", "clean-clinic", "junk_question", "2026-11-29"),
        ("ward:w1", "exact", "duplicate", "2026-11-29"),
    ]
    shown = run("build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1).stdout
    assert "overrides: 1 of 2 applied (keep 1)" in shown
    assert "keep ward:w1: past its rule, but dropped by near: near_duplicate" in shown
    assert "call sabila override for it again, and build again" in shown
    run("override", "ward:w1", "--by", "Reviewer One", "--reason", "Read it twice.", "--date", "2026-11-29")
    shown = run("build", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml", "--workers", 1).stdout
    assert "overrides: 3 of 3 applied (keep 3)" in shown
    again = refused(2, "override", "clinic:c3", "--by", "Reviewer One", "--reason", "Once more.")
    assert "clinic:c3 is kept, expected a dropped row to put back" in again


def test_the_file_keeps_its_comments(place):
    run("build", "tiny.py", "--mirror", "mirror", "--workers", 1)
    (place / "overrides.toml").write_text("# decided on Monday\n" + to_toml([Override(**DROP)]))
    written = run("override", "clinic:c3", "--by", "Reviewer One", "--reason", "Read it twice.")
    assert written.exit_code == 0, written.output
    assert (place / "overrides.toml").read_text().startswith("# decided on Monday\n")
    assert len(read_overrides(place / "overrides.toml")) == 2


def test_a_trace_of_a_dropped_row_says_how_to_put_it_back(place):
    run("build", "tiny.py", "--mirror", "mirror", "--workers", 1)
    assert run("trace", "clinic:c3").stdout.endswith(
        "  to put it back: sabila override clinic:c3 --by NAME --reason WHY\n"
    )


def test_a_trace_shows_the_override_of_a_row_in_a_later_shard_that_another_rule_drops(place):
    """A decision over the whole set has its overrides in one table, whatever the shard of the row."""
    built(place, TWICE)
    shown = run("trace", "ward:w1").stdout
    assert "  override: keep although duplicate" in shown
    assert "because of near_duplicate" in shown


# --- files that are wrong --------------------------------------------------------------------------------------------

TEST_SPLIT = {**KEEP, "step": "read-clinic", "rule": "held_out_split"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[override]]\nid = 'a:1'\ndecision = 'keep'\n", "override 1 (a:1): reason is missing"),
        (to_toml([Override(**KEEP)]).replace("keep", "kept"), "decision is 'kept', expected 'keep', 'drop' or 'edit'"),
        (to_toml([Override(**DROP)]) + 'rule = "x"\n', "rule is given, expected none with decision drop"),
        (to_toml([Override(**DROP)]) + 'who = "x"\n', "found 'who', expected some of id, decision, reason, by"),
        (to_toml([Override(**KEEP), Override(**KEEP)]), "decides the same for clinic:c3 as override 1"),
        (to_toml([Override(**DROP), Override(**{**EDIT, "id": "clinic:c5"})]), "another one says drop"),
        (to_toml([Override(**EDIT)]).replace('"answer"', '"licence"'), "field is 'licence', expected one of question"),
        (to_toml([Override(**DROP)]).replace("Reviewer One", " "), "by is empty, expected the name of who decided"),
        (
            to_toml([Override(**DROP)]) + 'date = "29.11.2026"\n',
            "date is '29.11.2026', expected a day, as in 2026-11-29",
        ),
        (
            to_toml([Override(**DROP)]) + 'content = "the row on colds"\n',
            "content is 'the row on colds', expected the 16 digits that sabila override writes",
        ),
        (to_toml([Override(**DROP)]) + "date = 2026-11-29T10:00:00\n", "date is '2026-11-29T10:00:00', expected a day"),
        ("[override]\nid = 'a'\n", "expected [[override]] with two brackets"),
        ("[[overrides]]\nid = 'a'\n", "found 'overrides', expected only [[override]] tables"),
        ("[[override]\n", "is not a TOML file"),
    ],
)
def test_a_wrong_file_is_refused_before_any_work(place, text, expected):
    (place / "overrides.toml").write_text(text)
    line = refused(2, "plan", "tiny.py", "--mirror", "mirror", "--overrides", "overrides.toml")
    assert expected in line


@pytest.mark.parametrize("rule", ["held_out_split", "license"])
def test_test_splits_and_licences_cannot_be_overruled(rule):
    with pytest.raises(OverridesError, match=f"rule is '{rule}', which cannot be overruled"):
        checked_overrides([{**KEEP, "rule": rule}], "overrides.toml")


def test_entries_survive_the_way_through_the_file(tmp_path):
    entries = [
        Override(**{**EDIT, "text": 'A "quoted" text,\nof two lines: \\d \x7f é 𝛼', "date": "2026-11-29"}),
        Override(**KEEP),
    ]
    (tmp_path / "overrides.toml").write_text(to_toml(entries), encoding="utf-8")
    assert list(read_overrides(tmp_path / "overrides.toml")) == entries


def test_rows_that_no_edit_names_stay_as_they_are():
    rows = frame([row("x:1", "one"), row("x:2", "two", options=["a", "b"], gold=[0]), row("x:3", "three")])
    edit = Override(id="x:2", decision="edit", field="gold", text="b", **WHO)
    done = edit_overridden(rows, Overrides(entries=(edit,)))
    assert done.rows["id"].to_list() == ["x:1", "x:2", "x:3"]
    assert (
        done.rows.filter(pl.col("id") != "x:2")
        .drop("drop_reason", "evidence")
        .equals(rows.filter(pl.col("id") != "x:2"))
    )
    assert done.edits.rows() == [("x:2", "gold", "override", None)]


def test_a_store_without_overrides_is_left_as_it_was(place):
    """Removing the file gives the steps of the build before it, which are all there already."""
    built(place)
    before = tree(place / "store")
    built(place, KEEP, DROP)
    built(place)
    after = tree(place / "store")
    assert {path: after[path] for path in before} == before
    shutil.rmtree(place / "store")
