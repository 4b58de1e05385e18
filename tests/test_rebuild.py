"""A release is made again from its manifest: the same bytes elsewhere, nothing asked again, all else refused."""

import json
import shutil

import hub_double
import polars as pl
import pytest
from hostile_server import Reply, good, serving
from huggingface_hub import close_session
from manifests import load, seal
from tiny_recipe import ROWS, run, steps, write_mirror, write_recipe

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


def released(recipe, store, mirror, **values):
    """Build and release ``1``; return its folder."""
    bench = BuildSession.open(load_recipe(str(recipe)), values, store=store, mirror=mirror)
    bench.build(workers=1)
    manifest = release(bench, "1")
    return store / "releases" / manifest.name / "1"


def files(folder):
    """Return the bytes of a release, but for what its manifest says of the machine."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found.pop("manifest.json"))
    return found | {"manifest": {name: value for name, value in manifest.items() if name != "environment"}}


def refusal(*arguments, error=ReleaseError, **more):
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
    return released(recipe, tmp_path / "store", mirror)


@pytest.fixture
def again(recipe, mirror, tmp_path):
    """What a rebuild on another machine is given."""
    return {"store": tmp_path / "elsewhere", "mirror": mirror, "workers": 1, "recipe": str(recipe)}


# --- the same bytes ------------------------------------------------------------------------------------------------


def test_a_release_is_made_again_from_its_manifest_alone(folder, recipe, tmp_path):
    alone = tmp_path / "received.json"
    shutil.copy(folder / "manifest.json", alone)
    elsewhere = write_mirror(tmp_path / "another" / "mirror", gz=True)
    made = rebuild(alone, store=tmp_path / "deep" / "store", mirror=elsewhere, workers=2, recipe=str(recipe))
    assert made == tmp_path / "deep" / "store" / "releases" / "tiny" / "1"
    assert files(made) == files(folder)
    assert verify(made).findings == ()


def test_a_release_that_is_there_is_found_to_be_the_same(folder, recipe, mirror, tmp_path):
    before = files(folder)
    assert rebuild(folder, store=tmp_path / "store", mirror=mirror, workers=1, recipe=str(recipe)) == folder
    assert files(folder) == before


def test_a_shipped_recipe_needs_nothing_but_the_manifest(demo_store, tmp_path):
    folder = demo_store / "releases" / "demo_dpo" / "1"
    made = rebuild(folder / "manifest.json", store=tmp_path / "store", mirror=None, workers=1)
    assert files(made) == files(folder)


def test_corpora_that_have_come_since_are_left_out_as_they_were(recipe, tmp_path):
    corpora = ("clinic", "ward", "school")
    mirror = write_mirror(tmp_path / "poor", {name: ROWS[name] for name in corpora[:2]})
    folder = released(recipe, tmp_path / "store", mirror, corpora=corpora, required=False)
    assert load(folder)["absent"] == ["school"]
    rich = write_mirror(tmp_path / "rich")
    made = rebuild(folder, store=tmp_path / "elsewhere", mirror=rich, workers=1, recipe=str(recipe))
    assert files(made) == files(folder)


def test_raw_files_come_from_the_hub_at_the_commit_that_was_read(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        for name, raw in ROWS.items():
            double.commit(f"sabila-tests/{name}", {file: hub_double.rows(rows) for file, rows in raw.items()})
        folder = released(recipe, tmp_path / "store", None)
        newer = hub_double.rows(ROWS["ward"]["rounds.jsonl"][:1])
        double.commit("sabila-tests/ward", {"rounds.jsonl": newer})
        made = rebuild(folder, store=tmp_path / "elsewhere", mirror=None, workers=1, recipe=str(recipe))
        close_session()
    assert files(made) == files(folder)


# --- what models wrote ---------------------------------------------------------------------------------------------

ASKING = '''"""Questions of a clinic, answered by a teacher that must be right."""

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
    asked = teacher_of(teacher, TeacherOptions(license="CC0-1.0", backoff_s=0.01, max_tries=2))
    by = author(asked)
    settings = {"generator": "headqa", "gold": "withheld", "samples": 2, "rounds": 1, "shuffled": 0.0}
    config = Cot(generated_by=by, license=asked.license, **settings)
    cleaned = each_shard("clean", clean, Clean(rules=Rules(min_answer_chars=1)), read(CLINIC))
    return generate_step("cot", CHAINS, Chains(generators=(config,)), asked, cleaned, max_failed=0.4)
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


def answers(asked):
    """Reply at length, in words of the seed, always with the first option; no server knows of insulin."""
    if "insulin" in asked.prompt:
        return Reply(b'{"error": "no"}', 500)
    return good(asked, REASONS.format(asked.seed))


@pytest.fixture
def asked(tmp_path):
    """A release whose teacher was a server that is gone, the place it was built in, and what a rebuild is given."""
    place = tmp_path / "asked"
    place.mkdir()
    recipe = write_recipe(place, ASKING)
    mirror = write_mirror(place / "mirror", {"clinic": {"vaccines.jsonl": QUESTIONS}})
    with serving(answers) as server:
        folder = released(recipe, place / "store", mirror, teacher=f"openai:{server.url}#m")
    return folder, {"store": tmp_path / "elsewhere", "mirror": mirror, "workers": 1, "recipe": str(recipe)}


def test_what_a_teacher_said_is_not_asked_again(asked):
    folder, again = asked
    rows = pl.read_parquet(folder / "data" / "sft" / "clinic" / "train-00000-of-00001.parquet")
    assert rows["id"].to_list() == ["clinic:v1"]
    made = rebuild(folder, **again)  # the server is gone
    assert files(made) == files(folder)


def test_requests_that_failed_fail_again(asked):
    folder, again = asked
    said = pl.read_parquet(folder / "completions")
    assert said["error"].null_count() == 4  # two samples of two questions; those of the third came to nothing
    assert said.height == 6
    made = rebuild(folder, **again)
    [chains] = load(made)["figures"]["generation"]
    assert chains["verdicts"] == {"failed": 2, "kept": 1, "right": 1, "wrong": 2}
    assert files(made) == files(folder)


def test_a_manifest_tells_of_no_address(asked):
    folder, _ = asked
    assert load(folder)["values"] == {"teacher": "recorded:openai:m@unpinned"}
    assert all(b"127.0.0.1" not in content for content in files(folder).values() if isinstance(content, bytes))


def test_without_the_completions_the_teacher_is_missed(asked, tmp_path):
    folder, again = asked
    shutil.copy(folder / "manifest.json", tmp_path / "manifest.json")
    said = refusal(tmp_path / "manifest.json", error=TeacherError, **again)
    assert said.startswith("openai:m at revision unpinned is replayed from its completions, which lack sample 0 of ")
    assert "expected the completions of the release" in said


def test_completions_that_were_edited_are_refused_before_any_work(asked):
    folder, again = asked
    [path] = (folder / "completions").iterdir()
    rows = pl.read_parquet(path)
    rows.with_columns(text=rows["text"].str.replace("schedule", "timetable")).write_parquet(path)
    said = refusal(folder, **again)
    assert f"{path.relative_to(folder)}: sha256: expected " in said
    assert not again["store"].exists()


def rewritten(folder, pattern, text):
    """Write other words into the completions of a release and make its manifest fit them."""
    [path] = (folder / "completions").iterdir()
    rows = pl.read_parquet(path)
    write_table(path, rows.with_columns(text=rows["text"].str.replace(pattern, text)))
    seal(load(folder), folder)
    return folder


def words(store):
    """Return the words that a store holds of its teachers."""
    with opened(store / "completions") as completions:
        return set(completions.connection.execute("SELECT text FROM completions").fetchall())


def test_what_a_stranger_says_of_ones_own_model_stays_out_of_the_store(asked):
    folder, again = asked
    with serving(lambda asked: good(asked, REASONS.format("none"))) as server:
        released(again["recipe"], again["store"], again["mirror"], teacher=f"openai:{server.url}#m")
    shutil.rmtree(again["store"] / "releases")
    held, built = words(again["store"]), steps(again["store"])
    assert "could not be reproduced" in refusal(rewritten(folder, "schedule", "POISON"), **again)
    assert (words(again["store"]), steps(again["store"])) == (held, built)
    assert list((again["store"] / "partial").iterdir()) == []


def test_a_release_with_answers_is_made_again_though_the_store_holds_others(asked):
    folder, again = asked
    with serving(lambda asked: good(asked, REASONS.format("none"))) as server:
        released(again["recipe"], again["store"], again["mirror"], teacher=f"openai:{server.url}#m")
    shutil.rmtree(again["store"] / "releases")
    held, built = words(again["store"]), steps(again["store"])
    assert files(rebuild(folder, **again)) == files(folder)
    assert (words(again["store"]), steps(again["store"])) == (held, built)


@pytest.mark.parametrize("spec", ["openai:{}#m", "OpenAI:{}#m", "vllm:meta/llama", "transformers:gpt2"])
def test_a_rebuild_asks_no_server_and_runs_no_model_that_a_manifest_names(asked, spec, monkeypatch):
    folder, again = asked
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user-0123456789abcdef")
    shutil.rmtree(folder / "completions")
    with serving(answers) as server:
        edit(folder, lambda manifest: manifest["values"].update(teacher=spec.format(server.url)), fit=True)
        assert "a rebuild calls no model or server" in refusal(folder, **again)
        assert not server.asked
    assert not again["store"].exists()


CLIMBING = ["../../../victim", "x/../../victim", "/victim", "..", "a\x1b[2Jb", "", "x" * 5000]


def place_of(manifest, field):
    """Return the part of a manifest that holds a name, and its key."""
    read_step = manifest["steps"][0]
    places = {
        "recipe": (manifest["recipe"], "name"),
        "folder": (read_step, "folder"),
        "source": (read_step["identity"]["source"], "name"),
        "path": (manifest["files"][0], "path"),
    }
    return places.get(field, (manifest, field))


@pytest.mark.parametrize("field", ["version", "name", "recipe", "folder", "source", "path"])
def test_a_name_that_is_none_is_refused_wherever_it_stands(folder, again, field, tmp_path):
    for name in CLIMBING:
        manifest = load(folder)
        part, key = place_of(manifest, field)
        part[key] = name
        manifest["hash"] = content_hash(manifest)
        received = tmp_path / "received.json"
        write_json(received, manifest)
        before = sorted(tmp_path.rglob("*"))
        assert "is no manifest of a release: " in refusal(received, **again)
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["../../../victim", "/victim", "x/../../victim", ""])
def test_a_raw_file_that_climbs_out_of_its_corpus_is_refused(folder, again, name):
    def change(manifest):
        manifest["lock"]["clinic"]["files"] = {name: "0" * 64}
        manifest["hash"] = content_hash(manifest)

    edit(folder, change)
    assert "expected the path of a file below a folder" in refusal(folder, **again)


def test_the_code_of_a_recipe_runs_only_where_the_user_names_its_file(folder, again, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef recipe(): pass\n")
    monkeypatch.chdir(tmp_path)

    def change(manifest):
        manifest["name"] = "evil.py"
        manifest["recipe"] |= {"name": "evil.py", "shipped": True}

    edit(folder, change, fit=True)
    assert "names the recipe 'evil.py', expected one of " in refusal(folder, **{**again, "recipe": None})
    assert not (tmp_path / "ran").exists()


def test_a_release_whose_completions_are_lost_is_refused(asked, tmp_path):
    folder, again = asked
    place = folder.parents[2]
    shutil.rmtree(place / "releases")
    for path in place.glob("completions*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    bench = BuildSession.open(
        load_recipe(again["recipe"]), {"teacher": "recorded:openai:m@unpinned"}, store=place, mirror=again["mirror"]
    )
    with pytest.raises(ReleaseError, match="lacks 4 of 4 completions"):
        release(bench, "1")


# --- what is refused before any work -------------------------------------------------------------------------------


def edit(folder, change, *, fit=False):
    manifest = load(folder)
    change(manifest)
    write_json(folder / "manifest.json", manifest)
    if fit:
        seal(manifest, folder)


def test_a_tampered_manifest_is_refused(folder, again):
    edit(folder, lambda manifest: manifest["values"].update(min_prose_chars=2))
    said = refusal(folder, **again)
    assert said.startswith(f"{folder / 'manifest.json'} is not the manifest that was frozen: hash: of the whole ")
    assert not again["store"].exists()


def test_a_manifest_whose_hash_was_made_to_fit_is_refused_by_its_fingerprints(folder, again):
    edit(folder, lambda manifest: manifest["steps"][1]["identity"]["config"].update(rules={}), fit=True)
    assert "fingerprint of its identity: expected clean-clinic-" in refusal(folder, **again)


def test_values_that_give_another_graph_are_refused(folder, again):
    edit(folder, lambda manifest: manifest["values"].update(min_prose_chars=2), fit=True)
    assert (
        "tiny@1 cannot be rebuilt by this sabila; differences: clean-clinic: config.rules.min_prose_chars 1 -> 2; "
    ) in refusal(folder, **again)
    assert steps(again["store"]) == {}


def test_raw_files_that_differ_are_refused_and_named(folder, again, mirror):
    write_mirror(mirror, {"ward": {"rounds.jsonl": ROWS["ward"]["rounds.jsonl"][1:]}})
    from pipelines.storage.lock import LockError

    said = refusal(folder, error=LockError, **again)
    assert said.startswith("ward: rounds.jsonl has sha256 ")
    assert f"but {folder / 'manifest.json'} says " in said
    assert said.endswith("; restore the file")
    assert steps(again["store"]) == {}


def test_a_corpus_that_is_gone_is_refused(recipe, mirror, again, tmp_path):
    folder = released(recipe, tmp_path / "store", mirror, required=False)
    shutil.rmtree(mirror / "ward")
    said = refusal(folder, **again)
    assert said.startswith("tiny@1 needs inputs that are missing now: ")
    assert "has no folder ward" in said


def test_a_recipe_of_ones_own_must_be_given_and_be_the_same(folder, again, recipe):
    assert "give its file, tiny.py, with --recipe" in refusal(folder, **{**again, "recipe": None})
    recipe.write_text(recipe.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    said = refusal(folder, **again)
    assert said.startswith(f"{recipe} is tiny.py with sha256 ")
    assert f"expected tiny.py with {load(folder)['recipe']['file_sha256']}" in said


def test_changed_code_is_named(folder, again, monkeypatch):
    monkeypatch.setattr("pipelines.build.plan.code_hash", lambda *functions, modules: "changed")
    monkeypatch.setattr("pipelines.release.libraries.library_version", lambda name: "99")
    said = refusal(folder, **again)
    assert "differences: read-clinic: code " in said
    assert " -> changed; " in said
    assert "library: polars " in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "tiny"}'])
def test_what_is_no_manifest_is_refused(text, again, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(text, encoding="utf-8")
    assert refusal(path, **again).startswith(f"{path} is no manifest of a release")


def test_a_manifest_that_lacks_what_a_rebuild_needs_is_refused(folder, again):
    edit(folder, lambda manifest: [manifest.pop(name) for name in ("lock", "recipe")], fit=True)
    said = refusal(folder, **again)
    assert said.endswith("is no manifest that can be rebuilt: it lacks lock, recipe")


# --- what turns out another ----------------------------------------------------------------------------------------


def test_other_libraries_are_named_where_the_rows_are_the_same(folder, again, monkeypatch):
    monkeypatch.setattr("pipelines.release.libraries.library_version", lambda name: "99" if name == "pyarrow" else "1")
    warned = []
    said = refusal(folder, **again, warn=warned.append)
    assert [text.partition(": ")[0] for text in warned] == [
        "tiny@1 will have another hash here, although its rows may be the same"
    ]
    assert said.startswith("tiny@1 could not be reproduced; its rows are the same, byte for byte; library: ")
    assert "library: pyarrow " in said
    assert not (again["store"] / "releases" / "tiny" / "1").exists()


def test_other_rows_are_named_by_file(folder, again):
    """As where a library works otherwise than it did."""
    rebuild(folder, **again)
    shutil.rmtree(again["store"] / "releases")
    [last] = (again["store"] / "steps").glob("exact-*/kept/00000.parquet")
    rows = pl.read_parquet(last)
    rows.with_columns(answer=rows["answer"] + " Or so.").write_parquet(last)
    write_json(last.parents[1] / FILES, list_files(last.parents[1]))
    said = refusal(folder, **again)
    assert "could not be reproduced; differences: file: data/prompts/clinic/train-00000-of-00001.parquet " in said


def test_a_damaged_release_is_not_written_over(folder, recipe, mirror, tmp_path):
    path = folder / "README.md"
    path.write_text("lost", encoding="utf-8")
    said = refusal(folder, store=tmp_path / "store", mirror=mirror, recipe=str(recipe))
    assert f"{folder} exists with other content: README.md; " in said
    assert path.read_text(encoding="utf-8") == "lost"


# --- the verb ------------------------------------------------------------------------------------------------------


def test_the_verb_prints_the_folder(folder, recipe, mirror, tmp_path):
    call = ("--store", tmp_path / "other", "--mirror", mirror, "--recipe", recipe, "--workers", "1")
    result = run("rebuild", folder / "manifest.json", *call)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "other" / "releases" / "tiny" / "1")


def test_the_verb_tells_a_refusal_in_one_line(folder, tmp_path):
    edit(folder, lambda manifest: manifest.update(rows=99))
    result = run("rebuild", folder, "--store", tmp_path / "other")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is not the manifest that was frozen" in result.stderr
    assert json.loads((folder / "manifest.json").read_text())["rows"] == 99
