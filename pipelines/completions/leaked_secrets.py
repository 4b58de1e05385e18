"""Replies that contain a secret of this process; a server that echoes requests must not put keys into the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.storage.secrets import own_secrets, without_secrets
from synth.teachers.teacher import Completion, Failure

Outcome = Completion | Failure


def without_keys(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield outcomes fit for storage: a reply with a secret becomes a failure, and secrets are removed from errors."""
    secrets = own_secrets()
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            yield replace(outcome, error=without_secrets(outcome.error, *secrets.values()))
            continue
        text = "\n".join(_texts(outcome))
        secret_name = next((what for what, value in secrets.items() if value in text), None)
        if secret_name is None:
            yield outcome
        else:
            yield Failure(error=f"the reply holds {secret_name}: the server repeats its requests; revoke it", tries=1)


def _texts(completion: Completion) -> Iterator[str]:
    """Yield all texts of a server's reply."""
    yield from (completion.text, completion.reasoning or "", completion.finish_reason)
    for alternatives in completion.logprobs or ():
        yield from alternatives
