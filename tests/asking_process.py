"""Asking in processes of their own, to be killed or to race. They fork from a server that holds the imports already."""

import multiprocessing
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["openai", "httpx2", "pipelines.completions.cached_teacher", "synth.teachers.openai_server"]
)


def requests(count, question="Which vitamin is lacking in case {}?", stage="cot", **sampling):
    from sources.record import Message
    from synth.teachers.teacher import Request, Sampling

    prompts = ((Message("user", question.format(n)),) for n in range(count))
    return [
        Request(row=f"r:{n}", stage=stage, messages=messages, sampling=Sampling(**{"max_tokens": 20, **sampling}))
        for n, messages in enumerate(prompts)
    ]


def ask(store, url, count, concurrency, told=None):
    """Ask a server for ``count`` completions; write their texts by row into the file ``told``."""
    from pipelines.completions.budget import Spending
    from pipelines.completions.cached_teacher import NullProgress, cached_teacher
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher

    options = TeacherOptions(concurrency=concurrency, backoff_s=0.01)
    answers = cached_teacher(Path(store), teacher(f"openai:{url}#m", options), Spending(), NullProgress())(
        requests(count)
    )
    texts = sorted((request.row, completion.text, completion.seconds) for request, completion in answers)
    if told:
        Path(told).write_text(repr(texts), encoding="utf-8")


def started(*arguments):
    """Return a process that asks."""
    process = CONTEXT.Process(target=ask, args=arguments)
    process.start()
    return process
