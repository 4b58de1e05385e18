"""Explicit answers of a text, in the forms that models use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from synth.answers.answer_phrases import Words, words
from synth.answers.model_output import AnswerText
from synth.answers.option_reading import Fault, OptionPatterns, Reading, mention, read

JSON_KEYS = (
    r"(?:final|correct|selected|chosen)_?(?:answers?|choice|option|letter)|answers?(?:_(?:choice|letter|option|idx))?|choice"
    r"|option|letter|decision|final_decision|respuestas?(?:_(?:final|correcta))?|opcion|reponses?(?:_(?:finale|correcte))?"
    r"|choix|(?:end)?antwort(?:en)?|auswahl|losung"
)
JSON_VALUE = re.compile(
    rf"[\"'](?:{JSON_KEYS})[\"']\s*:\s*(?P<value>\[[^\]]*\]?|\"[^\"\n]*\"?|'(?:[^'\n]|(?<=\w)'(?=\w))*'?|[^,{{}}\n]+)"
)
JSON_OBJECT = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*(?:\}|\Z)")
BOX = re.compile(r"⟦(?P<value>[^⟧]*)⟧")
EXPLAINS = re.compile(
    r"(?:^|[.\n] )[^\w\n]{0,4}(?:explanations?|rationale|reason(?:ing|s)?|justification|explicacion|justificacion"
    r"|razonamiento|explication|raisonnement|erklarung|begrundung) ?:",
    re.MULTILINE,
)
NO_DOUBT = re.compile(
    r"\b(?:no|without(?: a)?|sin(?: ninguna)?|sans(?: aucun)?|kein(?:en)?|ohne) (?:doubt|duda|doute|zweifel)\b"
)
TURNED = re.compile(
    r".*\b(?:but|however|yet|pero|sin embargo|mais|cependant|aber|jedoch|doch|mas|porem|ma|tuttavia)\b", re.DOTALL
)
"""Text before a contrast: an opinion of others there does not concern the text after it."""

UNLESS = re.compile(
    r"\W*(?:(?:if|when) (?:he|she|they|(?:the|a) (?:patient|woman|man|child|girl|boy|infant))\b"
    r"|suppose|assum(?:e|ing)|imagine|let(?:'s| us) (?:assume|suppose|say|imagine|pretend)"
    r"|unless|only if|except (?:if|when)|a menos que|sauf si|ausser wenn|salvo)\b"
)
"""A condition or an assumption under which an answer is none."""

SAYS = re.compile(
    r"\b(?!(?:i|we|this|that|which|it|would|can|should|text|passage|question)\b)[\w']+ "
    r"(?:says?|said|thinks?|thought|claim(?:s|ed)|believe[sd]|insist(?:s|ed)|told me|wrote|writes)"
    r"(?: that)?(?: the)?(?= |$)"
)
"""The statement of another person: "my uncle says the answer is B"."""

SENTENCE_END = re.compile(r"[.!?]\s")

OTHERWISE = re.compile(r"[;,]? (?:otherwise|or else)\b")
REASON = re.compile(r", (?:as|because|since|given that) (?:the )?(?:\w+ )?$")
CONCEDED = re.compile(
    r"^\W*(?:although|though|even though|while|whereas|aunque|bien que|quoique|obwohl|embora|sebbene"
    r"|anche se)\b[^,;]*[,;] "
)
"""A concession at the head of a sentence, whose main clause is meant seriously."""
LETTER_BEFORE = re.compile(r"(?<!\w)[\[(]?\w[\])]?\. $")
GAP = r"(?:,? (?:[\w'-]+|\"[^\"\n]{1,80}\")){0,8}?,?"
"""Words between "answer" and "is": "the answer to the first question, then, is"; a question in quotes too."""

SENTENCES = ("sentence", "choice")
FORMS = ("line", "json", "boxed", *SENTENCES)
"""The explicit forms; of two that find the same words the first gives its name."""

QUALIFIED_END = re.compile(r"\W+\w+(?:'\w+)?\W*$")
"""The verb at the end of a cue, before an answer."""

CONDITIONAL = re.compile(r"\b(?:would|wurde|\w+ria|\w+rais)\b|'d\b")
OBLIGED = re.compile(r"\b(?:had|have|forced|must|tuviera|tengo|devais|dois|fallait|musste|muss)\b")
"""Phrases such as "if I had to choose, I would", which give an answer all the same."""

ENUMERATES = re.compile(
    r"\b(?:(?:the|these|those|each|all|every|possible|given|following|four|five|other|remaining|available) )"
    r"(?:of the )?(?:possible |given |following |four |five |other |remaining )?(?:answer )?"
    r"(?:choices?|options?|answers)\W*$"
    r"|^\W*(?:answer )?(?:choices|options)\W*$|\banswer (?:choices|options)\W*$"
    r"|\b(?:answer (?:choices|options)|each answer|answers? one by one)\b[^.!?\n]*\W*$",
)
"""A heading of a list that discusses the options, "Let's evaluate the answer choices:"."""

RIGHTLY = re.compile(r"\b(?:correct|right|best|final|true|appropriate)\b")

REVISED = re.compile(
    r"(?:(?:^|(?<=[.!?…—–-])|(?<=[.!?…,;:—–-] ))[^\w\n]*(?:(?:sorry|no|wait|actually|correction|scratch that|hmm|rather"
    r"|oops|perdon|pardon|nein|non)[,:.!… —–-]+)+(?:(?:it(?:'s| is|'d be| should be| must be)|i mean[ts]?|make that"
    r"|that(?:'s| is| should be)|the (?:correct |right )?answer is|es|c'est|es ist) )?"
    r"|[(\[]? ?\b(?:revised|corrected|amended|updated|changed to)(?: (?:answer|to))? ?:? )",
    re.MULTILINE,
)
"""Words before an answer that replaces an earlier one."""

REVISION_END = re.compile(r"\s*[.!)\]]*\s*(?:$|\n)|[.!)](?= )|,? (?:because|since|not|as)\b")

TAKEN_BACK = re.compile(
    r"[,;]? ?(?:which|that|but (?:that|this|it|which)|and (?:that|this|it)|(?:pero|mais|aber|mas|ma) (?:eso|esto|cela"
    r"|das|isso|questo)|que|lo que|lo cual|qui|ce qui|was|o que|che)(?: |')(?:(?:is|was|would be|es|est|ist|e) )?"
    r"(?:\w+ ){0,2}?(?:"
    r"(?:not|n't|pas|nicht|no es|nao e|non e|no|isn't|wasn't)(?: (?:a|an|the|la|le|die|es|est|e|ist))*"
    r" (?:correct|right|best|true|accurate|proper|answer|correct[aoe]|bonne|richtig|korrekt|cert[ao]|corrett[ao])"
    r"|(?:wrong|incorrect|false|incorrect[aoe]|fausse|falsch|errad[ao]|sbagliat[ao])\b(?! (?:in|if|for|to)\b))"
)
"""A clause that takes an answer back in the same breath: "the answer is A, which is not correct"."""

ITEM = re.compile(r"[^\w\n]*(?:\d{1,2}[.)] +)?(?:(?:option|choice|opcion|opcao|opzione|reponse|antwort) )?")
"""Marks before an item of a list."""
MOST_ITEMS = 12
LETTER_ALONE = 3
"""Characters of an item that is a letter and its punctuation."""

NOT_NEXT = re.compile(r" (?:not|no|pas|nicht)\b")

MOST_CUES = 100

NEAR = 30
"""Characters before an answer in which a "not" rejects it: "I do not believe that the answer is"."""


@dataclass(frozen=True, kw_only=True)
class FoundAnswer:
    """One place that states an answer. ``reading`` is None where it is unreadable.

    ``upto`` is the end of the words after an answer that state it; ``also`` is "the answer is also B", ``aside`` an
    answer inside a reason for another one: "it is A, as the answer is B".
    """

    form: str
    offset: int
    reading: Reading | None
    upto: int = 0
    also: bool = False
    aside: bool = False

    @property
    def end(self) -> int:
        """The end of the answer in the text."""
        return max(self.upto, self.reading.end if self.reading else self.offset)


@dataclass(frozen=True, kw_only=True)
class Cues:
    """The patterns of one language for places that may state an answer, and for words that undo it."""

    line: re.Pattern[str]
    sentence: re.Pattern[str]
    choose: re.Pattern[str]
    named: re.Pattern[str]
    held: re.Pattern[str]
    right_is: re.Pattern[str]
    it_is: re.Pattern[str]
    states: re.Pattern[str]
    not_: re.Pattern[str]
    clause: re.Pattern[str]
    if_: re.Pattern[str]
    when: re.Pattern[str]
    would: re.Pattern[str]
    others: re.Pattern[str]
    also: re.Pattern[str]
    points: re.Pattern[str]
    fits: re.Pattern[str]
    clause_end: re.Pattern[str]
    contrast: re.Pattern[str]
    denies: re.Pattern[str]
    unsure: re.Pattern[str]
    retract: re.Pattern[str]
    qualified: re.Pattern[str]
    supposed: re.Pattern[str]
    parted: re.Pattern[str]
    verdict: re.Pattern[str]
    farewell: re.Pattern[str]


@lru_cache
def cues_of(lang: str) -> Cues:
    """Return the patterns of a language, which are those of English too."""
    own = words(lang)
    joint = rf"(?P<not>{own.is_not})|(?P<may>{own.may_be})|(?:{own.is_}|{own.would_be})"
    inverted = rf"\b(?:{own.inverted})(?: \w+)?? (?:die|meine)(?: \w+)? (?:antwort|losung|option)(?P<nicht> nicht)?"
    return Cues(
        line=re.compile(
            rf"^[^\w\n]*(?:{own.head})[^\S\n]*(?:[:=]|[-–—]+>?(?=\s)|→|(?<=ans)\.|(?=\n|\Z))[^\S\n]*", re.MULTILINE
        ),
        sentence=re.compile(rf"\b(?:{own.subject})(?:{GAP} (?:{joint})\b|'s\b|{GAP} ?(?:[:=→]|->))|{inverted}"),
        choose=re.compile(rf"(?:^|\b)(?:{own.choose})\b", re.MULTILINE),
        named=re.compile(rf"(?<= )(?:{own.named})\b"),
        held=re.compile(rf"(?<= )(?:{own.held})\b"),
        right_is=re.compile(rf"(?:^|(?<=[.:;,!] )|(?<=\n))(?:{own.right_is})\b"),
        it_is=re.compile(rf"(?:{own.it_is})(?= )", re.MULTILINE),
        states=re.compile(rf" (?:{own.is_}|known as|called)(?= )"),
        not_=re.compile(rf"\b(?:{own.not_})\b|n't\b|\bn'"),
        clause=re.compile(rf".*(?:[;:(—]|,(?! (?:{own.that})\b)|\b(?:{own.but}|{own.so})\b)", re.DOTALL),
        if_=re.compile(rf"\b(?:{own.if_}|{own.setting})\b"),
        when=re.compile(rf" (?:{own.when})\b"),
        would=re.compile(rf"\b(?:{own.would_be}|ware)\b"),
        others=re.compile(rf"\b(?:{own.others})"),
        also=re.compile(rf"[\s,]*(?:{own.also})\b"),
        retract=re.compile(rf"(?:^|[.!?\n—–-])\s*(?:\w+[,.!]* ){{0,2}}(?:{own.retract})(?!\w|-\w)"),
        qualified=re.compile(rf"\b(?:{own.qualified})\W*$"),
        supposed=re.compile(rf"\W*(?:{own.if_})\b"),
        **_weak(own),
    )


def _weak(own: Words) -> dict[str, re.Pattern[str]]:
    """Return the patterns of implicit answers: what a thing is, what findings point to, what fits."""
    ended = r"\s*$|\s*[\n.:;!)(\]—–]| [-=]"
    return {
        "points": re.compile(rf"(?<![\w-])(?:{own.points})(?=[ :])"),
        "fits": re.compile(rf"(?<=[ )])(?:{own.fits})"),
        "clause_end": re.compile(rf"{ended}|,| (?:(?:{own.and_}) )?not\b| (?:{own.because}|{own.here})\b"),
        "parted": re.compile(rf"{ended}|,? (?:{own.because})\b"),
        "contrast": re.compile(rf"\b(?:{own.contrast})\b"),
        "unsure": re.compile(rf"\b(?:{own.unsure})\b"),
        "verdict": re.compile(
            rf"(?:^|(?<=[.!?] ))[^\w\n]*(?:{own.verdict})(?: is| es| est| ist)? ?[:=→](?= )", re.MULTILINE
        ),
        "farewell": re.compile(rf"\W*(?:{own.farewell})"),
        "denies": re.compile(rf"\b(?:{own.not_}|{own.wrong}|{own.would_be}|{own.less}|{own.shunned})\b|n't\b|\bn'"),
    }


def last_explicit(question: OptionPatterns, text: AnswerText, lang: str) -> FoundAnswer | None:
    """Return the last explicit answer: JSON, a box or tag, an answer line, or a sentence.

    Other fields of a JSON object are not read, since its reasons may mention other answers. Nor are sentences of an
    explanation after an answer.
    """
    answers, spans = _in_json(question, text)
    if spans == [(0, len(text.folded))]:
        return _latest(answers)
    outside_json = _blanked(text, spans)
    answers += _marked(question, outside_json, lang)
    last = _latest([*answers, *_in_sentences(question, outside_json, lang)])
    explains = max((match.start() for match in EXPLAINS.finditer(outside_json.folded)), default=None)
    if last is None or last.form not in SENTENCES or explains is None or explains > last.offset:
        return last
    before = replace(outside_json, cased=outside_json.cased[:explains], folded=outside_json.folded[:explains])
    return _latest(answers + _in_sentences(question, before, lang)) or last


def revised(question: OptionPatterns, text: AnswerText, answer: FoundAnswer) -> FoundAnswer | None:
    """Return the answer by which the one before is replaced: "Sorry, I meant C", "(revised: C)"."""
    for cue in REVISED.finditer(text.folded, answer.end - 1):
        reading = read(question, text, cue.end(), text.line_end(cue.end()))
        if reading and not reading.fault and REVISION_END.match(text.folded, reading.end):
            return FoundAnswer(form="sentence", offset=reading.start, reading=reading)
    return None


def _latest(answers: list[FoundAnswer]) -> FoundAnswer | None:
    return max(answers, key=lambda answer: (answer.offset, -FORMS.index(answer.form)), default=None)


def _marked(question: OptionPatterns, text: AnswerText, lang: str) -> list[FoundAnswer]:
    """Return the last box and the last answer line."""
    box = _last(BOX, text, lambda cue: _boxed(question, text, cue))
    line = _last(cues_of(lang).line, text, lambda cue: _line(question, text, cue))
    return [answer for answer in (box, line) if answer]


def _in_sentences(question: OptionPatterns, text: AnswerText, lang: str) -> list[FoundAnswer]:
    """Return the last sentence of each kind that states or chooses the answer, seriously and in the first person."""
    cues = cues_of(lang)
    candidates = (
        _last(cues.sentence, text, lambda cue: answer_after(question, text, cues, cue, "sentence")),
        _last(cues.right_is, text, lambda cue: answer_after(question, text, cues, cue, "sentence")),
        _last(cues.named, text, lambda cue: answer_before(question, text, cues, cue, "sentence")),
        _last(cues.choose, text, lambda cue: answer_after(question, text, cues, cue, "choice")),
    )
    return [answer for answer in candidates if answer]


def _last(
    pattern: re.Pattern[str], text: AnswerText, answer: Callable[[re.Match[str]], FoundAnswer | None]
) -> FoundAnswer | None:
    """Return the answer of the last cue that states one; "also" adds to the answer before it."""
    answers = (stated for cue in last_cues(pattern, text) if (stated := answer(cue)))
    last = next(answers, None)
    if last is not None and last.aside:
        main = next(answers, last)
        separate = SENTENCE_END.search(text.folded, main.end - 1, last.offset)
        if separate and main.reading and last.reading and main.reading.positions != last.reading.positions:
            return _both(main.reading, last)  # "The answer is A. Others are wrong, as the answer is B."
        last = main
    if last is None or not last.also or last.reading is None:
        return last
    first = next(answers, None)
    if first is None or first.reading is None or first.reading.positions == last.reading.positions:
        return last
    return _both(first.reading, last)


def _both(reading: Reading, last: FoundAnswer) -> FoundAnswer:
    """Return the last answer with the options of an earlier reading added."""
    assert last.reading is not None
    both = tuple(sorted({*reading.positions, *last.reading.positions}))
    return replace(last, reading=replace(last.reading, positions=both, fault="several"))


def last_cues(pattern: re.Pattern[str], text: AnswerText) -> list[re.Match[str]]:
    """Return the last cues, the very last first; a text with more of them repeats itself."""
    return list(pattern.finditer(text.folded))[: -MOST_CUES - 1 : -1]


def _in_json(question: OptionPatterns, text: AnswerText) -> tuple[list[FoundAnswer], list[tuple[int, int]]]:
    """Return the answers of JSON objects and the spans of these objects; the whole text if it is nothing else."""
    answers, spans = [], []
    for document in JSON_OBJECT.finditer(text.folded):
        values = [_value(question, text, value, "json") for value in JSON_VALUE.finditer(text.folded, *document.span())]
        if values:
            answers += values
            spans.append(document.span())
    if len(spans) == 1 and re.fullmatch(r"\s*(?:json)?\s*", text.folded[: spans[0][0]] + text.folded[spans[0][1] :]):
        spans = [(0, len(text.folded))]
    return answers, spans


def _value(question: OptionPatterns, text: AnswerText, value: re.Match[str], form: str) -> FoundAnswer:
    """Return the answer of a value that must contain nothing else."""
    start, stop = value.span("value")
    reading = read(question, text, start, stop, numbers=True)
    return FoundAnswer(form=form, offset=reading.start if reading else start, reading=reading)


def _blanked(text: AnswerText, spans: list[tuple[int, int]]) -> AnswerText:
    cased, folded = text.cased, text.folded
    for start, stop in spans:
        blank = re.sub(r"[^\n]", " ", folded[start:stop])
        cased, folded = cased[:start] + blank + cased[stop:], folded[:start] + blank + folded[stop:]
    return AnswerText(cased=cased, folded=folded, skipped=text.skipped)


def _boxed(question: OptionPatterns, text: AnswerText, box: re.Match[str]) -> FoundAnswer | None:
    """Return the answer of a box; boxes without one contain steps of a calculation."""
    answer = _value(question, text, box, "boxed")
    return answer if answer.reading else None


def _line(question: OptionPatterns, text: AnswerText, cue: re.Match[str]) -> FoundAnswer | None:
    """Return the answer of an answer line, "Answer: B"; an unreadable line has an unreadable answer."""
    start, stop = _content(text, cue.end())
    reading = read(question, text, start, stop, numbers=True)
    if reading and (_is_question(text, reading.end) or TAKEN_BACK.match(text.folded, reading.end)):
        return None
    if reading and start > cue.end():
        reading = listed(question, text, reading)
    headed = text.folded[cue.end() - 1 : cue.end()] not in ":=" and start > cue.end()
    return (
        FoundAnswer(form="line", offset=reading.start if reading else start, reading=reading)
        if reading or not headed
        else None
    )


def _is_question(text: AnswerText, end: int) -> bool:
    """Return whether a question mark follows at ``end``."""
    return text.folded[end : end + 2].lstrip(" ").startswith("?")


def listed(question: OptionPatterns, text: AnswerText, first: Reading) -> Reading:
    """Return all options of a list that ``first`` begins, one an item, with a remark after each or not.

    Where one option is right, or where all are listed, such a list is no answer.
    """
    positions, end = set(first.positions), text.line_end(first.end)
    at, end_of_answer = end, first.end
    for _ in range(MOST_ITEMS):
        start = _next_line(text, at)
        if start is None:
            break
        following = item_at(question, text, start)
        if following is None or following.fault:
            break
        positions |= set(following.positions)
        at, end_of_answer = text.line_end(following.end), following.end
    if positions == set(first.positions):
        return first
    every = len(positions) == max(len(question.labels), len(set(question.by_text.values())))
    fault: Fault | None = "several" if every or not question.several else first.fault
    return replace(first, positions=tuple(sorted(positions)), end=end_of_answer, fault=fault)


def item_at(question: OptionPatterns, text: AnswerText, start: int) -> Reading | None:
    """Return the option that the line at ``start`` begins with, as an item of a list does: "- B. …", "(B) …"."""
    item = ITEM.match(text.folded, start)
    begins = item.end() if item else start
    reading = read(question, text, begins, text.line_end(start))
    if reading is None or len(reading.positions) != 1 or reading.start > begins + 2:
        return None
    if reading.matched_by == "letter" and text.folded[reading.start + 1 : reading.start + 2] not in ("", *".):]-\n"):
        return None
    return reading


def in_list(question: OptionPatterns, text: AnswerText, start: int) -> bool:
    """Return whether the line at ``start`` is an item of a list, with another option on a neighbouring line."""
    own = item_at(question, text, start)
    if own is None:
        return False
    before = len(text.folded[:start].rstrip())
    places = [_next_line(text, text.line_end(start))]
    places.append(text.folded.rfind("\n", 0, before) + 1 if before else None)
    others = [item_at(question, text, place) for place in places if place is not None]
    return any(other and other.positions != own.positions and _same_shape(text, own, other) for other in others)


def _same_shape(text: AnswerText, one: Reading, other: Reading) -> bool:
    """Return whether two items have one shape: a letter alone, a letter with more after it, or a text."""
    alone = [
        item.end - item.start <= LETTER_ALONE and not text.folded[item.end : text.line_end(item.end)].strip(" .)]")
        for item in (one, other)
    ]
    return one.matched_by == other.matched_by and (
        alone[0] == alone[1] or _follows(text, one, other) or _follows(text, other, one)
    )


def _follows(text: AnswerText, one: Reading, other: Reading) -> bool:
    """Return whether the next line is the next item of a list by its letter, no blank line between."""
    between = text.folded[text.line_end(one.end) : max(other.start, 0)]
    return one.matched_by == "letter" and other.positions == (one.positions[0] + 1,) and between.count("\n") == 1


def _next_line(text: AnswerText, at: int) -> int | None:
    """Return where the next line that is not blank starts."""
    line_break = re.compile(r"\s*\n[^\S\n]*(?=\S)").match(text.folded, at)
    return line_break.end() if line_break else None


def _content(text: AnswerText, at: int) -> tuple[int, int]:
    """Return the span of the content of an answer line: on the line, or else on the next that is not empty."""
    blank = re.compile(r"[\s]*\n[^\w\n]*(?:\d{1,2}[.)] +)?(?=\S)|\s*").match(text.folded, at)
    start = blank.end() if blank and "\n" in blank[0] else at
    return start, text.line_end(start)


def answer_after(
    question: OptionPatterns, text: AnswerText, cues: Cues, cue: re.Match[str], form: str
) -> FoundAnswer | None:
    """Return the answer of a sentence in which it follows ``cue``."""
    groups = cue.groupdict()
    if groups.get("may") or not _asserted(text, cues, cue.start(), cue[0]):
        return None
    start, stop = cue.end(), text.line_end(cue.end())
    also = cues.also.match(text.folded, start, stop)
    start = also.end() if also else start
    if not text.folded[start:stop].strip(" :"):
        start, stop = _content(text, stop)
    reading = read(question, text, start, stop, numbers=form in SENTENCES)
    if groups.get("not") or groups.get("nicht"):
        reading = _instead(question, text, start, stop)
    if reading is None or reading.fault == "negated" or _is_question(text, reading.end):
        return None
    if "\n" in text.folded[cue.end() : start]:
        if _introduces_options(text, cue, start):
            return None
        reading = listed(question, text, reading)
    if _qualified_after(question, text, cues, reading, stop):
        return None
    aside = bool(REASON.search(text.folded[max(0, cue.start() - NEAR) : cue.start()]))
    return FoundAnswer(form=form, offset=reading.start, reading=reading, also=bool(also), aside=aside)


def _introduces_options(text: AnswerText, cue: re.Match[str], start: int) -> bool:
    """Return whether the heading before ``start`` introduces a list of all options and no answer."""
    heading = text.folded[text.sentence(cue.start())[0] : start]
    return bool(ENUMERATES.search(heading)) and not RIGHTLY.search(cue[0])


def _qualified_after(question: OptionPatterns, text: AnswerText, cues: Cues, reading: Reading, stop: int) -> bool:
    """Return whether later words take an answer back, set a condition or deny its verb."""
    return bool(
        TAKEN_BACK.match(text.folded, reading.end)
        or cues.when.match(text.folded, reading.end)
        or OTHERWISE.match(text.folded, reading.end)
        or _denied_after(question, text, reading, stop)
    )


def _denied_after(question: OptionPatterns, text: AnswerText, reading: Reading, stop: int) -> bool:
    """Return whether a "not" follows that denies the verb and no other option: "ich wurde B nicht wahlen"."""
    denied = NOT_NEXT.match(text.folded, reading.end, stop)
    return bool(denied) and read(question, text, denied.end() if denied else stop, stop) is None


def _instead(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> Reading | None:
    """Return the second option of "is not A but B"."""
    turn = re.compile(rf"\b(?:{question.words.but})\b").search(text.folded, start, stop)
    return read(question, text, turn.end(), stop) if turn else None


def answer_before(
    question: OptionPatterns, text: AnswerText, cues: Cues, cue: re.Match[str], form: str
) -> FoundAnswer | None:
    """Return the answer of a sentence in which it precedes ``cue``."""
    start, stop = text.sentence(cue.start())
    lettered = LETTER_BEFORE.search(text.folded, max(0, start - 5), start)
    reading = mention(question, text, lettered.start() if lettered else start, cue.start())
    if reading is None or text.folded[cue.end() : stop + 1].rstrip(" ").endswith("?"):
        return None
    if NOT_NEXT.match(text.folded, cue.end()) or cues.when.match(text.folded, cue.end()):
        return None
    if not _asserted(text, cues, reading.start, cue[0]):
        return None
    return FoundAnswer(form=form, offset=reading.start, reading=reading)


def _asserted(text: AnswerText, cues: Cues, at: int, cue: str) -> bool:
    """Return whether an answer at ``at`` is asserted, not denied, supposed or attributed to others."""
    start, stop = text.sentence(at)
    before = CONCEDED.sub("", NO_DOUBT.sub("", text.folded[start:at]))
    clause = cues.clause.sub("", before)[-NEAR:]
    if cues.not_.search(clause) or cues.others.search(TURNED.sub("", before)) or UNLESS.match(before):
        return False
    if SAYS.search(TURNED.sub("", before)):
        return False
    if cues.qualified.search(before) or cues.qualified.search(QUALIFIED_END.sub("", cue)):
        return False
    if CONDITIONAL.search(cue) and cues.if_.match(before.lstrip(" -")) and not OBLIGED.search(before):
        return False
    return not (cues.would.search(cue) and cues.if_.search(text.folded[start:stop]))
