"""What was published loads: `datasets` reads every version by its tag, whatever became of the push after it."""

import json
import subprocess
import sys

import polars as pl
import pytest
from hub_releases import environment
from hub_server import Fault
from json_results import publish

from sources.releases.read_manifest import ReleaseError

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, about itself

REPO = "clinic/tiny"

LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset

name, *revisions = sys.argv[1:]

def ids(revision, config=None, **more):
    return sorted(row["id"] for row in load_dataset(name, config, split="train", revision=revision, **more))

found = {revision: ids(revision) for revision in revisions}
found["streamed"] = ids(revisions[0], streaming=True)
found["school"] = ids("1", "prompts-school")
found["configs"] = sorted(get_dataset_config_names(name, revision="1"))
print(json.dumps(found))
"""


def say(line):
    """Take what is said on the way."""


def loaded(hub, home, *revisions):
    """Load the published dataset in a process of its own, with an empty cache, and return the ids of its rows."""
    own = environment(hub, home, HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    ran = [sys.executable, "-c", LOAD, REPO, *revisions]
    done = subprocess.run(ran, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def ids(folder, pattern="data/prompts/*/*.parquet"):
    return sorted(pl.concat([pl.read_parquet(path, columns=["id"]) for path in folder.glob(pattern)])["id"])


def test_every_version_loads_by_its_tag_and_an_interrupted_push_changes_nothing(hub, releases, tmp_path):
    publish(releases["1"], REPO, say)
    hub.faults = [Fault("/commit/", status=500)]
    with pytest.raises(ReleaseError, match="500 Internal Server Error"):
        publish(releases["2"], REPO, say)
    found = loaded(hub, tmp_path / "before", "main", "1")
    assert found["main"] == found["1"] == found["streamed"] == ids(releases["1"])
    assert found["school"] == ids(releases["1"], "data/prompts/school/*.parquet")
    assert found["configs"] == ["prompts", "prompts-clinic", "prompts-school", "prompts-ward"]
    hub.faults = []
    publish(releases["2"], REPO, say)
    found = loaded(hub, tmp_path / "after", "main", "1", "2")
    assert found["main"] == found["2"] == found["streamed"] == ids(releases["2"])
    assert found["1"] == ids(releases["1"])
