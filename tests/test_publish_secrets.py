"""Secrets do not go up: whatever looks like one is named by its place, and never shown."""

import json
import shutil

import hub_server
import polars as pl
import pytest
from json_results import publish
from manifests import load, seal

from pipelines.storage.secrets import SHAPES, secrets, without_secrets
from sources.releases.read_manifest import ReleaseError

BODY = "Qw3rTy8UiOp5AsDfGh1JkLzXcVb2NmQwErTy7UiO"
MADE_UP = {
    "a Hugging Face token": f"hf_{BODY[:34]}",
    "an API key": f"sk-proj-{BODY}",
    "an AWS access key": "AKIA" + "QWERTYUIOPASDFGH",
    "a GitHub token": f"ghp_{BODY[:36]}",
    "a Google API key": f"AIza{BODY[:35]}",
    "a Slack token": f"xoxb-{BODY[:20]}",
    "a signed web token": f"eyJ{BODY[:12]}.eyJ{BODY[:20]}.{BODY[:8]}",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a password in an address": "https://curator:" + "letmein99@registry.example/files",
}


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)


def rows(**columns):
    plain = {"id": ["a:1", "a:2"], "source": ["a", "a"]}
    return pl.DataFrame({**plain, **columns})


def test_every_shape_is_tried_here():
    assert MADE_UP.keys() == SHAPES.keys()


@pytest.mark.parametrize("what", MADE_UP)
def test_a_secret_in_a_line_is_named_by_file_line_and_kind(what, tmp_path):
    (tmp_path / "README.md").write_text(f"# tiny\n\nfetched with {MADE_UP[what]} last week\n")
    assert secrets([("README.md", tmp_path / "README.md")]) == [f"README.md, line 3: {what}"]


@pytest.mark.parametrize("what", MADE_UP)
@pytest.mark.parametrize(
    "column",
    [
        lambda text: {"answer": ["none", text]},
        lambda text: {"options": [["one"], ["two", None, text]]},
        lambda text: {"messages": [[], [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]]},
        lambda text: {"meta": [None, json.dumps({"note": text})]},
    ],
    ids=["text", "list", "chat", "json"],
)
def test_a_secret_in_a_row_is_named_by_file_row_and_column(column, what, tmp_path):
    path = tmp_path / "train.parquet"
    table = rows(**column(f"it says {MADE_UP[what]} here"))
    table.write_parquet(path)
    assert secrets([("data/train.parquet", path)]) == [
        f"data/train.parquet, row a:2, column {table.columns[-1]}: {what}"
    ]


def test_a_secret_in_an_id_is_not_told_with_the_id(tmp_path):
    rows(id=["a:1", f"a:{MADE_UP['an API key']}"]).write_parquet(tmp_path / "train.parquet")
    assert secrets([("t", tmp_path / "train.parquet")]) == ["t, row a:***, column id: an API key"]


@pytest.mark.parametrize("value", ["correct-horse-battery", "0123456789abcdef0123"])
def test_values_that_the_environment_calls_secret_are_found_word_by_word(value, tmp_path, monkeypatch):
    monkeypatch.setenv("CLINIC_API_KEY", value)
    (tmp_path / "manifest.json").write_text(json.dumps({"values": {"key": value}}))
    assert secrets([("m", tmp_path / "manifest.json")]) == ["m, line 1: the value of CLINIC_API_KEY"]
    rows(answer=["", f"[{value}]"]).write_parquet(tmp_path / "train.parquet")
    assert secrets([("t", tmp_path / "train.parquet")]) == ["t, row a:2, column answer: the value of CLINIC_API_KEY"]


@pytest.mark.parametrize("value", ["", "true", "short", "/run/secrets/token/of/the/clinic", "two words of no secret"])
def test_switches_paths_and_words_in_the_environment_are_no_secrets(value, tmp_path, monkeypatch):
    monkeypatch.setenv("CLINIC_TOKEN", value)
    (tmp_path / "a.md").write_text(f"{value} stands here")
    assert secrets([("a.md", tmp_path / "a.md")]) == []


def test_the_token_for_the_hub_is_found_whatever_it_looks_like(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "an-unusual-token-of-mine")
    (tmp_path / "a.md").write_text("an-unusual-token-of-mine")
    assert secrets([("a.md", tmp_path / "a.md")]) == ["a.md, line 1: the token for the Hub"]


@pytest.mark.parametrize(
    "text",
    [
        "risk-of-falls-in-patients-over-seventy is raised; ask-and-tell-before-every-dose",
        "The enzyme AKIA1 and hf_receptor_binding_site were measured; see https://example.org/a:b and mail@example.org",
        "BEGIN PRIVATE ROOM; the SK-N-SH line, AIza, ghp_short, xoxo-kisses, eyJ.eyJ.",
        "heart failure (hf_1), 10:30@ward, https://example.org:8080/path@2x.png",
    ],
)
def test_medical_text_is_taken_for_none(text, tmp_path):
    rows(answer=[text, None]).write_parquet(tmp_path / "train.parquet")
    assert secrets([("t", tmp_path / "train.parquet")]) == []


def test_no_more_places_are_told_than_help(tmp_path):
    (tmp_path / "a.md").write_text(f"{MADE_UP['an API key']}\n" * 100)
    assert len(secrets([("a.md", tmp_path / "a.md")])) == 20


@pytest.mark.parametrize("secret", MADE_UP.values(), ids=MADE_UP)
def test_a_text_without_secrets_has_none(secret):
    cleaned = without_secrets(f"before {secret} after", "own")
    assert cleaned.startswith("before ")
    assert "***" in cleaned
    assert BODY[:12] not in cleaned
    assert "letmein99" not in cleaned


def test_a_release_with_a_secret_is_refused_before_anybody_is_asked(hub, releases, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub_server.WRITER)
    monkeypatch.setattr("pipelines.verify.verify_release.verify", lambda folder: type("Verdict", (), {"findings": ()}))
    folder = shutil.copytree(releases["1"], tmp_path / "one")
    manifest = load(folder)
    manifest["values"] = {"key": MADE_UP["an API key"], "other": hub_server.WRITER}
    seal(manifest, folder)
    with pytest.raises(ReleaseError) as refused:
        publish(folder, "clinic/tiny", print)
    told = str(refused.value)
    assert "seems to contain secrets; revoke them, then remove them:\n  manifest.json, line " in told
    assert ": an API key" in told
    assert ": a Hugging Face token" in told
    assert MADE_UP["an API key"] not in told
    assert hub_server.WRITER not in told
    assert hub.requests == []
