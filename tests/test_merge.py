"""Whole merges of tiny checkpoints: what comes out, that it is there whole or not at all, and what is refused."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import hub_double
import numpy as np
import pytest
import xxhash
from click.testing import CliRunner
from huggingface_hub import close_session
from merge_models import config, make, read, shapes, write_weights

from pipelines.cli.commands import main
from training.merging import merged_folder
from training.merging.merge_config import merge_config
from training.merging.merge_models import RECORD, merge
from training.merging.shards import INDEX
from training.training_errors import MergeError

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
QUERY = "model.layers.1.self_attn.q_proj.weight"
BLOCK = {"bf16": 2**-8, "fp16": 2**-11}  # half a step of a number, relative


@pytest.fixture
def models(tmp_path):
    """Return a function that makes checkpoints by name, unlike in their weights, and gives their paths."""

    def made(*names, **options):
        seeds = {name: sum(name.encode()) for name in names}
        return [make(tmp_path / name, seed=seed, **options) for name, seed in seeds.items()]

    return made


def linear(paths, weight=0.5, **more):
    each = {"parameters": {"weight": weight}}
    return merge_config({"merge_method": "linear", "models": [{"model": str(p), **each} for p in paths], **more})


def delta(method, base, paths, weight=0.5, **more):
    each = {"parameters": {"weight": weight}}
    return merge_config(
        {
            "merge_method": method,
            "base_model": str(base),
            "models": [{"model": str(p), **each} for p in paths],
            **more,
        }
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- what comes out --------------------------------------------------------------------------------------------------


def test_every_tensor_is_merged_and_the_folder_says_from_what(models, tmp_path):
    a, b = models("a", "b")
    record = merge(linear([a, b]), tmp_path / "out")
    first, second, found = read(a), read(b), read(tmp_path / "out")
    assert found.keys() == first.keys()
    for name, values in found.items():
        mean = (first[name] + second[name]) / 2
        np.testing.assert_allclose(values, mean, rtol=BLOCK["bf16"], atol=1e-9)
    assert json.loads((tmp_path / "out" / RECORD).read_text()) == record
    assert [model["files"]["model.safetensors"]["xxh3_128"] for model in record["inputs"]] == [
        xxhash.xxh3_128_hexdigest((path / "model.safetensors").read_bytes()) for path in (a, b)
    ]
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == config(4, 24, 8, 16)
    assert merge_config(record["config"]) == linear([a, b])


def test_shards_in_and_out_and_the_number_of_threads_change_no_tensor(models, tmp_path):
    a, b = models("a", "b")
    c = make(tmp_path / "c", seed=sum(b"b"), shard_bytes=2000)  # the same weights as b, in many files
    assert len(list(c.glob("*.safetensors"))) > 2
    merge(delta("dare_ties", a, [b]), tmp_path / "one", threads=1)
    merge(delta("dare_ties", a, [c]), tmp_path / "many", threads=3, shard_bytes=1500)
    one, many = read(tmp_path / "one"), read(tmp_path / "many")
    assert {name: values.tobytes() for name, values in one.items()} == {n: v.tobytes() for n, v in many.items()}


def test_shards_hold_what_they_may_and_the_index_says_where_everything_is(models, tmp_path):
    a, b = models("a", "b")
    merge(linear([a, b]), tmp_path / "out", shard_bytes=700)
    index = json.loads((tmp_path / "out" / INDEX).read_text())
    found = read(tmp_path / "out")
    assert index["weight_map"].keys() == found.keys()
    assert index["metadata"]["total_size"] == sum(2 * values.size for values in found.values())
    files = sorted(set(index["weight_map"].values()))
    assert files == [f"model-{n:05d}-of-{len(files):05d}.safetensors" for n in range(1, len(files) + 1)]
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_the_same_merge_gives_the_same_bytes_and_another_seed_others(models, tmp_path):
    a, b = models("a", "b")
    for name in ("first", "again"):
        merge(delta("dare_linear", a, [b], parameters={"density": 0.5}), tmp_path / name)
    merge(delta("dare_linear", a, [b], parameters={"density": 0.5}, seed=1), tmp_path / "other")
    assert contents(tmp_path / "first") == contents(tmp_path / "again")
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "other")]
    assert weights[0] != weights[1]


@pytest.mark.parametrize(("dtype", "name", "loss"), [("F32", "float32", 1e-7), ("F16", "float16", BLOCK["fp16"])])
def test_models_of_unlike_types_are_merged_into_the_type_asked_for(models, tmp_path, dtype, name, loss):
    (a,) = models("a")
    (b,) = models("b", dtype=dtype)
    merge(linear([a, b], out_dtype=name), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == name
    mean = (read(a)[QUERY] + read(b)[QUERY]) / 2
    np.testing.assert_allclose(read(tmp_path / "out")[QUERY], mean, rtol=loss, atol=2**-25)


def test_a_header_of_any_length_is_read(models, tmp_path):
    a, b = models("a", "b")
    merge(linear([a, b]), tmp_path / "even")
    path = b / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].rstrip(b" ")
    header += b" " * (1 - len(header) % 2)  # odd: every tensor lies askew
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    merge(linear([a, b]), tmp_path / "odd")
    assert {n: v.tobytes() for n, v in read(tmp_path / "odd").items()} == {
        n: v.tobytes() for n, v in read(tmp_path / "even").items()
    }


def test_whole_numbers_are_copied_where_all_models_agree_and_refused_where_not(models, tmp_path):
    a, b = models("a", "b")
    for path, last in ((a, 3), (b, 3)):
        add_whole_numbers(path, [1, 2, last])
    merge(linear([a, b]), tmp_path / "out")
    assert b'"position_ids":{"dtype":"I64","shape":[3]' in (tmp_path / "out" / "model.safetensors").read_bytes()
    add_whole_numbers(b, [1, 2, 4])
    with pytest.raises(MergeError, match=r"position_ids is I64 and differs between .*a and .*b, expected equal"):
        merge(linear([a, b]), tmp_path / "other")


def add_whole_numbers(folder, values):
    """Add an int64 tensor to a checkpoint in one file."""
    path = folder / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    added = np.array(values, np.int64).tobytes()
    place = [len(data), len(data) + len(added)]
    if "position_ids" in header:
        place = header["position_ids"]["data_offsets"]
        data = data[: place[0]]
    header["position_ids"] = {"dtype": "I64", "shape": [len(values)], "data_offsets": place}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data + added)


# --- tied and untied -------------------------------------------------------------------------------------------------


def test_a_tied_head_stays_tied_and_is_written_once(models, tmp_path):
    (a,) = models("a")
    (b,) = models("b")
    write_head(b, read(b)[EMBEDDING])  # some programs write it out all the same
    record = merge(linear([a, b]), tmp_path / "out")
    assert HEAD not in read(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is True
    assert any("repeat others" in note for note in record["notes"])


def write_head(folder, numbers):
    tensors = {**read(folder), HEAD: numbers}
    write_weights(folder / "new", {n: (v.shape, lambda v=v: v) for n, v in tensors.items()})
    (folder / "new" / "model.safetensors").replace(folder / "model.safetensors")


def test_a_tied_model_whose_file_has_another_head_is_refused(models, tmp_path):
    a, b = models("a", "b")
    write_head(b, read(a)[EMBEDDING])
    with pytest.raises(MergeError, match=r"says tie_word_embeddings, but its lm_head.weight is not its"):
        merge(linear([a, b]), tmp_path / "out")


def test_tied_and_untied_models_are_refused_until_untie_says_what_to_do(models, tmp_path):
    (a,), (b,) = models("a"), models("b", tied=False)
    with pytest.raises(MergeError, match=r"a uses its embeddings as its head and .*b has a head of its own: set untie"):
        merge(linear([a, b]), tmp_path / "out")
    merge(linear([a, b], untie=True), tmp_path / "out")
    mean = (read(a)[EMBEDDING] + read(b)[HEAD]) / 2
    np.testing.assert_allclose(read(tmp_path / "out")[HEAD], mean, rtol=BLOCK["bf16"], atol=1e-9)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is False


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(config, tmp_path):
    """Return what a merge that is refused tells, after checking that it left nothing."""
    before = set(tmp_path.iterdir())
    with pytest.raises(MergeError) as error:
        merge(config, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_told_with_model_tensor_and_place(models, tmp_path, bad):
    (a,) = models("a")
    numbers = read(a)[QUERY]
    numbers[3, 5] = bad
    (b,) = models("b", changed={QUERY: numbers})
    told = refused(delta("ties", a, [b], parameters={"density": 0.5}), tmp_path)
    assert f"{QUERY} of {b} holds {bad} at element 29, expected finite numbers" in told


def test_a_result_too_large_for_its_type_is_told(models, tmp_path):
    a, b = models("a", "b", changed={QUERY: np.full((8, 8), 60_000.0)})
    told = refused(linear([a, b], 1, parameters={"normalize": False}, out_dtype="float16"), tmp_path)
    assert f"{QUERY} becomes too large for F16: lower the weights, or set out_dtype: bfloat16" in told
    merge(linear([a, b], 1, out_dtype="float16"), tmp_path / "fits")


def test_a_missing_tensor_is_told_and_not_made_up(models, tmp_path):
    (a,), (b,) = models("a"), models("b", changed={QUERY: None, "model.norm.weight": None})
    assert f"{b} has no {QUERY} and 1 more, which {a} has" in refused(linear([a, b]), tmp_path)
    assert f"{b} has no {QUERY} and 1 more, which {a} has" in refused(delta("ties", b, [a]), tmp_path)


def test_unlike_architectures_are_told_with_key_and_values(models, tmp_path):
    (a,), (b,) = models("a"), models("b", layers=3)
    assert f"num_hidden_layers is 4 in {a} and 3 in {b}" in refused(linear([a, b]), tmp_path)


def test_unlike_shapes_are_told(models, tmp_path):
    (a,), (b,) = models("a"), models("b", changed={QUERY: np.zeros((8, 4))})
    assert f"{QUERY} differs in shape ([8, 8] in {a}, [8, 4] in {b})" in refused(linear([a, b]), tmp_path)


def test_relatives_that_compute_otherwise_are_noted(models, tmp_path):
    a, b = models("a", "b")
    (b / "config.json").write_text(json.dumps(config(4, 24, 8, 16, rope_theta=10_000.0)))
    notes = merge(linear([a, b]), tmp_path / "out")["notes"]
    assert f"rope_theta is None in {a} and 10000.0 in {b}; the result has the first" in notes


WEIGHTS = "model.safetensors"
SPOILED = {
    "gone": lambda folder: (folder / WEIGHTS).unlink(),
    "pickled": lambda folder: (folder / WEIGHTS).rename(folder / "pytorch_model.bin"),
    "adapter": lambda folder: (folder / WEIGHTS).rename(folder / "adapter_model.safetensors"),
    "cut": lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1]),
    "no header": lambda folder: (folder / WEIGHTS).write_bytes(b"<html>not found</html>"),
    "empty": lambda folder: (folder / WEIGHTS).write_bytes(b""),
    "no config": lambda folder: (folder / "config.json").unlink(),
    "quantised": lambda folder: (folder / "config.json").write_text('{"quantization_config": {"bits": 4}}'),
    "shard gone": lambda folder: (folder / INDEX).write_text(
        '{"weight_map": {"w": "model-00001-of-00002.safetensors"}}'
    ),
    "no index": lambda folder: (folder / INDEX).write_text("[]"),
}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("gone", "has no model.safetensors and no model.safetensors.index.json, expected the folder of a model"),
        ("pickled", "but pytorch_model.bin: load the model with transformers and save it again"),
        ("adapter", "but an adapter: merge it into its base first"),
        ("cut", "bytes, expected"),
        ("no header", "does not begin with the header of a safetensors file"),
        ("empty", "does not begin with the header of a safetensors file"),
        ("no config", "has no config.json, expected the folder of a model"),
        ("quantised", "is quantised, expected weights in bfloat16, float16 or float32"),
        ("shard gone", "names model-00001-of-00002.safetensors, which is not in"),
        ("no index", "is not an index of weights"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_told(models, tmp_path, how, told):
    a, b = models("a", "b")
    SPOILED[how](b)
    assert told in refused(linear([a, b]), tmp_path)


def test_a_folder_that_is_not_there_is_told(models, tmp_path):
    (a,) = models("a")
    assert "expected the folder of a model or its Hub id" in refused(linear([a, tmp_path / "none"]), tmp_path)


# --- models of the Hub -----------------------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub that holds models, and an empty cache."""
    told = hub_double.Handler._tell

    def of_models(handler, request):
        path = request.replace("/api/models/", "/api/datasets/")
        told(handler, path if "/api/" in path else path.replace(" /", " /datasets/"))

    monkeypatch.setattr(hub_double.Handler, "_tell", of_models)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double
        close_session()


def test_a_model_of_the_hub_is_fetched_and_its_commit_recorded(models, hub, tmp_path):
    a, b = models("a", "b")
    commit = hub.commit("org/b", {**contents(b), "pytorch_model.bin": b"not fetched"})
    record = merge(linear([a, "org/b"]), tmp_path / "out")
    assert record["inputs"][1]["revision"] == commit
    merge(linear([a, f"org/b@{commit}"]), tmp_path / "pinned")
    merge(linear([a, b]), tmp_path / "local")
    assert len({(tmp_path / name / "model.safetensors").read_bytes() for name in ("out", "pinned", "local")}) == 1
    assert not any("pytorch_model.bin" in request for request in hub.requests)


def test_a_model_that_the_hub_does_not_have_is_told(models, hub, tmp_path):
    (a,) = models("a")
    with pytest.raises(MergeError, match=r"org/none is not a folder, and the Hub did not provide it .*check the id"):
        merge(linear([a, "org/none"]), tmp_path / "out")


# --- whole or not at all ---------------------------------------------------------------------------------------------


def test_a_folder_that_is_there_is_left_as_it_is(models, tmp_path):
    a, b = models("a", "b")
    (tmp_path / "out").mkdir()
    assert "exists already, expected a new folder" in refused(linear([a, b]), tmp_path)


def test_too_little_room_is_told_before_any_work(models, tmp_path, monkeypatch):
    a, b = models("a", "b")
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(merged_folder.shutil, "disk_usage", lambda path: usage)
    assert "has 1,000 free: make room" in refused(linear([a, b]), tmp_path)


LIMITED = """
import resource, sys
from pathlib import Path
from training.merging.merge_models import merge
from training.merging.merge_config import read_merge_config
from training.training_errors import MergeError
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    merge(read_merge_config(Path(sys.argv[1])), Path(sys.argv[2]))
except MergeError as error:
    print(error)
"""


def test_a_disk_that_becomes_full_is_told_and_nothing_is_left(models, tmp_path):
    a, b = models("a", "b")
    (tmp_path / "merge.yaml").write_text(json.dumps(dict(linear([a, b]).raw)))
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "merge.yaml"), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)
    assert "no room to write" in done.stdout and "make room and merge again" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "merge.yaml"}


HELD_UP = """
import sys, time
from pathlib import Path
from training.merging.merge_models import merge
from training.merging.merge_config import read_merge_config
def told(done, total):
    if done > total / 2:
        print("halfway", flush=True)
        time.sleep(60)
merge(read_merge_config(Path(sys.argv[1])), Path(sys.argv[2]), report_progress=told, shard_bytes=2000)
"""


def test_a_killed_merge_leaves_nothing_that_looks_complete_and_the_next_one_cleans_up(models, tmp_path):
    a, b = models("a", "b")
    out = tmp_path / "out"
    (tmp_path / "merge.yaml").write_text(json.dumps(dict(linear([a, b]).raw)))
    command = [sys.executable, "-c", HELD_UP, str(tmp_path / "merge.yaml"), str(out)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "halfway\n"
    assert not out.exists()
    assert "another run is writing" in refused(linear([a, b]), tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    assert list((tmp_path / ".out.partial").iterdir())
    merge(linear([a, b]), out)
    assert read(out).keys() == read(a).keys()
    assert not (tmp_path / ".out.partial").exists()


# --- the command line ------------------------------------------------------------------------------------------------


def called(*words):
    return CliRunner().invoke(main, ["merge", *map(str, words)])


def test_the_verb_merges_and_ends_with_the_folder(models, tmp_path):
    a, b = models("a", "b")
    (tmp_path / "merge.yaml").write_text(json.dumps(dict(linear([a, b]).raw)))
    done = called(tmp_path / "merge.yaml", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out")
    assert read(tmp_path / "out").keys() == read(a).keys()


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(models, tmp_path):
    a, b = models("a", "b")
    (tmp_path / "merge.yaml").write_text(json.dumps(dict(linear([a, b]).raw)))
    done = called(tmp_path / "merge.yaml", "--out", tmp_path / "out", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert plan["shards"] == {"model.safetensors": 38}
    assert plan["parameters"][QUERY] == {"models": [{"weight": 0.5}, {"weight": 0.5}], "normalize": True}
    assert plan["bytes"] == sum(2 * np.prod(shape) for _, shape in shapes(4, 24, 8, 16))
    assert "linear of" in called(tmp_path / "merge.yaml", "--out", tmp_path / "out", "--dry-run").stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("key", "code"), [("merge_methud", 2), (None, 1)])
def test_a_wrong_key_is_a_wrong_call_and_a_missing_model_a_failed_run(models, tmp_path, key, code):
    (a,) = models("a")
    values = dict(linear([a, tmp_path / "none"]).raw) | ({key: "x"} if key else {})
    (tmp_path / "merge.yaml").write_text(json.dumps(values))
    done = called(tmp_path / "merge.yaml", "--out", tmp_path / "out")
    assert done.exit_code == code
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.output


# --- licence and card ------------------------------------------------------------------------------------------------


def test_a_merge_is_under_the_licences_of_all_models_and_its_card_names_them(models, tmp_path):
    base, tuned = models("a", "b")
    (base / "README.md").write_text("---\nlicense: llama3.1\n---\nA base model.\n")
    release = {"name": "tiny", "version": "1", "hash": "b" * 64, "rows": 3}
    (tuned / "run.json").write_text(json.dumps({"license": "Apache-2.0 AND CC-BY-4.0", "release": release}))
    record = merge(linear([base, tuned]), tmp_path / "out")
    assert record["license"] == "Apache-2.0 AND CC-BY-4.0 AND LicenseRef-llama-3.1-community"
    assert [model["license"] for model in record["inputs"]] == [
        "LicenseRef-llama-3.1-community",
        "Apache-2.0 AND CC-BY-4.0",
    ]
    assert record["inputs"][1]["release"] == {"name": "tiny", "version": "1", "hash": "b" * 64}
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| {tuned.name} |  | Apache-2.0 AND CC-BY-4.0 | tiny@1 | `{'b' * 64}` |" in card
    assert "license_name: apache-2.0-and-cc-by-4.0-and-licenseref-llama-3.1-community" in card


def test_a_model_that_states_no_licence_makes_that_of_the_merge_unknown(models, tmp_path):
    assert merge(linear(models("a", "b")), tmp_path / "out")["license"] == "LicenseRef-unknown"
