"""Assignment of the names in one row to people, so that every person has one number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from quality.privacy.name_form import plain

NUMBERED = re.compile(r"\[NAME(?:-(\d+))?\]")
"""The placeholder of a name, with its person's number where a row has several."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def placeholders(names: Sequence[str], texts: Iterable[str | None]) -> list[str]:
    """Return the placeholder of each name, in reading order: ``[NAME]`` for one person, ``[NAME-1]`` on for several.

    ``texts`` are all texts of the row: people who already have a placeholder there keep their number.
    """
    known = max((int(mask[1] or 1) for text in texts if text for mask in NUMBERED.finditer(text)), default=0)
    numbers = number_people(names)
    if not known and max(numbers, default=0) <= 1:
        return ["[NAME]"] * len(names)
    return [f"[NAME-{known + number}]" for number in numbers]


def number_people(names: Sequence[str]) -> list[int]:
    """Return the person of each name, counted from 1 in order: "Ms. Ruiz" and "Ana Ruiz" are one, "Ana Gil" another.

    A name that fits several people belongs to the one named last.
    """
    people: list[set[str]] = []
    last: list[int] = []
    numbers: list[int] = []
    for name in names:
        words = {plain(word) for word in _WORD.findall(name)}
        fitting = [person for person, known in enumerate(people) if _same(words, known)]
        person = max(fitting, key=last.__getitem__, default=len(people))
        if person == len(people):
            people.append(set())
            last.append(0)
        people[person] |= words
        last[person] = len(numbers)
        numbers.append(person + 1)
    return numbers


def _same(words: set[str], known: set[str]) -> bool:
    """Return whether two sets of words can be one name: one contains the words of the other, and initials fit."""
    fewer, more = sorted((words, known), key=lambda name: sum(len(word) > 1 for word in name))
    full_words = {word for word in fewer if len(word) > 1}
    initials = {word for word in fewer if len(word) == 1}
    return full_words <= more and all(any(word.startswith(letter) for word in more - full_words) for letter in initials)
