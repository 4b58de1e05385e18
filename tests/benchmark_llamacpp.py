"""Tokens a second of sabila, its store included, against llama.cpp's own server asked by a bare client at the same
concurrency, in turns on one server.

Run from the repository: ``python tests/benchmark_llamacpp.py [REQUESTS] [CONCURRENCY] [THREADS] [TURNS]``. Every turn
has prompts of its own, so that neither finds the other's in the server's memory. On a busy machine compare the
processor time of server and client for 1,000 tokens: empty slots make the server's batches smaller and tokens dearer.
"""

import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from real_models import smollm2

from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import NullProgress, cached_teacher
from sources.record import Message
from synth.teachers import llamacpp_server
from synth.teachers.dialect import Dialect
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Request, Sampling

QUESTION = "{}: explain step by step how a lack of iron changes the blood, and what a physician looks for."
TOKENS = 64


def requests(turn, count):
    sampling = Sampling(max_tokens=TOKENS, temperature=0.8)
    prompts = [(Message("user", QUESTION.format(f"{turn}-{n}")),) for n in range(count)]
    return [Request(row=str(n), stage="cot", messages=p, sampling=sampling) for n, p in enumerate(prompts)]


def bare(served, wanted, concurrency):
    """Return the tokens that a client of one connection a thread gets."""
    parts, own = urlsplit(served.url), local()

    def ask(request):
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        body = json.dumps(Dialect().body(request, served.model))
        head = {"content-type": "application/json", "authorization": f"Bearer {served.key}"}
        own.connection.request("POST", f"{parts.path}/chat/completions", body, head)
        return json.loads(own.connection.getresponse().read())["usage"]["completion_tokens"]

    with ThreadPoolExecutor(concurrency) as pool:
        return sum(pool.map(ask, wanted))


def worked_s(pid):
    """Return the processor time of this process and the server so far, in seconds; of this one alone off Linux."""
    stat = Path(f"/proc/{pid}/stat")
    ticks = sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) if stat.exists() else 0
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def main(count=64, concurrency=8, threads=2, turns=5):
    made = teacher(f"llamacpp:{smollm2()}", TeacherOptions(concurrency=concurrency, threads=threads, context=512))
    with tempfile.TemporaryDirectory() as folder:
        ask = cached_teacher(Path(folder) / "completions", made, Spending(), NullProgress())

        def sabila(wanted):
            return sum(outcome.completion_tokens for _, outcome in ask(wanted))

        sabila(requests("warm", concurrency))
        bare(made.served, requests("warm too", concurrency), concurrency)
        [server] = llamacpp_server._RUNNING.values()
        rates, costs = {"sabila": [], "llama.cpp": []}, {"sabila": [], "llama.cpp": []}
        for turn in range(turns):
            pair = [("sabila", sabila), ("llama.cpp", lambda wanted: bare(made.served, wanted, concurrency))]
            for name, run in pair if turn % 2 else pair[::-1]:
                began, used = time.perf_counter(), worked_s(server.process.pid)
                tokens = run(requests(f"{turn} {name}", count))
                rates[name].append(tokens / (time.perf_counter() - began))
                costs[name].append(1000 * (worked_s(server.process.pid) - used) / tokens)
                said = f"{rates[name][-1]:7.1f} tokens/s, {costs[name][-1]:6.2f} processor seconds for 1,000 tokens"
                print(f"turn {turn + 1}, {name:9}: {said}", flush=True)
    ours, own = (statistics.median(rates[name]) for name in ("sabila", "llama.cpp"))
    ratios = [one / other for one, other in zip(rates["sabila"], rates["llama.cpp"], strict=True)]
    print(f"medians: sabila {ours:.1f}, llama.cpp {own:.1f} tokens/s: {ours / own:.1%}")
    ours, own = (statistics.median(costs[name]) for name in ("sabila", "llama.cpp"))
    print(f"processor seconds for 1,000 tokens: sabila {ours:.2f}, llama.cpp {own:.2f}: {own / ours:.1%} of its yield")
    print(f"median of the {turns} turns' ratios: {statistics.median(ratios):.1%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
