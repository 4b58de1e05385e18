"""Releases to publish, and a Hub to publish them to, as the tests of publishing share them."""

import os
import random
import time

import hub_server
import pytest
from huggingface_hub import close_session
from tiny_recipe import ROWS, run, write_mirror, write_recipe

WORDS = "fever cough rash pulse dose oral vein bone lung liver kidney acute chronic mild severe daily weekly".split()


def paragraphs(seed, count):
    """Return rows of an invented clinic with answers of some 900 characters."""
    drawn = random.Random(seed)

    def text(words):
        return " ".join(f"{drawn.choice(WORDS)}{drawn.randrange(1000)}" for _ in range(words))

    return [
        {"id": f"p{n}", "question": f"What is known of {text(6)}?", "answer": f"It is known that {text(110)}."}
        for n in range(count)
    ]


LONG = paragraphs(1, 400)

VERSIONS = {
    "1": {**ROWS, "school": {"lessons.jsonl": LONG}},
    "2": {
        "clinic": ROWS["clinic"],
        "school": {"lessons.jsonl": [*LONG[:-2], {**LONG[-1], "answer": "It is known by now."}]},
    },
}
"""What the corpora held when a version was made: in 2 the ward is gone, a row of the school is, and one was edited."""


def made(place, version, rows):
    """Build and release the tiny recipe as ``tiny@version`` in ``place`` and return its folder."""
    place.mkdir(parents=True, exist_ok=True)
    call = ("--version", version, "--store", place / "store", "--mirror", write_mirror(place / "mirror", rows))
    result = run("release", write_recipe(place), *call, "--workers", "1", "--corpora", ",".join(rows))
    assert result.exit_code == 0, result.output
    return place / "store" / "releases" / "tiny" / version


@pytest.fixture(scope="session")
def releases(tmp_path_factory):
    """Return the folders of tiny@1 and tiny@2; read them, copy them, never write into them."""
    place = tmp_path_factory.mktemp("releases")
    return {version: made(place / version, version, rows) for version, rows in VERSIONS.items()}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub without repositories, the client's token and address for it, and pauses that take no time."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setenv("HF_TOKEN", hub_server.WRITER)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_server.running(tmp_path / "hub") as server:
        server.pauses = pauses
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
        close_session()


def environment(hub, home, **more):
    """Return the environment of a process of its own that publishes to ``hub``."""
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub_server.WRITER, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return {**kept, **own, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", **more}


def listed(folder):
    """Return ``{path: sha256}`` of what a published release holds."""
    from sources.releases.read_manifest import file_hash

    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in paths}


def asked(hub, *methods):
    """Return the requests since the last time that change something, or those of ``methods``."""
    requests = [request for request in hub.requests if request.split()[0] in (methods or ("POST", "PUT"))]
    hub.requests.clear()
    return requests
