"""Asking in processes of their own, to be killed or to race. They fork from a server that holds the imports already."""

import multiprocessing
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["openai", "httpx2", "pipelines.asking", "synth.openai_teacher"])


def requests(count, question="Which vitamin is lacking in case {}?", stage="cot", **sampling):
    from sources.record import Message
    from synth.teacher import Request, Sampling

    prompts = ((Message("user", question.format(n)),) for n in range(count))
    return [
        Request(row=f"r:{n}", stage=stage, messages=messages, sampling=Sampling(**{"max_tokens": 20, **sampling}))
        for n, messages in enumerate(prompts)
    ]


def ask(store, url, count, concurrency, told=None):
    """Ask a server for ``count`` completions; write their texts by row into the file ``told``."""
    from pipelines.asking import Silence, asking
    from pipelines.spending import Spending
    from synth.specs import TeacherOptions, teacher

    options = TeacherOptions(concurrency=concurrency, backoff_s=0.01)
    answers = asking(Path(store), teacher(f"openai:{url}#m", options), Spending(), Silence())(requests(count))
    texts = sorted((request.row, completion.text, completion.seconds) for request, completion in answers)
    if told:
        Path(told).write_text(repr(texts), encoding="utf-8")


def started(*arguments):
    """Return a process that asks."""
    process = CONTEXT.Process(target=ask, args=arguments)
    process.start()
    return process
