"""Rules for contact data: telephone, e-mail, web address, network address."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import phonenumbers

from quality.privacy.privacy_rule import DIGIT, ORGANISATION, Keep, Rule, pattern_rule, together

# --- e-mail ---

_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![\w-])")
_SPELLED_EMAIL = re.compile(
    r"(?i)(?<![\w.+%-])[\w.+%-]+ ?[\[({] ?(?:at|arroba|@) ?[\])}] ?[\w-]+(?: ?(?:\."
    r"|[\[({] ?(?:dot|punto) ?[\])}]) ?[a-z]{2,24})+"
)
_AT = r"[\[({] ?(?:at|At|AT|@|arroba|Arroba|ARROBA) ?[\])}]"
_SPOKEN_EMAIL = re.compile(r"(?i)(?<![\w.+%-])[\w.+%-]+ (?:at|arroba) [\w-]+ (?:dot|punto) [a-z]{2,12}\b")
_DOT = r" (?:dot|Dot|DOT|punto|Punto|PUNTO) "

# --- telephone ---

_UNIT_AFTER = re.compile(
    r"\s?(?:mg|mcg|µg|μg|g|kg|ml|mL|dl|dL|L|IU|UI|units?|mmol|mEq|cells?|copies|ppm|Hz|patients|pacientes|people"
    r"|personas"
    r"|habitantes|women|men)\b|\s?%|/"
)
_DATE_OR_YEARS = re.compile(
    r"(?:\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d\d|(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}"
    r"|(?:1[89]|20)\d\d ?[-–/] ?(?:1[89]|20)\d\d|\d{1,3}(?:[.,]\d{3})+)$"
)
_IDENTIFIER_BEFORE = re.compile(
    r"(?:PMIDs?|PMC|doi|ISBN|ISSN|NCT|CAS|NDC|OMIM|MIM|GO|ISRCTN|EudraCT|grant|lot|ref|page|pp?\.|vol\.?|n ?="
    r"|codes?(?:\(s\))?"
    r"|NHS(?: (?:number|no))?)[\s.:#/-]*$",
    re.IGNORECASE,
)
_ORGANISATION_ADDRESS_BEFORE = re.compile(
    rf"(?i:\b{ORGANISATION})\b[\s\S]{{0,160}}\b[A-Z]{{2}},?\s+\d{{5}}(?:-\d{{4}})?(?!\d)"
    r"(?i:[^A-Za-z]|phone|telephone|tel|fax|tty|tdd|toll|free|voice|or|and)*$"
)
_COUNTED_AFTER = re.compile(r"[ ](?:casos|cases|pacientes|euros?|personas|years|births)\b")
_DRUG_PACKAGE = re.compile(r"\d{4,5}-\d{3,4}-\d{1,2}")
"""A code of the National Drug Code Directory."""
_DOTTED = re.compile(r"[6-9]\d\d\.\d{3}\.\d{3}")
"""A Spanish number with dots, which without a cue is a count of millions."""
_TOLL_FREE = frozenset({"800", "888", "877", "866", "855", "844", "833"})

_EXTENSION = r"(?:,?[ ]?(?i:ext(?:ension|\.)?|x|extensi[óo]n|anexo|poste)[ .:]{0,2}\d{1,6}(?!\w))?"
_INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00[ ]?)[1-9]\d{0,2}\)?(?:[ .()/-]{0,3}\d){6,13}(?!\w)" + _EXTENSION)
_AMERICAN = re.compile(
    r"(?<![\w.+/-])(?:\+?1[-. ]{1,2})?(?:\(\d{3}\)[ -]{0,2}\d|\d{3}[-. /]{1,2}[2-9])\d{2}[-. ]{1,2}\d{4}(?![\w/]"
    r"|[-.]\d)" + _EXTENSION
)
_SPANISH = re.compile(
    r"(?<![\w.,+/-])(?:(?:34[ ])?[6-9]\d{2}(?:[ .-]\d{3}){2}|(?:34[ ])?[6-9]\d{2}(?:[ .-]\d{2}){3}"
    r"|(?:[89]\d[ .-]|\([89]\d\)[ ]?)\d{3}(?:[ .-]\d{2}){2})(?![\w/]|[.,-]\d)"
)
_ZERO = re.compile(
    r"(?<![\w.,+/-])(?<!\d )(?:\(0[1-9]\d{0,4}\)[ -]?|0[1-9]\d{0,4}[ /-])\d{2,8}(?:[ -]?\d{2,4}){0,3}(?![\w/]"
    r"|[.,-]\d)|(?<![\w.,+/-])07\d{9}(?!\w)"
)
_ZERO_HINT = r"0[1-9][0-9]{0,4}[ /)-]{1,2}[0-9]{2}|07[0-9]{9}"
_BRACKETED = re.compile(r"(?<![\w.,+/-])(?<!\d )\([1-9]\d\)[ ]?\d{4,5}[- ]\d{4}(?![\w/]|[.,-]\d)")
_FRENCH = re.compile(r"(?<![\w.,+/-])0[1-9](?:(?: \d\d){4}|(?:\.\d\d){4}|(?:-\d\d){4})(?![\w/]|[.,-]\d)")
_WORDS = (
    r"telephone|phone|ph(?=[.:# ])|tele?(?=[.:# ])|mobiles?|mob(?=[.:# ])|cell(?=:|\.? ?(?:phone|number|no)"
    r"|\.? (?:\(?\+?\d{2,4}[ .)-]|\+?\d{9}))"
    r"|landline|fax|pager|beeper|bleep|whats ?app|wasap|text|call(?:ed|ing)?|dial|reach(?:ed)?|ring|contact"
    r"|(?:home|work|office|daytime|evening)(?=[ ]?[:#(]| no| number)|number(?: is|\?)|it[’']s"
    r"|tel[ée]fono|tfno|tlfn?o?|telf|tf(?=[.:# ])|m[óo]vil|fijo|celular|cel(?=[.: ])|ll[áa]m\w{1,6}|contacto"
    r"|(?:n[úu]mero|numéro)(?: es| est)|avisar|marque|t[ée]l[ée]phone|t[ée]l(?=[.:# ])|portable|appel\w{1,4}|joindre"
    r"|telefon\w*|handy|rufnummer|r[üu]ckruf|anruf|telem[óo]vel|telefone|ligue|ligar|cellulare|chiam\w{1,4}"
)
_CUED = re.compile(
    rf"(?:(?i:(?<![\w-])(?:{_WORDS})(?!\w))(?P<between>[^\d\n+]{{0,28}}?)"
    r"|(?<!\w)(?:[TMCHWF]|\([cmhwCMHW]\))[.:]?[ ]{1,2}|(?i:\b(?:daughter|son|wife|husband|sister|brother|mother|father"
    r"|mum|mom|dad|carer|partner|neighbou?r|friend|hij[oa]|espos[oa]|mujer|marido|herman[oa]|madre|padre|cuidadora?"
    r"|vecin[oa]|nuera|yerno"
    r"|fille|fils|mari|femme))[ ,:-]{0,2}[ (])"
    r"(?P<x>(?:\(\+\d{1,3}\)[ ]?)?\+?\(?\d(?:[ .()/-]{0,2}\d){6,13}(?!\w|[.,-]\d)" + _EXTENSION + ")"
)
# A run of digits and marks that is long enough: cheaper than the cue, which stands in front of few of them.
_CUED_HINT = (
    r"[0-9][ .()/-]{0,2}[0-9][ .()/-]{0,2}[0-9][ .()/-]{0,2}[0-9][ .()/-]{0,2}[0-9][ .()/-]{0,2}[0-9][ .()/-]{0,2}[0-9]"
)

_LONG_NUMBER = r"[0-9][ .()/-]{0,3}[0-9][ .()/-]{0,3}[0-9][ .()/-]{0,3}[0-9]"
"""Four digits with only punctuation between, which every telephone number contains."""

_REGIONS = ("US", "ES", "GB", "FR", "MX", "DE", "IT", "PT", "BR", "AU")
"""Regions tried for a number after a word for telephone."""


@lru_cache(maxsize=4096)
def _parsed(number: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None


def _valid(number: str, region: str) -> bool:
    parsed = _parsed(number, region)
    return parsed is not None and phonenumbers.is_valid_number(parsed)


def _possible(number: str) -> bool:
    regions = (None,) if number.lstrip("(").startswith("+") else _REGIONS
    numbers = [_parsed(number, region) for region in regions]
    return any(parsed is not None and phonenumbers.is_possible_number(parsed) for parsed in numbers)


_TAIL = re.compile(r",?[ ]?[a-zA-Zóéí]+[ .:]{0,2}\d{1,6}$")


def _digits(text: str) -> str:
    """Return the digits of a number without those of its extension."""
    return re.sub(r"\D", "", _TAIL.sub("", text))


def _stands_free(match: re.Match[str], group: str | int = 0) -> bool:
    """Return whether a number is not a dose, a count, a range of years, a date or a literature identifier."""
    text, start, end = match.string, match.start(group), match.end(group)
    if _UNIT_AFTER.match(text, end) or _DATE_OR_YEARS.match(match[group]):
        return False
    return _IDENTIFIER_BEFORE.search(text[max(0, start - 20) : start]) is None


def _international(match: re.Match[str]) -> bool:
    return _stands_free(match) and _possible("+" + _digits(match[0].removeprefix("00")))


def _american(match: re.Match[str]) -> bool:
    """Return whether ten digits in American grouping are a telephone number, by punctuation or a valid area code."""
    marked = "(" in match[0] or sum(map(match[0].count, "-./")) >= 2
    return _stands_free(match) and (marked or _valid(match[0], "US") or "555" in match[0])


def _spanish(match: re.Match[str]) -> bool:
    counted = _COUNTED_AFTER.match(match.string, match.end()) is not None
    return not counted and _stands_free(match) and not match[0].endswith("000") and _valid(match[0], "ES")


def _zero(match: re.Match[str]) -> bool:
    """Return whether groups of digits that begin with the trunk zero are a telephone number."""
    package = _DRUG_PACKAGE.fullmatch(match[0]) is not None
    return not package and 9 <= len(_digits(match[0])) <= 12 and _stands_free(match)


def _french(match: re.Match[str]) -> bool:
    return _stands_free(match) and _valid(match[0], "FR")


def _cued(match: re.Match[str]) -> bool:
    """Return whether a number after a word for telephone is one; seven digits in a row only directly after it."""
    digits = _digits(match["x"])
    dotted = _DOTTED.fullmatch(match["x"]) is not None and match["between"] is not None
    if not dotted and not _stands_free(match, "x"):
        return False
    if len(digits) == 7:
        return match["between"] is not None and (digits != match["x"] or match["between"].strip(" .:#") == "")
    return _possible(match["x"]) and (match["between"] is not None or len(digits) > 8)


def _of_organisation(match: re.Match[str]) -> bool:
    """Return whether a number is an organisation's: toll-free in North America, or after an organisation's address."""
    group = "x" if "x" in match.re.groupindex else 0
    digits = _digits(match[group])
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and national[:3] in _TOLL_FREE:
        return True
    return _ORGANISATION_ADDRESS_BEFORE.search(match.string, max(0, match.start() - 300), match.start()) is not None


def _phones(
    name: str, pattern: re.Pattern[str], looks: Keep, hint: str | None = None, near: re.Pattern[str] | None = None
) -> tuple[Rule, Rule]:
    """Return the rules of one form of number: for people, and for organisations."""

    def personal(match: re.Match[str]) -> bool:
        return looks(match) and not _of_organisation(match)

    def organisational(match: re.Match[str]) -> bool:
        return looks(match) and _of_organisation(match)

    return (
        pattern_rule(f"phone-{name}", "PHONE", pattern, personal, hint=hint, near=near),
        pattern_rule(
            f"phone-{name}-organisation", "PHONE", pattern, organisational, hint=hint, organisation=True, near=near
        ),
    )


# --- network ---

_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}[0-9A-Fa-f:]*[0-9A-Fa-f](?![\w:])")
_IP_CUE = re.compile(r"\bIP(?:v[46])?\b[^\n]{0,30}$", re.IGNORECASE)
_NUMBERED_BEFORE = re.compile(
    r"(?:\bEC|version|vers?\.|v\.?|section|sect\.|chapter|table|figure|fig\.|§|build|release|apartado|cap[íi]tulo"
    r"|secci[óo]n)[\s:#]*$",
    re.IGNORECASE,
)


def _ip_v4(match: re.Match[str]) -> bool:
    """Return whether four numbers are an address: valid, not a numbered section, version or enzyme, or called an IP."""
    before = match.string[max(0, match.start() - 40) : match.start()]
    if _NUMBERED_BEFORE.search(before) or not _is_address(match[0]):
        return False
    return int(match[0].split(".")[0]) >= 10 or _IP_CUE.search(before) is not None


def _ip_v6(match: re.Match[str]) -> bool:
    """Return whether groups of hexadecimal digits are an address and not a time or a ratio."""
    return _is_address(match[0]) and match[0].count(":") >= 3


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- web ---

_URL = re.compile(r"(?i)(?<!\w)(?:https?://|www\.)[^\s<>\"'\])]+[^\s<>\"'\]).,;:!?]")
_OF_A_PERSON = re.compile(
    r"(?:facebook|instagram|twitter|tiktok|linkedin|myspace|pinterest|reddit|snapchat|venmo|threads|vk|//x)\.com/"
    r"(?!(?:share|sharer|intent|search|hashtag|company|groups|events|pages|help|about|home|watch|r)\b)(?:in/|u/"
    r"|user/)?[@\w.-]{3,}"
    r"|t\.me/\w{3,}|wa\.me/\d+"
    r"|/(?:users?|usr|members?|profiles?|perfil|people|person|usuarios?)/[^/\s]{2,}"
    r"|/(?:patients?|pacientes?|records?|charts?|accounts?|cuentas?|clients?|customers?)/[\w-]*\d[\w-]*\d[\w-]*\d"
    r"|[?&;](?:user|usr|member|patient|paciente|profile|account|client|customer|record|chart|person"
    r"|usuario)(?:[_-]?(?:id|name|no|num))?=[^&\s]+"
    r"|[?&;](?:uid|pid|mrn|ssn|dni|nhc|token|session|sid|e-?mail|phone|dob|id_?paciente)=[^&\s]+",
    re.IGNORECASE,
)


def _leads_to_a_person(match: re.Match[str]) -> bool:
    return _OF_A_PERSON.search(match[0]) is not None


CONTACT_RULES: tuple[Rule, ...] = (
    *together("mail", (), pattern_rule("email", "EMAIL", _EMAIL, hint="@")),
    *together(
        "spelled mail",
        (),
        pattern_rule("email-spelled", "EMAIL", _SPELLED_EMAIL, hint=_AT, near=re.compile(_AT)),
    ),
    *together(
        "spoken mail",
        (),
        pattern_rule("email-spelled", "EMAIL", _SPOKEN_EMAIL, hint=_DOT, near=re.compile(_DOT)),
    ),
    *together(
        "web",
        (),
        pattern_rule("url", "URL", _URL, _leads_to_a_person, hint=r"https?://|HTTPS?://|www\.|WWW\."),
    ),
    *together(
        "numbers",
        (DIGIT,),
        pattern_rule("ip-v4", "IP", _IPV4, _ip_v4),
    ),
    *together(
        "labelled numbers",
        (DIGIT,),
        pattern_rule("ip-v6", "IP", _IPV6, _ip_v6),
    ),
    *together("international", (DIGIT,), *_phones("international", _INTERNATIONAL, _international)),
    *together(
        "long numbers",
        (_LONG_NUMBER,),
        *_phones("cued", _CUED, _cued, hint=_CUED_HINT, near=re.compile(_CUED_HINT)),
        *_phones("american", _AMERICAN, _american, hint=r"[0-9]{3}[-. )/][-. ]{0,2}[0-9]{3}[-. ]{1,2}[0-9]{4}"),
        pattern_rule("phone-spanish", "PHONE", _SPANISH, _spanish),
        pattern_rule("phone-zero", "PHONE", _ZERO, _zero, hint=_ZERO_HINT, near=re.compile(_ZERO_HINT)),
        pattern_rule("phone-bracketed", "PHONE", _BRACKETED, _stands_free),
        pattern_rule("phone-french", "PHONE", _FRENCH, _french, hint=r"0[1-9](?:[ .-][0-9][0-9]){4}"),
    ),
)
