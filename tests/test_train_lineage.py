"""Licences of models and the way to a model: all that a card and a record have to name."""

import json

import merge_models
import pytest
from tiny_recipe import run

from sources.known_licenses import LICENSES, named_license
from sources.license import fits, parts, terms
from training.lineage import ancestors, describe_step, trace_model
from training.merging.merge_config import merge_config, named_licenses
from training.merging.merge_models import merge
from training.model_license import card_license, license_of_user, stated_license
from training.training_errors import MergeConfigError, MergeError

HASH = "b" * 64
RELEASE = {"name": "ward", "version": "1", "hash": HASH, "license": "CC-BY-4.0", "sources": ["ward"]}


# --- one table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "id"),
    [
        ("llama3.2", "LicenseRef-llama-3.2-community"),
        ("llama3.3", "LicenseRef-llama-3.3-community"),
        ("llama4", "LicenseRef-llama-4-community"),
        ("Llama-4-Community", "LicenseRef-llama-4-community"),
        ("gemma", "LicenseRef-gemma"),
        ("qwen", "LicenseRef-qwen"),
        ("qwen-research", "LicenseRef-qwen-research"),
        ("deepseek", "LicenseRef-deepseek-model"),
        ("health-ai-developer-foundations", "LicenseRef-health-ai-developer-foundations"),
        ("odc-by", "ODC-By-1.0"),
        ("apache-2.0", "Apache-2.0"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0"),
        ("bigscience-bloom-rail-1.0", "LicenseRef-openrail"),
        ("other", None),
        ("cc", None),
        ("none of these", None),
    ],
)
def test_words_of_cards_lead_to_one_table(word, id):
    assert named_license(word) == id


def test_every_licence_is_found_by_its_own_id():
    assert all(named_license(id) == id == named_license(id.lower()) for id in LICENSES)


@pytest.mark.parametrize("version", ["3.2", "4"])
def test_llamas_that_read_images_are_not_for_the_european_union(version):
    assert "European Union" in terms(f"LicenseRef-llama-{version}-community").duty


def test_the_table_is_shown_by_any_of_a_licences_names():
    done = run("licenses", "llama3.2", "deepseek", "CC-BY-NC-4.0")
    assert done.exit_code == 0
    llama, deepseek, data = done.stdout.split("\n\n")
    assert llama.splitlines()[:3] == [
        "LicenseRef-llama-3.2-community: Llama 3.2 Community License Agreement",
        "  rows may be: adapted, redistributed, sold",
        "  training on such a model's output: any model that keeps to the duties",
    ]
    assert "  read at: https://www.llama.com/llama3_2/license/" in llama
    assert "training on such a model's output: any model\n" in deepseek
    assert "rows may be: adapted, redistributed\n" in data
    every = json.loads(run("licenses", "--json").stdout)
    assert {one["id"] for one in every} == set(LICENSES)
    wrong = run("licenses", "apache2.0")
    assert wrong.exit_code == 2 and "did you mean 'Apache-2.0'?" in wrong.stderr


# --- what a model states -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "license"),
    [
        ({"license": "llama3.2"}, "LicenseRef-llama-3.2-community"),
        ({"license": "other", "license_name": "qwen"}, "LicenseRef-qwen"),
        ({"license": "other", "license_name": "apache-2.0-and-cc-by-4.0"}, "Apache-2.0 AND CC-BY-4.0"),
        ({"license": ["mit", "cc-by-nc-4.0"]}, "CC-BY-NC-4.0 AND MIT"),
        ({"license": ["mit", "mine"]}, "LicenseRef-unknown AND MIT"),
        ({"license": "other", "license_name": "mine"}, "LicenseRef-unknown"),
        ({}, "LicenseRef-unknown"),
    ],
)
def test_the_licences_of_a_card_all_count(head, license):
    assert card_license(head) == license


def read(card):
    return {"README.md": card}.get


def test_the_licence_of_a_known_start_model_counts_beside_a_freer_one_on_the_card():
    tuned = read("---\nlicense: mit\nbase_model:\n- meta-llama/Llama-3.2-1B-Instruct\n---\n")
    assert stated_license(tuned) == "LicenseRef-llama-3.2-community AND MIT"
    without_license = read("---\nbase_model: google/gemma-2-9b\n---\n")
    assert stated_license(without_license) == "LicenseRef-gemma"
    assert stated_license(read("---\nlicense: mit\n---\n"), "deepseek-ai/DeepSeek-R1-Distill-Llama-70B") == (
        "LicenseRef-llama-3.3-community AND MIT"
    )
    assert stated_license(read("---\nlicense: mit\nbase_model: some/model\n---\n")) == "MIT"


def test_a_licence_that_is_named_is_one_that_is_known():
    assert license_of_user("llama3.3", "base_license") == "LicenseRef-llama-3.3-community"
    assert license_of_user("mit AND apache-2.0", "base_license") == "Apache-2.0 AND MIT"
    with pytest.raises(ValueError, match=r"base_license is 'apache2\.0', expected .*did you mean 'Apache-2\.0'\?"):
        license_of_user("apache2.0", "base_license")


# --- a licence for a merge -----------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    """Two models without a card."""
    for seed, name in enumerate(("base", "tuned")):
        merge_models.make(tmp_path / name, seed=seed)
    return tmp_path / "base", tmp_path / "tuned"


def linear(models):
    listed = [{"model": str(model), "parameters": {"weight": 0.5}} for model in models]
    return merge_config({"merge_method": "linear", "models": listed})


def test_a_merge_of_models_without_a_licence_says_how_to_name_it(pair, tmp_path):
    notes = merge(linear(pair), tmp_path / "out")["notes"]
    assert any("state no licence: name it by --model-license" in note for note in notes)


def test_a_merge_takes_licences_from_its_user(pair, tmp_path):
    base, tuned = pair
    both = merge(named_licenses(["apache-2.0"], linear(pair)), tmp_path / "both")
    assert both["license"] == "Apache-2.0"
    assert not any("state no licence" in note for note in both["notes"])
    each = named_licenses([f"{base}=llama3.2", "mit"], linear(pair))
    assert merge(each, tmp_path / "each")["license"] == "LicenseRef-llama-3.2-community AND MIT"
    (base / "README.md").write_text("---\nlicense: gemma\n---\n")
    stated = merge(named_licenses(["mit"], linear(pair)), tmp_path / "stated")
    assert stated["license"] == "LicenseRef-gemma AND MIT"
    with pytest.raises(MergeError, match="expected what it states, 'LicenseRef-gemma', or none"):
        merge(named_licenses([f"{base}=mit", f"{tuned}=mit"], linear(pair)), tmp_path / "against")


@pytest.mark.parametrize(
    ("option", "error"), [("none=mit", "no model 'none' is merged"), ("mine", "expected a licence that is known here")]
)
def test_a_wrong_licence_for_a_merge_is_told(option, error, pair):
    with pytest.raises(MergeConfigError, match=error):
        named_licenses([option], linear(pair))


# --- the way to a model --------------------------------------------------------------------------------------------


def folder_with(folder, record, name="run.json"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(record))
    return trace_model(
        lambda file: (folder / file).read_text() if (folder / file).is_file() else None,
        str(folder),
        hub=False,
        revision=None,
        license=record["license"],
    )


def test_a_merge_names_every_release_and_licence_on_the_way_to_it(pair, tmp_path):
    base, tuned = pair
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    start = trace_model(lambda file: None, "org/start", hub=True, revision="c" * 40, license="LicenseRef-gemma")
    both = "CC-BY-4.0 AND LicenseRef-gemma"
    sft = folder_with(tmp_path / "sft", {"license": both, "lineage": describe_step("sft", RELEASE, [start])})
    pairs = {**RELEASE, "name": "pairs", "hash": "d" * 64}
    record = {"license": both, "lineage": describe_step("dpo", pairs, [sft]), "release": pairs}
    (tuned / "run.json").write_text(json.dumps(record))
    record_of_merge = merge(linear(pair), tmp_path / "out")
    assert [(m["model"], m["made_by"], m["license"]) for m in ancestors(record_of_merge["lineage"])] == [
        ("base", None, "Apache-2.0"),
        ("org/start", None, "LicenseRef-gemma"),
        ("sft", "sft", both),
        ("tuned", "dpo", both),
    ]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "base_model:\n- org/start\n" in card
    for part in ("ward@1", HASH, "pairs@1", "d" * 64, "LicenseRef-gemma", "c" * 40, "Apache-2.0"):
        assert part in card
    assert str(tmp_path) not in card
    assert parts(record_of_merge["license"]) == ("Apache-2.0", "CC-BY-4.0", "LicenseRef-gemma")
    assert fits(record_of_merge["license"], "commercial")


def test_a_model_that_is_on_two_ways_is_named_once():
    start = trace_model(lambda file: None, "org/start", hub=True, revision=None, license="MIT")
    one, two = ({**start, "model": name, "from": [start]} for name in ("one", "two"))
    assert [m["model"] for m in ancestors(describe_step("merge", None, [one, two]))] == ["org/start", "one", "two"]


def test_a_record_from_before_lineages_tells_its_last_step(tmp_path):
    start = {"name": "org/start", "hash": None, "revision": None, "license": "MIT"}
    old = folder_with(
        tmp_path / "old", {"license": "CC-BY-4.0 AND MIT", "stage": "sft", "release": RELEASE, "start_model": start}
    )
    assert (old["made_by"], old["release"]["name"]) == ("sft", "ward")
    assert [m["model"] for m in ancestors(describe_step("dpo", RELEASE, [old]))] == ["org/start", "old"]


@pytest.mark.parametrize("lineage", [[], "x", {"from": 3}, {"from": [{"model": 1}] * 10_000}, {"from": [None]}])
def test_a_strangers_record_cannot_break_a_lineage(lineage, tmp_path):
    entry = folder_with(tmp_path / "odd", {"license": "MIT", "lineage": lineage})
    assert len(ancestors(describe_step("dpo", None, [entry]))) < 500


def test_a_strangers_record_puts_nothing_onto_a_card_but_words(tmp_path):
    evil = {"model": "a | b\n## x <script>`\x1b[31m", "license": "MIT", "from": []}
    entry = folder_with(tmp_path / "evil", {"license": "MIT", "lineage": {"made_by": "rm", "from": [evil]}})
    assert entry["from"][0]["model"] == "a b ## x script 31m"
    assert entry["made_by"] is None
