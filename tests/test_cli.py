"""The command line: help for every verb, results on stdout, progress on stderr, JSON that says what the text says."""

import hashlib
import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import polars as pl
import pytest
import tiny_recipe
from tiny_recipe import refused, run, sabila, steps, write_mirror, write_recipe

from pipelines.build.recipe import load, shipped
from pipelines.cli.commands import main
from pipelines.cli.shared_options import SECTIONS, RecipeGroup
from sources.catalog import BENCHMARKS, SOURCES

RECIPES = ", ".join(shipped())

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
CUT = b'{"id": "w3", "question": "cut'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with the tiny recipe and its mirror, of whose rows one is cut off."""
    rows = {**tiny_recipe.ROWS, "ward": {"rounds.jsonl": [*tiny_recipe.ROWS["ward"]["rounds.jsonl"], CUT]}}
    write_recipe(tmp_path)
    write_mirror(tmp_path / "mirror", rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


TINY = ("tiny.py", "--mirror", "mirror")
ALONE = (*TINY, "--workers", "1")


def answer(*arguments):
    """Return the stdout of a call that works."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


# --- help ----------------------------------------------------------------------------------------------------------


def commands(group, *path):
    """Return every command and its path, the shipped recipes under each verb included."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


def test_the_first_page_lists_every_verb_once_in_lines_of_80_characters():
    assert sorted(name for verbs in SECTIONS.values() for name in verbs) == sorted(main.commands)
    lines = answer("--help").splitlines()
    assert max(map(len, lines)) <= 80
    for title, verbs in SECTIONS.items():
        start = lines.index(f"{title}:") + 1
        assert [line.split(maxsplit=1) for line in lines[start : start + len(verbs)]] == [*map(list, verbs.items())]


COMMANDS = {(): main, **dict(commands(main))}


def test_help_has_a_short_option():
    assert answer("build", "demo", "-h") == answer("build", "demo", "--help")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_page_of_help(path):
    said = answer(*path, "--help")
    assert said.startswith("Usage: main")
    assert len(said.splitlines()) > 5
    command = COMMANDS[path]
    assert " ".join(command.help.split()) in " ".join(said.split())
    about = {
        parameter.opts[0]: (parameter.help or "").partition("[default:")[0].strip()
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    assert (
        path[:1] == ("train",)
        or {
            name: text
            for name, text in about.items()
            if len(text.split()) < 4 or text.startswith(("Setting", "Recipe's own"))
        }
        == {}
    )


def test_the_knobs_of_a_recipe_are_options_with_their_defaults(place):
    said = " ".join(answer("build", "tiny.py", "--help").split())
    several = "Several: separated by commas, or the option repeated."
    assert f"--corpora TEXT corpora, a value of the recipe. {several} [default: clinic,ward]" in said
    assert "--limit INTEGER limit, a value of the recipe. [default: none]" in said
    assert "--min-prose-chars INTEGER The shortest prose kept, in characters. [default: 1]" in said


@pytest.mark.parametrize("name", shipped())
def test_every_knob_of_a_shipped_recipe_says_what_it_does(name):
    recipe = load(name)
    assert recipe.knob_help.keys() == recipe.knobs.keys()
    assert all(text.endswith(".") and len(text.split()) > 3 for text in recipe.knob_help.values())
    assert "Args:" not in recipe.about


def test_a_knob_with_several_values_takes_them_in_either_form(place):
    once = answer("build", *ALONE, "--corpora", "clinic,ward", "--json")
    twice = answer("build", *ALONE, "--corpora", "clinic", "--corpora", "ward", "--json")
    assert json.loads(once)["folder"] == json.loads(twice)["folder"]
    assert [step["name"] for step in json.loads(twice)["steps"]][:3] == ["read-clinic", "clean-clinic", "read-ward"]


# --- release -------------------------------------------------------------------------------------------------------


def test_a_release_without_options_freezes_the_last_build(place):
    built = json.loads(answer("build", *ALONE, "--corpora", "clinic", "--min-prose-chars", "2", "--json"))
    result = run("release", "tiny.py", "--version", "1", "--json")
    assert json.loads(result.stdout)["steps"][-1]["folder"] == Path(built["folder"]).name
    assert result.stderr == "freezing tiny with corpora=clinic, min_prose_chars=2\n"


def test_a_release_with_options_freezes_what_they_say(place):
    answer("build", *ALONE, "--corpora", "clinic")
    manifest = json.loads(answer("release", *TINY, "--version", "1", "--corpora", "ward", "--json"))
    assert "clean-ward" in [step["name"] for step in manifest["steps"]]
    assert "clean-clinic" not in [step["name"] for step in manifest["steps"]]


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (("plan", "aloe_stf"), "did you mean 'aloe_sft'?"),
        (("plan", "aloe_sft", "--sources", "medquard"), "did you mean 'medquad'?"),
        (("plan", "aloe_sft", "--sources", "MedQuAD"), "did you mean 'medquad'?"),
        (("plan", "medqa_cot", "--sources", "headqaen"), "did you mean 'headqa_en'?"),
        (("plan", "aloe_sft", "--mix", "aloe", "--mix-caps", "medqad=7"), "did you mean 'medquad'?"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_closest_one(place, call, hint):
    result = run(*call, "--mirror", "mirror")
    assert result.exit_code == 2
    assert hint in " ".join(result.output.split())


def test_help_loads_no_heavy_library(tmp_path):
    call = "from pipelines.cli.commands import main; main(['--help'], standalone_mode=False)"
    code = f"import sys; {call}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "click" in loaded
    assert loaded.isdisjoint({"polars", "pydantic", "pyarrow", "numpy", "duckdb", "numba", "rich", "huggingface_hub"})


def test_the_version_is_that_of_the_package():
    assert answer("--version").startswith("main, version 0.")


# --- plan and build ------------------------------------------------------------------------------------------------


def test_the_last_line_of_a_build_is_the_folder_built(place):
    folder = answer("build", *ALONE).splitlines()[-1]
    assert folder.startswith("store/steps/exact-")
    assert (place / folder / "step.json").exists()
    assert (
        answer("build", *ALONE, "--store", place / "elsewhere").splitlines()[-1].startswith(f"{place}/elsewhere/steps/")
    )


def test_progress_goes_to_stderr_and_results_to_stdout(place):
    done = sabila("build", *ALONE, folder=place)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "read-clinic: 5 rows in, 5 kept",
        "clean-clinic: 5 rows in, 4 kept, 1 dropped (junk_question 1)",
        "read-ward: 3 rows in, 2 kept, 1 quarantined",
        "clean-ward: 2 rows in, 2 kept",
        "exact: 6 rows in, 5 kept, 1 dropped (duplicate 1)",
    ]
    assert " rows in, " not in done.stdout
    assert sabila("build", *ALONE, folder=place).stderr == ""


def test_on_a_terminal_progress_shows_rows_and_rate_and_leaves_the_finished_steps(place):
    ours, theirs = pty.openpty()
    build = subprocess.Popen(
        [tiny_recipe.SABILA, "build", *ALONE],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b"".join(read_all(ours)).decode()
    output, _ = build.communicate()
    os.close(ours)
    assert build.returncode == 0
    assert "clean-clinic: 5 rows in, 4 kept, 1 dropped (junk_question 1)" in shown
    assert "steps" in shown
    assert "rows, " in shown
    assert output.splitlines()[-1].startswith("store/steps/exact-")
    assert "\x1b" not in output


def read_all(terminal):
    while True:
        try:
            if not (block := os.read(terminal, 65_536)):
                return
        except OSError:  # the other end was closed
            return
        yield block


def cells(text):
    """Return the lines of a table as lists of cells."""
    return [line.split() for line in text.splitlines()]


def test_plan_tells_the_same_as_text_and_as_json(place):
    for state, why in (("to do", "first build"), ("done", "")):
        forecast = json.loads(answer("plan", *TINY, "--json"))
        table = answer("plan", *TINY)
        assert [step["step"] for step in forecast["steps"]] == [
            "read-clinic",
            "clean-clinic",
            "read-ward",
            "clean-ward",
            "exact",
        ]
        for step in forecast["steps"]:
            counts = [str(step["counts"][name]) for name in ("rows_in", "kept")] if step["counts"] else []
            assert [step["step"], *state.split(), *counts, *why.split()] in cells(table)
            assert step["done"] == (state == "done")
        assert not [step for step in forecast["steps"] if "asks" in step]
        run("build", *ALONE)


def test_plan_does_no_work(place):
    answer("plan", *TINY)
    assert steps(place / "store") == {}
    assert not (place / "sabila.lock").exists()


def test_plan_takes_the_command_line_of_a_build(place):
    running = ("--workers", "1", "--memory", "2", "--concurrency", "4", "--budget-tokens", "1000", "--tries", "2")
    assert run("plan", "demo", *running).stdout == run("plan", "demo").stdout
    assert "'--workers': 0 is not in the range" in refused(2, "plan", "demo", "--workers", "0")


def test_plan_tells_what_is_absent_and_what_waits_for_a_teacher(place):
    forecast = json.loads(answer("plan", "aloe_sft", "--mirror", FIXTURES, "--json"))
    table = " ".join(answer("plan", "aloe_sft", "--mirror", FIXTURES).split())
    assert forecast["waiting_for_teacher"] == {"chains": "verified chains of thought for the multiple-choice rows"}
    assert "chains needs a teacher: verified chains of thought for the multiple-choice rows" in table
    only = sum(step["reference_only"] for step in forecast["steps"])
    assert f"{only} benchmark steps to do first build" in table
    forecast = json.loads(answer("plan", *TINY, "--corpora", "clinic,attic", "--no-required", "--json"))
    assert list(forecast["absent"]) == ["attic"]
    assert "not found, left out: attic" in answer("plan", *TINY, "--corpora", "clinic,attic", "--no-required")


def test_build_tells_the_same_as_text_and_as_json(place):
    table = answer("build", *ALONE)
    account = json.loads(answer("build", *ALONE, "--json"))
    for step in account["steps"]:
        counts = [str(step["counts"][name]) for name in ("rows_in", "kept", "dropped", "quarantined")]
        why = ", ".join(f"{reason} {number}" for reason, number in step["reasons"].items()).split()
        assert [step["name"], *counts, *why] in cells(table)
    assert f"{account['rows']} rows" in table.splitlines()
    assert table.splitlines()[-1] == account["folder"]
    assert account["rows"] == 5


def test_sources_tells_the_same_as_text_and_as_json():
    catalog = json.loads(answer("sources", "--mirror", FIXTURES, "--json"))
    assert [row["name"] for row in catalog] == [*SOURCES, *BENCHMARKS]
    table = sabila("sources", "--mirror", FIXTURES, folder=Path.cwd(), env={"COLUMNS": "400"}).stdout
    for row in catalog:
        line = next(line.split() for line in table.splitlines() if line.split()[:1] == [row["name"]])
        published = [f"{row['rows']:,}"] if row["rows"] else []
        home = row["home"].removeprefix("hf://datasets/")
        license_and_place = [row["license"], row["readable_from"] or "-", row["schema"]]
        assert line == [row["name"], *license_and_place, *published, row["kind"], row["task"], row["lang"], home]
    readable = sum(1 for row in catalog if row["readable_from"])
    shares = sum(1 for row in catalog if row["shares"])
    assert table.splitlines()[-2:] == [
        f"{len(catalog)} corpora, {readable} of them readable from here",
        f"{shares} corpora share questions with a hold-out; --json says which and why",
    ]


def test_a_narrow_terminal_gets_fewer_columns_and_no_broken_names():
    table = sabila("sources", "--mirror", FIXTURES, folder=Path.cwd(), env={"COLUMNS": "80"}).stdout
    rows, _, note = table.partition("\n\n")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert {line.split()[0] for line in rows.splitlines()[1:]} == {*SOURCES, *BENCHMARKS}
    assert "no room for schema, rows, kind, task, lang, home" in " ".join(note.split())


def test_without_a_mirror_a_corpus_is_read_from_the_hub_or_not_at_all(monkeypatch):
    monkeypatch.delenv("SABILA_MIRROR", raising=False)
    for row in json.loads(answer("sources", "--json")):
        assert row["readable_from"] == ("hub" if row["home"].startswith("hf://") else None)
        assert row["license_read"]


def test_the_mirror_may_come_from_the_environment(place, monkeypatch):
    monkeypatch.setenv("SABILA_MIRROR", str(place / "mirror"))
    assert run("build", "tiny.py", "--workers", "1").exit_code == 0


# --- release -------------------------------------------------------------------------------------------------------


def contents(folder):
    return {
        path.relative_to(folder): (path.stat().st_ino, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_release_holds_the_rows_a_card_and_a_manifest(place):
    folder = place / answer("release", *ALONE, "--version", "1.0").strip()
    assert folder == place / "store" / "releases" / "tiny" / "1.0"
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {file["path"]: file for file in manifest["files"]}
    for path, listed in files.items():
        content = (folder / path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (listed["bytes"], listed["sha256"])
    data = {path: pl.read_parquet(folder / path) for path in files if path.startswith("data/")}
    assert {path: rows["id"].to_list() for path, rows in data.items()} == {
        "data/prompts/clinic/train-00000-of-00001.parquet": ["clinic:c1", "clinic:c2", "clinic:c4", "clinic:c5"],
        "data/prompts/ward/train-00000-of-00001.parquet": ["ward:w2"],
    }
    assert (manifest["rows"], sum(files[path]["rows"] for path in data)) == (5, 5)
    assert manifest["license"] == "CC0-1.0"
    assert manifest["lock"].keys() == {"clinic", "ward"}
    card = (folder / "README.md").read_text()
    assert "5 rows, built by sabila from 2 sources." in card
    assert "| `exact` | 6 | 0 | 5 | 1 | 0 | `duplicate` 1 |" in card


def test_release_prints_its_manifest_as_json(place):
    manifest = json.loads(answer("release", *ALONE, "--version", "1.0", "--json"))
    assert manifest == json.loads((place / "store" / "releases" / "tiny" / "1.0" / "manifest.json").read_text())


def test_a_release_made_twice_is_left_as_it_is(place):
    first = answer("release", *ALONE, "--version", "1.0")
    before = contents(place / first.strip())
    assert answer("release", *ALONE, "--version", "1.0") == first
    assert contents(place / first.strip()) == before


def test_a_version_with_other_content_is_refused_and_names_what_differs(place):
    before = contents(place / answer("release", *ALONE, "--version", "1.0").strip())
    assert refused(1, "release", *ALONE, "--version", "1.0", "--min-prose-chars", "39") == (
        "Error: tiny@1.0 is frozen with other content; differences: "
        "clean-clinic: config.rules.min_prose_chars 1 -> 39; clean-ward: config.rules.min_prose_chars 1 -> 39; "
        "value: min_prose_chars nothing -> 39. Choose another version"
    )
    assert "read-school: new step" in refused(
        1, "release", *ALONE, "--version", "1.0", "--corpora", "clinic,ward,school"
    )
    assert contents(place / "store" / "releases" / "tiny" / "1.0") == before
    assert run("release", *ALONE, "--version", "1.1", "--min-prose-chars", "39").exit_code == 0


@pytest.mark.parametrize("version", ["", ".", "..", ".hidden", "a/b", "../1", "1 0", "1\n", "v1:2"])
def test_a_version_that_can_name_no_folder_is_refused_before_any_work(version, place):
    message = refused(2, "release", *ALONE, "--version", version)
    assert message == (
        f"Error: Invalid value for '--version': version is {version!r}, expected letters, digits and . _ - + "
        "as in 2026.11.22"
    )
    assert not (place / "store").exists()


def test_a_release_without_a_row_is_refused(place):
    write_mirror(place / "mirror", {"ward": {"rounds.jsonl": [{"id": "w1", "question": "unknown", "answer": "None."}]}})
    message = refused(1, "release", *ALONE, "--version", "1.0", "--corpora", "ward")
    assert message.startswith("Error: exact-")
    assert message.endswith(" kept no row, expected one at least; sabila build lists why they were dropped")
    assert not (place / "store" / "releases").exists()


# --- wrong calls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), "Error: No such command 'nope'."),
        (("--nope",), "Error: No such option '--nope'."),
        (("plan", "nope"), f"Error: recipe: got 'nope', expected one of {RECIPES}, or the path of a .py file"),
        (("build", "demo", "extra"), "Error: Got unexpected extra argument (extra)"),
        (
            ("build", "demo", "--workers", "0"),
            "Error: Invalid value for '--workers': 0 is not in the range 1<=x<=4096.",
        ),
        (
            ("build", "demo", "--workers", "two"),
            "Error: Invalid value for '--workers': 'two' is not a valid integer range.",
        ),
        (
            ("build", "demo", "--budget-cost", "nan"),
            "Error: Invalid value for '--budget-cost': nan is not in the range x>0.",
        ),
        (("build", "demo", "--workers"), "Error: Option '--workers' requires an argument."),
        (("build", "demo", "--json=yes"), "Error: Option '--json' does not take a value."),
        (("release", "demo"), "Error: Missing option '--version'."),
        (("trace",), "Error: Missing argument 'ID'."),
        (("trace", "a", "b"), "Error: Got unexpected extra argument (b)"),
        (
            ("build", "demo", "--store", ""),
            "Error: Invalid value for '--store': the path is empty, expected a file or folder; is a variable of the "
            "shell unset?",
        ),
        (
            ("sources", "--mirror", "nowhere"),
            "Error: Invalid value for '--mirror': Directory 'nowhere' does not exist.",
        ),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_told_exactly(arguments, message, place):
    assert refused(2, *arguments) == message
    assert not (place / "store").exists()


def options_of(name):
    """Return the arguments and options of a verb, or of one command of a verb that has several."""
    verb = main.commands[name]
    if isinstance(verb, RecipeGroup):
        return verb.shared_parameters()
    commands = verb.commands.values() if isinstance(verb, click.Group) else [verb]
    return [parameter for command in commands for parameter in command.params]


@pytest.mark.parametrize("name", main.commands)
def test_no_option_takes_an_empty_path_for_the_current_folder(name):
    for parameter in options_of(name):
        if isinstance(parameter.type, click.Path):
            with pytest.raises(click.BadParameter, match="the path is empty"):
                parameter.type.convert("", parameter, None)


@pytest.mark.parametrize("arguments", [(), ("build",), ("plan",), ("release",)], ids=" ".join)
def test_a_call_that_is_cut_short_shows_its_help(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert ("Commands:" if arguments else "Build a dataset:") in result.stderr
    assert result.stdout == ""


def test_a_mistyped_licence_is_pointed_out_by_sources(monkeypatch):
    mistyped = replace(SOURCES["medquad"], license="LicenseRef-propietary")
    monkeypatch.setitem(SOURCES, "medquad", mistyped)
    done = run("sources")
    assert done.exit_code == 0
    warning = "medquad: unknown licence 'LicenseRef-propietary'; did you mean 'LicenseRef-proprietary'?"
    assert done.stderr.splitlines() == [f"{warning}; its rows may not be redistributed"]


def test_a_mistyped_licence_of_one_s_own_corpus_is_pointed_out_by_plan_and_build(tmp_path):
    text = tiny_recipe.RECIPE.replace('license="CC0-1.0"', 'license="LicenseRef-propietary"')
    call = (write_recipe(tmp_path, text), "--mirror", write_mirror(tmp_path / "mirror"), "--store", tmp_path / "store")
    warning = "unknown licence 'LicenseRef-propietary'; did you mean 'LicenseRef-proprietary'?"
    assert f"clinic: {warning}" in run("plan", *call).stderr
    assert f"read-clinic: warning: {warning}" in run("build", *call, "--workers", "1").stderr
