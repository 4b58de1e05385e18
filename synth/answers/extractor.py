"""The answer of a model's output, for synthesis and for evaluation.

The last explicit answer counts. An unreadable output is ``unparsed`` with the reason, never guessed. The rules combine
the patterns of simple-evals, inspect_ai and lm-eval's ``multi_choice_regex`` with those of prose in four languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sources.shapes.row_shapes import LETTERS
from synth.answers.answer_phrases import ANSWER_NOUNS, Words
from synth.answers.explicit_answers import FoundAnswer, cues_of, in_list, item_at, last_explicit, listed, revised
from synth.answers.implicit_answers import final_implicit_answer, implicit_answer, judged_options, only_named
from synth.answers.invented_turns import cuts
from synth.answers.model_output import BREAK, AnswerText, answer_text, fold, plain
from synth.answers.option_reading import (
    DECISIONS,
    OptionPatterns,
    Reading,
    begins_another,
    is_decision,
    named,
    option_patterns,
    own_text,
    read,
)
from synth.teachers.thinking import after_thought

Outcome = Literal["parsed", "unparsed", "ambiguous"]

FALLBACKS = (
    *("alone", "headed", "judged", "leading", "held", "named", "closing", "it"),
    *("pointed", "fitting"),
)
"""Forms that are not explicit, in the order in which they are tried; each is counted under its own name."""

LINE_BREAK = re.compile(r"<br ?/?>\n?", re.IGNORECASE)
LINE = re.compile(r"^.*$", re.MULTILINE)

GLOSS = re.compile(r"^ ?\([^()\n]*\)")
"""Brackets after an option's text: an abbreviation, a synonym."""

NOT_OTHERS = re.compile(r"^(?:, (?:and )?(?:not|nicht|no|pas)|,? (?:rather than|instead of))\b[^.\n]{1,40}")
"""Words that reject other options after an answer: "C, not B", "C rather than B"."""

NOUNS = "option|choice|answer|letter|opcion|respuesta|reponse|antwort"
HEADING = re.compile(r"[^\w\n]*[^\W\d_][\w'-]*(?: [\w'-]+){0,2} ?[:=→] ?")

LABEL_BEFORE = re.compile(rf"\b(?:{NOUNS}) ?[(\[⟦]?(\w)[)\]⟧]? ?[:=→] ?\Z")
"""A heading that ends in the letter of an option: "Option C: "."""

ITEM_BEFORE = re.compile(r"(?:\A|\n|[!?] )[^\w\n]*(?P<letter>\w)[\])]?\. $")
"""The letter of an item, before a text like a sentence of its own: "D. All are correct."."""

CLAIMED_BEFORE = re.compile(r"\w [\[(]?[a-j][\])]?\. $")
"""A letter that ends a sentence of its own before an option's text: "The incorrect answer is D. Gout."."""

MORE_THAN_ONE = 2

MOST_FAREWELLS = 5
"""Most sentences of a farewell to the reader; a text with more of them repeats itself."""

REMARK = re.compile(r"[:(]|. ?[:(\[]| ?.? [-–—=] ?")

SHORT = 80
"""Characters of a text that is parsed in every language, since it has too few words to determine its own."""

JUDGES = re.compile(
    r"\b(?:most|best|correct|right|next|first|likely|appropriate|preferred|choice|answer|indicated|recommended|true|advised"
    r"|needed|given|used)\b"
)
"""Words of a sentence that chooses an option instead of describing it."""

BASED_ON = re.compile(r"based on [^,.\n]{1,80}, ")
NUMBER_BEFORE = re.compile(r"\d{1,2}[.)] +(?=\D)")

NEXT = 80
"""Characters after a leading answer in which it may be called wrong."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer of an output.

    ``positions`` are indices of the options in the prompt's order, ``letters`` their labels if any,
    ``decision`` is yes, no or maybe for such a question. ``how`` names form and content, such as ``line:letter`` or
    ``alone:text``, or the reason why there is no answer. ``ambiguous`` is an output with several options where one is
    right, or a letter with another option's text. ``line`` is the line of the output, from 0, with the answer.
    """

    outcome: Outcome
    how: str
    positions: tuple[int, ...] = ()
    letters: tuple[str, ...] = ()
    decision: str | None = None
    line: int | None = None

    @property
    def explicit(self) -> bool:
        """Whether the output calls this its answer."""
        return self.outcome == "parsed" and self.how.partition(":")[0] not in FALLBACKS


def extract(
    output: str,
    options: Sequence[str] = DECISIONS,
    lang: str = "en",
    *,
    labels: Sequence[str] | None = None,
    several: bool = False,
) -> Verdict:
    """Return the answer of ``output`` to a question with ``options`` in this order.

    ``labels`` are the letters of the options in the prompt: by default A, B, C…, and none for yes, no and maybe. With
    ``several`` any number of options may be right. ``ValueError`` where labels and options do not fit each other.
    """
    question = _patterns(options, labels, lang, several)
    text = answer_text(_own_turn(question, output, lang))
    if text is None:
        return Verdict(outcome="unparsed", how="open_thought")
    if not text.folded.strip():
        return Verdict(outcome="unparsed", how="empty")
    text = _without_farewell(question, text, lang)
    answer = last_explicit(question, text, lang)
    for other in _other_languages(text, lang) if answer is None else ():
        foreign = _patterns(options, labels, other, several)
        if answer := _plainly(foreign, text, other):
            question, lang = foreign, other
            break
    answer = answer or _fallback(question, text, lang)
    answer = (revised(question, text, answer) or answer) if answer else None
    if answer and _retracted(question, text, answer, lang):
        later = _distinct(question, text, answer.end)
        if later is None:
            return Verdict(outcome="unparsed", how="retracted", line=text.line(answer.offset))
        answer = later
    return _verdict(question, options, text, answer)


def _other_languages(text: AnswerText, lang: str) -> Iterator[str]:
    """Yield the languages in which a model may have answered instead: all for a short text, or by their words."""
    short = len(text.folded.strip()) <= SHORT
    for other, nouns in ANSWER_NOUNS.items():
        if other != lang and (short or re.search(rf"\b(?:{nouns})\b", text.folded)):
            yield other


def _plainly(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return an answer in the forms that no other language is mistaken for."""
    return (
        last_explicit(question, text, lang)
        or _alone(question, text)
        or implicit_answer(question, text, lang, "held")
        or implicit_answer(question, text, lang, "it")
    )


def own_turn(
    output: str,
    options: Sequence[str] = DECISIONS,
    lang: str = "en",
    *,
    several: bool = False,
) -> str:
    """Return ``output`` up to the beginning of another turn or an invented question after its answer."""
    return _own_turn(_patterns(options, None, lang, several), output, lang)


def _patterns(options: Sequence[str], labels: Sequence[str] | None, lang: str, several: bool) -> OptionPatterns:
    if labels is None:
        labels = () if is_decision(options) else LETTERS[: len(options)]
    return option_patterns(tuple(options), tuple(labels), lang, several)


def _own_turn(question: OptionPatterns, output: str, lang: str) -> str:
    output = LINE_BREAK.sub("\n", output)
    start = after_thought(output) or 0
    body = output[start:]
    for at, after_answer in cuts(body, lambda text: bool(question.text.match(fold(plain(text)).lstrip()))):
        before = answer_text(body[:at])
        if before is None or not before.folded.strip():
            continue
        if after_answer:
            answer = last_explicit(question, before, lang) or _alone(question, before)
            if answer is None or answer.reading is None:
                continue
        return output[: start + at].rstrip()
    return output


def _verdict(question: OptionPatterns, options: Sequence[str], text: AnswerText, answer: FoundAnswer | None) -> Verdict:
    if answer is None:
        return Verdict(outcome="unparsed", how="no_answer")
    line = text.line(answer.offset)
    reading = answer.reading
    if reading is None or reading.fault in ("hedged", "not_shown", "negated"):
        return Verdict(outcome="unparsed", how=reading.fault or "" if reading else "unreadable", line=line)
    if reading.fault or _labelled_otherwise(question, text, reading):
        return Verdict(outcome="ambiguous", how=reading.fault or "contradicts", line=line)
    return Verdict(
        outcome="parsed",
        how=f"{answer.form}:{reading.matched_by}",
        positions=reading.positions,
        letters=tuple(question.labels[position] for position in reading.positions) if question.labels else (),
        decision=fold(options[reading.positions[0]]).strip(" .") if question.decision else None,
        line=line,
    )


def _labelled_otherwise(question: OptionPatterns, text: AnswerText, reading: Reading) -> bool:
    """Return whether an option's text follows the letter of another one: "Final choice C: " before the text of D."""
    label = LABEL_BEFORE.search(text.folded, text.folded.rfind("\n", 0, reading.start) + 1, reading.start)
    letter = label[1].upper() if label else None
    if reading.matched_by != "text" or letter not in question.labels:
        return False
    return question.labels.index(letter) not in reading.positions


def _retracted(question: OptionPatterns, text: AnswerText, answer: FoundAnswer, lang: str) -> bool:
    """Return whether later words take the answer back; words of an option's text do not count."""
    after = text.folded[answer.end :]
    for option in question.texts_within(after):
        after = after[: option.start()] + "x" * len(option[0]) + after[option.end() :]
    return bool(cues_of(lang).retract.search(after))


def _without_farewell(question: OptionPatterns, text: AnswerText, lang: str) -> AnswerText:
    """Return the text without last sentences that only say goodbye to the reader and name no option."""
    for _ in range(MOST_FAREWELLS):
        start, stop = text.last_sentence()
        farewell = cues_of(lang).farewell.match(text.folded, start, stop)
        if not start or not farewell or named(question, text, farewell.end(), stop):
            break
        text = replace(text, cased=text.cased[:start], folded=text.folded[:start])
    return text


# --- where nothing says "the answer is" --------------------------------------------------------------------------


def _fallback(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return the first fallback that reads: a line or list that answers, a start, a remark, a conclusion, any line."""
    return (
        _alone(question, text)
        or _headed(question, text)
        or implicit_answer(question, text, lang, "headed")
        or judged_options(question, text)
        or _leading(question, text, lang)
        or implicit_answer(question, text, lang, "held")
        or only_named(question, text, lang)
        or _conclusion(question, text)
        or implicit_answer(question, text, lang, "it")
        or final_implicit_answer(question, text, lang)
        or _distinct(question, text)
        or _contradicting(question, text)
    )


def _alone(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the answer of a last or first line that is nothing else; two that differ are ambiguous."""
    if question.several and (several := _alone_list(question, text)):
        return several
    start = len(text.folded) - len(text.folded.lstrip())
    if "\n" not in text.folded.strip() and (number := NUMBER_BEFORE.match(text.folded, start)):
        start = number.end()
    first = _whole_line(question, text, start, text.line_end(start))
    stop = len(text.folded.rstrip())
    last = _whole_line(question, text, text.folded.rfind("\n", 0, stop) + 1, stop)
    if first and last and first.reading and last.reading and first.reading.positions != last.reading.positions:
        return replace(last, reading=replace(last.reading, positions=(), fault="several"))
    return last or first


def _alone_list(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the answers of a text that is a list of some of the options and nothing else."""
    start = len(text.folded) - len(text.folded.lstrip())
    first = item_at(question, text, start)
    every = listed(question, text, first) if first else None
    if every is None or every.fault or len(every.positions) < MORE_THAN_ONE or text.folded[every.end :].strip(" .\n"):
        return None
    return FoundAnswer(form="alone", offset=every.start, reading=every)


def _distinct(question: OptionPatterns, text: AnswerText, after: int = 0) -> FoundAnswer | None:
    """Return the answer of a line with nothing else, anywhere after a place.

    Neighbouring lines with different answers list the options and are ignored; all others must agree.
    """
    lines = [_whole_line(question, text, *line.span()) for line in LINE.finditer(text.folded, after)]
    answers = [
        answer
        for above, answer, below in zip([None, *lines], lines, [*lines[1:], None], strict=False)
        if answer
        and {_positions(answer)} >= {_positions(neighbour) for neighbour in (above, below) if neighbour}
        and not _between_items(question, text, answer)
    ]
    return answers[-1] if len(set(map(_positions, answers))) == 1 else None


def _between_items(question: OptionPatterns, text: AnswerText, answer: FoundAnswer) -> bool:
    """Return whether the line above or below a lone answer begins with another option, in any shape."""
    start = text.folded.rfind("\n", 0, answer.offset) + 1
    above = text.folded[: max(0, start - 1)].rstrip()
    places = (above.rfind("\n") + 1, text.line_end(answer.offset) + 1)
    others = [item_at(question, text, place) for place in places if place < len(text.folded)]
    return any(other and other.positions != _positions(answer) for other in others)


def _positions(answer: FoundAnswer) -> tuple[int, ...]:
    return answer.reading.positions if answer.reading else ()


def _whole_line(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> FoundAnswer | None:
    reading = read(question, text, start, stop)
    if reading is None or reading.fault or in_list(question, text, text.folded.rfind("\n", 0, start) + 1):
        return None
    rest = GLOSS.sub("", NOT_OTHERS.sub("", text.folded[reading.end : stop]))
    if rest.strip(" .!)") or (
        len(rest) < stop - reading.end
        and not NOT_OTHERS.match(text.folded[reading.end : stop])
        and named(question, text, reading.end, stop) - set(reading.positions)
    ):
        return None
    if text.folded[start:stop].rstrip().endswith(":"):
        return None
    return FoundAnswer(form="alone", offset=reading.start, reading=reading)


def _contradicting(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the letter with another option's text that fills a last or first line of its own: "C. Tongue"."""
    stop = len(text.folded.rstrip())
    start = len(text.folded) - len(text.folded.lstrip())
    for line_start, line_stop in ((text.folded.rfind("\n", 0, stop) + 1, stop), (start, text.line_end(start))):
        reading = read(question, text, line_start, line_stop)
        if (
            reading
            and reading.fault == "contradicts"
            and not text.folded[reading.end : line_stop].strip(" .!)")
            and not in_list(question, text, line_start)
        ):
            return FoundAnswer(form="alone", offset=reading.start, reading=reading)
    return None


def _headed(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the answer that fills a last line after a heading of few words, such as "Conclusion: B".

    Any heading counts unless it rejects the answer; the last line of a list has similar lines above.
    """
    stop = len(text.folded.rstrip())
    start = text.folded.rfind("\n", 0, stop) + 1
    heading = HEADING.match(text.folded, start, stop)
    own = question.words
    turned_down = rf"\b(?:{own.wrong}|{own.not_}|{own.others}|{own.less}|{own.shunned}|{own.unsure}|{own.qualified})\b"
    if not heading or re.search(turned_down, heading[0]):
        return None
    above = text.folded[text.folded.rfind("\n", 0, max(0, start - 1)) + 1 : max(0, start - 1)]
    heading_above = HEADING.match(above)
    listed = heading_above and not re.search(turned_down, heading_above[0])
    answer = None if listed else _whole_line(question, text, heading.end(), stop)
    if answer is None or not answer.reading or (answer.reading.matched_by == "text" and not _decides(own, heading[0])):
        return None
    return replace(answer, form="headed")


def _decides(own: Words, heading: str) -> bool:
    """Return whether a heading is one of answers; under others, such as "Allergies", options are only mentioned."""
    return bool(re.search(rf"\b(?:{own.verdict}|{own.so}|{own.subject}|{NOUNS})", heading))


def _leading(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return the answer with which a text begins ("B. Naproxen, because…"), or with which it answers its one question.

    It does not count if others begin lines in the same way, if it begins a sentence of its own, or is rejected.
    """
    start = _after_question(text)
    begins = re.findall(r"^[^\w\n]*(\w)[.):]|[ (\[]([A-J])[.):\]](?=\s)", text.cased, re.MULTILINE)
    if len(set(begins)) > 1:
        return None
    reading = read(question, text, start, len(text.folded))
    if reading is None or reading.fault or reading.start > start + 3:
        return None
    rest = text.folded[reading.end : reading.end + NEXT]
    parted = cues_of(lang).parted if reading.matched_by == "text" else cues_of(lang).clause_end
    # An option's text before a colon, a dash or a bracket heads a remark on it.
    if rest.strip() == ":" or (reading.matched_by == "text" and REMARK.match(text.folded, reading.end - 1)):
        return None
    if in_list(question, text, text.folded.rfind("\n", 0, start) + 1) or begins_another(question, text, reading):
        return None
    if _defines(question, text, reading) or _names_another(question, text, reading):
        return None
    ended = text.folded[reading.end - 1] in ".:)]" or parted.match(rest)
    if not ended or re.search(rf"\b(?:{question.words.wrong})\b", BREAK.split(rest)[0]):
        return None
    return FoundAnswer(form="leading", offset=reading.start, reading=reading)


def _names_another(question: OptionPatterns, text: AnswerText, reading: Reading) -> bool:
    """Return whether the line of a leading letter is closed by another option's text: "C. ECHB (Naproxen)"."""
    line = text.folded[reading.end : text.line_end(reading.end)].rstrip(" .)]")
    if reading.matched_by != "letter" or len(line) > NEXT:
        return False
    last = next((option for option in question.texts_within(line) if option.end() == len(line)), None)
    return last is not None and not named(question, text, reading.end, text.line_end(reading.end)) <= set(
        reading.positions
    )


def _defines(question: OptionPatterns, text: AnswerText, reading: Reading) -> bool:
    """Return whether a letter and its text open a sentence about that option: "A. Gout is a disease of joints"."""
    own = own_text(question, text, reading.end, len(text.folded))
    if own is None or reading.matched_by != "letter":
        return False
    definition = re.compile(r"\s+(?:is|are|was|were|refers?|means|occurs?|describes?|has|have)\b[^.\n]*").match(
        text.folded, own.end()
    )
    # A reply of one sentence is an answer.
    alone = not text.folded[definition.end() if definition else 0 :].strip(" .\n")
    return definition is not None and not alone and not JUDGES.search(definition[0])


def _after_question(text: AnswerText) -> int:
    """Return where the text begins after "Based on …,", or after its first sentence where that is a question."""
    start = len(text.folded) - len(text.folded.lstrip())
    if based := BASED_ON.match(text.folded, start):
        return based.end()
    mark = text.folded.find("?")
    if mark < 0 or text.folded.count("?") > 1 or text.sentence(start)[1] != mark + 1:
        return start
    return mark + 2


def _ending(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> FoundAnswer | None:
    """Return the answer that a last sentence ends with after a mark: "… => B", "… (option B)", "…, that is, gout".

    It is none where the sentence denies or leaves open anything, or names another option before.
    """
    own = question.words
    marks = r", (?=\w+\W*$)|" if question.decision else ""
    marks += rf"[,(;:–—] ?(?:{NOUNS})\b|[=-]>|→|=|\((?=\w\))|[:;–—](?= )|\b(?:{own.so}|{own.namely})(?=[ ,])"
    doubted = rf"\b(?:{own.not_}|{own.if_}|{own.qualified}|{own.wrong}|{own.or_}|{own.others}|{own.shunned})\b|n'"
    for end in re.finditer(marks, text.folded[start:stop]):
        before = text.folded[start : start + end.start()]
        answer = _whole_line(question, text, start + end.end(), stop)
        if (
            answer is None
            or _heads(text, start, start + end.start())
            or (re.search(doubted, before) and not question.decision)
        ):
            continue
        others = named(question, text, start, start + end.start()) - set(_positions(answer))
        return None if others else replace(answer, form="closing")
    return None


def _heads(text: AnswerText, start: int, stop: int) -> bool:
    """Return whether the span is a heading before a colon; answers under headings are read elsewhere."""
    heading = HEADING.match(text.folded, start)
    return heading is not None and heading.end() in (stop + 1, stop + 2) and text.folded[stop] == ":"


def _conclusion(question: OptionPatterns, text: AnswerText) -> FoundAnswer | None:
    """Return the conclusion of a last sentence: an answer ("Hence, B."), or the one option that it names."""
    start, stop = text.sentence(len(text.folded.rstrip()) - 1)
    lettered = ITEM_BEFORE.search(text.folded, max(0, start - 8), start)
    start = lettered.start("letter") if lettered else start
    last = _whole_line(question, text, start, stop)
    claimed = not lettered and CLAIMED_BEFORE.search(text.folded, max(0, start - 8), start)
    if claimed and last and last.reading and last.reading.matched_by == "text":
        return None
    # A text that is cut off may end in an option's name, as the subject of a sentence that never came.
    if last and last.reading and (last.reading.matched_by != "text" or text.folded[stop - 1] in ".!)"):
        return replace(last, form="closing")
    if ending := _ending(question, text, start, stop):
        return ending
    concludes = re.compile(rf"\W*(?:{question.words.so})\b").match(text.folded, start, stop)
    if not concludes:
        return None
    conclusion = _whole_line(question, text, concludes.end(), stop)
    return replace(conclusion, form="closing") if conclusion else None
