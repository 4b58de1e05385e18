"""Publishing a release: checked, private, one commit and a tag; what the Hub has already is not sent again."""

import json
import shutil

import polars as pl
import pytest
from hub_releases import VERSIONS, asked, listed, made
from json_results import publish
from manifests import seal
from tiny_recipe import ROWS, refused, run

from pipelines.report.report_page import write_report
from sources.releases.read_manifest import ReleaseError

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, about itself

REPO = "clinic/tiny"
SCHOOL = "data/prompts/school/train-00000-of-00001.parquet"
WARD = "data/prompts/ward/train-00000-of-00001.parquet"


def say(line):
    """Take what is said on the way."""


def commits(hub):
    return [request for request in asked(hub) if "/commit/" in request]


# --- what goes up --------------------------------------------------------------------------------------------------


def test_a_first_publication_makes_a_private_repository_with_one_commit_and_a_tag(hub, releases):
    account = publish(releases["1"], REPO, say)
    assert account["state"] == "published"
    assert account["url"] == f"{hub.url}/datasets/{REPO}"
    assert hub.repo("datasets", REPO) == {
        "private": True,
        "branches": {"main": account["commit"]},
        "tags": {"1": account["commit"]},
    }
    assert len(commits(hub)) == 1
    assert hub.files(REPO) == listed(releases["1"])
    assert sum(account["new"].values()) == account["bytes"]


def test_the_commit_names_the_manifest_so_that_a_copy_can_be_verified_against_it(hub, releases):
    account = publish(releases["1"], REPO, say)
    manifest = json.loads((releases["1"] / "manifest.json").read_text())
    assert hub.titles == {account["commit"]: f"{manifest['name']} 1, manifest {manifest['hash']}"}


def test_every_byte_is_what_the_release_holds(hub, releases):
    publish(releases["1"], REPO, say)
    for path in listed(releases["1"]):
        assert hub.content(REPO, path, revision="1") == (releases["1"] / path).read_bytes()


def test_the_same_again_does_nothing(hub, releases):
    first = publish(releases["1"], REPO, say)
    asked(hub)
    again = publish(releases["1"], REPO, say)
    assert (again["state"], again["commit"], again["new"], again["bytes"]) == (
        "already published",
        first["commit"],
        {},
        0,
    )
    assert asked(hub) == []


def test_the_same_release_made_on_another_machine_does_nothing(hub, releases, tmp_path):
    publish(releases["1"], REPO, say)
    other = shutil.copytree(releases["1"], tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["environment"]["platform"] = "another one"
    (other / "manifest.json").write_text(json.dumps(manifest))
    asked(hub)
    assert publish(other, REPO, say)["state"] == "already published"
    assert asked(hub) == []


def test_a_new_version_sends_what_is_new_and_deletes_what_is_gone_in_one_commit(hub, releases):
    publish(releases["1"], REPO, say)
    asked(hub)
    account = publish(releases["2"], REPO, say)
    assert len(commits(hub)) == 1
    assert SCHOOL in account["new"]
    assert "data/prompts/clinic/train-00000-of-00001.parquet" in account["unchanged"]
    assert account["deleted"] == [WARD]
    assert hub.files(REPO) == listed(releases["2"])
    assert hub.files(REPO, revision="1") == listed(releases["1"])


def test_a_dry_run_shows_what_would_go_and_changes_nothing(hub, releases):
    assert publish(releases["1"], REPO, say, dry_run=True)["state"] == "would publish"
    assert asked(hub) == []
    publish(releases["1"], REPO, say)
    asked(hub)
    account = publish(releases["2"], REPO, say, dry_run=True)
    assert (account["state"], account["deleted"]) == ("would publish", [WARD])
    assert SCHOOL in account["new"]
    assert asked(hub) == []
    assert hub.files(REPO) == listed(releases["1"])


def test_a_dry_run_needs_no_token(hub, releases, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.utils._auth._get_token_from_file", lambda: None)
    assert publish(releases["1"], REPO, say, dry_run=True)["state"] == "would publish"
    with pytest.raises(ReleaseError, match="there is no token for the Hub, expected one that may write to clinic/tiny"):
        publish(releases["1"], REPO, say)
    assert asked(hub) == []


def test_a_dry_run_sends_no_token_where_everybody_may_look(hub, releases):
    publish(releases["1"], REPO, say, public=True)
    hub.tokens.clear()
    assert publish(releases["2"], REPO, say, public=True, dry_run=True)["state"] == "would publish"
    assert set(hub.tokens) == {""}


def test_a_dry_run_says_that_it_looks_with_the_token_and_only_reads_with_it(hub, releases):
    publish(releases["1"], REPO, say)
    hub.tokens.clear()
    hub.requests.clear()
    said = []
    assert publish(releases["2"], REPO, said.append, dry_run=True)["state"] == "would publish"
    assert said[1] == "tiny@2 matches its manifest and may be published; contacting the Hub"
    assert f"{REPO} is not public: reading it with your token" in said
    sent = [request for request, token in zip(hub.requests, hub.tokens, strict=True) if token]
    assert sent
    assert all(request.startswith(("GET ", "HEAD ")) for request in sent)


def test_files_of_another_hand_stay(hub, releases):
    publish(releases["1"], REPO, say)
    hub.commit(REPO, {"LICENSE": b"words", "figures/plot.png": b"png"})
    publish(releases["2"], REPO, say)
    assert hub.content(REPO, "LICENSE") == b"words"
    assert hub.content(REPO, "figures/plot.png") == b"png"


def test_rows_that_no_manifest_lists_do_not_stay_among_those_that_load(hub, releases):
    publish(releases["1"], REPO, say)
    hub.commit(REPO, {"data/prompts/clinic/more.parquet": b"of another hand"})
    assert publish(releases["2"], REPO, say)["deleted"] == ["data/prompts/clinic/more.parquet", WARD]


def test_a_version_whose_commit_was_made_and_tag_was_not_gets_its_tag(hub, releases):
    commit = publish(releases["1"], REPO, say)["commit"]
    repo = hub.repo("datasets", REPO)
    hub.save("datasets", REPO, {**repo, "tags": {}})
    asked(hub)
    assert publish(releases["1"], REPO, say)["commit"] == commit
    assert [request.split("/")[-2] for request in asked(hub)] == ["tag"]
    assert hub.repo("datasets", REPO)["tags"] == {"1": commit}


def test_large_files_go_through_the_chunk_store_where_the_client_has_it(hub, releases, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    hub.xet = tmp_path / "chunks"
    publish(releases["1"], REPO, say)
    assert hub.uploads == []
    held = sum(path.stat().st_size for path in hub.xet.rglob("default.*"))
    assert held > 0
    publish(releases["2"], REPO, say)
    assert hub.files(REPO) == listed(releases["2"])


# --- what is left out ----------------------------------------------------------------------------------------------


def test_the_report_goes_when_asked_for_and_goes_away_with_the_next_version(hub, releases, tmp_path):
    with pytest.raises(ReleaseError, match=r"has no report\.html; create it"):
        publish(releases["1"], REPO, say, with_report=True)
    folder = shutil.copytree(releases["1"], tmp_path / "one")
    write_report(folder, folder / "report.html")
    assert "report.html" not in publish(folder, REPO, say, dry_run=True)["new"]
    assert "report.html" in publish(folder, REPO, say, with_report=True)["new"]
    assert publish(releases["1"], REPO, say)["state"] == "already published"
    assert "report.html" in publish(releases["2"], REPO, say)["deleted"]


def test_a_report_that_shows_personal_data_is_refused(releases, tmp_path):
    folder = shutil.copytree(releases["1"], tmp_path / "one")
    for write in (
        lambda path: write_report(folder, path, unmasked=True),
        lambda path: path.write_text("<title>of an earlier sabila</title>"),
    ):
        write(folder / "report.html")
        with pytest.raises(ReleaseError, match=r"may show unmasked personal data of dropped rows.*write it again"):
            publish(folder, REPO, say, with_report=True)


def test_completions_go_when_asked_for_and_no_text_of_a_dropped_row_without(hub, demo_store, monkeypatch):
    # the rows of the embedded teacher are refused otherwise
    monkeypatch.setattr("pipelines.release.license_check.conflicts", lambda folder, *, use, private: [])
    folder, steps = demo_store / "releases" / "demo" / "1", demo_store / "steps"
    publish(folder, "clinic/demo", say)
    dropped = [path for step in steps.iterdir() for path in step.glob("dropped/*.parquet")]
    rows = pl.concat([pl.read_parquet(path, columns=["id", "messages"]) for path in dropped])
    ids = pl.concat([pl.read_parquet(path, columns=["id"]) for path in folder.glob("data/*/*/*.parquet")])["id"]
    ledger = pl.read_parquet(folder / "ledger" / "*.parquet")
    assert set(ids) == set(ledger.filter(status="kept")["id"])
    texts = {text for text in rows.explode("messages").unnest("messages")["content"] if text and len(text) > 40}
    assert len(texts) > 10
    beside = "\n".join(words(folder / path) for path in hub.files("clinic/demo") if not path.startswith("data/"))
    assert [text for text in texts if text in beside] == []
    assert not any(path.startswith("completions/") for path in hub.files("clinic/demo"))
    account = publish(folder, "clinic/with", say, with_completions=True)
    assert any(path.startswith("completions/") for path in account["new"])


def words(path):
    """Return all text that a file holds."""
    if path.suffix != ".parquet":
        return path.read_text()
    return json.dumps(pl.read_parquet(path).to_dicts(), ensure_ascii=False, default=str).replace('\\"', '"')


# --- what is refused -----------------------------------------------------------------------------------------------


def test_a_tag_with_other_content_is_refused_and_the_difference_told(hub, releases, tmp_path):
    publish(releases["1"], REPO, say)
    other = made(tmp_path / "other", "1", {**VERSIONS["1"], "ward": ROWS["school"]})
    before = hub.repo("datasets", REPO)
    with pytest.raises(ReleaseError, match=r"has 1 with other content; differences: README\.md, .*Choose another"):
        publish(other, REPO, say)
    assert hub.repo("datasets", REPO) == before


def test_a_public_repository_is_written_to_when_that_is_asked_for(hub, releases):
    hub.create(REPO, private=False)
    with pytest.raises(ReleaseError, match="is public, expected a private one: use --public"):
        publish(releases["1"], REPO, say)
    assert hub.repo("datasets", REPO)["tags"] == {}
    publish(releases["1"], REPO, say, public=True)
    publish(releases["1"], "clinic/open", say, public=True)
    assert hub.repo("datasets", "clinic/open")["private"] is False


def test_a_repository_of_another_hand_is_not_written_over(hub, releases):
    hub.create(REPO)
    hub.commit(REPO, {"README.md": b"made on the web page"})
    publish(releases["1"], REPO, say)
    hub.create("clinic/other")
    hub.commit("clinic/other", {"train.csv": b"a,b"})
    with pytest.raises(
        ReleaseError, match=r"contains files that sabila did not publish \(train\.csv\): choose another repository"
    ):
        publish(releases["1"], "clinic/other", say)


def test_a_repository_of_another_release_is_not_written_over(hub, releases, tmp_path):
    hub.create(REPO)
    manifest = {**json.loads((releases["1"] / "manifest.json").read_text()), "name": "large"}
    hub.commit(REPO, {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(ReleaseError, match="holds large, not tiny: choose another repository"):
        publish(releases["1"], REPO, say)


def test_a_release_that_is_not_what_its_manifest_says_is_refused(hub, releases, tmp_path):
    folder = shutil.copytree(releases["1"], tmp_path / "one")
    content = (folder / SCHOOL).read_bytes()
    (folder / SCHOOL).write_bytes(content[:-1] + b"!")
    with pytest.raises(ReleaseError, match=rf"differs from its manifest:\n(.*\n)*  {SCHOOL}, sha256: expected "):
        publish(folder, REPO, say)
    assert hub.requests == []


def test_licences_that_forbid_it_are_told_with_the_rows(hub, demo_store):
    with pytest.raises(ReleaseError, match=r"may not be published for use 'any':\n  .*embedded teacher wrote these"):
        publish(demo_store / "releases" / "demo" / "1", REPO, say)
    assert hub.requests == []


def test_a_manifest_that_lists_files_outside_the_release_is_refused(hub, releases, tmp_path):
    folder = shutil.copytree(releases["1"], tmp_path / "one")
    (tmp_path / "private.txt").write_text("not for publication")
    manifest = json.loads((folder / "manifest.json").read_text())
    seal(manifest, folder)
    manifest["files"].append({"path": "../private.txt", "bytes": 19, "sha256": "0" * 64})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match=r"'\.\./private\.txt', expected the path of a file inside the release"):
        publish(folder, REPO, say)
    assert hub.requests == []


def test_a_file_that_changes_while_it_is_published_is_not_committed(hub, releases, tmp_path, monkeypatch):
    folder = shutil.copytree(releases["1"], tmp_path / "one")

    def checked(*arguments, **more):
        (folder / "README.md").write_text("edited after it was checked")

    monkeypatch.setattr("pipelines.hub.publish.check", checked)
    with pytest.raises(ReleaseError, match=r"README\.md changed while it was published; nothing was committed"):
        publish(folder, REPO, say)
    assert hub.files(REPO) == {}


@pytest.mark.parametrize(
    "repo", ["tiny", "clinic/", "/tiny", "a/b/c", "clinic/ti ny", "clinic/..", "clinic/t--y", "-c/t"]
)
def test_what_is_no_name_of_a_repository_is_refused(repo, hub, releases):
    with pytest.raises(ReleaseError, match=r"^repo is '.*', expected ORG/NAME"):
        publish(releases["1"], repo, say)
    assert hub.requests == []


# --- the command ---------------------------------------------------------------------------------------------------


def test_the_command_prints_what_goes_and_where(hub, releases):
    call = ("publish", "tiny@1", "--repo", REPO, "--store", releases["1"].parents[2])
    shown = run(*call, "--dry-run")
    assert shown.exit_code == 0
    assert f"+ {SCHOOL}  {(releases['1'] / SCHOOL).stat().st_size:,} bytes\n" in shown.stdout
    assert shown.stdout.splitlines()[-2].startswith("would publish as 1, private: ")
    published = run(*call)
    assert published.stdout.splitlines()[-1] == f"{hub.url}/datasets/{REPO}"
    assert published.stderr.splitlines()[:2] == [
        "checking tiny@1",
        f"creating {hub.url}/datasets/{REPO}, private",
    ]
    again = json.loads(run(*call, "--json").stdout)
    assert (again["state"], again["repo"], again["tag"], again["new"]) == ("already published", REPO, "1", {})


def test_the_command_tells_in_a_line_what_is_wrong(hub, releases):
    assert refused(1, "publish", "tiny@9", "--repo", REPO, "--store", releases["1"].parents[2]).startswith(
        "Error: no release 'tiny@9', expected name@version in "
    )
    assert refused(1, "publish", releases["1"], "--repo", "tiny") == (
        "Error: repo is 'tiny', expected ORG/NAME in letters, digits and single . _ - as the Hub requires"
    )
