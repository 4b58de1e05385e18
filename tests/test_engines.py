"""Engines: one machine with any number of workers and Ray on one and three nodes give the same files.

Ray's nodes are processes of this machine, each with one CPU.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import tiny_recipe
from embeddings_server import serving
from test_faults import generated_rows, wait_for
from tiny_recipe import refused, sabila, start, tree, write_mirror, write_recipe

from pipelines.build import sketch
from pipelines.build.engine import EngineError
from pipelines.build.recipe import load
from pipelines.build.session import BuildSession

try:
    import ray
    from ray.cluster_utils import Cluster
except ImportError:
    ray = None

NEEDS_RAY = pytest.mark.skipif(ray is None, reason="needs ray: install the extra 'ray'")
ROOT = Path(__file__).parent.parent
CHOSEN = ("clinic", "ward", "school")
RECIPE = tiny_recipe.RECIPE.replace("Exact, exact_duplicates", "Exact, exact_duplicates, exact_keys").replace(
    "exact_duplicates, Exact(), *rows)", 'exact_duplicates, Exact(), *rows, sketch=exact_keys, key="hash")'
)
"""The tiny recipe, with exact duplicates joined by keys."""

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@contextmanager
def nodes(count):
    """Run a Ray cluster of ``count`` nodes."""
    ray_cluster = Cluster(initialize_head=True, head_node_args=NODE)
    try:
        for _ in range(count - 1):
            ray_cluster.add_node(**NODE)
        ray_cluster.wait_for_nodes()
        yield ray_cluster
    finally:
        ray_cluster.shutdown()


@pytest.fixture(scope="module")
def one_node():
    """Return the address of a Ray cluster of one node."""
    with nodes(1) as ray_cluster:
        yield ray_cluster.address


@pytest.fixture
def three_nodes():
    """Return a Ray cluster of three nodes, of which a test may kill some."""
    with nodes(3) as ray_cluster:
        yield ray_cluster


def build(recipe, store, mirror=None, *, workers=1, address=None, **values):
    session = BuildSession.open(load(str(recipe)), values, store=store, mirror=mirror)
    if address is None:
        return session.build(workers=workers)
    from pipelines.build.ray_engine import ray_engine

    return session.build(start_engine=partial(ray_engine, address, None, store))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Return the folder of a recipe, its mirror with 12 files, and a build of it with one worker."""
    folder = tmp_path_factory.mktemp("engines")
    rows = {
        corpus: {
            f"{corpus}{n}.jsonl": list(generated_rows(f"{corpus if n % 2 else 'shared'}{n}", 40)) for n in range(4)
        }
        for corpus in CHOSEN
    }
    write_mirror(folder / "mirror", rows)
    account = build(write_recipe(folder, RECIPE), folder / "one", folder / "mirror", corpora=CHOSEN)
    assert account.rows == 320, "two of three corpora have 80 rows that the first one has too"
    return folder


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("recipe", "count"), [("demo", 3), ("demo_dpo", 1)])
def test_ray_builds_the_demos_byte_for_byte(recipe, count, demo_store, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    account = build(recipe, tmp_path / "store", address=cluster(count, request))
    files, expected = tree(tmp_path / "store"), tree(demo_store)
    assert account.rows > 20
    assert files.keys() <= expected.keys()
    assert files == {path: expected[path] for path in files}


def cluster(count, request):
    """Return the address of a cluster of one or three nodes."""
    return request.getfixturevalue("one_node") if count == 1 else request.getfixturevalue("three_nodes").address


def test_two_workers_give_the_same_files_as_one(corpora, tmp_path):
    build(corpora / "tiny.py", tmp_path / "store", corpora / "mirror", corpora=CHOSEN, workers=2)
    assert tree(tmp_path / "store") == tree(corpora / "one")


@pytest.fixture
def vectors():
    """Return the embedding model of an endpoint on this machine."""
    with serving(lambda text: [len(text), text.count("e"), text.count("a"), 1.0]) as server:
        yield f"openai:http://127.0.0.1:{server.server_port}/v1#m"


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
def test_vectors_made_by_the_nodes_of_a_cluster_drop_the_same_rows(vectors, corpora, three_nodes, tmp_path):
    recipe = write_recipe(tmp_path, tiny_recipe.EMBEDDED.replace("MODEL", f"{vectors}@0.999"))
    here = build(recipe, tmp_path / "here", corpora / "mirror", corpora=CHOSEN)
    build(recipe, tmp_path / "spread", corpora / "mirror", corpora=CHOSEN, address=three_nodes.address)
    assert 0 < here.rows < 320
    assert tree(tmp_path / "spread") == tree(tmp_path / "here")


@pytest.mark.parametrize("shards_a_part", [100, 4])
def test_exact_duplicates_joined_by_keys_are_those_of_one_decision_over_all_rows(
    shards_a_part, corpora, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipelines.build.sketch.SHARDS_A_PART", shards_a_part)
    parts, join = [], sketch.decide_part

    def record_part(decide, config, shards, folder, part):
        parts.append(part)
        join(decide, config, shards, folder, part)

    monkeypatch.setattr("pipelines.build.step_runner.decide_part", record_part)
    build(corpora / "tiny.py", tmp_path / "joined", corpora / "mirror", corpora=CHOSEN)
    build(write_recipe(tmp_path), tmp_path / "whole", corpora / "mirror", corpora=CHOSEN)
    assert parts == ([0] if shards_a_part == 100 else [0, 1, 2])
    joined, one_decision = (exact_tables(tmp_path / store) for store in ("joined", "whole"))
    assert len(one_decision) == 12
    assert joined == one_decision


def exact_tables(store):
    """Return ``{path: hash}`` of the tables of the step, under its name without the fingerprint."""
    files = {}
    for path, hash in tree(store).items():
        _, step, file = path.split("/", 2)
        if step.startswith("exact-") and file.endswith(".parquet"):
            files[file] = hash
    return files


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [1, 3])
def test_ray_gives_the_same_files_as_one_worker(count, corpora, tmp_path, request):
    address = cluster(count, request)
    build(corpora / "tiny.py", tmp_path / "store", corpora / "mirror", corpora=CHOSEN, address=address)
    assert tree(tmp_path / "store") == tree(corpora / "one")


SLOW = RECIPE.replace(
    "def corpus(name):",
    """def slowly(rows, config):
    import os, time

    time.sleep(1.5)
    return clean(rows, config)


def corpus(name):""",
).replace('each_shard(f"clean-{step.work.corpus.name}", clean,', 'each_shard(f"clean-{step.work.corpus.name}", slowly,')


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
def test_a_build_survives_a_node_that_dies_in_the_middle(three_nodes, corpora, tmp_path):
    write_recipe(tmp_path, SLOW)
    build(tmp_path / "tiny.py", tmp_path / "wanted", corpora / "mirror", corpora=CHOSEN, workers=2)
    victim = sorted(three_nodes.worker_nodes, key=lambda node: node.unique_id)[0]

    def kill():
        while not list((tmp_path / "store").glob("partial/clean-*/shards/*.json")):
            time.sleep(0.1)
        three_nodes.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    build(
        tmp_path / "tiny.py",
        tmp_path / "store",
        corpora / "mirror",
        corpora=CHOSEN,
        address=three_nodes.address,
    )
    killer.join()
    assert len(three_nodes.list_all_nodes()) == 2
    assert tree(tmp_path / "store") == tree(tmp_path / "wanted")


@NEEDS_RAY
def test_ctrl_c_ends_a_build_on_a_cluster_and_the_next_one_goes_on(one_node, corpora, tmp_path):
    write_recipe(tmp_path, SLOW)
    call = ("build", "tiny.py", "--mirror", corpora / "mirror", "--corpora", ",".join(CHOSEN), "--store", "store")
    program = (sys.executable, "-c", "from pipelines.cli.commands import main; main()")
    cluster = ("--engine", "ray", "--ray-address", one_node)
    begun = start(*call, *cluster, folder=tmp_path, program=program)
    wait_for(lambda: list((tmp_path / "store").glob("partial/clean-*/shards/*.json")))
    begun.send_signal(signal.SIGINT)
    _, errors = begun.communicate(timeout=60)
    assert begun.returncode == 1
    assert "Traceback" not in errors
    assert not list((tmp_path / "store").glob("locks/ray-*"))
    done = sabila(*call, "--workers", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    build(tmp_path / "tiny.py", tmp_path / "wanted", corpora / "mirror", corpora=CHOSEN, workers=2)
    assert tree(tmp_path / "store") == tree(tmp_path / "wanted")


LETHAL = SLOW.replace("    time.sleep(1.5)\n", "    if os.path.exists('lethal'):\n        os._exit(9)\n")


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_every_time_ends_the_build_with_a_line_and_the_next_build_goes_on(
    one_node, corpora, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr("pipelines.build.ray_engine.RETRIES", 1)
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, LETHAL)
    (tmp_path / "lethal").touch()
    with pytest.raises(EngineError, match="gave no result after 1 retries") as caught:
        build(recipe, tmp_path / "store", corpora / "mirror", address=one_node)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == "", "stdout is for results"
    done = {path.parent.name for path in tmp_path.glob("store/steps/*/step.json")}
    assert done
    assert {name.rpartition("-")[0] for name in done} <= {"read-clinic", "read-ward"}
    (tmp_path / "lethal").unlink()
    build(recipe, tmp_path / "store", corpora / "mirror", address=one_node)
    build(recipe, tmp_path / "wanted", corpora / "mirror")
    assert tree(tmp_path / "store") == tree(tmp_path / "wanted")


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
def test_an_error_of_a_step_is_raised_as_on_one_machine(one_node, corpora, tmp_path):
    from pipelines.build.shard import LostRowsError

    lost = SLOW.replace("    time.sleep(1.5)\n    return clean(rows, config)", "    return clean(rows.head(1), config)")
    write_recipe(tmp_path, lost)
    with pytest.raises(LostRowsError, match="was given 40 rows and returned 1"):
        build(tmp_path / "tiny.py", tmp_path / "store", corpora / "mirror", address=one_node)


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", ["code", "library", "store"])
def test_a_worker_with_other_code_libraries_or_store_is_refused(what, one_node, corpora, tmp_path, monkeypatch):
    from pipelines.build import ray_engine

    if what == "code":
        monkeypatch.setattr(ray_engine, "code_on_disk", lambda: "0" * 16)
    if what == "library":
        monkeypatch.setattr(ray_engine, "versions", lambda: (("polars", "0.1"),))
    if what == "store":
        written = ray_engine.write_bytes
        monkeypatch.setattr(ray_engine, "write_bytes", lambda path, content: written(path, b"another store"))
    error = {"code": "has other code of sabila", "library": "instead of 0.1", "store": "does not see .*store"}[what]
    with pytest.raises(EngineError, match=error):
        build(write_recipe(tmp_path, RECIPE), tmp_path / "store", corpora / "mirror", address=one_node)
    assert not list((tmp_path / "store").glob("locks/ray-*"))


def test_an_address_without_ray_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refused(2, "build", "demo", "--store", tmp_path / "s", "--ray-address", "auto")
    assert "without --engine ray" in message


@pytest.mark.skipif(ray is not None, reason="ray is installed")
def test_without_ray_the_engine_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "pip install -e '.[ray]'" in refused(1, "build", "demo", "--store", tmp_path / "s", "--engine", "ray")


@NEEDS_RAY
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("address", "expected"), [("localhost:1", "no Ray cluster at localhost:1"), ("ray://host:10001", "HOST:PORT")]
)
def test_a_cluster_that_is_not_there_ends_with_a_line(address, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    message = refused(1, "build", "demo", "--store", tmp_path / "s", "--engine", "ray", "--ray-address", address)
    assert expected in message


@NEEDS_RAY
def test_the_slurm_script_starts_ray_on_every_node_builds_and_ends_it(corpora, tmp_path):
    """SLURM's commands are replaced: processes for two nodes are started on this machine."""
    program = tmp_path / "bin"
    program.mkdir()
    scripts = {
        "activate": "",
        "scontrol": "echo first; echo second",
        "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; echo "$@" >>"$CALLS"; exec "$@"',
        "hostname": "echo 127.0.0.1",
        "ray": f'exec {Path(ray.__file__).parents[4] / "bin" / "ray"} "$@"',
        "sabila": f"exec {sys.executable} -c 'from pipelines.cli.commands import main; main()' \"$@\"",
    }
    for name, text in scripts.items():
        (program / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (program / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program}:{os.environ['PATH']}",
        "VENV": str(tmp_path),
        "CALLS": str(tmp_path / "calls"),
        "SLURM_JOB_NODELIST": "[first-second]",
        "SLURM_CPUS_PER_TASK": "1",
        "RAY_PORT": "6390",
    }
    done = subprocess.run(
        [
            ROOT / "pipelines" / "slurm" / "build_on_ray.sh",
            *(corpora / "tiny.py", "--corpora", ",".join(CHOSEN)),
            *("--mirror", corpora / "mirror", "--store", tmp_path / "store"),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).parent == tmp_path / "store" / "steps"
    assert tree(tmp_path / "store") == tree(corpora / "one")
    started = [line for line in (tmp_path / "calls").read_text(encoding="utf-8").splitlines() if "ray start" in line]
    assert ["--head" in line for line in started] == [True, False]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", 6390), timeout=5)
