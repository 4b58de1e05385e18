"""The models behind ``quality``'s scores: transformers in this process, or any teacher.

Rows of a batch are padded on the right, which a causal model ignores, so that a row's numbers depend on its batch only
by rounding. No text is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

from quality.model_weights import load_complete
from quality.scores.digits import DIGITS, NextToken, NextTokens, from_top_logprobs
from quality.scores.likelihood import Continuation
from quality.scores.score_columns import Score, Unscored
from sources.errors import SabilaError
from sources.record import Message
from synth.teachers.model_device import to_device
from synth.teachers.model_files import hub_or_cache
from synth.teachers.teacher import Completion, Failure, Request, Sampling, Teacher
from synth.teachers.template_dates import dated_template

T = TypeVar("T")

BATCH_TOKENS = 4096
"""Tokens of a batch, padding included. Logits take that many times the vocabulary: 1.2 GB at 150,000 in bfloat16."""


class UnfitModelError(SabilaError, ValueError):
    """A model that cannot be loaded, or cannot give the score that it was named for."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A transformers model and its tokenizer; ``longest`` is the number of tokens it can read, if known."""

    model: Any
    tokenizer: Any
    longest: int | None
    batch_tokens: int


@dataclass(frozen=True, kw_only=True)
class CausalModel:
    """A language model as the source of ``NextTokens`` and ``TokenLogprobs``."""

    loaded: LoadedModel
    name: str

    def next_digits(self, prompts: Sequence[str]) -> list[NextToken | Unscored]:
        """Return the log-probabilities of "1" to "6" as the first token after each prompt, all logits considered.

        Raises ``UnfitModelError`` where a digit is not a token of the vocabulary.
        """
        digits = self._digit_tokens()
        rows = [self.loaded.tokenizer(prompt)["input_ids"] for prompt in prompts]
        return _by_batch(self.loaded, rows, lambda batch, _: self._digits_after(batch, digits))

    def token_logprobs(self, continuations: Sequence[Continuation]) -> list[list[float] | Unscored]:
        """Return the log-probabilities of each text's tokens, as in ``quality.scores.likelihood.TokenLogprobs``."""
        tokenizer = self.loaded.tokenizer
        prefixes = [tokenizer(one.prefix)["input_ids"] for one in continuations]
        texts = [tokenizer(one.text, add_special_tokens=False)["input_ids"] for one in continuations]
        rows = [prefix + text for prefix, text in zip(prefixes, texts, strict=True)]
        starts = [len(prefix) for prefix in prefixes]
        return _by_batch(self.loaded, rows, lambda batch, places: self._logprobs(batch, [starts[i] for i in places]))

    def _digit_tokens(self) -> list[int]:
        tokenizer = self.loaded.tokenizer
        tokens = tokenizer.convert_tokens_to_ids(list(DIGITS))
        for digit, token in zip(DIGITS, tokens, strict=True):
            if token is None or tokenizer.decode([token]).strip() != digit:
                raise UnfitModelError(
                    f"{digit!r} is no token of {self.name}, so its digits cannot be read; use another scorer"
                )
        return list(tokens)

    def _digits_after(self, rows: list[list[int]], digits: list[int]) -> list[NextToken]:
        torch = import_module("torch")
        last = sorted({len(row) - 1 for row in rows})
        with torch.inference_mode():
            at = torch.tensor(last, device=self.loaded.model.device)
            logits = self.loaded.model(**_padded(rows, self.loaded.model.device), logits_to_keep=at).logits
            own = [last.index(len(row) - 1) for row in rows]
            logprobs = logits[range(len(rows)), own].float().log_softmax(-1)[:, digits].tolist()
        return [NextToken(dict(zip(DIGITS, row, strict=True))) for row in logprobs]

    def _logprobs(self, rows: list[list[int]], starts: list[int]) -> list[list[float]]:
        torch = import_module("torch")
        per_row = []
        with torch.inference_mode():
            logits = self.loaded.model(**_padded(rows, self.loaded.model.device)).logits
            for row, ids, start in zip(logits, rows, starts, strict=True):
                first = max(start, 1)  # the first token of all has no prediction
                targets = torch.tensor(ids[first:], device=row.device, dtype=torch.long)
                logprobs = row[first - 1 : len(ids) - 1].float().log_softmax(-1)
                per_row.append(logprobs.gather(1, targets[:, None])[:, 0].tolist())
        return per_row


@dataclass(frozen=True, kw_only=True)
class RewardModel:
    """A sequence classifier with one label as the source of ``Rewards``."""

    loaded: LoadedModel

    def __call__(self, conversations: Sequence[Sequence[tuple[str, str]]]) -> list[Score]:
        """Return the reward of each conversation, in its chat template with one beginning-of-text token."""
        rows = [_chat_ids(self.loaded.tokenizer, conversation) for conversation in conversations]
        return _by_batch(self.loaded, rows, self._rewards)

    def _rewards(self, rows: list[list[int]], _: list[int]) -> list[float]:
        torch = import_module("torch")
        # The classifier reads the last token that is not this one, so rows must be filled up with it and no other.
        pad = self.loaded.model.config.get_text_config().pad_token_id
        batches = [rows] if pad is not None else [[row] for row in rows]
        with torch.inference_mode():
            logits = [
                self.loaded.model(**_padded(batch, self.loaded.model.device, pad or 0)).logits for batch in batches
            ]
        return [float(value) for part in logits for value in part[:, 0].float()]


@dataclass(frozen=True, kw_only=True)
class TextClassifier:
    """A sequence classifier as the source of one label's probability for each text."""

    loaded: LoadedModel
    place: int

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        """Return the probability of the label for each text: by itself where labels exclude no other, else of all."""
        rows = [self.loaded.tokenizer(text)["input_ids"] for text in texts]
        return _by_batch(self.loaded, rows, self._probabilities)

    def _probabilities(self, rows: list[list[int]], _: list[int]) -> list[float]:
        torch = import_module("torch")
        config, pad = self.loaded.model.config, self.loaded.tokenizer.pad_token_id
        batches = [rows] if pad is not None else [[row] for row in rows]
        probabilities: list[float] = []
        with torch.inference_mode():
            for batch in batches:
                logits = self.loaded.model(**_padded(batch, self.loaded.model.device, pad or 0)).logits.float()
                alone = config.problem_type == "multi_label_classification" or config.num_labels == 1
                probabilities += (logits.sigmoid() if alone else logits.softmax(-1))[:, self.place].tolist()
        return probabilities


def causal_model(
    path: str,
    *,
    revision: str | None = None,
    device: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> CausalModel:
    """Return the model at a folder or Hub id. Raises ``UnfitModelError`` where it cannot be loaded."""
    loaded = _load("AutoModelForCausalLM", path, revision, device, batch_tokens)
    return CausalModel(loaded=loaded, name=path)


def reward_model(
    path: str,
    *,
    revision: str | None = None,
    device: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> RewardModel:
    """Return the reward model at a folder or Hub id.

    Raises ``UnfitModelError`` for one that cannot be loaded, has other than one label, or no chat template.
    """
    loaded = _load("AutoModelForSequenceClassification", path, revision, device, batch_tokens)
    if loaded.model.config.num_labels != 1:
        raise UnfitModelError(f"{path} has {loaded.model.config.num_labels} labels, expected one, as in reward models")
    if not loaded.tokenizer.chat_template:
        raise UnfitModelError(f"the tokenizer of {path} has no chat template to write a conversation with")
    return RewardModel(loaded=loaded)


def text_classifier(path: str, label: str | None = None, *, revision: str | None = None) -> TextClassifier:
    """Return the classifier at a folder or Hub id for one of its labels; for the only one if it has one.

    Raises ``UnfitModelError`` for a model that cannot be loaded, and a label that it does not have.
    """
    loaded = _load("AutoModelForSequenceClassification", path, revision, None, BATCH_TOKENS)
    labels = {str(name).casefold(): int(place) for place, name in loaded.model.config.id2label.items()}
    if label is None and len(labels) == 1:
        return TextClassifier(loaded=loaded, place=0)
    if label is None or label.casefold() not in labels:
        raise UnfitModelError(f"{path} has the labels {', '.join(labels)}, expected the one to measure, not {label!r}")
    return TextClassifier(loaded=loaded, place=labels[label.casefold()])


@lru_cache(maxsize=2)
def shared_causal_model(path: str) -> CausalModel:
    """Return ``causal_model(path)``, loaded once for all shards of a step."""
    return causal_model(path)


@lru_cache(maxsize=1)
def shared_reward_model(path: str) -> RewardModel:
    """Return ``reward_model(path)``, loaded once for all shards of a step."""
    return reward_model(path)


def teacher_next_tokens(teacher: Teacher, top: int = 20) -> NextTokens:
    """Return what ``teacher`` expects as the first token of its answer, from its ``top`` likeliest alternatives.

    The prompt is rendered by the teacher's chat template, so this suits general models; the published DEITA scorers
    need it bare (``CausalModel``). With a teacher that returns no log-probabilities all rows are unscored.
    """
    sampling = Sampling(temperature=1.0, max_tokens=1, logprobs=top)

    def read(completion: Completion) -> NextToken | Unscored:
        if not completion.logprobs:
            return Unscored(f"{teacher.name} returned no log-probabilities; use a server that does")
        return from_top_logprobs(completion.logprobs[0].items())

    return lambda prompts: [_read(answer, read) for answer in _answers(teacher, prompts, sampling)]


def batches(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield the places of rows, longest first, in batches of ``batch_tokens`` tokens at most, padding included.

    A row that is longer than that is a batch of its own.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[batch[0]] > batch_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _by_batch(
    loaded: LoadedModel, rows: list[list[int]], run: Callable[[list[list[int]], list[int]], list[T]]
) -> list[T | Unscored]:
    """Return the results of ``run`` on the rows (and their indices), batch by batch; rows too long are unscored."""
    expected = f"expected 1 to {loaded.longest or 'any number'}"
    results: list[T | Unscored] = [Unscored(f"{len(row)} tokens, {expected}") for row in rows]
    fit = [place for place, row in enumerate(rows) if row and (loaded.longest is None or len(row) <= loaded.longest)]
    for batch in batches([len(rows[place]) for place in fit], loaded.batch_tokens):
        places = [fit[i] for i in batch]
        for place, value in zip(places, run([rows[place] for place in places], places), strict=True):
            results[place] = value
    return results


def _padded(rows: list[list[int]], device: Any, pad: int = 0) -> dict[str, Any]:
    torch = import_module("torch")
    width = max(map(len, rows))
    ids = [row + [pad] * (width - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return {"input_ids": torch.tensor(ids, device=device), "attention_mask": torch.tensor(mask, device=device)}


def _chat_ids(tokenizer: Any, conversation: Sequence[tuple[str, str]]) -> list[int]:
    messages = [{"role": role, "content": content} for role, content in conversation]
    ids: list[int] = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False, **dated_template(tokenizer)))[
        "input_ids"
    ]
    # Some templates write the beginning-of-text token themselves and the tokenizer adds it again.
    return ids[1:] if len(ids) > 1 and ids[0] == ids[1] == tokenizer.bos_token_id else ids


def _load(kind: str, path: str, revision: str | None, device: str | None, batch_tokens: int) -> LoadedModel:
    try:
        transformers = import_module("transformers")
        import_module("torch")
        with hub_or_cache(path):
            tokenizer = transformers.AutoTokenizer.from_pretrained(path, revision=revision)
            model = load_complete(getattr(transformers, kind), path, revision=revision, dtype="auto")
    except ModuleNotFoundError as error:
        raise UnfitModelError(f"scores need the package {error.name}: install the extra 'local'") from error
    except (OSError, ValueError) as error:
        raise UnfitModelError(
            f"cannot load {path!r}: {str(error).splitlines()[0]}; expected the folder or Hub id of a transformers model"
        ) from error
    model = to_device(model, device)
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return LoadedModel(model=model, tokenizer=tokenizer, longest=longest, batch_tokens=batch_tokens)


def _answers(teacher: Teacher, prompts: Sequence[str], sampling: Sampling) -> list[Completion | Failure]:
    """Return a teacher's answers in the order of the prompts."""
    requests = [
        Request(row=str(place), stage="score", messages=(Message("user", prompt),), sampling=sampling)
        for place, prompt in enumerate(prompts)
    ]
    answers = {int(request.row): answer for request, answer in teacher.complete(requests)}
    return [answers[place] for place in range(len(prompts))]


def _read(answer: Completion | Failure, read: Callable[[Completion], T | Unscored]) -> T | Unscored:
    if isinstance(answer, Failure):
        return Unscored(f"the request failed {answer.tries} times: {answer.error}")
    return read(answer)
