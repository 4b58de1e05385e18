"""The embedded teacher: a back-off n-gram model, trained in a moment, so that every stage runs offline.

It is really sampled and knows nothing: what it writes shows how the stages treat right, wrong, unreadable and truncated
answers, and is never to be trained on. Interpolated absolute discounting (Ney, Essen and Kneser 1994).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from random import Random

import polars as pl

from sources.shapes.row_shapes import LETTERS
from synth.teachers.teacher import Answered, Completion, Request, Sampling

NAME = "embedded"
LICENSE = "LicenseRef-embedded-demo"

ORDER = 3
DISCOUNT = 0.3
"""Taken off every count and given to the shorter context: at less a small corpus is repeated, at more it is garbled."""

FAVOUR = 10.0
"""How much likelier a word becomes that the prompt holds: the one way in which an answer is about its question."""

SILENT = 0.12
"""Share of choices that end without an ``Answer:`` line, as they do with models that are no better than this one."""

PROSE_TOKENS = (20, 70)
"""After so many tokens, drawn between these, the reasons before a choice stop at the next full stop."""

TOKEN = re.compile(r"\n+| ?\w+(?:['’.,-]\w+)*%?| ?[^\w\s]")
OPTION = re.compile(r"^([A-Z])[.)] +(.+)$", re.MULTILINE)
YES_NO = re.compile(r"\byes\b\W{1,3}(?:or )?\bno\b(\W{1,3}(?:or )?\bmaybe\b)?", re.IGNORECASE)
START, END = "<s>", "</s>"

Context = tuple[str, ...]
BEGINNING: Context = (START,) * (ORDER - 1)


@dataclass(frozen=True, kw_only=True)
class NGrams:
    """Counts of the tokens that follow each context of up to ``ORDER - 1`` tokens; a token keeps its leading blank."""

    following: Mapping[Context, Mapping[str, int]]

    def draw(self, context: Context, temperature: float, favoured: frozenset[str], rng: Random) -> str:
        """Return the next token: the longest known context speaks, or hands over to a shorter one by its discount.

        The temperature does not touch the empty context, whose commonest words would drown all others. At temperature
        0 the longest context gives its most frequent token, the first by text among equals.
        """
        for length in range(ORDER - 1, 0, -1):
            counts = self.following.get(context[-length:])
            if counts is None:
                continue
            if temperature == 0:
                return max(sorted(counts), key=counts.__getitem__)
            if rng.random() >= DISCOUNT * len(counts) / sum(counts.values()):
                return _pick(counts, temperature, favoured, rng)
        return self._any(favoured, rng)

    def _any(self, favoured: frozenset[str], rng: Random) -> str:
        """Return a token by its frequency, ``FAVOUR`` times as likely if favoured."""
        counts = self.following[()]
        extra = [token for word in sorted(favoured) if (token := f" {word}") in counts]
        more = (FAVOUR - 1) * sum(counts[token] for token in extra)
        total = self._cumulative[-1]
        if rng.random() * (total + more) < more:
            return rng.choices(extra, [counts[token] for token in extra])[0]
        return rng.choices(self._tokens, cum_weights=self._cumulative)[0]

    @cached_property
    def _tokens(self) -> list[str]:
        return [token for token in self.following[()] if token != END]

    @cached_property
    def _cumulative(self) -> list[int]:
        return list(accumulate(self.following[()][token] for token in self._tokens))

    def log_probability(self, context: Context, token: str) -> float:
        """Return the natural logarithm of the probability of ``token``, never minus infinity: unseen is one in all."""
        all_tokens = self.following[()]
        probability = all_tokens.get(token, 0.5) / (sum(all_tokens.values()) + 1)
        for length in range(1, ORDER):
            counts = self.following.get(context[-length:])
            if counts is not None:
                total = sum(counts.values())
                seen = max(counts.get(token, 0) - DISCOUNT, 0.0) / total
                probability = seen + DISCOUNT * len(counts) / total * probability
        return math.log(probability)


def ngrams(texts: Iterable[str]) -> NGrams:
    """Return the counts of ``texts``, each with its start and end."""
    following: dict[Context, Counter[str]] = defaultdict(Counter)
    for text in texts:
        tokens = [*BEGINNING, *tokenise(text), END]
        for at in range(ORDER - 1, len(tokens)):
            for length in range(ORDER):
                following[tuple(tokens[at - length : at])][tokens[at]] += 1
    return NGrams(following=dict(following))


def tokenise(text: str) -> list[str]:
    """Return words, marks and line breaks; joined, they are the text but for runs of blanks."""
    return TOKEN.findall(text.strip())


def _pick(counts: Mapping[str, int], temperature: float, favoured: frozenset[str], rng: Random) -> str:
    weights = [
        ((count - DISCOUNT) * (FAVOUR if token.strip().lower() in favoured else 1.0)) ** (1 / temperature)
        for token, count in counts.items()
    ]
    return rng.choices(list(counts), weights)[0]


@dataclass(frozen=True, kw_only=True)
class EmbeddedTeacher:
    """The teacher of ``train``: deterministic for messages, sampling and sample, whatever else is asked.

    It does not obey ``top_p`` and ``json_schema`` and gives no ``logprobs``; a caller sees that from what comes back. A
    prompt that lists options, or asks for yes or no, is answered with a line ``Answer: X`` that the model draws by how
    readily it would say each option; now and then it forgets to.
    """

    texts: tuple[str, ...]
    name: str = NAME
    license: str = LICENSE

    @cached_property
    def texts_hash(self) -> str:
        """Hash of the training texts, from which replies are drawn."""
        return hashlib.sha256(json.dumps(self.texts).encode()).hexdigest()[:16]

    @cached_property
    def revision(self) -> str:
        """Hash of the training texts and of this module, since both decide what it answers."""
        code = Path(__file__).read_bytes()
        return hashlib.sha256(self.texts_hash.encode() + code).hexdigest()[:16]

    @cached_property
    def model(self) -> NGrams:
        """The counts, made at the first request."""
        return ngrams(self.texts)

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield every request with its completion, in order."""
        for request in requests:
            yield request, self._completion(request)

    def _completion(self, request: Request) -> Completion:
        rng = Random(int(_drawn_for(request).key(self.name, self.texts_hash), 16))
        tokens = self._tokens(request.messages[-1].content, request.sampling, rng)
        taken = tokens[: request.sampling.max_tokens]
        text, stopped = _cut("".join(taken).strip(), request.sampling.stop)
        return Completion(
            text=text,
            finish_reason="stop" if stopped or len(taken) == len(tokens) else "length",
            prompt_tokens=sum(len(tokenise(message.content)) for message in request.messages),
            completion_tokens=len(taken),
        )

    def _tokens(self, prompt: str, sampling: Sampling, rng: Random) -> list[str]:
        """Return the answer, one token longer than allowed where it is not complete."""
        offered, most = choices(prompt), sampling.max_tokens + 1
        if not offered:
            return self._prose(prompt, sampling.temperature, None, most, rng)
        prose = self._prose(prompt, sampling.temperature, rng.randint(*PROSE_TOKENS), most, rng)
        if rng.random() < SILENT:
            return prose
        return [*prose, "\n\n", "Answer", ":", f" {self._choice(offered, sampling.temperature, rng)}"]

    def _prose(self, prompt: str, temperature: float, enough: int | None, most: int, rng: Random) -> list[str]:
        """Return tokens up to the model's own end or ``most``; given ``enough``, up to the next full stop after it."""
        favoured = frozenset(word.strip().lower() for word in tokenise(prompt) if len(word) > 4)
        said: list[str] = []
        context = BEGINNING
        while len(said) < most:
            token = self.model.draw(context, temperature, favoured, rng)
            if token == END:
                if enough is None or len(said) >= enough:
                    break
                token, context = "\n", BEGINNING
            else:
                context = (*context[1:], token)
            said.append(f" {token}" if said and said[-1][-1].isalnum() and token[0].isalnum() else token)
            if enough is not None and len(said) >= enough and token == ".":
                break
        return said

    def _choice(self, offered: Mapping[str, str], temperature: float, rng: Random) -> str:
        """Return one of the names offered, by the mean log-probability of the tokens of its text."""
        scores = [self._readiness(text) for text in offered.values()]
        if temperature == 0:
            return max(zip(scores, offered, strict=True), key=lambda scored: scored[0])[1]
        return rng.choices(list(offered), [math.exp((score - max(scores)) / temperature / 4) for score in scores])[0]

    def _readiness(self, text: str) -> float:
        tokens = tokenise(text) or [END]
        logs = [self.model.log_probability(tuple(tokens[max(0, i - 2) : i]), token) for i, token in enumerate(tokens)]
        return sum(logs) / len(logs)


def train(texts: Iterable[str]) -> EmbeddedTeacher:
    """Return a teacher of these texts; their order and repetitions do not matter. ``ValueError`` if they say nothing.

    Give it no text that holds the answer to what it will be asked: it repeats what it read.
    """
    said = tuple(sorted({text.strip() for text in texts if TOKEN.search(text)}))
    if not said:
        raise ValueError("no training text holds a word, expected some sentences for the embedded teacher")
    return EmbeddedTeacher(texts=said)


def training_texts(rows: pl.DataFrame) -> list[str]:
    """Return the texts of a table of records from which no gold answer can be learnt.

    Contexts, and the answers and rationales of open questions; of multiple choice neither.
    """
    open_rows = rows.filter(pl.col("options").list.len() == 0)
    columns = (rows["context"], open_rows["answer"], open_rows["rationale"])
    return [text for column in columns for text in column.drop_nulls().to_list()]


def choices(prompt: str) -> dict[str, str]:
    """Return what a prompt asks to choose from, name to text: its last list of options, yes/no/maybe, or nothing."""
    found: dict[str, str] = {}
    for letter, text in OPTION.findall(prompt):
        if letter == "A":
            found = {}
        if letter == LETTERS[len(found)]:
            found[letter] = text
    if len(found) > 1:
        return found
    asked = YES_NO.search(prompt)
    return {name: name for name in ("yes", "no", "maybe")[: 3 if asked[1] else 2]} if asked else {}


def _drawn_for(request: Request) -> Request:
    """Return the request whose key seeds the draw: at temperature 0 neither seed nor sample make a difference."""
    if request.sampling.temperature > 0:
        return request
    return replace(request, sample=0, sampling=replace(request.sampling, seed=0))


def _cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """Return the text before the first stop string, and whether there was one."""
    places = [at for stop in stops if (at := text.find(stop)) >= 0]
    return (text[: min(places)].rstrip(), True) if places else (text, False)
