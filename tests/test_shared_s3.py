"""The shared store on a real S3 server: moto on this machine, through s3fs, with 503 answers."""

import re

import pytest
from s3_server import s3_server
from tiny_recipe import RECIPE, refused, run, steps, tree, write_mirror, write_recipe

from pipelines.storage import shared_files

pytest.importorskip("s3fs", reason="needs s3fs: install the extra 'dev'")
pytest.importorskip("moto", reason="needs moto: install the extra 'dev'")

BUSY = re.compile("reduce your request rate|Service Unavailable")
"""What a server that is busy says in its reply, or where a reply has no text."""


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3, monkeypatch):
    """Return the name of an empty bucket; the client is set up as a user sets it up, by the environment."""
    import s3fs

    monkeypatch.setattr(shared_files, "PAUSES_S", (0, 0, 0))
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    settings = {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3.fail(0)
    name = f"steps-{len(s3.requests)}"
    s3fs.S3FileSystem().mkdir(name)
    yield name
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def call(tmp_path):
    """Return the arguments of a build on one of several machines."""
    recipe = write_recipe(tmp_path, RECIPE)
    mirror = write_mirror(tmp_path / "mirror")

    def arguments(machine, url):
        place = ("--store", tmp_path / machine, "--shared-store", url)
        return ("build", recipe, "--mirror", mirror, "--workers", "1", *place)

    return arguments


def exchanged(result):
    """Return the line of a build about the shared store."""
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("shared store: ")]
    return line.removeprefix("shared store: ").replace(" and 0 completions", "")


def test_steps_are_exchanged_through_a_bucket(s3, bucket, call, tmp_path):
    url = f"s3://{bucket}/sabila/demo"
    assert exchanged(run(*call("one", url))) == "0 steps fetched, 5 steps uploaded"
    assert exchanged(run(*call("two", url))) == "5 steps fetched, 0 steps uploaded"
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    listed = [request for request in s3.requests if request.startswith("PUT") and "/steps/" in request]
    assert len(listed) == 5


def test_some_answers_of_503_are_tried_again(s3, bucket, call, tmp_path):
    s3.fail(3)
    assert exchanged(run(*call("one", f"s3://{bucket}/p"))) == "0 steps fetched, 5 steps uploaded"
    assert len(s3.failed) == 3
    s3.fail(3)
    assert exchanged(run(*call("two", f"s3://{bucket}/p"))) == "5 steps fetched, 0 steps uploaded"
    assert len(s3.failed) == 3
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_uploads_that_only_get_503_are_a_warning_and_the_next_build_makes_them(s3, bucket, call, tmp_path):
    s3.fail(10_000, where="PUT /" + bucket + "/p/files")
    result = run(*call("one", f"s3://{bucket}/p"))
    assert exchanged(result) == "0 steps fetched, 0 steps uploaded; 1 warnings"
    assert BUSY.search(result.stderr)
    assert len(s3.failed) < 20
    s3.fail(0)
    assert exchanged(run(*call("one", f"s3://{bucket}/p"))) == "0 steps fetched, 5 steps uploaded"


def test_downloads_that_only_get_503_are_a_warning_and_steps_are_run(s3, bucket, call, tmp_path):
    run(*call("one", f"s3://{bucket}/p"))
    s3.fail(10_000, where="GET /" + bucket + "/p/files")
    assert exchanged(run(*call("two", f"s3://{bucket}/p"))) == "0 steps fetched, 0 steps uploaded; 1 warnings"
    assert tree(tmp_path / "two") == tree(tmp_path / "one")


def test_a_server_that_is_down_ends_the_build_before_any_work(s3, bucket, call, tmp_path):
    s3.fail(10_000)
    said = refused(1, *call("one", f"s3://{bucket}/p"))
    assert BUSY.search(said)
    assert "4 tries): try again later, or build without --shared-store" in said
    assert not steps(tmp_path / "one")


def test_a_bucket_that_is_not_there_is_named(bucket, call):
    said = refused(1, *call("one", "s3://no-such-bucket/p"))
    assert "cannot write s3://no-such-bucket/p/store.json" in said and "expected an existing bucket" in said


def test_missing_credentials_are_named(bucket, call, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    assert "check the credentials" in refused(1, *call("one", f"s3://{bucket}/p"))
