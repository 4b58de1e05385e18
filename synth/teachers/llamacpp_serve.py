"""llama.cpp's server as a process of its own, run by ``llamacpp_server.py``; it ends when its standard input does.

Its settings are the first line of standard input, since a command line is visible to everybody and holds no key. The
pipe closes however the parent ends, so that no server is left behind. Imports nothing of sabila.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading

READY = "listening on "
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the model of the settings until the parent closes the pipe, and print the server's port."""
    settings = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides
    if sys.platform == "linux":  # loading may hold Python's lock, so that the pipe is not read meanwhile
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["name"]}
    params.port = settings["port"]
    params.api_keys = [settings["key"]]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.embedding = settings["embedding"]
    if params.embedding:  # a text to embed is read in one batch
        params.n_batch = params.n_ubatch = settings["context"]
    params.cache_ram_mib = 0  # prompts of slots in use are kept anyway; 8 GB for others would surprise a laptop
    params.verbosity = 1
    params.ui = params.endpoint_slots = False
    server = xllamacpp.Server(params)
    print(f"{READY}{server.listening_address.rpartition(':')[2]}", flush=True)
    os.dup2(2, 1)  # no process reads further lines
    threading.Event().wait()


def _end_with_parent() -> None:
    while sys.stdin.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
