"""A rebuild from a manifest gives the same bytes on another machine, sends no request and refuses all else."""

import json
import shutil
from importlib.metadata import version

import hub_double
import polars as pl
import pytest
from hostile_server import Reply, good, serving
from huggingface_hub import close_session
from manifests import load, seal
from tiny_recipe import ROWS, run, steps, write_mirror, write_recipe

from pipelines.build.manifest_diff import Difference, describe
from pipelines.build.recipe import load as load_recipe
from pipelines.build.session import BuildSession
from pipelines.completions.completion_store import opened
from pipelines.freeze.freeze_release import release
from pipelines.freeze.rebuild import rebuild
from pipelines.storage.stored_step import FILES, list_files
from pipelines.verify.verify_release import verify
from sources.atomic import write_json, write_table
from sources.releases.read_manifest import ReleaseError, content_hash
from synth.teachers.teacher import TeacherError


def build_release(recipe, store, mirror, **values):
    """Build and release ``1``; return its folder."""
    session = BuildSession.open(load_recipe(str(recipe)), values, store=store, mirror=mirror)
    session.build(workers=1)
    manifest = release(session, "1")
    return store / "releases" / manifest.name / "1"


def files(folder):
    """Return the bytes of a release, without the environment that its manifest describes."""
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(contents.pop("manifest.json"))
    return contents | {"manifest": {name: value for name, value in manifest.items() if name != "environment"}}


def rebuild_error(*arguments, error=ReleaseError, **more):
    with pytest.raises(error) as caught:
        rebuild(*arguments, **{"mirror": None, "workers": 1, **more})
    return str(caught.value)


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


@pytest.fixture
def mirror(tmp_path):
    return write_mirror(tmp_path / "mirror")


@pytest.fixture
def folder(recipe, mirror, tmp_path):
    return build_release(recipe, tmp_path / "store", mirror)


@pytest.fixture
def rebuild_options(recipe, mirror, tmp_path):
    """The options of a rebuild on another machine."""
    return {"store": tmp_path / "elsewhere", "mirror": mirror, "workers": 1, "recipe": str(recipe)}


# --- the same bytes ------------------------------------------------------------------------------------------------


def test_a_release_is_made_again_from_its_manifest_alone(folder, recipe, tmp_path):
    received = tmp_path / "received.json"
    shutil.copy(folder / "manifest.json", received)
    other_mirror = write_mirror(tmp_path / "another" / "mirror", gz=True)
    rebuilt = rebuild(received, store=tmp_path / "deep" / "store", mirror=other_mirror, workers=2, recipe=str(recipe))
    assert rebuilt == tmp_path / "deep" / "store" / "releases" / "tiny" / "1"
    assert files(rebuilt) == files(folder)
    assert verify(rebuilt).findings == ()


def test_a_release_that_is_there_is_found_to_be_the_same(folder, recipe, mirror, tmp_path):
    before = files(folder)
    assert rebuild(folder, store=tmp_path / "store", mirror=mirror, workers=1, recipe=str(recipe)) == folder
    assert files(folder) == before


def test_a_shipped_recipe_needs_nothing_but_the_manifest(demo_store, tmp_path):
    folder = demo_store / "releases" / "demo_dpo" / "1"
    rebuilt = rebuild(folder / "manifest.json", store=tmp_path / "store", mirror=None, workers=1)
    assert files(rebuilt) == files(folder)


def test_corpora_that_have_come_since_are_left_out_as_they_were(recipe, tmp_path):
    corpora = ("clinic", "ward", "school")
    mirror = write_mirror(tmp_path / "poor", {name: ROWS[name] for name in corpora[:2]})
    folder = build_release(recipe, tmp_path / "store", mirror, corpora=corpora, required=False)
    assert load(folder)["absent"] == ["school"]
    full_mirror = write_mirror(tmp_path / "rich")
    rebuilt = rebuild(folder, store=tmp_path / "elsewhere", mirror=full_mirror, workers=1, recipe=str(recipe))
    assert files(rebuilt) == files(folder)


def test_raw_files_come_from_the_hub_at_the_commit_that_was_read(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        for name, raw in ROWS.items():
            double.commit(f"sabila-tests/{name}", {file: hub_double.rows(rows) for file, rows in raw.items()})
        folder = build_release(recipe, tmp_path / "store", None)
        newer = hub_double.rows(ROWS["ward"]["rounds.jsonl"][:1])
        double.commit("sabila-tests/ward", {"rounds.jsonl": newer})
        rebuilt = rebuild(folder, store=tmp_path / "elsewhere", mirror=None, workers=1, recipe=str(recipe))
        close_session()
    assert files(rebuilt) == files(folder)


# --- what models wrote ---------------------------------------------------------------------------------------------

TEACHER_RECIPE = '''"""Questions of a clinic, answered by a teacher that must be right."""

from pipelines.build.step import generate_step, each_shard, read
from quality.cleaning.clean import Clean, clean
from quality.cleaning.rules import Rules
from sources.shapes.row_shapes import jsonl, mcq
from sources.source import Source
from synth.teachers.candidates import author
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of


def parse(raw, file):
    row = raw.value
    return mcq(row["id"], row["question"], row["options"], row["gold"])


CLINIC = Source(
    name="clinic",
    title="Questions of the clinic",
    home="hf://datasets/sabila-tests/clinic",
    license="CC0-1.0",
    license_read="written for these tests",
    task="mcqa",
    lang="en",
    files={"train": ("*.jsonl",)},
    rows=jsonl,
    parse=parse,
)


def recipe(*, teacher: str | None = None):
    """Build the answers."""
    chain_teacher = teacher_of(teacher, TeacherOptions(license="CC0-1.0", backoff_s=0.01, max_tries=2))
    by = author(chain_teacher)
    settings = {"generator": "headqa", "gold": "withheld", "samples": 2, "rounds": 1, "shuffled": 0.0}
    config = Cot(generated_by=by, license=chain_teacher.license, **settings)
    cleaned = each_shard("clean", clean, Clean(rules=Rules(min_answer_chars=1)), read(CLINIC))
    return generate_step("cot", CHAINS, Chains(generators=(config,)), chain_teacher, cleaned, max_failed=0.4)
'''

QUESTIONS = [
    {"id": "v1", "question": "Which vaccine is given at birth?", "options": ["BCG", "Measles"], "gold": 0},
    {"id": "v2", "question": "Which vaccine is given by mouth?", "options": ["Tetanus", "Polio"], "gold": 1},
    {"id": "v3", "question": "Which organ makes the hormone insulin?", "options": ["Pancreas", "Spleen"], "gold": 0},
]

REASONS = (
    "We look at what each option stands for and when it matters in practice, then weigh one against the other with the "
    "usual schedule in mind, number {}; what remains after that comparison fits the question well.\nAnswer: A"
)


def answers(request):
    """Reply with the first option and the seed in the text; requests about insulin fail."""
    if "insulin" in request.prompt:
        return Reply(b'{"error": "no"}', 500)
    return good(request, REASONS.format(request.seed))


@pytest.fixture
def server_release(tmp_path):
    """A release whose teacher was a server that is gone, and the options of its rebuild on another machine."""
    place = tmp_path / "built"
    place.mkdir()
    recipe = write_recipe(place, TEACHER_RECIPE)
    mirror = write_mirror(place / "mirror", {"clinic": {"vaccines.jsonl": QUESTIONS}})
    with serving(answers) as server:
        folder = build_release(recipe, place / "store", mirror, teacher=f"openai:{server.url}#m")
    return folder, {"store": tmp_path / "elsewhere", "mirror": mirror, "workers": 1, "recipe": str(recipe)}


def test_a_rebuild_sends_no_request_that_was_answered(server_release):
    folder, rebuild_options = server_release
    rows = pl.read_parquet(folder / "data" / "sft" / "clinic" / "train-00000-of-00001.parquet")
    assert rows["id"].to_list() == ["clinic:v1"]
    rebuilt = rebuild(folder, **rebuild_options)  # the server is gone
    assert files(rebuilt) == files(folder)


def test_requests_that_failed_fail_again(server_release):
    folder, rebuild_options = server_release
    completions = pl.read_parquet(folder / "completions")
    assert completions["error"].null_count() == 4  # two samples of two questions; those of the third failed
    assert completions.height == 6
    rebuilt = rebuild(folder, **rebuild_options)
    [chains] = load(rebuilt)["figures"]["generation"]
    assert chains["verdicts"] == {"failed": 2, "kept": 1, "right": 1, "wrong": 2}
    assert files(rebuilt) == files(folder)


def test_a_manifest_contains_no_address(server_release):
    folder, _ = server_release
    assert load(folder)["values"] == {"teacher": "recorded:openai:m@unpinned"}
    assert all(b"127.0.0.1" not in content for content in files(folder).values() if isinstance(content, bytes))


def test_without_the_completions_a_rebuild_is_refused(server_release, tmp_path):
    folder, rebuild_options = server_release
    shutil.copy(folder / "manifest.json", tmp_path / "manifest.json")
    error_text = rebuild_error(tmp_path / "manifest.json", error=TeacherError, **rebuild_options)
    assert error_text.startswith(
        "openai:m at revision unpinned is replayed from its completions, which lack sample 0 of "
    )
    assert "expected the completions of the release" in error_text


def test_completions_that_were_edited_are_refused_before_any_work(server_release):
    folder, rebuild_options = server_release
    [path] = (folder / "completions").iterdir()
    rows = pl.read_parquet(path)
    rows.with_columns(text=rows["text"].str.replace("schedule", "timetable")).write_parquet(path)
    message = rebuild_error(folder, **rebuild_options)
    assert f"{path.relative_to(folder)}: sha256: expected " in message
    assert not rebuild_options["store"].exists()


def rewrite_completions(folder, pattern, text):
    """Replace a pattern in the completions of a release and make its manifest fit them."""
    [path] = (folder / "completions").iterdir()
    rows = pl.read_parquet(path)
    write_table(path, rows.with_columns(text=rows["text"].str.replace(pattern, text)))
    seal(load(folder), folder)
    return folder


def completion_texts(store):
    """Return the texts of all completions in a store."""
    with opened(store / "completions") as completions:
        return set(completions.connection.execute("SELECT text FROM completions").fetchall())


def test_edited_completions_of_another_release_stay_out_of_the_store(server_release):
    folder, rebuild_options = server_release
    with serving(lambda request: good(request, REASONS.format("none"))) as server:
        build_release(
            rebuild_options["recipe"],
            rebuild_options["store"],
            rebuild_options["mirror"],
            teacher=f"openai:{server.url}#m",
        )
    shutil.rmtree(rebuild_options["store"] / "releases")
    stored_texts, step_folders = completion_texts(rebuild_options["store"]), steps(rebuild_options["store"])
    assert "could not be reproduced" in rebuild_error(
        rewrite_completions(folder, "schedule", "POISON"), **rebuild_options
    )
    assert (completion_texts(rebuild_options["store"]), steps(rebuild_options["store"])) == (stored_texts, step_folders)
    assert list((rebuild_options["store"] / "partial").iterdir()) == []


def test_a_release_is_rebuilt_though_the_store_has_other_completions_of_its_teacher(server_release):
    folder, rebuild_options = server_release
    with serving(lambda request: good(request, REASONS.format("none"))) as server:
        build_release(
            rebuild_options["recipe"],
            rebuild_options["store"],
            rebuild_options["mirror"],
            teacher=f"openai:{server.url}#m",
        )
    shutil.rmtree(rebuild_options["store"] / "releases")
    stored_texts, step_folders = completion_texts(rebuild_options["store"]), steps(rebuild_options["store"])
    assert files(rebuild(folder, **rebuild_options)) == files(folder)
    assert (completion_texts(rebuild_options["store"]), steps(rebuild_options["store"])) == (stored_texts, step_folders)


@pytest.mark.parametrize("spec", ["openai:{}#m", "OpenAI:{}#m", "vllm:meta/llama", "transformers:gpt2"])
def test_a_rebuild_calls_no_server_and_runs_no_model_that_a_manifest_names(server_release, spec, monkeypatch):
    folder, rebuild_options = server_release
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user-0123456789abcdef")
    shutil.rmtree(folder / "completions")
    with serving(answers) as server:
        edit(folder, lambda manifest: manifest["values"].update(teacher=spec.format(server.url)), fit=True)
        assert "a rebuild calls no model or server" in rebuild_error(folder, **rebuild_options)
        assert not server.request_counts
    assert not rebuild_options["store"].exists()


UNSAFE_NAMES = ["../../../victim", "x/../../victim", "/victim", "..", "a\x1b[2Jb", "", "x" * 5000]


def named_field(manifest, field):
    """Return the part of a manifest that contains this name, and its key."""
    read_step = manifest["steps"][0]
    places = {
        "recipe": (manifest["recipe"], "name"),
        "folder": (read_step, "folder"),
        "source": (read_step["identity"]["source"], "name"),
        "path": (manifest["files"][0], "path"),
    }
    return places.get(field, (manifest, field))


@pytest.mark.parametrize("field", ["version", "name", "recipe", "folder", "source", "path"])
def test_an_unsafe_name_is_refused_in_every_field(folder, rebuild_options, field, tmp_path):
    for name in UNSAFE_NAMES:
        manifest = load(folder)
        part, key = named_field(manifest, field)
        part[key] = name
        manifest["hash"] = content_hash(manifest)
        received = tmp_path / "received.json"
        write_json(received, manifest)
        before = sorted(tmp_path.rglob("*"))
        assert "is no manifest of a release: " in rebuild_error(received, **rebuild_options)
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["../../../victim", "/victim", "x/../../victim", ""])
def test_a_raw_file_that_climbs_out_of_its_corpus_is_refused(folder, rebuild_options, name):
    def change(manifest):
        manifest["lock"]["clinic"]["files"] = {name: "0" * 64}
        manifest["hash"] = content_hash(manifest)

    edit(folder, change)
    assert "expected the path of a file below a folder" in rebuild_error(folder, **rebuild_options)


def test_the_code_of_a_recipe_runs_only_where_the_user_names_its_file(folder, rebuild_options, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef recipe(): pass\n")
    monkeypatch.chdir(tmp_path)

    def change(manifest):
        manifest["name"] = "evil.py"
        manifest["recipe"] |= {"name": "evil.py", "shipped": True}

    edit(folder, change, fit=True)
    assert "names the recipe 'evil.py', expected one of " in rebuild_error(
        folder, **{**rebuild_options, "recipe": None}
    )
    assert not (tmp_path / "ran").exists()


def test_a_release_whose_completions_are_lost_is_refused(server_release, tmp_path):
    folder, rebuild_options = server_release
    place = folder.parents[2]
    shutil.rmtree(place / "releases")
    for path in place.glob("completions*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    session = BuildSession.open(
        load_recipe(rebuild_options["recipe"]),
        {"teacher": "recorded:openai:m@unpinned"},
        store=place,
        mirror=rebuild_options["mirror"],
    )
    with pytest.raises(ReleaseError, match="lacks 4 of 4 completions"):
        release(session, "1")


# --- what is refused before any work -------------------------------------------------------------------------------


def edit(folder, change, *, fit=False):
    manifest = load(folder)
    change(manifest)
    write_json(folder / "manifest.json", manifest)
    if fit:
        seal(manifest, folder)


def test_a_tampered_manifest_is_refused(folder, rebuild_options):
    edit(folder, lambda manifest: manifest["values"].update(min_prose_chars=2))
    message = rebuild_error(folder, **rebuild_options)
    assert message.startswith(f"{folder / 'manifest.json'} is not the manifest that was frozen: hash: of the whole ")
    assert not rebuild_options["store"].exists()


def test_a_manifest_whose_hash_was_made_to_fit_is_refused_by_its_fingerprints(folder, rebuild_options):
    edit(folder, lambda manifest: manifest["steps"][1]["identity"]["config"].update(rules={}), fit=True)
    assert "fingerprint of its identity: expected clean-clinic-" in rebuild_error(folder, **rebuild_options)


def test_values_that_give_another_graph_are_refused(folder, rebuild_options):
    edit(folder, lambda manifest: manifest["values"].update(min_prose_chars=2), fit=True)
    assert (
        "tiny@1 cannot be rebuilt by this sabila; differences: clean-clinic: config.rules.min_prose_chars 1 -> 2; "
    ) in rebuild_error(folder, **rebuild_options)
    assert steps(rebuild_options["store"]) == {}


def test_raw_files_that_differ_are_refused_and_named(folder, rebuild_options, mirror):
    write_mirror(mirror, {"ward": {"rounds.jsonl": ROWS["ward"]["rounds.jsonl"][1:]}})
    from pipelines.storage.lock import LockError

    message = rebuild_error(folder, error=LockError, **rebuild_options)
    assert message.startswith("ward: rounds.jsonl has sha256 ")
    assert f"but {folder / 'manifest.json'} says " in message
    assert message.endswith("; restore the file")
    assert steps(rebuild_options["store"]) == {}


def test_a_corpus_that_is_gone_is_refused(recipe, mirror, rebuild_options, tmp_path):
    folder = build_release(recipe, tmp_path / "store", mirror, required=False)
    shutil.rmtree(mirror / "ward")
    message = rebuild_error(folder, **rebuild_options)
    assert message.startswith("tiny@1 needs inputs that are missing now: ")
    assert "has no folder ward" in message


def test_a_recipe_of_ones_own_must_be_given_and_be_the_same(folder, rebuild_options, recipe):
    assert "give its file, tiny.py, with --recipe" in rebuild_error(folder, **{**rebuild_options, "recipe": None})
    recipe.write_text(recipe.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    message = rebuild_error(folder, **rebuild_options)
    assert message.startswith(f"{recipe} is tiny.py with sha256 ")
    assert f"expected tiny.py with {load(folder)['recipe']['file_sha256']}" in message


def test_changed_code_is_named(folder, rebuild_options, monkeypatch):
    monkeypatch.setattr("pipelines.build.plan.code_hash", lambda *functions, modules: "changed")
    monkeypatch.setattr("pipelines.release.libraries.library_version", lambda name: "99")
    message = rebuild_error(folder, **rebuild_options)
    assert (
        "tiny@1 cannot be rebuilt by this sabila; differences: code of 5 steps (read-clinic, clean-clinic, read-ward, "
        "and 2 more); library "
    ) in message
    assert "polars " in message
    assert f" that wrote it, or check its files without a build: sabila verify {folder}" in message
    assert len(message.replace(str(folder), "")) < 360
    assert "\n" not in message


def test_a_release_of_another_version_of_sabila_says_which_one_rebuilds_it(folder, rebuild_options, monkeypatch):
    monkeypatch.setattr("pipelines.build.plan.code_hash", lambda *functions, modules: "changed")
    edit(folder, lambda manifest: manifest["libraries"].update(sabila="0.0.9"), fit=True)
    message = rebuild_error(folder, **rebuild_options)
    assert f"rebuild with sabila 0.0.9 (this is {version('sabila')}) that wrote it, or check its files" in message


def test_differences_are_one_short_line():
    config = [
        Difference(where="near", field=f"config.rules.{name}", before="a" * 500, after=["b" * 500]) for name in "abcde"
    ]
    code = [Difference(where=f"step-{n}", field="code", before="a" * 64, after="b" * 64) for n in range(30)]
    versions = [Difference(where=f"step-{n}", field="library polars", before="1", after="2") for n in range(30)]
    files = [Difference(where="file", field="data/a.parquet", before="a" * 64, after=None)]
    steps = [Difference(where="split", field="step", before=None, after="split-" + "a" * 16)]
    assert describe([*files, *steps, *code, *versions]) == (
        "file: data/a.parquet aaaaaaaaaaaa… -> nothing; split: new step; "
        "code of 30 steps (step-0, step-1, step-2, and 27 more); library polars 1 -> 2"
    )
    assert "and 2 more" in describe(config)
    assert len(describe([*config, *code, *versions])) < 500


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "tiny"}'])
def test_what_is_no_manifest_is_refused(text, rebuild_options, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(text, encoding="utf-8")
    assert rebuild_error(path, **rebuild_options).startswith(f"{path} is no manifest of a release")


def test_a_manifest_that_lacks_what_a_rebuild_needs_is_refused(folder, rebuild_options):
    edit(folder, lambda manifest: [manifest.pop(name) for name in ("lock", "recipe")], fit=True)
    message = rebuild_error(folder, **rebuild_options)
    assert message.endswith("is no manifest that can be rebuilt: it lacks lock, recipe")


# --- a rebuild that differs ----------------------------------------------------------------------------------------


def test_other_libraries_are_named_where_the_rows_are_the_same(folder, rebuild_options, monkeypatch):
    monkeypatch.setattr("pipelines.release.libraries.library_version", lambda name: "99" if name == "pyarrow" else "1")
    warnings = []
    message = rebuild_error(folder, **rebuild_options, warn=warnings.append)
    assert [text.partition(": ")[0] for text in warnings] == [
        "tiny@1 will have another hash here, although its rows may be the same"
    ]
    assert message.startswith("tiny@1 could not be reproduced; its rows are the same, byte for byte; library ")
    assert "pyarrow " in message
    assert not (rebuild_options["store"] / "releases" / "tiny" / "1").exists()


def test_other_rows_are_named_by_file(folder, rebuild_options):
    """An edited step stands for a library that computes other rows."""
    rebuild(folder, **rebuild_options)
    shutil.rmtree(rebuild_options["store"] / "releases")
    [last] = (rebuild_options["store"] / "steps").glob("exact-*/kept/00000.parquet")
    rows = pl.read_parquet(last)
    rows.with_columns(answer=rows["answer"] + " Or so.").write_parquet(last)
    write_json(last.parents[1] / FILES, list_files(last.parents[1]))
    message = rebuild_error(folder, **rebuild_options)
    assert "could not be reproduced; differences: file: data/prompts/clinic/train-00000-of-00001.parquet " in message


def test_a_damaged_release_is_not_written_over(folder, recipe, mirror, tmp_path):
    path = folder / "README.md"
    path.write_text("lost", encoding="utf-8")
    message = rebuild_error(folder, store=tmp_path / "store", mirror=mirror, recipe=str(recipe))
    assert f"{folder} exists with other content: README.md; " in message
    assert path.read_text(encoding="utf-8") == "lost"


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_prints_the_folder(folder, recipe, mirror, tmp_path):
    call = ("--store", tmp_path / "other", "--mirror", mirror, "--recipe", recipe, "--workers", "1")
    result = run("rebuild", folder / "manifest.json", *call)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "other" / "releases" / "tiny" / "1")


def test_the_verb_reports_a_refusal_in_one_line(folder, tmp_path):
    edit(folder, lambda manifest: manifest.update(rows=99))
    result = run("rebuild", folder, "--store", tmp_path / "other")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is not the manifest that was frozen" in result.stderr
    assert json.loads((folder / "manifest.json").read_text())["rows"] == 99
