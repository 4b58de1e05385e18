"""The six generators of Aloe Beta's chains of thought (arXiv 2505.04388, section on synthetic data).

The prompts are our own: three worked examples each, and the gold answer and the source's rationale where a config
gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sources.record import ChainPrompt, Message, Record
from sources.shapes.row_shapes import LETTERS
from synth.answers.option_reading import is_decision
from synth.prompting.option_orders import Order
from synth.prompting.turns import render_turns

LANGUAGE_NAMES = {"es": "Spanish", "fr": "French", "de": "German", "it": "Italian", "pt": "Portuguese", "zh": "Chinese"}


@dataclass(frozen=True, kw_only=True)
class Generator:
    """A prompt file; with ``support`` it shows the source's rationale for a given answer.

    The rows of a ``case`` generator are cases without a question.
    """

    prompt: str
    support: bool = False
    case: bool = False

    def takes(self, record: Record) -> bool:
        """Return whether the generator takes a row: one with gold and from two to ten options or, for a case, none."""
        if self.case:
            return bool(record.answer and not record.options)
        return 2 <= len(record.options) <= len(LETTERS) and bool(record.gold)

    def messages(self, record: Record, order: Order, *, show_gold: bool) -> tuple[Message, ...]:
        """Return the prompt of a row with its options in ``order`` and, if ``show_gold``, its gold answer.

        The rationale is included in the source's order only, since it may mention letters.
        """
        answer = answer_text(record, order) if show_gold else None
        language = None if record.lang == "en" else LANGUAGE_NAMES.get(record.lang, f"the language {record.lang!r}")
        if self.case:
            data = "\n".join(filter(None, (record.context, question_of(record))))
            return render_turns(self.prompt, context=data, answer=answer, given=show_gold, language=language)
        in_source_order = order == tuple(range(len(order)))
        return render_turns(
            self.prompt,
            stem=question_of(record),
            options=[record.options[place] for place in order],
            context=record.context,
            answer=answer,
            support=record.rationale if show_gold and self.support and in_source_order else None,
            lettered=has_letters(record),
            several=allows_several(record),
            language=language,
            given=show_gold,
        )


GENERATORS: dict[ChainPrompt, Generator] = {
    "pubmedqa": Generator(prompt="cot/pubmedqa.jinja", support=True),
    "medqa": Generator(prompt="cot/medqa.jinja", support=True),
    "medmcqa": Generator(prompt="cot/medmcqa.jinja", support=True),
    "headqa": Generator(prompt="cot/headqa.jinja"),
    "mmlu": Generator(prompt="cot/mmlu.jinja"),
    "polymed": Generator(prompt="cot/polymed.jinja", case=True),
}


def question_of(record: Record) -> str:
    """Return a row's question without its options: the contents of its messages."""
    return "\n\n".join(message.content for message in record.messages)


def has_letters(record: Record) -> bool:
    """Return whether options have letters in prompts; yes, no and maybe do not."""
    return not is_decision(record.options)


def allows_several(record: Record) -> bool:
    """Return whether more than one option of a row is right."""
    return len(record.gold) > 1


def answer_text(record: Record, order: Order) -> str:
    """Return the gold answer as an answer line states it: letters in this order, a decision, or a diagnosis."""
    if not record.options:
        return record.answer or ""
    if not has_letters(record):
        return record.options[record.gold[0]]
    return letters([place for place, source in enumerate(order) if source in record.gold])


def letters(places: Sequence[int]) -> str:
    """Return the letters of places among the options, from 0, separated by commas."""
    return ", ".join(LETTERS[place] for place in sorted(places))
