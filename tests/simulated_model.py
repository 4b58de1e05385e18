"""A simulated model of multiple-choice questions, with known accuracy and preference for a letter."""

import re
from dataclasses import dataclass, field
from random import Random

from rows import row

from synth.teachers.candidates import Author
from synth.teachers.teacher import Completion

AUTHOR = Author(name="simulated", revision="1")
OPTION = re.compile(r"^([A-J])\. (.*)$", re.MULTILINE)
GOLD = "gold"


def question(number, options=4, gold=0, **fields):
    """Return a question whose gold option alone contains the word that the simulated model looks for."""
    names = [f"{GOLD if place == gold else f'other{place}'} {number}" for place in range(options)]
    return row(f"quiz:{number}", f"Question number {number}?", options=tuple(names), gold=(gold,), **fields)


@dataclass
class SimulatedModel:
    """Answers A with probability ``bias``, else the gold option with ``accuracy``, else any other option."""

    accuracy: float = 1.0
    bias: float = 0.0
    silent: float = 0.0
    asked: list = field(default_factory=list)

    def __call__(self, requests):
        for request in requests:
            self.asked.append(request)
            yield (
                request,
                Completion(
                    text=self.reply(request), finish_reason="stop", prompt_tokens=100, completion_tokens=10, seconds=0.5
                ),
            )

    def reply(self, request):
        rng = Random(request.key("simulated", "1"))
        shown = OPTION.findall(request.messages[-1].content)
        right = next(letter for letter, text in shown if text.startswith(GOLD))
        others = [letter for letter, _ in shown if letter != right]
        if rng.random() < self.silent:
            return "I would have to think about that."
        if rng.random() < self.bias:
            return "Answer: A"
        return f"Answer: {right if rng.random() < self.accuracy else rng.choice(others)}"
