"""Any model that vLLM runs, in this process: requests are added as others finish; completions come as they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from itertools import count, islice
from typing import Any

from synth.teachers.local_chat import (
    answer_or_failure,
    by_text,
    loaded_at,
    prompt_text,
    prompt_tokens,
    reasoning_and_answer,
)
from synth.teachers.model_files import model_name, model_revision
from synth.teachers.options import TeacherOptions
from synth.teachers.teacher import Answered, Completion, Failure, Request, TeacherError
from synth.teachers.teacher_warnings import Notices


@dataclass(frozen=True, kw_only=True)
class VllmTeacher:
    """A model from a folder or the Hub, loaded at the first request as ``options.engine`` says.

    ``options.concurrency`` requests are in the engine at a time. Call it from one thread.
    """

    model: str
    options: TeacherOptions = field(default_factory=TeacherOptions)

    @property
    def name(self) -> str:
        """The Hub id, or the folder's last name."""
        return f"vllm:{model_name(self.model)}"

    @cached_property
    def revision(self) -> str:
        """The Hub's commit, or the hash of the folder's files."""
        return model_revision(self.model, self.options.revision)

    @property
    def license(self) -> str:
        """The licence of the options."""
        return self.options.license

    @cached_property
    def llm(self) -> Any:
        """vLLM's own object."""
        try:
            vllm = import_module("vllm")
        except ImportError as error:
            raise TeacherError(f"vllm:{self.model} needs vLLM ({error}): install sabila[vllm]") from error
        revision = loaded_at(self.model, self.revision)
        eager = not import_module("torch").cuda.is_available()  # to compile for a processor takes minutes
        return vllm.LLM(model=self.model, revision=revision, **{"enforce_eager": eager, **self.options.engine})

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion as it is done; one that the engine refuses with its failure."""
        feed, numbers, engine, tokenizer = iter(requests), count(), self.llm.llm_engine, self.llm.get_tokenizer()
        refusals = (ValueError, import_module("vllm.exceptions").VLLMValidationError)
        flying: dict[str, tuple[Request, str, float]] = {}
        notices = Notices(self.name)
        try:
            while True:
                for request in islice(feed, self.options.in_flight() - len(flying)):
                    name, prompt = str(next(numbers)), prompt_text(tokenizer, request, notices)
                    tokens = {"prompt_token_ids": prompt_tokens(tokenizer, prompt)}
                    try:
                        engine.add_request(name, tokens, _sampling(request))
                    except refusals as error:  # too long a prompt, a schema that cannot be followed
                        yield request, Failure(error=str(error), tries=1)
                        continue
                    flying[name] = (request, prompt, time.monotonic())
                if not flying:
                    return
                for output in engine.step():
                    if output.finished:
                        yield _answered(output, *flying.pop(output.request_id))
        finally:
            engine.abort_request(list(flying))


def _sampling(request: Request) -> Any:
    parameters = import_module("vllm.sampling_params")
    sampling = request.sampling
    schema = sampling.json_schema
    return parameters.SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        stop=list(sampling.stop),
        seed=request.seed,
        logprobs=sampling.logprobs,
        structured_outputs=None if schema is None else parameters.StructuredOutputsParams(json=dict(schema)),
        output_kind=parameters.RequestOutputKind.FINAL_ONLY,
    )


def _answered(output: Any, request: Request, prompt: str, since: float) -> Answered:
    written = output.outputs[0]
    reasoning, text = reasoning_and_answer(prompt, written.text)
    completion = Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=str(written.finish_reason),
        prompt_tokens=len(output.prompt_token_ids),
        completion_tokens=len(written.token_ids),
        logprobs=None if written.logprobs is None else tuple(map(_alternatives, written.logprobs)),
        seconds=time.monotonic() - since,
    )
    return request, answer_or_failure(completion, request)


def _alternatives(step: Mapping[int, Any]) -> dict[str, float]:
    return by_text((str(one.decoded_token), float(one.logprob)) for one in step.values())
