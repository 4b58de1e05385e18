"""Requests a second that the client side can do: through the teacher alone, and with the completion store before it.

A server of its own process answers everything at once. Run from the repository:
``python tests/benchmark_teacher.py [REQUESTS] [CONCURRENCY]``; the client is held to one core.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import NullProgress, cached_teacher
from sources.record import Message
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Request, Sampling

SYSTEM = "You are a careful clinician. Reason step by step, then end with the line Answer: X. " * 4
QUESTION = "A patient of {} years is tired and pale. Which finding is to be expected in the blood? " * 8


def requests(count, stage):
    prompts = ((Message("system", SYSTEM), Message("user", QUESTION.format(*[n] * 8))) for n in range(count))
    return [Request(row=str(n), stage=stage, messages=p, sampling=Sampling(seed=n)) for n, p in enumerate(prompts)]


def measure(name, count, run):
    wall, cpu = time.perf_counter(), time.process_time()
    answers = [outcome for _, outcome in run()]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert len(answers) == count and all(isinstance(answer, Completion) for answer in answers)
    print(f"{name:28} {count / wall:7,.0f} requests/s of wall time, {count / cpu:7,.0f} of one core's time", flush=True)


def main(count=5000, concurrency=64):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, Path(__file__).with_name("hostile_server.py"), str(port)])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    try:
        time.sleep(1)
        made = teacher(f"openai:http://127.0.0.1:{port}/v1#m", TeacherOptions(concurrency=concurrency))
        list(made.complete(requests(50, "warm")))
        measure("teacher", count, lambda: made.complete(requests(count, "alone")))
        with tempfile.TemporaryDirectory() as folder:
            ask = cached_teacher(Path(folder) / "completions.sqlite", made, Spending(), NullProgress())
            measure("teacher and store", count, lambda: ask(requests(count, "stored")))
            measure("store, all answered before", count, lambda: ask(requests(count, "stored")))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
