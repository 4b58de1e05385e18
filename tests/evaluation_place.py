"""A mirror of small benchmarks, written here, and models that answer them by a rule."""

import json

from synth.teachers.teacher import Completion, Failure

LETTERS = "ABCD"


def write_mirror(folder, items=40, gold=lambda number: number * 7 % 4):
    """Write MedMCQA's validation file with questions whose right option is the number they ask for."""
    rows = []
    for number in range(items):
        place = gold(number)
        options = [f"value {number * 10 + (other - place) % 4}" for other in range(4)]
        row = {"id": f"q{number}", "question": f"Which value is {number * 10}?", "cop": place + 1, "exp": None}
        row |= dict(zip(("opa", "opb", "opc", "opd"), options, strict=True))
        row |= {"subject_name": ("Anatomy", "Surgery")[number % 2], "topic_name": None, "choice_type": "single"}
        rows.append(row)
    file = folder / "medmcqa" / "data" / "dev.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class RuleTeacher:
    """A model that answers each request by ``rule(request)``: a text, or a completion or failure; it counts calls."""

    license = "MIT"
    revision = "1"

    def __init__(self, rule, name="rule:model", stop_after=None):
        self.rule, self.name, self.stop_after = rule, name, stop_after
        self.asked = []

    def complete(self, requests):
        for request in requests:
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(request)
            reply = self.rule(request)
            if isinstance(reply, str):
                reply = Completion(text=reply, finish_reason="stop", prompt_tokens=10, completion_tokens=5)
            yield request, reply


def oracle(request):
    """Answer with the letter of the option that has the number of the question."""
    text = request.messages[-1].content
    wanted = text.partition("Which value is ")[2].partition("?")[0]
    letter = next(line[0] for line in text.splitlines() if line[1:3] == ". " and line.endswith(f"value {wanted}"))
    return f"The value is {wanted}.\nAnswer: {letter}"


def always(letter):
    return lambda request: f"Answer: {letter}"


def failing(request):
    return Failure(error="the server is on fire", tries=1)
