"""``kill -9`` of a command that asks a real model, at random moments, and again until it ends: nothing lost, nothing
asked twice but what was in flight.

    python tests/drill_evaluation.py --store S -- evaluate @ --benchmark medqa --limit 300 --store S --out OUT

SmolLM2-135M-Instruct is served by llama.cpp behind a proxy that counts requests; ``@`` in the command becomes the
teacher. Ends with an error if a stored answer is lost or changed, if more is asked again than was in flight, or if the
finished command asks anything when it is called once more with another ``--out``.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from drill_llamacpp import after_answers, completions
from real_models import smollm2
from tiny_recipe import SABILA

from synth.teachers import llamacpp_server
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher


class CountingProxy:
    """Passes requests on to a server of llama.cpp and counts the completions asked for by their body."""

    def __init__(self, url: str, key: str) -> None:
        asked: Counter[bytes] = Counter()
        target = urlsplit(url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.command == "POST" and self.path.endswith("completions"):
                    asked[body] += 1
                upstream = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port)
                head = {"content-type": "application/json", "authorization": f"Bearer {key}"}
                upstream.request(self.command, self.path, body or None, head)
                reply = upstream.getresponse()
                content = reply.read()
                upstream.close()
                self.send_response(reply.status)
                self.send_header("content-type", reply.getheader("content-type") or "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def handle(self) -> None:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client was killed
                    super().handle()

            do_GET = do_POST = _pass  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{target.path}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def total(self) -> int:
        return sum(self.asked.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="How often the command is killed.  [default: 10]")
    parser.add_argument("--between", type=int, default=100, help="Most new answers before a kill.  [default: 100]")
    parser.add_argument("--slots", type=int, default=8, help="Requests in flight.  [default: 8]")
    parser.add_argument("--threads", type=int, default=2, help="Threads of the server.  [default: 2]")
    parser.add_argument("--store", type=Path, required=True, help="The store of the command.")
    parser.add_argument("command", nargs="+", help="Words of the command of sabila, @ for the teacher.")
    given = parser.parse_args()

    made = teacher(
        f"llamacpp:{smollm2()}", TeacherOptions(concurrency=given.slots, threads=given.threads, context=4096)
    )
    proxy = CountingProxy(made.served.url, made.served.key)
    spec = f"openai:{proxy.url}#{made.served.model}"
    words = [SABILA, *(spec if word == "@" else word for word in given.command), "--concurrency", str(given.slots)]
    rng, killed, began = random.Random(given.kills), 0, time.monotonic()
    while True:
        had = completions(given.store)
        process = subprocess.Popen(words)
        if killed < given.kills and after_answers(process, given.store, rng.randint(1, given.between)):
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        now = completions(given.store)
        assert had.items() <= now.items(), "a stored answer was lost or changed"
        print(f"killed {killed} times: {len(had)} answers before, {len(now)} now, {proxy.total()} asked", flush=True)
        if process.returncode != -signal.SIGKILL:
            break
    assert process.returncode == 0, f"the command ended with {process.returncode}"
    again = proxy.total() - len(proxy.asked)
    assert again <= killed * given.slots, f"{again} asked again, at most {killed * given.slots} were in flight"
    total = proxy.total()
    out = words.index("--out") + 1
    once_more = [*words[:out], f"{words[out]}-again", *words[out + 1 :]]
    assert subprocess.run(once_more, stdout=subprocess.DEVNULL).returncode == 0
    assert proxy.total() == total, f"{proxy.total() - total} asked by the finished command"
    print(
        f"{killed} kills in {time.monotonic() - began:.0f} s: {len(completions(given.store))} answers stored,"
        f" {total} asked, {again} of them again (at most {killed * given.slots} were in flight), none lost or changed"
    )
    llamacpp_server.stop_servers()


if __name__ == "__main__":
    main()
