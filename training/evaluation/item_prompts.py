"""Requests about items in both modes, and what a reply says: one result for each item, order and sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sources.record import Message
from sources.shapes.row_shapes import LETTERS
from synth.answers.error_answers import extract_error
from synth.answers.extractor import extract
from synth.answers.numeric_answers import extract_number, is_within
from synth.prompting.option_orders import Order
from synth.prompting.prompt_files import digest, render
from synth.prompting.turns import digest as turns_digest
from synth.prompting.turns import render_turns
from synth.teachers.teacher import Ask, Completion, Failure, Request, Sampling
from training.evaluation.benchmark_items import BenchmarkError, ItemSet, has_letters
from training.evaluation.evaluation_record import Settings
from training.evaluation.item_results import CREDIT, Item, ItemKind, ItemResult, Verdict, choice_verdict
from training.evaluation.option_likelihood import likelihood_request, likelihoods
from training.evaluation.shuffled_options import option_orders
from training.evaluation.text_overlap import rouge

STAGE = "evaluate"
"""Stages of an evaluation's requests begin with this word."""

QUESTION_PROMPT = "evaluation/question.jinja"
ANSWER_PROMPTS: dict[ItemKind, str] = {
    "choice": "evaluation/answer_choice.jinja",
    "open": "evaluation/answer_open.jinja",
    "number": "evaluation/answer_number.jinja",
    "error": "evaluation/answer_error.jinja",
}
"""The prompt for a generated answer to each kind of item."""

AS_PUBLISHED = "the conversation as published"

SEVERAL = "several right options, which no single likelihood can choose"
OPEN = "open question, which has no options to compare"

SUMMARIES = frozenset({"summarization", "clinical-note-taking"})
"""Tasks whose question is a text to summarise."""


@dataclass(frozen=True, kw_only=True)
class ItemRequest:
    """A request about an item in one order of its options."""

    item: Item
    order: int
    shown: Order
    request: Request


def prompt_of(item_set: ItemSet, settings: Settings) -> tuple[str, str]:
    """Return the name and the hash of the prompt file that a benchmark's items are asked with."""
    if settings.mode == "generate" and item_set.items[0].conversation:
        return AS_PUBLISHED, ""
    if settings.mode == "generate":
        name = ANSWER_PROMPTS[item_set.items[0].kind]
        return name, turns_digest(name)
    name = QUESTION_PROMPT if settings.scoring == "texts" else f"evaluation/{item_set.corpus.likelihood_prompt}.jinja"
    return name, digest(name)


def askable(item_set: ItemSet, settings: Settings) -> ItemSet:
    """Return the items that a mode can ask about; the others are counted as left out, by reason.

    Raises ``BenchmarkError`` where there are none.
    """
    if settings.mode == "generate":
        return item_set
    kept, left_out = [], dict.fromkeys((OPEN, SEVERAL), 0)
    for item in item_set.items:
        if item.kind != "choice":
            left_out[OPEN] += 1
        elif len(item.gold) > 1:
            left_out[SEVERAL] += 1
        else:
            kept.append(item)
    reasons = {reason: count for reason, count in left_out.items() if count}
    if not kept:
        raise BenchmarkError(
            f"{item_set.name} cannot be scored by log-likelihood: all {len(item_set.items):,} items are left out "
            f"({'; '.join(reasons)}); use --mode generate"
        )
    return replace(item_set, items=tuple(kept), left_out={**item_set.left_out, **reasons})


def item_requests(items: Iterable[Item], prompt: str, settings: Settings) -> Iterator[ItemRequest]:
    """Yield the requests about items, for each of their orders and samples."""
    for item in items:
        orders = option_orders(item, settings.orders, settings.seed) if item.kind == "choice" else [()]
        if settings.mode == "loglikelihood" and settings.scoring == "texts":
            orders = orders[:1]  # no option is shown, so that they have no order
        for number, order in enumerate(orders):
            for sample in range(settings.samples):
                request = (
                    _generation(item, order, sample, prompt, settings)
                    if settings.mode == "generate"
                    else _likelihood(item, order, prompt, settings)
                )
                yield ItemRequest(item=item, order=number, shown=order, request=request)


def _likelihood(item: Item, order: Order, prompt: str, settings: Settings) -> Request:
    options = [item.options[place] for place in order]
    values = {"question": item.question.strip(), "options": options, "context": item.context}
    text = render(prompt, **values, subject=(item.subset or item.benchmark).replace("_", " "))
    words = options if settings.scoring == "texts" or not has_letters(item) else LETTERS[: len(options)]
    return likelihood_request(item.id, f"{STAGE} {item.benchmark}", text, [f" {word}" for word in words])


def _generation(item: Item, order: Order, sample: int, prompt: str, settings: Settings) -> Request:
    sampling = Sampling(
        temperature=settings.temperature or 0.0, max_tokens=settings.max_tokens or 1024, seed=settings.seed
    )
    values = {"question": item.question, "context": item.context}
    messages: tuple[Message, ...]
    if item.conversation:
        messages = item.conversation
    elif item.number:
        messages = render_turns(prompt, question=item.question, kind=item.number.type)
    elif item.kind == "error":
        messages = render_turns(prompt, sentences=item.sentences)
    elif item.kind == "open":
        messages = render_turns(prompt, **values, summary=item.task in SUMMARIES)
    else:
        options = [item.options[place] for place in order]
        messages = render_turns(prompt, **values, options=options, lettered=has_letters(item), several=item.several)
    return Request(row=item.id, stage=f"{STAGE} {item.benchmark}", messages=messages, sampling=sampling, sample=sample)


# --- replies -------------------------------------------------------------------------------------------------------


def answer_items(items: Sequence[ItemRequest], ask: Ask, settings: Settings) -> Iterator[ItemResult]:
    """Yield the result of every request as its reply arrives."""
    waiting: dict[tuple[object, ...], list[ItemRequest]] = {}
    for one in items:
        waiting.setdefault(one.request.identity, []).append(one)
    for request, reply in ask(one.request for one in items):
        one = waiting[request.identity].pop()
        yield read_likelihood(one, reply, settings) if settings.mode == "loglikelihood" else read_answer(one, reply)


def read_likelihood(one: ItemRequest, reply: Completion | Failure, settings: Settings) -> ItemResult:
    """Return the option with the highest likelihood, for texts divided by its length in characters."""
    if isinstance(reply, Failure):
        return _result(one, reply, "failed", reply.error)
    values = likelihoods(reply)
    ranked = values
    if settings.scoring == "texts":
        ranked = tuple(v / max(1, len(one.item.options[p])) for v, p in zip(values, one.shown, strict=True))
    best = max(range(len(ranked)), key=lambda place: ranked[place])  # the first of equal ones, as numpy's argmax
    total = sum(math.exp(value - max(ranked)) for value in ranked)
    in_source_order = [0.0] * len(values)
    for place, source in enumerate(one.shown):
        in_source_order[source] = values[place]
    return _result(
        one,
        reply,
        choice_verdict(one.item, (one.shown[best],)),
        settings.scoring or "letters",
        chosen=(one.shown[best],),
        confidence=min(1.0, math.exp(ranked[best] - max(ranked)) / total),
        logprobs=tuple(in_source_order),
    )


def read_answer(one: ItemRequest, reply: Completion | Failure) -> ItemResult:
    """Return what a written answer says; one that did not end by itself is no answer, whatever it contains."""
    if isinstance(reply, Failure):
        return _result(one, reply, "failed", reply.error)
    if reply.ended != "stop":
        cut: dict[str, Verdict] = {"length": "truncated", "filtered": "filtered"}
        return _result(one, reply, cut.get(reply.ended, "failed"), f"ended: {reply.finish_reason}")
    if one.item.number:
        return _read_number(one, reply)
    if one.item.kind == "error":
        return _read_error(one, reply)
    if one.item.kind == "open":
        if not reply.text.strip():
            return _result(one, reply, "unparsed", "empty")
        if one.item.answer is None:
            return _result(one, reply, "scored", "to be judged")
        overlap = rouge(reply.text, one.item.answer)
        return _result(one, reply, "scored", "rouge_l", score=overlap.longest, overlap=tuple(overlap))
    options = [one.item.options[place] for place in one.shown]
    verdict = extract(reply.text, options, one.item.lang, several=one.item.several)
    if verdict.outcome != "parsed":
        return _result(one, reply, verdict.outcome, verdict.how)
    chosen = tuple(sorted(one.shown[place] for place in verdict.positions))
    return _result(one, reply, choice_verdict(one.item, chosen), verdict.how, chosen=chosen)


def _read_number(one: ItemRequest, reply: Completion) -> ItemResult:
    """Return whether a number lies between the item's limits, as in MedCalc-Bench."""
    assert one.item.number is not None, "the caller checked"
    kind, lower, upper = one.item.number
    answer = extract_number(reply.text, kind)
    if answer.outcome != "parsed":
        return _result(one, reply, answer.outcome, answer.how)
    return _result(one, reply, "right" if is_within(answer, lower, upper, kind) else "wrong", answer.how)


def _read_error(one: ItemRequest, reply: Completion) -> ItemResult:
    """Return whether the wrong sentence was named, or the note rightly called correct, as in MEDEC."""
    answer = extract_error(reply.text, [number for number, _ in one.item.sentences])
    if answer.outcome != "parsed":
        return _result(one, reply, answer.outcome, answer.how)
    chosen = () if answer.number is None else (answer.number,)
    overlap = tuple(rouge(answer.correction, one.item.answer)) if answer.correction and one.item.answer else None
    return _result(
        one, reply, "right" if chosen == one.item.gold else "wrong", answer.how, chosen=chosen, overlap=overlap
    )


def _result(
    one: ItemRequest,
    reply: Completion | Failure,
    verdict: Verdict,
    how: str,
    *,
    chosen: tuple[int, ...] = (),
    score: float | None = None,
    confidence: float | None = None,
    logprobs: tuple[float, ...] | None = None,
    overlap: tuple[float, ...] | None = None,
) -> ItemResult:
    item = one.item
    return ItemResult(
        item=item.id,
        benchmark=item.benchmark,
        subset=item.subset,
        cluster=item.cluster,
        order=one.order,
        sample=one.request.sample,
        verdict=verdict,
        how=how,
        chosen=chosen,
        gold=item.gold,
        shown=one.shown,
        score=CREDIT.get(verdict, score),
        confidence=confidence,
        logprobs=logprobs,
        overlap=overlap,
        text=reply.text if isinstance(reply, Completion) and logprobs is None else None,
        prompt_tokens=reply.prompt_tokens if isinstance(reply, Completion) else None,
        completion_tokens=reply.completion_tokens if isinstance(reply, Completion) else None,
        request_seconds=reply.seconds if isinstance(reply, Completion) else 0.0,
    )
