"""The form of a person's name, and the confidence that a name is present."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from typing import NamedTuple

from quality.privacy.given_names import GIVEN_NAMES, NAMES_AND_WORDS
from quality.privacy.not_names import (
    COMPANIES,
    EPONYM_HEADS,
    EPONYMS,
    MEDICAL_ENDING,
    NEVER_NAMES,
    NOT_NAMES,
    NOT_SURNAMES,
)
from quality.privacy.privacy_rule import CAPITAL

_SCRIPTS = ((0x41, 0x0588), (0x10A0, 0x10FF), (0x1C80, 0x1FFF), (0x2C60, 0x2DFF), (0xA640, 0xA7FF))
"""Code points of the scripts with capitals: Latin, Greek, Cyrillic, Armenian, Georgian."""


def _letters(*categories: str) -> str:
    """Return the letters of some Unicode categories as the content of a character class."""
    every = (at for first, last in _SCRIPTS for at in range(first, last))
    return "".join(chr(at) for at in every if unicodedata.category(chr(at)) in categories)


_UPPER, _LOWER = _letters("Lu", "Lt"), _letters("Ll", "Mn")
_CASELESS = "\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
"""Letters and marks of scripts without capitals, Hebrew to Hangul: names only after a certain cue."""
_INITIAL = rf"(?:M\.?ª|[{_UPPER}]\.|(?![AEIOY])[{_UPPER}])"  # "A" and "Y" without a stop are words
_WORD = (
    rf"(?:(?:[AaEe]l-)?(?:[{_UPPER}][{_LOWER}]{{0,3}}['’]?)?[{_UPPER}][{_LOWER}]+(?:[-'’](?!s\b)[{_UPPER}]?[{_LOWER}]+)*"
    rf"|(?:[{_UPPER}]['’])?[{_UPPER}]{{2,}}(?:[-'’][{_UPPER}]{{2,}})*)(?!\w)"
)
_PARTICLE = (
    r"(?:[Dd]e[ ]l[ao]s?|[Dd]el?|[Dd]ella|[Dd]i|[Dd]a|[Dd]os|[Dd]as|[Dd]u|[Vv]an(?:[ ]de[rn]?)?|[Vv]on(?:[ ]der)?"
    r"|[Tt]er|[Tt]en|[Zz]u(?:[mr])?|[Ll][aeo]|[Ll][ao]s|[Ee]l|[Aa]l|[Bb][ie]n|[Bb]int[ie]?|[Ii]bn|[Aa]bu|[Dd]en|[Dd]er|[Dd]alla|[Dd]ello"
    r"|[Ll]i|St\.?|N[íi]|y|i|e|DE|DEL|DER|DEN|DI|DA|DU|LA|LAS|LOS|LE|EL|AL|BIN|BEN|IBN|VAN"
    r"|VON|DOS|DAS)"
)
_NICKNAME = r"(?:[ ][\"“'‘(][^\W\d_]{2,12}[\"”'’)](?=[ ]))?"
_SPACE = r"[ \t\xa0]{1,2}"
_NAME = re.compile(
    rf"(?:{_INITIAL}[ ]?){{0,2}}(?:{_PARTICLE}[ ]){{0,2}}{_WORD}"
    rf"(?:{_NICKNAME}{_SPACE}(?:{_PARTICLE}[ ])*(?:{_INITIAL}[ ]?){{0,2}}(?:{_PARTICLE}[ ]){{0,2}}{_WORD}){{0,4}}"
)
_LAST_FIRST = re.compile(rf",[ ]?(?P<first>{_WORD})(?P<more>(?:[ ](?:{_WORD}|{_INITIAL})){{0,2}})")
_CASELESS_NAME = re.compile(rf"[{_CASELESS}]{{2,12}}(?:[ ·・][{_CASELESS}]{{2,12}}){{0,2}}(?!\w)")
_SPECIALTY = re.compile(
    r".{3,}(?:log(?:i[ae]|y|ist[ae]?)|iatr(?:i[ae]|y|ics?|a)|graf[ií]a|graphy|scop(?:ia|y)|ectom(?:ia|y))$"
)
"""Plain words for a specialty or procedure, as found after "Dr." in a list of services."""
_TOKEN = re.compile(r"[^\s(\[\"“]+")
_ACCENTED_WORDS = frozenset(
    "él mí sí sé té tú aún qué más dé las là où né été dès ça às é já só há até três père mère très même".split()
)
"""Short common words with an accent: "Hà Lê" is not "ha le"."""
_SYLLABLES = frozenset(
    """
    an bach bao bo bui cai cao chan chau che chen cheng cheung chin cho choi chow chu chung dai dang dao dinh do doan
    dong duong fan fang feng fu gao guo ha han hang he ho hoang hong hsu hu hua huang hui huynh jia jiang jin jung kang
    kim ko kong ku kwan kwok lai lam lau law le lee leung li lian liang lim lin ling liu lo lu luo luong ly ma mai mei
    min my na ng ngo nguyen nhu oh ong pan park peng pham phan qi qian quach rao ryu san shen shi shin sim so song su
    sun sung ta tam tan tang thai thi thu tian to ton tong tran trinh truong tse tsai tu van vo vu wan wang wei wen
    wong woo wu xi xiao xie xin xu yan yang yao yap ye yeo yi yin yip yoo you yu yuan yun zhang zhao zheng zhou zhu
    """.split()
)
"""Syllables of Chinese, Korean and Vietnamese names, many of them also words of other languages."""
_HEAD_AFTER = re.compile(
    rf"(?:['’]s?)?[ -](?:(?:muscular|national|general|memorial|children['’]s|regional|medical)[ ])?{EPONYM_HEADS}",
    re.IGNORECASE,
)
_COMPANY_AFTER = re.compile(
    r"(?:['’]s?)?,?[ ](?:Laborator(?:y|ies)|Labs\b|Pharma\w*|Inc\b|Incorporated|Ltd\b|Limited|LLC|L\.L\.C|PLC|GmbH|AG\b"
    r"|S\.?A\.?\b|S\.?L\.?\b|N\.?V\.?\b|Corp\b|Corporation|Company|Co\.|& (?:Co|Sons?|Company)\b|Bros\b|Group\b"
    r"|Holdings?\b|Industries|Biotech\w*|Biosciences|Therapeutics|Diagnostics|Healthcare|Health\b|Medical\b|Brands?\b"
    r"|Products\b|Foods?\b|Stores?\b|Pharmac(?:y|ies)\b)"
)
_FIELD_AFTER = re.compile(r"[ ]?:[ ]*(?=[A-ZÀ-Þ\d])")
_FIELD_VALUE_END = re.compile(r"[ \t]*(?:$|[\n;.,(|\d]|[ \t]{2}|on\b|y/o|[A-Z][\w ]{1,20}:)")
_VALUE_END = re.compile(r"[ \t]*(?:$|[\n;(\d]|[A-Z][\w ]{1,20}:)")
_FOREIGN = re.compile("[ăđơưĂĐƠƯ\u0180-\U0010ffff]")
"""Letters of names whose words may be English ones too: "Nguyễn Văn An"."""
_LEADING = re.compile(
    r"L[aeoi]|El|Al|Los|De|Del|Della|Di|Da|Dos|Du|Abu|Ben|Bin|Ibn|Ter|Ten|Van|Von|St\.?|ter|ten|zu|ibn|bin|abu|de|del|la|las|los|di|da|dos|das|du|van|von|der|den|DE|DEL|LA|LAS|LOS|DOS|DAS|VAN|VON|DER|DEN"
)
_CONTRACTION = re.compile(r"'(?:t|m|ll|re|ve|d)$")
_INITIALED = re.compile(
    rf"(?:[{_UPPER}]\.[ -]?){{1,3}}(?:{_PARTICLE}[ ]){{0,2}}[{_UPPER}][{_UPPER}{_LOWER}'’-]+"
    rf"(?:[ ][{_UPPER}][{_UPPER}{_LOWER}'’-]+)?"
)
_LONGEST = 70  # characters of a name

NAME_START_HINT = rf"(?:{CAPITAL}|[ae]l-|(?:de|del|di|da|du|van|von|la|le|el|al|bin|ibn|ter|dos) )"
"""Start of a name, for polars' regular expressions."""


class Person(NamedTuple):
    """A name found by a cue: the text, the start of cue and name, the end of the name, its plain words."""

    text: str
    cue: int
    start: int
    end: int
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name as written."""
        return self.text[self.start : self.end]

    @property
    def after(self) -> str:
        """The text right after the name, up to 80 characters."""
        return self.text[self.end : self.end + 80]

    @property
    def before(self) -> str:
        """The text right before the cue, up to 40 characters."""
        return self.text[max(0, self.cue - 40) : self.cue]


Trust = Callable[[Person], bool]


def plain(word: str) -> str:
    """Return a word in lower case, without accents and surrounding punctuation."""
    folded = unicodedata.normalize("NFD", word.lower()).replace("’", "'")
    return "".join(c for c in folded if not unicodedata.combining(c)).strip(".,;:'\"()")


def person_at(
    text: str, start: int, cue: int, stops: Collection[str] = NEVER_NAMES, *, field: bool = False
) -> Person | None:
    """Return the person whose name starts exactly at ``start``; None where the first word is among ``stops``.

    In a ``field`` of a form "Surname, Given" is accepted even where the given name is in no list.
    """
    match = _NAME.match(text, start, min(len(text), start + 2 * _LONGEST))
    if match is None:
        return _caseless(text, start, cue)
    words, end = _words(text, match, stops)
    end = _last_first(text, match.start(), end, words, field)
    return Person(text, cue, match.start(), end, tuple(words)) if any(len(word) > 1 for word in words) else None


def _caseless(text: str, start: int, cue: int) -> Person | None:
    """Return the name in a script without capitals that starts at ``start``."""
    match = _CASELESS_NAME.match(text, start)
    return Person(text, cue, start, match.end(), tuple(match[0].split())) if match else None


def person_before(text: str, end: int) -> Person | None:
    """Return the person whose name ends exactly at ``end``: the longest run of possible name words."""
    last = text[max(0, end - _LONGEST) : end].rsplit(None, 1)[-1:]
    if last and last[0].islower():
        return None
    starts = [match.start() for match in _TOKEN.finditer(text, max(0, end - _LONGEST), end)][-5:]
    for start in starts:
        person = person_at(text, start, start, NOT_NAMES) if text[start : start + 1].isupper() else None
        if person is not None and person.end == end:
            return person
    return None


def _words(text: str, match: re.Match[str], stops: Collection[str]) -> tuple[list[str], int]:
    """Return the plain words of a name and its end, up to the first word that cannot belong to it."""
    tokens = list(_TOKEN.finditer(text, match.start(), match.end()))
    if len(tokens) > 1 and _FIELD_AFTER.match(text, match.end()):
        tokens.pop()  # the next field's label: "MARIA LOPEZ AGE: 45"
    words: list[str] = []
    end = match.start()
    foreign = _FOREIGN.search(match[0]) is not None
    for place, token in enumerate(tokens):
        word = plain(token[0])
        if not words and place < len(tokens) - 1 and _LEADING.fullmatch(token[0]):
            continue
        named = (foreign and token[0].istitle()) or _accented(token[0]) or _syllable(tokens, place)
        if not named and not _belongs(token[0], word, bool(words), stops, match[0].isupper()):
            break
        words.append(token[0] if named and word in NOT_NAMES else word)
        end = token.end()
    while len(words) > 1 and (last := text[match.start() : end].split()[-1]).islower():
        words.pop()  # a particle that nothing follows
        end = match.start() + len(text[match.start() : end - len(last)].rstrip())
    return words, end


def _accented(token: str) -> bool:
    """Return whether a short word's accent rules out a common word: "Hà", "Lê"."""
    word = token.strip(".,;:")
    return (
        len(word) < 4
        and (word.istitle() or word.isupper())
        and not word.isascii()
        and word.lower() not in _ACCENTED_WORDS
    )


def _syllable(tokens: list[re.Match[str]], place: int) -> bool:
    """Return whether a short word and its neighbour are syllables of a name: "An Vu", "Do Thi"."""
    neighbours = tokens[max(0, place - 1) : place] + tokens[place + 1 : place + 2]
    return all(
        word[0].istitle() and len(plain(word[0])) < 7 and plain(word[0]) in _SYLLABLES
        for word in (tokens[place], *neighbours[:1])
    ) and bool(neighbours)


def _belongs(token: str, word: str, begun: bool, stops: Collection[str], shouting: bool) -> bool:
    if len(word) == 1 or (begun and re.fullmatch(_PARTICLE, token)):
        return True
    if word in (NOT_SURNAMES if begun else stops) or _CONTRACTION.search(word) or _SPECIALTY.match(word):
        return False
    abbreviation = token.isupper() and len(word) < 4 and not token.endswith(".")  # "Mrs. Lee CT"
    return shouting or not (begun and abbreviation)


def _last_first(text: str, start: int, end: int, words: list[str], field: bool) -> int:
    """Return the end of ``LOPEZ GIL, MARIA``: surnames, a comma, then a known given name or more capitals."""
    match = _LAST_FIRST.match(text, end) if words else None
    if match is None:
        return end
    first = plain(match["first"])
    capitals = text[start:end].isupper() and match["first"].isupper()
    surnames = len(words) < 3 and (
        words[0] not in GIVEN_NAMES or _VALUE_END.match(text, match.end("first")) is not None
    )
    known = surnames and (first in GIVEN_NAMES or (field and first in NAMES_AND_WORDS))
    alone = field and words[0] not in GIVEN_NAMES and not any(MEDICAL_ENDING.search(word) for word in (*words, first))
    filled = alone and len(words) < 4 and _FIELD_VALUE_END.match(text, match.end()) is not None
    if first in NOT_NAMES or first in words or not (capitals or known or filled):
        return end
    more = [plain(word) for word in match["more"].split()]
    words += [first, *more]
    return match.end("first") if any(word in NOT_SURNAMES for word in more) else match.end()


# --- how likely a run of words is a name ---


def surely(person: Person) -> bool:
    """Return True: the cue is certain."""
    return True


def known(person: Person) -> bool:
    """Return whether one of the words is a given name, including names that are also words."""
    return any(word in GIVEN_NAMES or word in NAMES_AND_WORDS for word in _parts(person)) and not eponym(person)


def well_known(person: Person) -> bool:
    """Return whether the first word is a given name with hardly any other meaning."""
    return person.words[0].split("-")[0] in GIVEN_NAMES and not eponym(person)


def full_name(person: Person) -> bool:
    """Return whether a well-known given name and a further word are present."""
    return len(person.words) > 1 and well_known(person)


def likely(person: Person) -> bool:
    """Return whether a given name is present, or two or more words that are neither medical terms nor eponyms."""
    if known(person):
        return True
    words = [
        word
        for word in person.words
        if (len(word) > 2 or plain(word) in _SYLLABLES) and not re.fullmatch(_PARTICLE, word)
    ]
    only_eponyms = all(part in EPONYMS for part in _parts(person))
    return len(words) > 1 and not any(word in NOT_NAMES for word in words) and not only_eponyms and not eponym(person)


def initialed(person: Person) -> bool:
    """Return whether an initial with a full stop and one word are present: "J. Barlow"."""
    return _INITIALED.fullmatch(person.name) is not None and not eponym(person)


def likely_full_name(person: Person) -> bool:
    """Return whether two or more words are likely a name."""
    return len(person.words) > 1 and likely(person)


def eponym(person: Person) -> bool:
    """Return whether the noun after a name makes it a disease, a sign, an institution or a company."""
    return _HEAD_AFTER.match(person.text, person.end) is not None or company(person)


def company(person: Person) -> bool:
    """Return whether a name is a company's: by the text after it, or because it is one of ``COMPANIES``."""
    return _COMPANY_AFTER.match(person.text, person.end) is not None or " ".join(person.words) in COMPANIES


def _parts(person: Person) -> list[str]:
    return [part for word in person.words for part in word.split("-")]
