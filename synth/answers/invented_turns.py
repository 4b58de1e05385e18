"""The end of a model's own turn, where an output continues with another question or the user's turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

USER_TURN = re.compile(
    r"<\|im_start\|>\s*(?:user|human|system)\b|<\|start_header_id\|>\s*(?:user|system)\b|<start_of_turn>\s*user\b"
    r"|<\|turn>\s*user\b|<\|(?:user|human|system|prompter)\|>|<\|start\|>\s*user\b|<｜User｜>|\[INST\]"
    r"|<\|start_of_role\|>\s*user\b|<\|START_OF_TURN_TOKEN\|>\s*<\|USER_TOKEN\|>",
)
"""The user's turn in a chat template, which ends the model's."""

END_TOKEN = re.compile(
    r"<\|(?:endoftext|im_end|eot_id|end|end_of_text|eom_id|return)\|>|</s>|<end_of_turn>|<turn\|>|<eos>|<｜end▁of▁sentence｜>"
)
"""The end of the model's turn; it counts only after an answer."""

NEXT_QUESTION = re.compile(
    r"^[^\w\n]{0,8}(?:"
    r"(?:(?:next|new|another|second|follow-?up|bonus|practice|siguiente|otra|prochaine|nachste|proxima|prossima) )?"
    r"(?:question|problem|exercise|case|vignette|example|ejemplo|exemple|beispiel|pregunta|caso|exercice|cas|frage|fall|pergunta|questao|domanda)"
    r"(?: (?:stem|no\.?|number|n[o°]))?(?: ?#? ?\d{1,3})?\W{0,3}(?:[:.)]|\n)"
    r"|(?:q|mcq) ?\d{0,3} ?[:.)]|\d{1,3}[.)] [^\n]{10,400}\?\s*\n|(?:options|choices|opciones|optionen) ?:"
    r"|(?:user|human|student|usuario|utilisateur|benutzer|instructions?|input|prompt|context|passage|abstract|patient)"
    r" ?:"
    r"|(?:instruction|user|human|input|next question|new question)s?\s*\n)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that opens another question or turn; it counts only after an answer."""

ITEM = re.compile(r"^[^\w\n]{0,4}(?P<letter>[A-J])[^\w\s]{1,4} +(?P<text>\S[^\n]*)$", re.MULTILINE)
FEWEST_ITEMS = 3


def cuts(text: str, is_option: Callable[[str], bool]) -> Iterator[tuple[int, bool]]:
    """Yield where another turn may begin, from left to right, and whether this counts only after an answer.

    ``is_option`` recognises the text of an option of this question: a list of others belongs to a next question.
    """
    positions = [(mark.start(), False) for mark in USER_TURN.finditer(text)]
    positions += [(mark.start(), True) for mark in (*NEXT_QUESTION.finditer(text), *END_TOKEN.finditer(text))]
    positions += [(at, True) for at in _other_lists(text, is_option)]
    yield from sorted(positions)


def _other_lists(text: str, is_option: Callable[[str], bool]) -> Iterator[int]:
    """Yield where the paragraph before a lettered list begins, if it contains a question and lists other options."""
    items = list(ITEM.finditer(text))
    for place, item in enumerate(items):
        listed = [item]
        for following in items[place + 1 :]:
            between = text[listed[-1].end() : following.start()].strip()
            if between or ord(following["letter"]) != ord(listed[-1]["letter"]) + 1:
                break
            listed.append(following)
        if item["letter"] != "A" or len(listed) < FEWEST_ITEMS or any(is_option(one["text"]) for one in listed):
            continue
        before = text[: item.start()].rstrip()
        start = before.rfind("\n\n") + 2 if "\n\n" in before else before.rfind("\n") + 1
        if "?" in before[start:] or before.endswith(":"):
            yield start
