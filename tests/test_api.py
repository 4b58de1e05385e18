"""The verbs as functions: the options of the verb, typed results, tables of any library, errors in words."""

import inspect
import subprocess
import sys
from pathlib import Path

import click
import polars as pl
import pytest

import pipelines
import pipelines.build.session
from pipelines import build, check, decontaminate, deduplicate, diff, export, load, plan, release, trace, verify
from pipelines.api.results import Release
from pipelines.api.verb_options import verb_options
from sources.errors import SabilaError
from sources.releases.read_manifest import ReleaseError

VERBS = {
    "plan": plan,
    "build": build,
    "release": release,
    "trace": trace,
    "diff": diff,
    "verify": verify,
    "check": check,
    "export": export,
    "dedup": deduplicate,
    "decontaminate": decontaminate,
}

QUESTIONS = pl.DataFrame(
    {
        "question": [
            "What is asthma, and how is it treated in adults who have it at night?",
            "What is asthma, and how is it treated in adults who have it at night??",
            "Which vitamin prevents scurvy among sailors on long voyages?",
        ],
        "n": [1, 2, 3],
    }
)
ITEMS = pl.DataFrame(
    {"question": ["Which vitamin prevents scurvy among sailors on long voyages?"], "answer": ["vitamin C"]}
)


# --- one source of truth: the options of the verbs -----------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_a_function_has_the_options_of_its_verb_and_their_defaults(verb):
    parameters = inspect.signature(VERBS[verb]).parameters
    options = verb_options(verb)
    assert set(parameters) - {"recipe", "rows", "values"} == set(options) - {"recipe"}
    for name, option in options.items():
        default = parameters[name].default
        if option.required:
            assert default is inspect.Parameter.empty or name == "out"
        elif callable(option.default) or not isinstance(option.default, int | float | str | Path):
            assert default in (None, (), False), name
        else:
            assert str(default) == str(option.default), name


def test_the_help_of_a_function_lists_the_options_of_its_verb():
    help_text = " ".join(inspect.getdoc(deduplicate).split())
    assert "text_column: Column to compare; give several to join them. [default: text]" in help_text
    assert "--" not in help_text


def test_a_room_of_the_name_of_a_function_is_that_function_too():
    assert pipelines.build is sys.modules["pipelines.build"]
    assert pipelines.build("demo", limit=1, store="none", workers=1) if False else callable(pipelines.build)
    assert inspect.signature(pipelines.build) == inspect.signature(pipelines.api.functions.build)
    assert pipelines.build.__doc__.startswith("Build a recipe, reusing finished steps.")
    assert pipelines.build.session.BuildSession


def test_the_functions_are_loaded_when_they_are_used(tmp_path):
    code = "import sys, pipelines; print(*sys.modules); from pipelines import build, load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    alone, imported = (set(line.split()) for line in done.stdout.splitlines())
    assert "click" not in alone
    assert imported.isdisjoint(
        {"polars", "pydantic", "pyarrow", "numpy", "duckdb", "numba", "rich", "pandas", "datasets"}
    )


def test_all_functions_are_listed_and_nothing_else_is_there():
    assert all(callable(getattr(pipelines, name)) for name in pipelines.__all__)
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        _ = pipelines.biuld


# --- tables of any library -----------------------------------------------------------------------------------------


def tables():
    yield "polars", lambda rows: rows
    yield "lazy", lambda rows: rows.lazy()
    yield "arrow", lambda rows: rows.to_arrow()
    yield "pandas", lambda rows: (pytest.importorskip("pandas"), rows.to_pandas())[1]
    yield "datasets", lambda rows: pytest.importorskip("datasets").Dataset.from_polars(rows)


@pytest.mark.parametrize("table", [make for _, make in tables()], ids=[name for name, _ in tables()])
def test_rows_may_be_a_table_of_any_library(table):
    result = deduplicate(table(QUESTIONS), text_column="question")
    assert result.kept.rows() == [QUESTIONS.row(0), QUESTIONS.row(2)]
    assert result.dropped["reason"].to_list() == ["near_duplicate"]
    assert result.account == {"rows": 3, "kept": 2, "dropped": 1, "clusters": 1, "buckets_cut": 0}
    clean = decontaminate(table(QUESTIONS), against=table(ITEMS))
    assert clean.dropped["n"].to_list() == [3]
    assert clean.leaks["item_text"].str.contains("scurvy").all()


def test_a_table_and_a_release_are_checked(demo, demo_store):
    rows = pl.DataFrame(
        {"question": ["What is asthma?", "What is asthma?"], "answer": ["", "A disease of the airways."]}
    )
    result = check(rows, license="CC0-1.0", lang="en", workers=1)
    assert result.groups[0].kind.id in str(result)
    assert (result.files, result.rows) == (1, 2)
    assert check(demo, skip=["near-duplicate", "personal-data"], workers=1).rows == demo.manifest.rows


def test_rows_may_be_files_and_the_result_too(tmp_path):
    path = tmp_path / "mine.jsonl"
    QUESTIONS.write_ndjson(path)
    for files in (path, str(path), [path]):
        assert deduplicate(files, text_column=["question"]).kept.height == 2
    result = deduplicate(path, text_column="question", out=tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out" / "kept.parquet").equals(result.kept)
    assert result.account["folder"] == str(tmp_path / "out")
    with pytest.raises(SabilaError, match="give overwrite"):
        deduplicate(path, text_column="question", out=tmp_path / "out")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: deduplicate(3), "rows is builtins.int, expected a table of polars, pandas"),
        (lambda: deduplicate([]), "rows is builtins.list, expected a table"),
        (lambda: deduplicate({"train": QUESTIONS}), "rows is builtins.dict"),
        (lambda: deduplicate(QUESTIONS, text_column="text"), "question with text_column"),
        (
            lambda: deduplicate(QUESTIONS, text_column="question", threshold=2),
            "threshold is 2: 2.0 is not in the range",
        ),
        (lambda: deduplicate(QUESTIONS, unit="byte"), "unit is 'byte': 'byte' is not one of"),
        (lambda: deduplicate(pl.DataFrame({"text": [object()]})), "cannot be written as parquet"),
        (lambda: decontaminate(QUESTIONS, against="no_such_benchmark"), "no benchmark or file is called"),
        (lambda: build("demmo"), "did you mean 'demo'"),
        (lambda: build("demo", limt=3), "did you mean 'limit'"),
        (lambda: build("demo", workers=0), "workers is 0: 0 is not in the range"),
        (lambda: build("demo", budget_cost=3), "budget_cost is 3.0, expected price with it"),
        (lambda: plan("demo", mirror="/no/such/folder"), "mirror is '/no/such/folder'"),
        (lambda: trace("x", recipe="demo", release="demo@1"), "expected one of them"),
        (lambda: export("demo@1", to="word", out="x"), "to is 'word'"),
        (lambda: load("demo@7", store="/no/such/folder"), "no release 'demo@7'"),
        (lambda: release("demo", version="../up", limit=1), "version is '../up'"),
    ],
)
def test_a_wrong_call_is_a_sabila_error_that_says_what_to_do(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SabilaError) as error:
        call()
    assert message in str(error.value)
    assert not (tmp_path / "store" / "steps").exists()


# --- builds and releases -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(demo_store):
    return load("demo@1", store=demo_store)


def test_a_release_gives_its_rows_ledger_and_card(demo):
    assert demo.rows().height == demo.manifest.rows == demo.ledger.filter(status="kept").height
    assert demo.rows("sft-medquad")["source"].unique().to_list() == ["medquad"]
    assert demo.configs[0] == "sft"
    assert demo.card.startswith("---")
    assert load(demo).folder == load(demo.folder).folder
    with pytest.raises(SabilaError, match=r"no configuration 'sft-medquat', expected sft, .* did you mean"):
        demo.rows("sft-medquat")


def test_a_release_is_a_dataset_of_datasets(demo, tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    rows = demo.dataset("sft-medquad")
    assert rows["id"] == demo.rows("sft-medquad")["id"].to_list()


def test_trace_verify_diff_and_export_take_a_release(demo, demo_store, tmp_path):
    lost = demo.ledger.filter(status="dropped", reason="near_duplicate")["id"][0]
    history = trace(lost, release=demo, store=demo_store)
    assert (history.status, history.reason) == ("dropped", "near_duplicate")
    assert str(history).startswith(lost)
    assert verify(demo).ok
    assert not verify(demo, hash="0" * 64).ok
    assert diff(demo, "demo@1", store=demo_store).counts.unchanged == demo.manifest.rows
    done = export(demo, to="trl", out=tmp_path / "trl")
    assert done.rows["sft"] + done.not_exported == demo.manifest.rows


def test_a_script_without_a_guard_builds_with_several_workers(tmp_path):
    """Python runs a script again in each worker that it spawns; this one would start builds without end."""
    script = tmp_path / "script.py"
    script.write_text(
        "from pipelines import build\nbuilt = build('demo', limit=3, workers=2)\nprint(built.rows.height)\n"
        "print(built.dropped.select('step', 'reason').height)\n",
        encoding="utf-8",
    )
    root = str(Path(pipelines.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True,
        text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 0


# --- in a notebook -------------------------------------------------------------------------------------------------


def test_results_show_themselves_in_a_notebook(demo, demo_store):
    shown = [demo, trace(demo.rows()["id"][0], release=demo, store=demo_store), verify(demo), diff(demo, demo)]
    assert all("<pre" in one._repr_html_() or "<table" in one._repr_html_() for one in shown)
    assert "234" in demo._repr_html_()


def test_a_notebook_shows_texts_of_rows_as_text():
    hostile = pl.DataFrame({"text": ["<script>x</script> one two three four five six"] * 2})
    shown = deduplicate(hostile)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_release_of_nobody_is_refused(tmp_path):
    with pytest.raises(ReleaseError):
        Release.of(tmp_path)


def test_options_that_a_function_lacks_would_be_found():
    assert isinstance(verb_options("dedup")["threshold"], click.Option)
    assert "json" not in verb_options("dedup")
