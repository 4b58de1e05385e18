"""The log-likelihood that a local model gives to each option, as a teacher: stored like any completion.

A request's first message is the prompt, its others are the continuations; its completion has one log-probability for
each. As in lm-evaluation-harness, prompt and continuation are encoded together and cut at the length of the prompt.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import islice
from typing import Any

from quality.model_weights import load_complete
from sources.license import UNKNOWN
from sources.record import Message
from synth.teachers.local_chat import loaded_at
from synth.teachers.model_device import to_device
from synth.teachers.model_files import hub_or_cache, model_name, model_revision
from synth.teachers.teacher import Answered, Completion, Failure, Request, Sampling, TeacherError

SAMPLING = Sampling(temperature=0.0, max_tokens=1, logprobs=0)
"""Part of every request's key; nothing is sampled."""

REQUESTS_PER_CHUNK = 512
"""Requests that are sorted by length before they are put into batches."""

BATCH_TOKENS = 4096
"""Most tokens of prompts in a batch, padding included."""

CONTINUED_TOKENS = 512
"""Most tokens of continuations whose scores are held at once: each takes four bytes a word of the vocabulary."""


def likelihood_request(row: str, stage: str, prompt: str, continuations: Sequence[str], sample: int = 0) -> Request:
    """Return the request for the log-likelihood of continuations of a prompt."""
    messages = (Message("user", prompt), *(Message("assistant", text) for text in continuations))
    return Request(row=row, stage=stage, messages=messages, sampling=SAMPLING, sample=sample)


def likelihoods(completion: Completion) -> tuple[float, ...]:
    """Return the log-probability of each continuation of a request."""
    return tuple(next(iter(one.values())) for one in completion.logprobs or ())


@dataclass(frozen=True)
class _Encoded:
    """A request with the tokens of its prompt and of its continuations."""

    request: Request
    prompt: list[int]
    continuations: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class LikelihoodTeacher:
    """A causal model from a folder or the Hub, loaded at the first request, on the first GPU if there is one."""

    model: str
    wanted_revision: str | None = None

    @property
    def name(self) -> str:
        """The Hub id, or the folder's last name."""
        return f"loglikelihood:{model_name(self.model)}"

    @cached_property
    def revision(self) -> str:
        """The Hub's commit, or the hash of the folder's files."""
        return model_revision(self.model, self.wanted_revision)

    @property
    def license(self) -> str:
        """Unknown: nothing is trained on numbers."""
        return UNKNOWN.id

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        return load_network(self.model, loaded_at(self.model, self.revision))

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its log-likelihoods; one that is too long for the model with its failure."""
        network, tokenizer = self._loaded
        longest = getattr(network.config.get_text_config(), "max_position_embeddings", None)
        feed = iter(requests)
        while chunk := list(islice(feed, REQUESTS_PER_CHUNK)):
            encoded = []
            for one in _encode(tokenizer, chunk):
                tokens = len(one.prompt) + max(map(len, one.continuations))
                if not one.prompt or not all(one.continuations):
                    yield one.request, Failure(error="the prompt or a continuation has no token", tries=1)
                elif longest is not None and tokens > longest:
                    error = f"the prompt has {tokens} tokens with its longest option, the model holds {longest}"
                    yield one.request, Failure(error=error, tries=1)
                else:
                    encoded.append(one)
            for batch in _batches(encoded):
                yield from _scored(network, tokenizer, batch)


def load_network(model: str, revision: str | None) -> tuple[Any, Any]:
    """Return a causal model and its tokenizer; no chat template is needed. Raises ``TeacherError``."""
    try:
        transformers = import_module("transformers")
        import_module("torch")
    except ImportError as error:
        raise TeacherError(
            f"log-likelihoods of {model} need torch and transformers ({error}): install sabila[local]"
        ) from error
    try:
        with hub_or_cache(model):
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, revision=revision)
            network = load_complete(transformers.AutoModelForCausalLM, model, revision=revision, dtype="auto")
    except (OSError, ValueError) as error:
        raise TeacherError(f"{model} cannot be loaded as a causal model: {str(error).splitlines()[0]}") from error
    return to_device(network), tokenizer


def _encode(tokenizer: Any, requests: Sequence[Request]) -> Iterator[_Encoded]:
    """Yield the requests with their tokens, all encoded in one call."""
    texts = [
        text
        for request in requests
        for prompt, *others in [[message.content for message in request.messages]]
        for text in (prompt, *(prompt + other for other in others))
    ]
    tokens = iter(tokenizer(texts)["input_ids"])
    for request in requests:
        prompt = next(tokens)
        yield _Encoded(request, prompt, [next(tokens)[len(prompt) :] for _ in request.messages[1:]])


def _batches(encoded: list[_Encoded]) -> Iterator[list[_Encoded]]:
    """Yield batches of similar length, the longest first: what does not fit into memory fails at once."""
    batch: list[_Encoded] = []
    for one in sorted(encoded, key=lambda one: -len(one.prompt)):
        if batch and (len(batch) + 1) * len(batch[0].prompt) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _scored(network: Any, tokenizer: Any, batch: list[_Encoded]) -> Iterator[Answered]:
    """Yield a batch's completions. Each prompt is read once, whatever the number of its continuations."""
    since = time.monotonic()
    torch = import_module("torch")
    longer = any(len(tokens) > 1 for one in batch for tokens in one.continuations)
    width = max(len(one.prompt) for one in batch)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    ids = torch.tensor([[pad] * (width - len(one.prompt)) + one.prompt for one in batch], device=network.device)
    mask = torch.tensor(
        [[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in batch], device=network.device
    )
    with torch.inference_mode():
        read = network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=longer,
            logits_to_keep=1,
        )
        first = torch.log_softmax(read.logits[:, -1].float(), -1).cpu()
        sums = [[float(first[row, tokens[0]]) for tokens in one.continuations] for row, one in enumerate(batch)]
        if longer:
            _add_rest(torch, network, read.past_key_values, mask, batch, sums, pad)
    seconds = (time.monotonic() - since) / len(batch)
    for one, values in zip(batch, sums, strict=True):
        if not all(map(math.isfinite, values)):
            yield one.request, Failure(error=f"log-likelihoods are {values}, expected finite numbers", tries=1)
            continue
        texts = [message.content for message in one.request.messages[1:]]
        completion = Completion(
            text="",
            finish_reason="stop",
            prompt_tokens=len(one.prompt),
            completion_tokens=sum(map(len, one.continuations)),
            logprobs=tuple({text: value} for text, value in zip(texts, values, strict=True)),
            seconds=seconds,
        )
        yield one.request, completion


def _add_rest(
    torch: Any, network: Any, cache: Any, mask: Any, batch: list[_Encoded], sums: list[list[float]], pad: int
) -> None:
    """Add the log-probabilities of all tokens of the continuations but the first, by the prompts' keys and values."""
    from copy import deepcopy

    rest = [
        (row, place, tokens)
        for row, one in enumerate(batch)
        for place, tokens in enumerate(one.continuations)
        if len(tokens) > 1
    ]
    rest.sort(key=lambda entry: -len(entry[2]))
    while rest:
        count = max(1, CONTINUED_TOKENS // len(rest[0][2]))
        part, rest = rest[:count], rest[count:]
        rows = torch.tensor([row for row, _, _ in part], device=network.device)
        width = len(part[0][2]) - 1
        ids = torch.tensor(
            [tokens[:-1] + [pad] * (width - len(tokens) + 1) for _, _, tokens in part], device=network.device
        )
        seen = torch.tensor(
            [[1] * (len(tokens) - 1) + [0] * (width - len(tokens) + 1) for _, _, tokens in part], device=network.device
        )
        own = deepcopy(cache) if rest else cache
        own.batch_select_indices(rows)
        before = mask[rows]
        scores = network(
            input_ids=ids,
            attention_mask=torch.cat([before, seen], -1),
            position_ids=before.sum(-1, keepdim=True) + torch.arange(width, device=network.device),
            past_key_values=own,
            use_cache=True,
        ).logits.float()
        logs = scores.log_softmax(-1)
        for number, (row, place, tokens) in enumerate(part):
            targets = torch.tensor(tokens[1:], device=network.device)
            sums[row][place] += float(logs[number, : len(targets)].gather(-1, targets[:, None]).sum())
