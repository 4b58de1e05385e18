"""The plan of a build: which steps run again, for which reasons, and that no other step does."""

import json
import shutil

import pytest
import tiny_recipe
from tiny_recipe import build, names, run, steps, write_mirror, write_recipe

from pipelines.build import fingerprint
from pipelines.build.manifest_diff import flat
from pipelines.build.rebuild_reasons import Cause, causes_text
from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.recipes import demo
from synth.teachers.options import Rates


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the tiny recipe, built once from its mirror."""
    write_recipe(tmp_path)
    write_mirror(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    tiny_built(tmp_path)
    return tmp_path


def tiny_built(place, **values):
    return build(place / "tiny.py", place / "store", place / "mirror", relock=True, **values)


def why(place, recipe="tiny.py", mirror="mirror", **values):
    """Return the steps that a build would run, each with its causes as text."""
    session = BuildSession.open(
        load(recipe), values, store=place / "store", mirror=mirror and place / mirror, relock=True
    )
    steps = session.forecast(Rates()).steps
    assert all(bool(step.why) == (not step.done) for step in steps)
    return {step.step: causes_text(step.why) for step in steps if not step.done}


def rebuilt_steps(place, **values):
    """Build, and return the names of the steps that were run for it."""
    before = steps(place / "store")
    tiny_built(place, **values)
    return names(folder for folder, mark in steps(place / "store").items() if before.get(folder) != mark)


@pytest.fixture
def edit(place):
    """Replace one row of a raw file, or append a new one."""

    def edit(corpus, file, at, row):
        path = place / "mirror" / corpus / file
        lines = path.read_text().splitlines()
        lines[at : at + 1] = [json.dumps(row)]
        path.write_text("".join(f"{line}\n" for line in lines))

    return edit


# --- nothing, the first time, a folder lost ------------------------------------------------------------------------


def test_a_plan_of_what_is_built_has_nothing_to_run(place):
    assert why(place) == {}
    assert rebuilt_steps(place) == set()


def test_a_recipe_that_was_never_built_says_so(place):
    shutil.copy(place / "tiny.py", place / "other.py")
    everything = {"read-clinic", "clean-clinic", "read-ward", "clean-ward", "exact"}
    assert why(place, "other.py") == dict.fromkeys(everything, "first build")


def test_a_step_whose_folder_was_removed_says_so(place):
    shutil.rmtree(next((place / "store" / "steps").glob("clean-ward-*")))
    assert why(place) == {"clean-ward": "its folder was removed"}
    assert rebuilt_steps(place) == {"clean-ward"}


def test_a_removed_and_changed_step_is_reported_as_removed(place):
    shutil.rmtree(next((place / "store" / "steps").glob("exact-*")))
    causes_by_step = why(place, min_prose_chars=20)
    assert causes_by_step["exact"] == "its folder was removed; follows from clean-clinic, clean-ward"


# --- what changed --------------------------------------------------------------------------------------------------


def test_a_changed_setting_is_reported_with_both_values_and_the_steps_that_follow(place):
    causes_by_step = why(place, min_prose_chars=39)
    assert causes_by_step == {
        "clean-clinic": "rules.min_prose_chars 1 -> 39",
        "clean-ward": "rules.min_prose_chars 1 -> 39",
        "exact": "follows from clean-clinic, clean-ward",
    }
    assert rebuilt_steps(place, min_prose_chars=39) == causes_by_step.keys()
    assert why(place, min_prose_chars=39) == {}


def test_going_back_to_what_was_built_before_runs_nothing(place):
    tiny_built(place, min_prose_chars=39)
    assert why(place) == {}


def test_a_new_source_is_reported_and_reruns_only_steps_over_all_rows(place):
    causes_by_step = why(place, corpora=("clinic", "ward", "school"))
    assert causes_by_step == {
        "read-school": "new source",
        "clean-school": "new step",
        "exact": "also reads clean-school",
    }
    assert rebuilt_steps(place, corpora=("clinic", "ward", "school")) == causes_by_step.keys()


def test_a_source_that_is_left_out_is_reported(place):
    causes_by_step = why(place, corpora=("clinic",))
    assert causes_by_step == {"exact": "no longer reads clean-ward"}
    assert rebuilt_steps(place, corpora=("clinic",)) == {"exact"}


def test_a_fixed_row_names_its_file_and_reruns_its_source(place, edit):
    edit("ward", "rounds.jsonl", 1, {"id": "w2", "question": "What is in a saline drip?", "answer": "Water and salt."})
    causes_by_step = why(place)
    assert causes_by_step == {
        "read-ward": "changed file train/rounds.jsonl",
        "clean-ward": "follows from read-ward",
        "exact": "follows from read-ward",
    }
    assert rebuilt_steps(place) == causes_by_step.keys()


def test_added_and_removed_files_are_reported(place):
    (place / "mirror" / "clinic" / "vaccines.jsonl").rename(place / "mirror" / "clinic" / "shots.jsonl")
    assert why(place)["read-clinic"] == "file gone train/vaccines.jsonl; new file train/shots.jsonl"


def test_a_limit_is_reported(place):
    assert why(place, limit=1)["read-ward"] == "limit nothing -> 1"


def test_a_changed_parser_is_reported_with_its_file(place):
    write_recipe(place, tiny_recipe.RECIPE.replace('row["question"]', 'row["question"].strip()'))
    causes_by_step = why(place)
    assert causes_by_step["read-clinic"] == causes_by_step["read-ward"] == "changed code tiny.py"
    assert causes_by_step["exact"] == "follows from read-clinic, read-ward"


def test_a_changed_rule_is_reported_with_its_module_and_reads_nothing_again(demo_store, tmp_path, monkeypatch):
    text = fingerprint._text
    changed = "quality.cleaning.rules"
    monkeypatch.setattr(fingerprint, "_text", lambda name: text(name) + ("# stricter" if name == changed else ""))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo_store, tmp_path / "store", ignore=shutil.ignore_patterns("releases"))
    causes_by_step = why(tmp_path, "demo", mirror=None)
    assert {step for step, cause in causes_by_step.items() if cause == "changed code quality.cleaning.rules"} == {
        f"clean-{name}" for name in demo.SAMPLED
    }
    assert not [step for step in causes_by_step if step.startswith("read-")]
    assert causes_by_step["exact"].startswith("follows from clean-") and causes_by_step["exact"].endswith("and 3 more")
    assert (
        causes_by_step["add-instructions"] == causes_by_step["leaks"] == causes_by_step["exact"]
    )  # items are normalised, not judged by rules


def test_changed_terms_of_a_source_are_reported(place):
    write_recipe(place, tiny_recipe.RECIPE.replace('"CC0-1.0"', '"MIT"'))
    assert why(place)["read-ward"] == 'changed code tiny.py; source.license "CC0-1.0" -> "MIT"'


def test_a_setting_of_one_generator_is_named_by_the_generator():
    generators = [{"generator": "medqa", "samples": 4, "sources": ["a"]}, {"generator": "mmlu", "samples": 4}]
    assert dict(flat({"generators": generators}, "config")) == {
        "config.generators.medqa.generator": "medqa",
        "config.generators.medqa.samples": 4,
        "config.generators.medqa.sources": ["a"],
        "config.generators.mmlu.generator": "mmlu",
        "config.generators.mmlu.samples": 4,
    }


def test_many_causes_are_counted():
    causes = [Cause(what="file", name=f"train/{n}.jsonl", before="a", after="b") for n in range(9)]
    assert causes_text(causes) == "changed file train/0.jsonl, train/1.jsonl, train/2.jsonl and 6 more"


EXAM = """
def exam():
    return Benchmark(
        name="exam",
        title="Questions of an exam",
        home="hf://datasets/sabila-tests/exam",
        license="CC0-1.0",
        license_read="written for these tests",
        task="qa",
        lang="en",
        files={"test": ("*.jsonl",)},
        rows=jsonl,
        parse=parse,
    )


def unseen(rows, config, reference_inputs):
    return clean(rows, Clean(rules=Rules(min_prose_chars=1)))


def recipe(*, exams: bool = True):
    seen = (read(exam()),) if exams else ()
    return each_shard("unseen", unseen, None, read(corpus("clinic")), reference_inputs=seen)
"""


def test_an_added_or_removed_benchmark_is_reported(place):
    start = tiny_recipe.RECIPE.partition("def recipe(")[0].replace("import Source", "import Benchmark, Source")
    write_recipe(place, start + EXAM)
    row = {"id": "e1", "question": "Which valve lies between the left chambers?", "answer": "The mitral valve."}
    write_mirror(place / "mirror", {"exam": {"a.jsonl": [row]}})
    tiny_built(place)
    assert why(place, exams=False) == {"unseen": "no longer looks at read-exam"}


# --- on the command line -------------------------------------------------------------------------------------------


def test_plan_shows_the_causes_as_text_and_as_json(place):
    arguments = ("plan", "tiny.py", "--mirror", "mirror", "--min-prose-chars", "39")
    output = run(*arguments).stdout
    assert "rules.min_prose_chars 1 -> 39" in output
    causes_by_step = {step["step"]: step.get("why") for step in json.loads(run(*arguments, "--json").stdout)["steps"]}
    assert causes_by_step["read-ward"] is None
    assert causes_by_step["clean-ward"] == [
        {"what": "setting", "name": "rules.min_prose_chars", "before": 1, "after": 39}
    ]
    assert causes_by_step["exact"] == [
        {"what": "follows", "name": "clean-clinic", "before": None, "after": None},
        {"what": "follows", "name": "clean-ward", "before": None, "after": None},
    ]
