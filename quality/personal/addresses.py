"""Rules that find postal addresses of people, in the American, British, Spanish and French forms."""

from __future__ import annotations

import re

from quality.personal.rule import Rule, by_pattern

_CAP = r"(?:[A-ZÀ-Þ][\w’'-]*\.?)"
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|PR|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
)
_ZIP = r"\d{5}(?:-\d{4})?"
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[ABD-HJLNP-UW-Z]{2}"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Terrace|Ter|Circle|Cir|Parkway|Pkwy|Pike|"
    r"Highway|Hwy|Square|Sq|Close|Crescent|Cres|Gardens?|Gdns|Grove|Mews|Row|Trail|Trl|Loop|Alley|Walk|Broadway|Hill|Green|Route|Heights|Turnpike|Plaza)"
)
_UNIT = r"(?:,?[ ](?:(?i:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|bldg|building)\.?|\#)[ ]?[\w-]{1,6})"
_TOWN = rf"(?:{_CAP}(?:[ ]{_CAP}){{0,3}})"
_AMERICAN_TAIL = rf"(?:,?[ \n]{_TOWN})?,?[ ]{_STATE}(?:,?[ ]{_ZIP})?"
_BRITISH_TAIL = rf"(?:,?[ \n]{_TOWN}){{0,3}},?[ \n]{_POSTCODE}"

_STREET_ADDRESS = re.compile(
    rf"(?<![\w.,/-])(?:(?:Flat|Apt|Apartment|Unit|Suite)[ ]\w{{1,5}},[ ])?\d{{1,6}}[A-Za-z]?,?[ ](?:[NSEW]{{1,2}}\.?[ ])?(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}?{_STREET}\b\.?(?:[ ][NSEW]{{1,2}}\b\.?)?"
    rf"{_UNIT}?(?:{_BRITISH_TAIL}|{_AMERICAN_TAIL}|,[ ]{_TOWN}(?=[.;\n]|$))?"
)
_WITH_POSTCODE = re.compile(
    rf"(?<![\w.,/-])\d{{1,4}}[A-Za-z]?,?[ ]{_CAP}(?:[ ](?:{_CAP}|y|de|the|of|on|upon|in)){{0,4}}(?:,[ \n]{_CAP}(?:[ ](?:{_CAP}|on|upon|le|the)){{0,3}}){{0,3}},?[ \n]{_POSTCODE}(?!\w)"
)
_BOX = re.compile(
    rf"(?:\b(?:[Pp]\.?[ ]?[Oo]\.?[ ]?|[Pp]ost [Oo]ffice )[Bb]ox|\bApartado(?: de [Cc]orreos)?|\bApdo\.?)[ ]#?\d{{1,6}}"
    rf"(?:{_AMERICAN_TAIL}|(?:,[ ]|[ ])\d{{5}}(?:[ ]{_TOWN})?)?"
)
_WAY = (
    r"(?:[Cc]/|[Cc]alle|C\.|[Aa]v(?:enida|da|d)?\.?|[Aa]vgda\.?|[Pp]laza|[Pp]za\.?|[Pp]l\.|[Pp]la[çc]a|[Pp]aseo|[Pp]asseig|[Pp]º|[Pp]\.º|[Cc]amino|[Cc]arretera|[Cc]tra\.?|[Rr]onda|[Tt]raves[íi]a|"
    r"[Uu]rbanizaci[óo]n|[Uu]rb\.|[Rr]ambla|[Cc]arrer|[Gg]lorieta|[Cc]arrera|[Cc]ra\.?|[Cc]ostanilla|[Cc]uesta|[Bb]arrio|[Pp]asaje|[Pp]je\.|[Cc]alzada|[Gg]ran V[íi]a|[Dd]iagonal|[Cc]allej[óo]n|[Bb]oulevard)"
)
_DOOR = (
    r"(?:,?[ ](?:n[.]?[ºo°]|n[úu]m\.?|[#])?[ ]?\d{1,4}[A-Z]?\b(?![.,]\d|[ ]?(?:mg|ml|a[ñn]os|%))"
    r"(?:[ ]?(?:bis|dpdo\.?|duplicado))?(?:,?[ ](?:\d{1,2}\.?[ºª°o]\.?(?:[ ]?[-–]?[ ]?(?:[A-H]\b|\d{1,2}\.?[ªº]|izda\.?|izq\.?|dcha\.?|dcho\.?|derecha|izquierda|centro))?"
    r"|(?:piso|puerta|pta\.?|portal|esc\.?|escalera|bloque|bajo|[áa]tico|interior|int\.|depto\.?|dpto\.?)(?:[ ]?[\w]{1,3}\b)?|(?:[A-H]|izda\.?|dcha\.?|bajo)\b))*)"
)
_SPANISH_TOWN = r"(?:[ ]?[,.–-]?[ ](?:C\.?P\.?:?[ ]?)?\d{5}(?:[ ,]{1,2}(?:[A-ZÀ-Þ][\wà-ÿ'’-]+)(?:[ ](?:de[ ](?:la[ ]|los[ ])?|del[ ]|la[ ]|el[ ])?[A-ZÀ-Þ][\wà-ÿ'’-]+){0,4})?(?:[ ]?\([A-ZÀ-Þ][\wà-ÿ ]+\))?)"
_SPANISH = re.compile(
    rf"(?<![\w/]){_WAY}[ ]?(?:(?:de|del|la|las|los|el|l[’']|d[’']|dels|les|San|Santa|y|e)[ ]?){{0,4}}(?:[A-ZÀ-Þ0-9][\wà-ÿ'’.-]*)(?:[ ](?:de|del|la|las|los|el|y|i)){{0,3}}"
    rf"(?:[ ](?:de[ ]|del[ ]|la[ ]|los[ ]|y[ ]|i[ ])*[A-ZÀ-Þ][\wà-ÿ'’.-]*){{0,4}}{_DOOR}{_SPANISH_TOWN}?"
)
_FRENCH = re.compile(
    r"(?<![\w.,/-])\d{1,4}(?:[ ]?(?:bis|ter|quater))?,?[ ](?:[Rr]ue|[Aa]v(?:enue|\.)|[Bb](?:oulevar)?d\.?|[Aa]ll[ée]e|[Ii]mpasse|[Pp]lace|[Cc]hemin|[Rr]oute|[Qq]uai|[Cc]ours|[Ss]quare|[Ff]aubourg|[Rr]ésidence)[ ]"
    r"(?:(?:de|du|des|la|le|les|l[’']|d[’'])[ ]?){0,3}[A-ZÀ-Þ\d][\wà-ÿ'’-]*(?:[ ](?:(?:de|du|des|la|le|les|l[’']|d[’'])[ ]?){0,2}[A-ZÀ-Þ][\wà-ÿ'’-]*){0,4}"
    r"(?:,?[ \n]\d{5}[ ][A-ZÀ-Þ][\wà-ÿ'’-]+(?:[ -][A-ZÀ-Þ][\wà-ÿ'’-]+){0,3})?"
)
_LABELLED = re.compile(
    r"(?i:(?<![\w-])(?:home |mailing |postal |current |permanent |street )?address(?: is)?|\b(?:direcci[óo]n|domicilio|adresse))[ \t]*[:=]?[ \t]*(?P<x>[^\n;:@]{0,40}?\d[^\n;:@]{0,60}?)(?=[.;\n]|$|,? (?:tel|phone|and|y)\b)"
)
_ORGANISATION_BEFORE = re.compile(
    r"(?i)(?:foundation|association|institutes?|society|university|hospital|cent(?:er|re)|clinic|council|network|alliance|department|office|school|"
    r"federation|organi[sz]ation|library|agency|inc\.?|llc|coalition|program|service|nih|building|suite|room|clearinghouse|support group|project|fundaci[óo]n|asociaci[óo]n|universidad|campus)\b[^\n]{0,40}\n?[^\n]{0,60}$"
)


def _of_a_person(match: re.Match[str]) -> bool:
    """Say whether the address is not an organisation's, by what is written right before it."""
    return _ORGANISATION_BEFORE.search(match.string[max(0, match.start() - 120) : match.start()]) is None


def _labelled(match: re.Match[str]) -> bool:
    value = match["x"]
    return re.match(r"(?i)\s*(?:of|the|this|in|for|is|was|ip\b)", value) is None and re.search(r"[A-ZÀ-Þ]\w", value) is not None and _of_a_person(match)


ADDRESS_RULES: tuple[Rule, ...] = (
    Rule(
        name="address-street",
        kind="ADDRESS",
        hint=rf"\d[A-Za-z]?,? (?:[NSEW]{{1,2}}\.? )?(?:(?:\p{{Lu}}[\w’'-]*\.?|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}{_STREET}(?-u:\b)",
        spans=by_pattern(_STREET_ADDRESS, _of_a_person),
    ),
    Rule(name="address-postcode", kind="ADDRESS", hint=rf"\p{{Lu}}\w+,?[ \n]{_POSTCODE}", spans=by_pattern(_WITH_POSTCODE, _of_a_person)),
    Rule(name="address-box", kind="ADDRESS", hint=r"(?i)p\.? ?o\.? ?box|post office box|apartado|apdo", spans=by_pattern(_BOX, _of_a_person)),
    Rule(name="address-spanish", kind="ADDRESS", hint=rf"{_WAY}[ ]?[^\n]{{2,50}}\d", spans=by_pattern(_SPANISH, _of_a_person)),
    Rule(
        name="address-french",
        kind="ADDRESS",
        hint=r"(?i)\d(?: ?(?:bis|ter|quater))?,? (?:rue|av|b(?:oulevar)?d|all[ée]e|impasse|place|chemin|route|quai|cours|square|faubourg|r[ée]sidence)",
        spans=by_pattern(_FRENCH, _of_a_person),
    ),
    Rule(name="address-labelled", kind="ADDRESS", hint=r"(?i)(?:address(?: is)?|direcci[óo]n|domicilio|adresse)[ \t]*[:=]?[^\n]{0,40}\d", spans=by_pattern(_LABELLED, _labelled)),
)
