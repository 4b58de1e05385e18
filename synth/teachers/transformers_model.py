"""Any causal language model of transformers, in this process: for a laptop, and where there is no server."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from itertools import islice
from typing import Any

from quality.model_weights import load_complete
from synth.teachers.local_chat import (
    answer_or_failure,
    by_text,
    loaded_at,
    prompt_text,
    prompt_tokens,
    reasoning_and_answer,
)
from synth.teachers.model_device import to_device
from synth.teachers.model_files import hub_or_cache, model_name, model_revision
from synth.teachers.options import TeacherOptions
from synth.teachers.sampling import Alternatives, Ends, SamplingBatch
from synth.teachers.teacher import Answered, Completion, Failure, Request, TeacherError
from synth.teachers.teacher_warnings import Notices

NO_SCHEMA = "this teacher cannot hold a reply to a JSON schema: only the prompt says its form, other replies fail"


@dataclass(frozen=True, kw_only=True)
class TransformersTeacher:
    """A model from a folder or the Hub, loaded at the first request, on the first GPU if there is one."""

    model: str
    options: TeacherOptions = field(default_factory=TeacherOptions)

    @property
    def name(self) -> str:
        """The Hub id, or the folder's last name."""
        return f"transformers:{model_name(self.model)}"

    @cached_property
    def revision(self) -> str:
        """The Hub's commit, or the hash of the folder's files."""
        return model_revision(self.model, self.options.revision)

    @property
    def license(self) -> str:
        """The licence of the options."""
        return self.options.license

    @cached_property
    def loaded(self) -> Loaded:
        """The model and its tokenizer."""
        return load(self.model, loaded_at(self.model, self.revision))

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion, batch by batch; one whose prompt is too long with its failure.

        This teacher cannot enforce a JSON schema: a reply of another form is a failure, unless text is read as well.
        """
        feed = iter(requests)
        while batch := list(islice(feed, self.options.batch)):
            if any(request.sampling.json_schema is not None and not request.reads_text for request in batch):
                self.loaded.notices.once("schema", NO_SCHEMA)
            fits, failures = self.loaded.sifted(batch)
            yield from failures
            if fits:
                for (request, _), completion in zip(fits, self.loaded.completions(fits), strict=True):
                    yield request, answer_or_failure(completion, request)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model and its tokenizer; ``longest`` is the number of tokens it can hold, if it says so."""

    model: Any
    tokenizer: Any
    longest: int | None
    notices: Notices

    def sifted(self, requests: Sequence[Request]) -> tuple[list[tuple[Request, str]], list[Answered]]:
        """Return the requests that fit into the model's context, with their prompts, and failures for the others."""
        fits: list[tuple[Request, str]] = []
        failures: list[Answered] = []
        for request in requests:
            prompt = prompt_text(self.tokenizer, request, self.notices)
            tokens = len(prompt_tokens(self.tokenizer, prompt))
            most = request.sampling.max_tokens
            if self.longest is None or tokens + most <= self.longest:
                fits.append((request, prompt))
            else:
                error = f"prompt has {tokens} tokens and {most} may follow, the model holds {self.longest}"
                failures.append((request, Failure(error=error, tries=1)))
        return fits, failures

    def completions(self, batch: Sequence[tuple[Request, str]]) -> list[Completion]:
        """Return the completions of requests with their prompts; each has the time of the whole batch."""
        since = time.monotonic()
        requests, prompts = [request for request, _ in batch], [prompt for _, prompt in batch]
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        lengths = inputs["attention_mask"].sum(-1).tolist()
        draw = SamplingBatch(requests)
        written = self._written(inputs.to(self.model.device), requests, draw)
        rows = [self._cut(row, request) for row, request in zip(written, requests, strict=True)]
        seconds = time.monotonic() - since
        answers = []
        for n, (text, reason, tokens) in enumerate(rows):
            reasoning, answer = reasoning_and_answer(prompts[n], text)
            answers.append(
                Completion(
                    text=answer,
                    reasoning=reasoning,
                    finish_reason=reason,
                    prompt_tokens=lengths[n],
                    completion_tokens=tokens,
                    logprobs=self._logprobs([step[n] for step in draw.alternatives[:tokens]]),
                    seconds=seconds,
                )
            )
        return answers

    def _written(self, inputs: Any, requests: Sequence[Request], draw: SamplingBatch) -> list[list[int]]:
        torch, transformers = import_module("torch"), import_module("transformers")
        length = inputs["input_ids"].shape[1]
        config = transformers.GenerationConfig(
            max_new_tokens=max(request.sampling.max_tokens for request in requests),
            do_sample=False,  # draw leaves one token to take
            repetition_penalty=1.0,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        with torch.inference_mode():
            tokens = self.model.generate(
                **inputs,
                generation_config=config,
                logits_processor=transformers.LogitsProcessorList([draw]),
                stopping_criteria=transformers.StoppingCriteriaList([Ends(requests, self.tokenizer, length)]),
            )
        rows: list[list[int]] = tokens[:, length:].tolist()
        return rows

    def _cut(self, row: list[int], request: Request) -> tuple[str, str, int]:
        """Return (text, finish reason, tokens): up to the model's own end, a stop string, or the most allowed."""
        most = request.sampling.max_tokens
        ends = next((n for n, token in enumerate(row[:most]) if token in self._end_tokens), None)
        written = row[: most if ends is None else ends]
        text = self._text(written)
        stops = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
        if stops:
            # the first tokens that hold all up to the stop string: more of them never hold less
            tokens = bisect_left(range(len(written)), True, key=lambda n: self._stops(written[: n + 1], request))
            return text[: min(stops)], "stop", tokens + 1
        return text, "length" if ends is None else "stop", len(written) + (ends is not None)

    def _stops(self, tokens: list[int], request: Request) -> bool:
        text = self._text(tokens)
        return any(stop in text for stop in request.sampling.stop)

    def _text(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    @cached_property
    def _end_tokens(self) -> frozenset[int]:
        ids = self.model.generation_config.eos_token_id
        return frozenset(ids if isinstance(ids, list) else [ids])

    def _logprobs(self, steps: list[Alternatives | None]) -> tuple[Mapping[str, float], ...] | None:
        known = [step for step in steps if step is not None]
        if not known:
            return None
        return tuple(by_text((self.tokenizer.decode([token]), value) for token, value in step) for step in known)


def load(model: str, revision: str | None) -> Loaded:
    """Return a model from a folder, or from the Hub at a commit. Raises ``TeacherError`` where it cannot serve."""
    try:
        transformers = import_module("transformers")
        import_module("torch")
        with hub_or_cache(model):
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, revision=revision, padding_side="left")
            network = load_complete(transformers.AutoModelForCausalLM, model, revision=revision, dtype="auto")
    except ImportError as error:
        raise TeacherError(
            f"transformers:{model} needs torch and transformers ({error}): install sabila[local]"
        ) from error
    except (OSError, ValueError) as error:
        raise TeacherError(f"transformers:{model} cannot be loaded: {str(error).splitlines()[0]}") from error
    if tokenizer.chat_template is None:
        raise TeacherError(
            f"transformers:{model} has no chat template, expected a model that was trained on conversations"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    network = to_device(network)
    longest = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    return Loaded(model=network, tokenizer=tokenizer, longest=longest, notices=Notices(f"transformers:{model}"))
