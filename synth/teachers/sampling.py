"""Sampling of many requests in one batch, each with its own settings and random numbers.

``generate`` samples a whole batch from one stream of random numbers, so that a row depends on its neighbours. Here each
row has its own stream, and a completion depends on the batch only by the model's rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from random import Random
from typing import Any

from synth.teachers.teacher import Request

Alternatives = list[tuple[int, float]]


class SamplingBatch:
    """A logits processor that keeps, of each row's scores, the sampled token.

    Temperature and nucleus (Holtzman et al. 2020, arXiv 1904.09751) are the row's own; temperature 0 takes the best.
    ``alternatives`` has, for each step and row with ``logprobs``, the likeliest tokens and the sampled one, with their
    log-probabilities before temperature.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self._samplings = [request.sampling for request in requests]
        self._random = [Random(request.seed) for request in requests]
        self.alternatives: list[list[Alternatives | None]] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return scores of minus infinity but for one token a row."""
        torch = import_module("torch")
        sampled = self._sample(torch, scores.float())
        if any(sampling.logprobs is not None for sampling in self._samplings):
            self.alternatives.append(self._likeliest(torch.log_softmax(scores.float(), -1), sampled))
        return torch.full_like(scores, float("-inf")).scatter_(1, sampled[:, None], 0.0)

    def _sample(self, torch: Any, scores: Any) -> Any:
        """Return a token for each row: the first whose cumulative probability exceeds the row's random number."""
        temperature = scores.new_tensor([max(sampling.temperature, 1e-6) for sampling in self._samplings])
        probabilities, tokens = torch.softmax((scores / temperature[:, None]).double(), -1).sort(-1, descending=True)
        passed = probabilities.cumsum(-1)
        nucleus = passed.new_tensor([sampling.top_p for sampling in self._samplings])
        kept = (passed - probabilities < nucleus[:, None]).sum(-1).clamp(min=1)
        mass = passed.gather(1, kept[:, None] - 1)
        numbers = passed.new_tensor([random.random() for random in self._random])[:, None] * mass
        places = torch.minimum((passed <= numbers).sum(-1), kept - 1)
        greedy = torch.tensor([sampling.temperature == 0 for sampling in self._samplings], device=scores.device)
        return tokens.gather(1, torch.where(greedy, 0, places)[:, None])[:, 0]

    def _likeliest(self, logs: Any, sampled: Any) -> list[Alternatives | None]:
        return [
            None if sampling.logprobs is None else _alternatives(row, int(token), sampling.logprobs)
            for sampling, row, token in zip(self._samplings, logs, sampled, strict=True)
        ]


def _alternatives(row: Any, token: int, count: int) -> Alternatives:
    values, tokens = row.topk(min(count, row.shape[-1]))
    best = list(zip(tokens.tolist(), values.tolist(), strict=True))
    return best if token in tokens.tolist() else [*best, (token, float(row[token]))]


class Ends:
    """A stopping criterion for each row of its own: its number of tokens, or one of its stop strings."""

    def __init__(self, requests: Sequence[Request], tokenizer: Any, prompt_tokens: int) -> None:
        self._samplings = [request.sampling for request in requests]
        self._tokenizer, self._prompt_tokens = tokenizer, prompt_tokens

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return for each row whether it is done."""
        torch = import_module("torch")
        written = input_ids[:, self._prompt_tokens :]
        done = [
            written.shape[1] >= sampling.max_tokens or self._stopped(row, sampling.stop)
            for sampling, row in zip(self._samplings, written, strict=True)
        ]
        return torch.tensor(done, device=input_ids.device)

    def _stopped(self, row: Any, stops: tuple[str, ...]) -> bool:
        """Return whether a text ends in a stop string; a token is a quarter of a character at least."""
        if not stops:
            return False
        tail = self._tokenizer.decode(row[-4 * max(map(len, stops)) :], skip_special_tokens=True)
        return any(stop in tail for stop in stops)
