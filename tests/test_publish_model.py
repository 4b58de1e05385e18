"""Publishing a model: its card, record and weights; never checkpoints; under the licences that it inherits."""

import json

import pytest
from hub_releases import asked
from hub_server import WRITER, Fault
from json_results import publish_model
from tiny_recipe import refused, run

from sources.releases.read_manifest import ReleaseError
from training.model_card import merge_card, model_card

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, about itself

REPO = "clinic/tiny-sft"

RECORD = {
    "stage": "sft",
    "identity": "a" * 64,
    "finished": "2026-11-22T10:00:00Z",
    "release": {"name": "tiny", "version": "1", "hash": "b" * 64, "sources": ["clinic"]},
    "start_model": {"name": "start", "revision": None, "hash": "c" * 64, "license": "Apache-2.0"},
    "rows": {"licenses": {"CC-BY-4.0": 5}, "kept": 5, "read": 5},
    "license": "Apache-2.0 AND CC-BY-4.0",
    "license_conflict": None,
}

CARD = """---
license: {word}
license_name: {license}
---

# tiny-sft

Trained on tiny@1, hash `{hash}`.
"""

STAYS = {
    "optimizer.pt": b"state",
    "scheduler.pt": b"state",
    "rng_state_0.pth": b"state",
    "training_args.bin": b"pickle",
    "trainer_state.json": b"{}",
    "pytorch_model.bin": b"pickle",
    ".env": b"HF_TOKEN=none",
    "rows.jsonl": b"{}\n",
}
"""What lies in folders of models and is not for others."""

GOES = {
    "model.safetensors": b"\x08\0\0\0\0\0\0\0{}      weights",
    "config.json": b"{}",
    "generation_config.json": b"{}",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "loss.png": b"\x89PNG",
    "log.jsonl": b'{"loss": 1}\n',
}


CARD_CHECK = "POST /api/validate-yaml"
"""What asks the Hub about a card and changes nothing."""


def say(line):
    """Take what is said on the way."""


def write(folder, *, card=None, files=GOES, **record):
    """Write a model's folder as training leaves it."""
    folder.mkdir(exist_ok=True)
    whole = {**RECORD, **record}
    (folder / "run.json").write_text(json.dumps(whole))
    named = CARD.format(word="other", license=whole["license"].lower().replace(" ", "-"), hash="b" * 64)
    (folder / "README.md").write_text(named if card is None else card)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def model(tmp_path):
    folder = write(tmp_path / "tiny-sft", files=GOES | STAYS)
    (folder / "checkpoint-100").mkdir()
    (folder / "checkpoint-100" / "model.safetensors").write_bytes(b"older weights")
    return folder


def test_a_model_goes_up_private_in_one_commit_without_what_training_left(hub, model):
    account = publish_model(model, REPO, say, version="1")
    assert account["url"] == f"{hub.url}/{REPO}"
    assert hub.files(REPO, kind="models").keys() == {*GOES, "README.md", "run.json"}
    assert account["left_out"] == sorted([*STAYS, "checkpoint-100"])
    assert hub.repo("models", REPO)["private"] is True
    assert hub.repo("models", REPO)["tags"] == {"1": account["commit"]}
    assert len([request for request in asked(hub) if "/commit/" in request]) == 1


def test_the_same_again_does_nothing_and_a_version_with_other_content_is_refused(hub, model):
    publish_model(model, REPO, say, version="1")
    asked(hub)
    assert publish_model(model, REPO, say, version="1")["state"] == "already published"
    assert asked(hub) == [CARD_CHECK]
    (model / "config.json").write_text('{"edited": true}')
    with pytest.raises(ReleaseError, match=r"has 1 with other content; differences: config\.json"):
        publish_model(model, REPO, say, version="1")


def test_shards_of_an_older_version_go_and_folders_of_another_hand_stay(hub, model):
    (model / "model.safetensors").unlink()
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for name in names:
        (model / name).write_bytes(name.encode())
    index = {"weight_map": {f"layer.{n}": name for n, name in enumerate(names)}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    publish_model(model, REPO, say)
    hub.commit(REPO, {"quantised/model.safetensors": b"4 bits"}, kind="models")
    later = write(model.with_name("later"))
    assert publish_model(later, REPO, say)["deleted"] == [*names, "model.safetensors.index.json"]
    assert hub.content(REPO, "quantised/model.safetensors", kind="models") == b"4 bits"


def test_everything_of_an_older_version_goes_and_the_owners_licence_stays(hub, tmp_path):
    more = {
        "accuracy.png": b"\x89PNG",
        "added_tokens.json": b"{}",
        "chat_template.json": b"{}",
        "too_long.jsonl": b"{}\n",
    }
    more |= {"row_notes.jsonl": b"{}\n", "special_tokens_map.json": b"{}"}
    first = write(tmp_path / "tiny-sft", files=GOES | more)
    (first / "adapter").mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (first / "adapter" / name).write_bytes(b"{}")
    publish_model(first, REPO, say, version="1")
    hub.commit(REPO, {"LICENSE": b"mine", "notes/plan.md": b"mine"}, kind="models")
    fewer = {name: content for name, content in GOES.items() if name != "chat_template.jinja"}
    account = publish_model(write(tmp_path / "later", files=fewer), REPO, say, version="2")
    adapter = ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"]
    assert account["deleted"] == sorted([*adapter, *more, "chat_template.jinja"])
    assert hub.files(REPO, kind="models").keys() == {*fewer, "README.md", "run.json", "LICENSE", "notes/plan.md"}


def test_an_adapter_goes_up_with_the_weights_that_it_was_merged_into(hub, model):
    (model / "adapter").mkdir()
    (model / "adapter" / "adapter_model.safetensors").write_bytes(b"low rank")
    (model / "adapter" / "optimizer.pt").write_bytes(b"state")
    publish_model(model, REPO, say)
    assert hub.content(REPO, "adapter/adapter_model.safetensors", kind="models") == b"low rank"
    assert "adapter/optimizer.pt" not in hub.files(REPO, kind="models")


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_card_that_the_hub_refuses_is_told_before_anything_goes_up(dry_run, hub, model):
    told = b'{"errors": [{"message": "license must be one of [mit]"}], "warnings": []}'
    hub.faults = [Fault("validate-yaml", status=400, body=told, headers={"Content-Type": "application/json"})]
    with pytest.raises(ReleaseError, match=r"the Hub rejects .*README\.md; nothing was uploaded: .*one of \[mit\]"):
        publish_model(model, REPO, say, dry_run=dry_run)
    assert asked(hub) == [CARD_CHECK]
    assert hub.uploads == []


def test_a_card_is_read_to_the_line_that_ends_its_metadata(hub, tmp_path):
    license = RECORD["license"].lower().replace(" ", "-")
    card = f"---\nlicense: other\nlicense_name: {license}\nsummary: 'a --- b'\n---\n\ntiny@1 {'b' * 64}\n\n---\n"
    assert publish_model(write(tmp_path / "model", card=card), REPO, say)["state"] == "published"


def test_a_card_names_no_folder_of_the_machine(tmp_path, training_record):
    start = {**training_record["start_model"], "name": "/home/ward/models/start"}
    settings = {"chat_template": "/home/ward/chat.jinja", "launch": {"processes": 2, "main_address": "10.0.0.7"}}
    card = model_card({**training_record, "start_model": start, "settings": settings}, "model")
    inputs = [MERGED["inputs"][0], {**MERGED["inputs"][1], "model": "/home/ward/sft"}]
    notes = ["2 tensors of /home/ward/sft are left out"]
    both = card + merge_card({**MERGED, "inputs": inputs, "notes": notes})
    assert not [word for word in ("/home", "ward", "10.0.0.7") if word in both]
    assert "| Start model | start |" in card
    assert "2 tensors of sft are left out" in both
    assert "org/base" in both


def test_a_fault_is_told_and_the_same_call_finishes(hub, model):
    hub.faults = [Fault("/commit/", status=500)]
    assert "committing to clinic/tiny-sft: 500 Internal" in refused(1, "publish-model", model, "--repo", REPO)
    assert hub.files(REPO, kind="models") == {}
    hub.faults = []
    result = run("publish-model", model, "--repo", REPO, "--version", "1")
    assert result.exit_code == 0
    assert hub.again == []
    assert "  optimizer.pt  not published\n" in result.stdout
    assert result.stdout.splitlines()[-1] == f"{hub.url}/{REPO}"
    assert WRITER not in result.output


def test_a_dry_run_changes_nothing(hub, model):
    account = publish_model(model, REPO, say, dry_run=True)
    assert account["state"] == "would publish"
    assert account["new"].keys() == {*GOES, "README.md", "run.json"}
    assert asked(hub) == [CARD_CHECK]


def test_the_card_that_training_writes_is_taken(hub, tmp_path, training_record):
    folder = write(tmp_path / "model", card=model_card(training_record, "model"), **training_record)
    assert publish_model(folder, REPO, say)["state"] == "published"


@pytest.fixture
def training_record():
    """A record with all that the card tells."""
    start = {"architecture": "Qwen2ForCausalLM", "parameters": 1_000, "dtype": "float32", "matrices": 800}
    start |= {"layers": 2, "hidden": 8, "vocabulary": 64}
    counts = {"too_long": 0, "tokens": 100, "learned": 50}
    energy = {"kwh": None, "how": ["not measured"], "co2_kg": None, "co2_grams_per_kwh": 250.0}
    return {
        **RECORD,
        "start_model": {**RECORD["start_model"], **start},
        "lineage": {"made_by": "sft", "release": None, "from": []},
        "settings": {"seed": 1},
        "rows": {**RECORD["rows"], **counts},
        "steps": 3,
        "tokens_seen": 100,
        "loss": {"first": 3.0, "last": 2.0, "mean_of_last_10": 2.5},
        "figures": {},
        "seconds": 1.0,
        "starts": 1,
        "model_tflops_per_device": None,
        "energy": energy,
        "hardware": {"cpu": "two cores", "devices": [], "processes": 1, "machines": 1},
        "libraries": {"sabila": "0"},
    }


MERGED = {
    "license": "Apache-2.0 AND CC-BY-4.0",
    "license_conflict": None,
    "inputs": [
        {"model": "org/base", "revision": "c" * 40, "license": "Apache-2.0", "release": None},
        {
            "model": "models/sft",
            "revision": None,
            "license": "Apache-2.0 AND CC-BY-4.0",
            "release": {"name": "tiny", "version": "1", "hash": "b" * 64},
        },
    ],
    "lineage": {"made_by": "merge", "release": None, "from": []},
    "method": {"name": "ties", "paper": "arXiv 2306.01708"},
    "tensors": 12,
    "bytes": 4_096,
    "notes": [],
}


def merged(folder, card=None, **changes):
    """Write a model's folder as a merge leaves it."""
    record = {**MERGED, **changes}
    write(folder, card=merge_card(record) if card is None else card)
    (folder / "run.json").unlink()
    (folder / "merge.json").write_text(json.dumps(record))
    return folder


def test_a_merged_model_goes_up_with_the_record_of_its_merge(hub, tmp_path):
    folder = merged(tmp_path / "merged")
    account = publish_model(folder, REPO, say, version="1")
    assert hub.files(REPO, kind="models").keys() == {*GOES, "README.md", "merge.json"}
    assert hub.repo("models", REPO)["tags"] == {"1": account["commit"]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"card": "# a model"}, r"README\.md does not name the model 1, expected org/base"),
        ({"license": "Apache-2.0"}, r"CC-BY-4\.0 applies to it and is missing from its licence Apache-2\.0"),
        (
            {"inputs": [{**MERGED["inputs"][0], "license": "LicenseRef-unknown"}]},
            r"LicenseRef-unknown: no known terms",
        ),
        ({"inputs": [{"model": "org/base"}]}, r"merge\.json is no record of a run or a merge: KeyError\('license'\)"),
    ],
)
def test_what_is_wrong_with_a_merged_model_is_told(change, told, hub, tmp_path):
    card = change.get("card") or merge_card({**MERGED, "license": change.get("license", MERGED["license"])})
    with pytest.raises(ReleaseError, match=told):
        publish_model(merged(tmp_path / "merged", **{**change, "card": card}), REPO, say)
    assert hub.requests == []


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "run.json"])
def test_a_folder_without_card_or_record_is_refused(name, hub, model):
    (model / name).unlink()
    assert refused(1, "publish-model", model, "--repo", REPO) == (
        f"Error: {model} has no {name}, expected a model's folder written by sabila train or merge"
    )
    assert hub.requests == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"release": {}}', "not json", '{"license": 3}'])
def test_a_record_that_is_none_is_refused(text, hub, model):
    (model / "run.json").write_text(text)
    with pytest.raises(ReleaseError, match=r"run\.json is no record of a run or a merge"):
        publish_model(model, REPO, say)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"card": "# a model"}, r"README\.md does not name the release, expected tiny@1"),
        ({"card": "# a model"}, r"README\.md says licence 'None', expected 'apache-2\.0 and cc-by-4\.0' as run\.json"),
        ({"card": CARD.format(word="mit", license="mit", hash="b" * 64)}, r"says licence 'mit', expected"),
        ({"card": "---\nlicense: [\n---\ntiny@1"}, r"README\.md does not name the hash of the release"),
        ({"files": {}}, r"no weights, expected \*\.safetensors"),
        (
            {"files": {"model.safetensors.index.json": b'{"weight_map": {"a": "m-1.safetensors"}}'}},
            r"m-1\.safetensors is",
        ),
        ({"license": "Apache-2.0"}, r"CC-BY-4\.0 applies to it and is missing from its licence Apache-2\.0"),
        ({"license": "LicenseRef-of-nobody"}, r"LicenseRef-of-nobody: no known terms allow"),
        ({"license": "CC-BY-SA-4.0 AND CC-BY-NC-4.0"}, r"requires derived works to be under itself"),
        (
            {"rows": {"licenses": {"LicenseRef-embedded-demo": 1}}, "license": "LicenseRef-embedded-demo"},
            r"LicenseRef-embedded-demo: no known terms allow publishing",
        ),
        (
            {"files": {**GOES, "config.json": b'{"key": "sk-abcdefghijklmnopqrstuvwxyz"}'}},
            r"config\.json, line 1: an API",
        ),
    ],
)
def test_what_is_wrong_with_a_model_is_told_before_anybody_is_asked(change, told, hub, tmp_path):
    folder = write(tmp_path / "model", **change)
    with pytest.raises(ReleaseError, match=told):
        publish_model(folder, REPO, say)
    assert hub.requests == []


def test_a_model_that_may_not_be_sold_is_refused_for_that_use(hub, tmp_path):
    licenses = {"rows": {"licenses": {"CC-BY-NC-4.0": 5}}, "license": "Apache-2.0 AND CC-BY-NC-4.0"}
    folder = write(tmp_path / "model", **licenses)
    with pytest.raises(
        ReleaseError, match=r"may not be published for use 'commercial':\n  CC-BY-NC-4\.0 does not allow"
    ):
        publish_model(folder, REPO, say, use="commercial")
    assert publish_model(folder, REPO, say)["state"] == "published"


def test_a_model_of_own_rows_goes_into_a_private_repository_and_no_other(hub, tmp_path):
    licenses = {"rows": {"licenses": {"LicenseRef-proprietary": 5}}, "license": "Apache-2.0 AND LicenseRef-proprietary"}
    folder = write(tmp_path / "model", **licenses)
    with pytest.raises(ReleaseError, match=r"LicenseRef-proprietary: no known terms allow"):
        publish_model(folder, REPO, say, public=True)
    assert publish_model(folder, REPO, say)["state"] == "published"
