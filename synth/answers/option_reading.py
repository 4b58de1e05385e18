"""The options that a few words denote: one, several, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Literal

from synth.answers.answer_phrases import Words, words
from synth.answers.model_output import AnswerText, fold, plain

DECISIONS = ("yes", "no", "maybe")

OPEN = r"[\"'(\[<{⟦]*"
CLOSE = r"[\"')\]>}⟧]*"
OPENED, CLOSED, GAP = re.compile(OPEN), re.compile(rf"\.?{CLOSE}"), re.compile(r"[\s.:)(,–—-]*")
NUMBER_GOES_ON = r"(?!\w| ?%)(?![.,]\d)"
NUMBER_BEFORE = r"(?<![-+<≤≥±~])(?<!(?<![-=])>)"
"""No sign before a number, which would make it another one: "2" is not in "-2" or "> 2"."""
FOLLOWS = r"\s*$|\s*\n|\s*[,;:!?.)\]⟧/&+([→]|\s+[-–—=]|\s*—"
"""Endings that may follow an answer directly."""

NUMBERED = re.compile(
    r"(?P<named>#|(?:no|nr)\. ?|n[°o]\. ?)?\(?(?:(?P<digit>[1-9])|(?P<word>one|two|three|four|five))"
    r"(?![\w%°]| ?%|[.,:/-]\d)[.):]?(?=\s*$|\s*\n|\s*[,;.!?)]|\s+(?:is|because|since|as)\b)"
)
NUMBER_WORDS = ("one", "two", "three", "four", "five")
NUMBER_NOUN = re.compile(
    r"\b(?:options?|choice|number|no\.|alternative|opcion|opcao|opzione|numero|proposition|alternativ[ae]|aussage)\W*$"
)
ORDINAL = re.compile(
    r"(?:the |la |a |die )?(?:(?P<n1>first|1st|primera|premiere|erste|primeira|prima)|(?P<n2>second|2nd|segunda"
    r"|deuxieme|zweite|seconda)|(?P<n3>third|3rd|tercera|troisieme|dritte|terceira|terza)|(?P<n4>fourth|4th|cuarta|quatrieme"
    r"|vierte|quarta)|(?P<n5>fifth|5th|quinta|cinquieme|funfte)|(?P<last>last|ultima))"
    r" (?:(?:answer )?(?:option|opcion|proposition|alternativ[ae]|opcao|opzione|aussage)|(?<!first )(?<!1st )choice)\b"
)
"""Places among lettered options: "option 3", "the third option"."""

NUMBERED_OPTION = re.compile(r"(?:option|choice|answer)(?: (?:number|no\.?))? #?(?:[1-9]|one|two|three|four|five)\b")

WORD = re.compile(r"\w+")
MOST_WORDS = 20
SAME_WORDS = 3
"""First words of another option after a letter that contradict the letter, whatever follows."""

SPEAKS = re.compile(r"(?:is|are|was|were|would|will|can|could|may|might|should|does|has|have|had)")
"""Verbs that make another option's text a sentence: "Answer: B. Waiting for a week would be too long"."""

SHORT_WORD = 4
"""Letters of words in common below which two texts share their beginning by chance: "it is"."""

THE_THIRD = re.compile(
    r"the (?:(?P<n1>first)|(?P<n2>second)|(?P<n3>third)|(?P<n4>fourth)|(?P<n5>fifth)|(?P<last>last))"
    r"(?: one)?(?=\s*(?:[.,;!]|$))"
)

HYPHEN = r"(?<=[^\W\d_])[-–](?=[^\W_])|(?<=\d)[-–](?=[^\W\d_])"
"""A hyphen that may as well be a blank: "HER2-positive", "COVID-19"; not a minus or the dash of a range."""

VARIES = re.compile(
    r" |/|(?P<sign>[<>≤≥=±])|(?P<decimals>(?<=\d)\.\d+)|(?<=\d)(?=[a-z%µμ°])",
)
"""What an option's text may be written with in several ways; see ``_spaced``."""

COMPARISON = re.compile(r" ?([<>≤≥=±]) ?")
LONE = re.compile(r"(?<![\w'-])(?:[B-Z](?![\w'-])|A(?![\w'-]| [a-z]))")
UNIT_GAP = re.compile(r"(?<=\d) (?=[a-z%µμ°])")
WORD_START = re.compile(r"(?<![\w%])(?<!\d[.,])(?=\S)")

LETTER_AFTER = re.compile(r" ?[(\[](?:option )?([A-J])[)\]]", re.IGNORECASE)
"""The letter after an option's text: "warfarin (B)"."""

ARE = r"|\s+(?:are|son|sont|sind)\b"

Fault = Literal["hedged", "several", "contradicts", "not_shown", "negated"]


@dataclass(frozen=True, kw_only=True)
class SharedPatterns:
    """The patterns that questions of one language and one kind of labels share; see ``OptionPatterns``."""

    words: Words
    label: re.Pattern[str]
    filler: re.Pattern[str]
    article: re.Pattern[str]
    after_letter: re.Pattern[str]
    after_text: re.Pattern[str]
    separator: re.Pattern[str]
    either: re.Pattern[str]
    holds: re.Pattern[str]
    turned_down: re.Pattern[str]


@dataclass(frozen=True, kw_only=True)
class OptionPatterns(SharedPatterns):
    """The options of one question as patterns; ``labels`` is empty for options without letters."""

    labels: tuple[str, ...]
    several: bool
    decision: bool
    text: re.Pattern[str]
    by_text: dict[str, tuple[int, ...]]
    first_words: frozenset[str]
    counted: bool

    def texts_within(self, text: str, start: int = 0, stop: int | None = None) -> Iterator[re.Match[str]]:
        """Yield the options' texts between ``start`` and ``stop`` that begin at the beginning of a word."""
        stop = len(text) if stop is None else stop
        end = start
        for word in WORD_START.finditer(text, start, stop):
            if word.start() >= end and (match := self.text.match(text, word.start(), stop)):
                yield match
                end = match.end()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The options denoted, as positions in ascending order; ``fault`` is the reason why they are no answer.

    ``matched_by`` is "letter", "text" or "word" (yes, no, maybe); ``start`` and ``end`` are places in the text.
    """

    positions: tuple[int, ...]
    matched_by: str
    start: int
    end: int
    fault: Fault | None = None


@dataclass(frozen=True, kw_only=True)
class _Item:
    positions: tuple[int, ...]
    matched_by: str
    end: int
    fault: Fault | None = None


@lru_cache(maxsize=4096)
def option_patterns(options: tuple[str, ...], labels: tuple[str, ...], lang: str, several: bool) -> OptionPatterns:
    """Return the patterns of a question; ``ValueError`` where labels and options do not fit each other."""
    if labels and (len(labels) != len(options) or len(set(labels)) < len(labels)):
        raise ValueError(f"labels are {labels!r}, expected {len(options)} different ones, or none")
    if not options:
        raise ValueError("no options, expected those shown; for a question of yes or no these are 'yes' and 'no'")
    shared = _shared_patterns(labels, lang, several)
    decision = is_decision(options)
    by_text = _texts(options, labels, shared.words if decision else None)
    return OptionPatterns(
        **{field.name: getattr(shared, field.name) for field in fields(SharedPatterns)},
        labels=labels,
        several=several,
        decision=decision,
        text=re.compile(_any_of(by_text)),
        by_text=by_text,
        first_words=frozenset(word[0] for form in by_text if (word := WORD.search(form))),
        counted=not any(character.isdigit() for option in options for character in option),
    )


@lru_cache(maxsize=256)
def _shared_patterns(labels: tuple[str, ...], lang: str, several: bool) -> SharedPatterns:
    own = words(lang)
    return SharedPatterns(
        words=own,
        label=re.compile(rf"(?P<open>{OPEN}\s?)(?P<label>{_label(labels)})(?!\w)(?P<close>{CLOSE}[.:]?{CLOSE})"),
        filler=re.compile(rf"(?:[\s,:=–—]|-(?!\.?\d)|(?<=[-=])>|>(?!\s?\.?\d))+|(?:{own.filler})\b'?"),
        article=re.compile(rf"(?:{own.article})\s+"),
        after_letter=re.compile(
            rf"{FOLLOWS}|\s+(?:{own.goes_on}|{own.with_}|{own.and_}|{own.or_})\b{ARE if several else ''}"
        ),
        after_text=re.compile(rf"{FOLLOWS}|\s+(?:{own.goes_on}|{own.and_}|{own.or_})\b"),
        separator=re.compile(
            rf"\s*(?:[,(]?\s*\b(?P<or>{own.or_})\b|(?P<mark>[,;/&+])\s*(?:(?:{own.and_})\b)?|\b(?P<and>{own.and_})\b)\s*"
        ),
        either=re.compile(rf"[\s:,]*(?:{own.either})\b(?=[\s:])"),
        holds=re.compile(
            rf"\s+(?:{own.is_})(?: (?:\w+ly|also|thus|indeed))? (?:(?:the|an?|la|le|die) )?(?:(?:most|only|single) )?"
            rf"(?:{own.right}|best|true|accurate|appropriate|right|answer)\b"
        ),
        turned_down=re.compile(rf"[\s:]*(?:{own.not_})\b"),
    )


def is_decision(options: Sequence[str]) -> bool:
    """Return whether the options are yes, no and perhaps maybe."""
    return {fold(option).strip(" .") for option in options} <= set(DECISIONS)


def read(question: OptionPatterns, text: AnswerText, start: int, stop: int, *, numbers: bool = False) -> Reading | None:
    """Return the reading at ``start``, after fillers, or None where nothing there denotes an option or a letter.

    With ``numbers`` a bare number is the place of an option, unless options hold numbers themselves.
    """
    either = question.either.match(text.folded, start, stop)
    if not (either and _first(question, text, either.end(), stop)):
        either = None
    first = _first(question, text, either.end() if either else start, stop, numbers=numbers)
    if first is None:
        return _turned_down(question, text, start, stop)
    at, item = first
    items, fault = _items(question, text, item, stop)
    if either:
        fault = "hedged"
    positions = tuple(sorted({position for item in items for position in item.positions}))
    twice = any(item.matched_by != "letter" and len(item.positions) > 1 for item in items)
    if fault is None and (twice or (len(positions) > 1 and not question.several)):
        fault = "several"
    reading = Reading(positions=positions, matched_by=item.matched_by, start=at, end=items[-1].end, fault=fault)
    if fault is None and begins_another(question, text, reading, SAME_WORDS):
        return replace(reading, fault="contradicts")
    return reading


def mention(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> Reading | None:
    """Return the options named by the words that end at ``stop``, as long a list as there is."""
    for word in re.finditer(r"(?<!\w)[\w\"(\[⟦]", text.folded[start:stop]):
        at = start + word.start()
        if _item(question, text, at, stop) is None and not NUMBERED_OPTION.match(text.folded, at, stop):
            continue
        reading = read(question, text, at, stop)
        if reading and not text.folded[reading.end : stop].strip(" ,.:)-–—"):
            return reading
    return None


def named(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> set[int]:
    """Return the options named there, by a text that is not part of another or by a letter other than the article."""
    texts = (question.by_text[_spaced(match[0])] for match in question.texts_within(text.folded, start, stop))
    letters = (match[0] for match in LONE.finditer(text.cased, start, stop) if match[0] in question.labels)
    return {place for places in texts for place in places} | set(map(question.labels.index, letters))


def _turned_down(question: OptionPatterns, text: AnswerText, start: int, stop: int) -> Reading | None:
    """Return the reading of "not X" or "not X but Y"."""
    denied = question.turned_down.match(text.folded, start, stop)
    if not denied:
        return None
    if place := _by_place(question, text, start + len(text.folded[start:]) - len(text.folded[start:].lstrip()), stop):
        return Reading(
            positions=place.positions, matched_by=place.matched_by, start=start, end=place.end, fault=place.fault
        )
    instead = re.compile(rf"\b(?:{question.words.but})\b").search(text.folded, denied.end(), stop)
    if instead and (reading := read(question, text, instead.end(), stop)):
        return reading
    return Reading(positions=(), matched_by="none", start=start, end=denied.end(), fault="negated")


def _first(
    question: OptionPatterns, text: AnswerText, start: int, stop: int, *, numbers: bool = False
) -> tuple[int, _Item] | None:
    """Return the first item after fillers and where it starts; an option's text may itself begin with a filler."""
    began = start
    while True:
        if item := _by_text(question, text, start, stop) or _by_ordinal(question, text, start, stop):
            return start, item
        if numbers and (item := _by_ordinal(question, text, start, stop, THE_THIRD)):
            return start, item
        article = question.article.match(text.folded, start, stop)
        if article and (item := _by_text(question, text, article.end(), stop)):
            return article.end(), item
        filler = question.filler.match(text.folded, start, stop)
        # An article of one letter is small; a capital is the letter of an option: "a A".
        if not filler or (filler.end() - start == 1 and text.cased[start].isupper()):
            break
        start = filler.end()
    item = _by_label(question, text, start, stop) or _by_place(
        question, text, start, stop, numbers=numbers or bool(NUMBER_NOUN.search(text.folded[began:start]))
    )
    return (start, item) if item else None


def _by_place(question: OptionPatterns, text: AnswerText, at: int, stop: int, *, numbers: bool = False) -> _Item | None:
    """Return the option of a number from 1, where numbers count the options and are not options themselves."""
    number = NUMBERED.match(text.folded, at, stop) if question.counted and question.labels else None
    if number is None or not all(label.isalpha() for label in question.labels):
        return None
    if not (numbers or number["named"]) or (number["word"] and not NUMBER_NOUN.search(text.folded[:at])):
        return None
    place = int(number["digit"] or NUMBER_WORDS.index(number["word"]) + 1) - 1
    if place >= len(question.labels):
        return _Item(positions=(), matched_by="letter", end=number.end(), fault="not_shown")
    return _Item(positions=(place,), matched_by="letter", end=number.end())


def _by_ordinal(
    question: OptionPatterns, text: AnswerText, at: int, stop: int, pattern: re.Pattern[str] = ORDINAL
) -> _Item | None:
    """Return the option of "the third option"."""
    ordinal = pattern.match(text.folded, at, stop) if question.labels else None
    if ordinal is None:
        return None
    place = len(question.labels) - 1 if ordinal["last"] else next(n for n in range(5) if ordinal[f"n{n + 1}"])
    return _Item(positions=(place,), matched_by="letter", end=ordinal.end()) if place < len(question.labels) else None


def _items(question: OptionPatterns, text: AnswerText, first: _Item, stop: int) -> tuple[list[_Item], Fault | None]:
    items, fault, clause = [first], first.fault, 0
    while fault is None:
        separator = question.separator.match(text.cased, items[-1].end, stop)
        if not separator:
            break
        if separator["or"]:
            again = own_text(question, text, separator.end(), stop)
            if again and question.by_text[_spaced(again[0])] == items[-1].positions:
                # "C, or histamine": the same option by its letter and by its text.
                items.append(_Item(positions=items[-1].positions, matched_by=items[-1].matched_by, end=again.end()))
                continue
            return items, "hedged"
        following = _next(question, text, separator.end(), stop)
        if following is None:
            return (items[:clause], None) if clause else (items, _loose(question, text, items[-1], separator))
        clause = clause or (len(items) if separator["mark"] == ";" else 0)
        items.append(following)
        fault = following.fault
    return items, fault


def _loose(question: OptionPatterns, text: AnswerText, item: _Item, separator: re.Match[str]) -> Fault | None:
    """Return the fault of an "and" after which no option can be read: "A and C are", "D&C", "aspirin and heparin"."""
    if separator["mark"] and separator["mark"] in "/&+":
        return "several"
    if not separator["and"]:
        return None
    label = question.label.match(text.cased, separator.end())
    if label and label["label"] in question.labels:
        return "several"
    return "not_shown" if item.matched_by == "text" else None


def _next(question: OptionPatterns, text: AnswerText, at: int, stop: int) -> _Item | None:
    """Return a further item of a list, after fillers too where several may be right: "A and option C"."""
    if item := _item(question, text, at, stop):
        return item
    first = _first(question, text, at, stop) if question.several else None
    return first[1] if first else None


def _item(question: OptionPatterns, text: AnswerText, at: int, stop: int) -> _Item | None:
    return (
        _by_text(question, text, at, stop)
        or _by_label(question, text, at, stop)
        or _by_ordinal(question, text, at, stop)
    )


def _by_text(question: OptionPatterns, text: AnswerText, at: int, stop: int) -> _Item | None:
    start = _past(OPENED, text, at, stop)
    match = question.text.match(text.folded, start, stop)
    if not match:
        return None
    end = _past(CLOSED, text, match.end(), stop) if start > at else match.end()
    rest = text.folded[end:stop]
    if not question.after_text.match(rest) and not question.holds.match(rest):
        return None
    places = question.by_text[_spaced(match[0])]
    lettered = LETTER_AFTER.match(text.cased, end, stop)
    if lettered and lettered[1] in question.labels and question.labels.index(lettered[1]) not in places:
        return _Item(positions=places, matched_by="text", end=lettered.end(), fault="contradicts")
    return _Item(positions=places, matched_by="word" if question.decision else "text", end=end)


def _past(pattern: re.Pattern[str], text: AnswerText, at: int, stop: int) -> int:
    """Return the end of the match at ``at``, or ``at`` without one."""
    match = pattern.match(text.folded, at, stop)
    return match.end() if match else at


def _by_label(question: OptionPatterns, text: AnswerText, at: int, stop: int) -> _Item | None:
    match = question.label.match(text.cased, at, stop)
    if not match:
        return None
    label = match["label"]
    if label not in question.labels and label.islower():
        if not (match["close"].strip(".:") or not text.cased[match.end() : stop].strip(" .\n")):
            return None
        # Where a text is cut off, its last word may be the article.
        if (
            label == "a"
            and not match["close"]
            and not re.search(r"(?:[:=→>(\n]\s*|\A\s*|\b(?:answer is|option|choice) )$", text.folded[:at])
        ):
            return None
        label = label.upper()
    glued = _glued(question, label)
    if (glued is None and len(label) > 1) or not _separate(question, text, match, stop):
        return None
    if glued is None:
        return _Item(positions=(), matched_by="letter", end=match.end(), fault="not_shown")
    return _with_text(question, text, glued, match.end(), stop)


def _glued(question: OptionPatterns, label: str) -> tuple[int, ...] | None:
    """Return the positions of a label, or of labels written as one word where several may be right."""
    if label in question.labels:
        return (question.labels.index(label),)
    if question.several and len(label) > 1 and set(label) <= set(question.labels) and len(set(label)) == len(label):
        return tuple(sorted(question.labels.index(letter) for letter in label))
    return None


def _separate(question: OptionPatterns, text: AnswerText, match: re.Match[str], stop: int) -> bool:
    """Return whether a letter is a label: not "A patient", "B cells", "D-dimer", "E. coli", "e.g." or "C'est"."""
    rest = text.cased[match.end() : stop]
    folded = text.folded[match.end() : stop]
    if (
        question.after_letter.match(folded)
        or question.holds.match(folded)
        or own_text(question, text, match.end(), stop)
    ):
        return True
    if match["close"].strip(".:'"):
        return not rest[:1].isalnum()
    # "C: it acts fast" explains a choice; "C. difficile" is a name.
    return (match["close"] == ":" and rest[:1] == " ") or (
        match["close"] == "." and bool(re.match(r"\s+[^a-z\s]", rest))
    )


def own_text(question: OptionPatterns, text: AnswerText, at: int, stop: int) -> re.Match[str] | None:
    """Return an option's text that follows at ``at``, past marks and spaces."""
    return question.text.match(text.folded, _past(GAP, text, at, stop), stop)


def _with_text(question: OptionPatterns, text: AnswerText, positions: tuple[int, ...], at: int, stop: int) -> _Item:
    """Return the item of a label, past the option's text where that follows; another option's text contradicts it."""
    named = own_text(question, text, at, stop)
    if named is None or not question.after_text.match(text.folded[named.end() : stop]):
        return _Item(positions=positions, matched_by="letter", end=at)
    if set(positions) & set(question.by_text[_spaced(named[0])]):
        closed = text.folded[named.end() : named.end() + 1] == ")"
        return _Item(positions=positions, matched_by="letter", end=named.end() + closed)
    if "," in text.folded[at : named.start()]:
        return _Item(positions=positions, matched_by="letter", end=at)
    return _Item(positions=positions, matched_by="letter", end=named.end(), fault="contradicts")


def begins_another(question: OptionPatterns, text: AnswerText, reading: Reading, least: int = 1) -> bool:
    """Return whether the words after a letter are the first ``least`` words of another option and not of its own.

    "D. Initiate dialysis", where the option that begins so is B, names neither.
    """
    if reading.matched_by != "letter" or len(reading.positions) != 1:
        return False
    first = WORD.search(text.folded, reading.end, text.line_end(reading.end))
    if first is None or first[0] not in question.first_words:
        return False
    following = WORD.findall(text.folded[reading.end : text.line_end(reading.end)])[:MOST_WORDS]
    shared = dict.fromkeys(range(len(question.labels)), 0)
    for form, places in question.by_text.items():
        same = [one == other for one, other in zip(following, WORD.findall(form), strict=False)]
        count = same.index(False) if False in same else len(same)
        for place in places:
            shared[place] = max(shared[place], count)
    own = shared.pop(reading.positions[0], 0)
    most = max(shared.values(), default=0)
    is_sentence = least > 1 and most < len(following) and SPEAKS.fullmatch(following[most])
    return most > own and most >= least and len("".join(following[:most])) >= SHORT_WORD and not is_sentence


def _texts(options: Sequence[str], labels: Sequence[str], decisions: Words | None) -> dict[str, tuple[int, ...]]:
    """Return the positions that each text denotes, without texts that are another option's letter."""
    positions: dict[str, tuple[int, ...]] = {}
    for position, option in enumerate(options):
        text = _spaced(fold(plain(option))).strip(" .")
        for form in map(_spaced, _forms(text, decisions)):
            if form and form.upper() not in labels:
                positions[form] = (*positions.get(form, ()), position)
    return positions


def _forms(text: str, decisions: Words | None) -> Iterator[str]:
    yield text
    short = re.sub(r" ?\([^()]*\)$", "", text)
    if short != text and len(short) > 2:
        yield short
    if decisions:
        every = {"yes": decisions.yes, "no": decisions.no, "maybe": decisions.maybe}[text]
        yield from (form for form in _spelled(every) if form != text)


def _spelled(pattern: str) -> list[str]:
    """Return the words of a list of alternatives, in which a letter may be optional."""
    forms = []
    for word in pattern.split("|"):
        forms += [re.sub(r"(\w)\?", "", word), word.replace("?", "")] if "?" in word else [word]
    return list(dict.fromkeys(forms))


def _any_of(texts: dict[str, tuple[int, ...]]) -> str:
    longest = sorted(texts, key=lambda text: (-len(text), text))
    forms = [f"{NUMBER_BEFORE if text[0].isdigit() else ''}{_loosely(text)}" for text in longest]
    return f"(?:{'|'.join(forms) or '(?!)'}){NUMBER_GOES_ON}"


def _spaced(text: str) -> str:
    """Return ``text`` with single blanks, hyphens as blanks, decimals as "2.5", "5 mg" as "5mg", "p < 1" as "p<1"."""
    text = text.replace("\u2044", "/")
    text = COMPARISON.sub(r"\1", re.sub(rf"{HYPHEN}|\s+", " ", text))
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return UNIT_GAP.sub("", re.sub(r"(\.\d*[1-9])0+(?!\d)", r"\1", text))


def _loosely(text: str) -> str:
    """Return the pattern of a text from ``_spaced``, which matches what ``_spaced`` makes this text of."""
    pattern, end = "", 0
    for match in VARIES.finditer(text):
        pattern += re.escape(text[end : match.start()])
        end = match.end()
        if match["sign"]:
            pattern += rf"\s*{match[0]}\s*" if pattern else rf"{match[0]}\s*"
        elif match["decimals"]:
            pattern += rf"[.,]{match[0][1:]}0*"
        else:
            pattern += {" ": rf"(?:\s+|{HYPHEN})", "/": "[/\u2044]", "": rf"(?:\s|{HYPHEN})?"}[match[0]]
    return pattern + re.escape(text[end:])


def _label(labels: Sequence[str]) -> str:
    """Return the pattern of a label: a letter, letters written as one word, or one of other labels."""
    if not labels:
        return "(?!)"
    others = [re.escape(label) for label in labels if not re.fullmatch("[A-Za-z]", label)]
    return "|".join([*others, "[A-Z]{2,8}", "[A-Za-z]"])
