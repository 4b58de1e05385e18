"""Stock sentences: found by a trigger and made of stock words only.

A sentence with any other word, or with a number, has content of its own and is kept.
"""

from __future__ import annotations

import re
from functools import partial

from quality.cleaning.sentences import Removal, sentences, strip_list_marker, without
from quality.cleaning.stock_words import COURTESY, DISCLAIMER, DOCUMENTS, SELF_DESCRIPTION

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
# Several words that are stock only together.
_FIXED = re.compile(r"chat ?doctor\b|\btake care\b|\bget well\b|\b(?:do not|don't) (?:ever )?hesitate\b")

_SERVED = r"(?:quer|question|doubt|concern|issue)\w*"
HOPE = re.compile(
    r"(?i)^(?:and |so |well,? )?(?:(?:i|we|i do|i really|i sincerely|i truly) )?(?:hope|hoping|hopefully|trust)\b,?.*"
    rf"\b(?:help\w*|answer\w*|clarif\w*|useful|assist\w*|informative|satisf\w*|guid\w*|understand\w*|"
    rf"of (?:some |any |much )?(?:help|use)\b|(?:clear|re?solve)(?:s|ed)?\b.*{_SERVED})"
)
QUESTIONS = re.compile(
    r"(?i)(?:\b(?:any|more|other|further|additional|follow-?up) (?:\w+[ /]){0,3}?(?:questions?|queries|query|doubts?|"
    r"concerns?|clarifications?|assistance|help|information)\b(?!, visit)|^(?:please )?(?:feel free|(?:do not|"
    r"don.t) hesitate)\b|"
    r"\b(?:happy|glad|pleased|here) to (?:help|assist|answer|clarify)\b|\blet (?:me|us) know\b|"
    r"^you (?:can|may|are welcome to) (?:always )?(?:contact|write|ask)\b|\bget back to (?:me|us|you)\b|"
    r"^(?:please |kindly |do )*(?:write|get|come|revert|report|reach|contact|message|ask|keep) (?:\w+ )?"
    r"(?:back|out|me|us|"
    r"in touch|here)\b|\b(?:hear|hearing) (?:back )?from you\b|^(?:it was |it is |it's )?(?:my|a|our) pleasure\b|"
    r"^(?:i am|i.m|we are) (?:\w+ )?(?:here|available|around)\b|"
    r"^(?:please |kindly )?(?:accept|rate|upvote|close|like) (?:my|this|the) "
    r"(?:answer|discussion|question|thread|post)\b|"
    r"^(?:should you|if you) (?:need|have|want|require)\b|\bat your (?:disposal|service)\b|"
    r"\b(?:stay|be|get) in touch\b|"
    r"\b(?:leave|give) (?:a|us a|me a) (?:rating|review)\b|\bforget to (?:upvote|rate|accept|like|subscribe)\b|"
    r"\bglad to be of\b|^should anything\b|"
    r"^(?:i am |i.m |we are )?look(?:ing)? forward to\b)"
)
WISHES = re.compile(
    r"(?i)^(?:and |i |we |thank you and )?(?:wish(?:ing)? you (?:an?|all|the|well|good|luck|best|every|success|happy|"
    r"speedy|"
    r"quick|lots)\b|have an? (?:very )?(?:nice|good|great|lovely|wonderful|healthy|"
    r"blessed)\b|"
    r"(?:stay|be|keep) (?:safe|healthy|blessed|well|happy)\b|enjoy your\b|my best\b|"
    r"(?:really |sincerely )?hope (?:that )?(?:you|everything|all)\b.*\b(?:better|recover\w*|well|soon|fine|good)\b|"
    r"good luck|take (?:good )?care|all the (?:very )?best|best of luck|(?:best|warm|kind) (?:wishes|regards)|get well|"
    r"sending you\b|"
    r"(?:may )?god bless\b)"
)
_RECEIVED = r"(?:question|query|queries|concern|message|problem|case|history|post|details|reports?)s?"
_THANKED = (
    r"query|question|queries|questions|asking|posting|posted|choosing|writing|contacting|consulting|using|visiting|"
    r"trusting|reaching|patience|coming|sharing|message|trust"
)
THANKS = re.compile(
    rf"(?i)^(?:many )?thank(?:s|ing)?(?: you)?(?: (?:so|very) much| a lot)? for (?:\w+ ){{0,3}}?(?:{_THANKED})\b|"
    r"^(?:many thanks|thanks?(?: you)?(?: (?:so|very) much| a lot| again)?)[.!]|^i appreciate your\b|"
    r"^(?:that is |that's |this is )?an? (?:very )?(?:great|good|excellent) question\b|^(?:great|good|"
    r"excellent) question\b|"
    r"\bwelcome to\b|^i (?:can |have |had )?(?:\w+ly )?(?:understood|understand|read|reviewed|seen|noted|gone|went|"
    rf"looked)(?: \w+ly)?(?: (?:through|at|into))? (?:all )?your (?:\w+ )?{_RECEIVED}\b"
)
OPENING = re.compile(
    rf"{THANKS.pattern}|^(?:(?:hello|hi|hey|dear)\b.* )?(?:and )?(?:many )?thank|^(?:and )?welcome\b|^greetings\b|"
    r"^(?:hola|bonjour|salut)\b|^(?:muchas )?gracias por\b|^merci (?:pour|de)\b|"
    r"^(?:i |we )?(?:\w+ly )?hope (?:this (?:message |letter )?finds you|you|everything|all)\b.*"
    r"\b(?:well|fine|good|safe)\b"
)
"""Opening of a reply before its content."""
GREETED = re.compile(
    r"(?i)^(?:and |so |first of all,? )?(?:i|we|i.m|i.ve|i.ll|we.ll|my|our|thank\w*|many|welcome|hope|hoping|nice|glad|"
    r"happy|pleased|greetings|let|how|good|great|sorry|it is|it.s|this is|as per)\b"
)
"""Start of a sentence that belongs to the greeting before it, if it is made of stock words."""
MODEL = re.compile(
    r"(?i)\bas an? (?:AI|artificial intelligence|(?:large )?language model)\b|"
    r"\bI(?:.m| am) (?:just |only )?an? (?:AI|language model)\b|\bi am not an? (?:doctor|physician)[.!]$"
)
_OWN = r"(?:medical|professional|clinical|health) (?:advice|diagnosis|care|judge?ment)"
_OF_TEXT = (
    r"information(?:al)?|statements?|(?:the|this|all|our|my) (?:contents?|materials?|text|reply|answers?|"
    r"response|chat)|"
    r"web ?site|(?:this|our|the web) ?(?:page|site|service|forum)|page|post|article|message|discussion|"
    r"opinions? (?:given|"
    r"here|expressed)|online (?:answers?|advice|opinions?)|nothing (?:here|in this|on this)"
)
_MEANT = (
    r"intended|meant|advice|purposes?|establish\w*|creates?|constitutes?|construed|diagnose|prescription|apply|liable|"
    r"responsible|replac\w+|substitute|information|doctor|physician"
)
_NOT = r"(?:\b(?:not|nor|neither|never|no|nothing|cannot)\b|n.t\b)"
SUBSTITUTE = re.compile(
    rf"(?i)\bsubstitut\w* for\b|{_NOT}.*\b{_OWN}\b|\bdisregard\b|\b(?:seek|get) (?:\w+ ){{0,3}}(?:advice|opinion)\b|"
    rf"^(?=(?:\S+\s+){{3}})(?!.*\bavailable\b)(?=.*\b(?:{_OF_TEXT})\b).*(?:\b(?:not|no|nothing|never|cannot|only|general|"
    r"purposes?|without guarantees?)\b|n.t\b)|"
    rf"\b(?:answer|response|reply|text)\b.*(?:\b(?:not|nothing|never|only|general)\b|n.t\b).*\b(?:{_MEANT})\b|"
    rf"{_NOT}.*(?:\b(?:construed|constitutes?|liability|responsibility)\b|\breplac\w+ (?:\w+ ){{0,4}}"
    r"(?:consultation|advice|visit|opinion|examination|judge?ment|doctor|physician|professional)\b)|"
    r"\b(?:doctor|physician)-patient relationship\b|\b(?:personal|own) opinion\b|^(?:\w+ )?(?:disclaimer|notice)\b|"
    r"\balways (?:\w+ ){0,3}(?:check|consult|speak|talk) (?:\w+ ){0,4}(?:professional|provider|practitioner)s?\b|"
    r"\bi(?: am|.m) not an? (?:\w+ )?(?:doctor|physician|professional|provider|clinician)\b|"
    r"\bauthors?\b.*\b(?:assumes?|responsible|views|opinions?)\b|\bviews expressed\b|^these statements\b|"
    r"\b(?:written|information|article|page|leaflet|content|text|site)\b.*\b(?:date|intended|only|provided|every|changes)\b|"
    r"\bnot (?:able|possible) to examine you\b|\bcannot examine you\b|\b(?:this|it) is not an? diagnosis\b|"
    r"\bno (?:sustituy|reemplaz|constituy)\w+\b.*\b(?:médic|consejo)|"
    r"\bne (?:remplace|constitue)\w*\b.*\b(?:avis|conseil)\b"
)


LONGEST = 320
"""Characters of the longest possible stock sentence."""


def consists_of(sentence: str, words: frozenset[str]) -> bool:
    """Return whether every word of a sentence is one of ``words``; a number never is."""
    text = _FIXED.sub("please", sentence.lower().replace("’", "'"))
    match = None
    for match in _WORD.finditer(text):
        if match[0] not in words:
            return False
    return match is not None


_EDGES = frozenset("chat chatdoctor doctor take get do don't".split())
"""First and last words of stock expressions of several words."""


def fits(edge: str, words: frozenset[str]) -> bool:
    """Return whether the first or last word of a sentence may be stock; this rules out most sentences."""
    word = edge.replace("’", "'").lower().strip(".,;:!?()[]\"'“”…-–—")
    return word in words or word in _EDGES or not word.isalpha()


def bare_sentence(sentence: str, words: frozenset[str]) -> str:
    """Return a sentence without its list marker if it consists of ``words`` only, else "".

    The last and the first word decide most cases and are tested first.
    """
    if not fits(sentence.rsplit(None, 1)[-1], words):
        return ""
    text = strip_list_marker(sentence)
    return text if text and fits(text.split(None, 1)[0], words) and consists_of(text, words) else ""


def is_stock(sentence: str, trigger: re.Pattern[str], words: frozenset[str]) -> bool:
    """Return whether ``trigger`` finds a sentence that consists of ``words`` only and asks nothing."""
    text = bare_sentence(sentence, words)
    if not text or any(text.count(left) != text.count(right) for left, right in ("()", "[]", "“”")):
        return False  # a bracket or quotation mark that opens or closes in another sentence
    return not text.endswith(("?", ":")) and bool(trigger.search(text))


_SEPARATOR = "[^a-z0-9]"
"""Text between two words; an accented letter is allowed too, since this pattern only preselects texts."""
_PIECES = "chat chatdoctor doctor take care get well do not don't ever hesitate".split()
"""The words of stock expressions of several words."""


def whole_sentence(words: frozenset[str]) -> str:
    """Return a polars pattern that matches lower-case texts with a sentence of ``words`` only, and a few others."""
    one = "|".join(sorted({word.replace("'", "['’]") for word in (*words, *_PIECES)}))
    start = r"(?:^|[.!?…)][\"'”’)\]]*\s|[\n。！？])"
    return rf"{start}{_SEPARATOR}*(?:(?:{one}){_SEPARATOR}*)+(?:[.!?…\n。！？]|$)"


def remove_sentences(text: str, *, trigger: re.Pattern[str], words: frozenset[str]) -> tuple[str, str]:
    """Remove the stock sentences."""
    spans = (span for span in sentences(text) if span.end - span.start <= LONGEST)
    return without(text, [span for span in spans if is_stock(text[slice(*span)], trigger, words)])


SERVICE = COURTESY | frozenset(
    "app application clinic community desk doctor finds hospital platform portal report reports".split()
)
DANGLING = re.compile(
    r"(?i)^(?:please )?(?:click|tap|press) (?:here|(?:on )?(?:the|this) link)\b|"
    r"^(?:please )?(?:click|tap|press|follow|use) (?:on )?(?:the|this) (?:following )?(?:link|button)\b|"
    r"\bclick here\.?$|^(?:please )?(?:watch|download|view|find|get|read)\b.*\bhere\.?$|"
    r"^(?:share|tweet|like) (?:this|it)\b|^subscribe to\b|^sign up\b|^book (?:your|an|now)\b.*:$|^read more\b[^\w]*$|"
    r"^(?:please )?visit (?:our|this|the) (?:\w+ )?(?:website|site|page)\b|"
    r"^(?:more|further|additional) (?:information|details) (?:is|are|can be)\b.*"
    r"\b(?:website|site|page|online|link)\b\W*$|"
    r"\b(?:visit|at|see|here|to|from|on|via|website|link|page)\s+[.,]$|"
    r"\b(?:here|at|link|website|below|visit|via)\s*:$|"
    r"^for (?:more|further) (?:information|details),? (?:please )?(?:visit|"
    r"see) (?:our|the|this) (?:website|site|page)\b"
)
POINTING = DOCUMENTS | frozenset(
    "appointment appointments ask booking browser button call channel chat email enlarge facebook friends instagram "
    "into now print related share show sign speak subscribe talk tweet twitter video videos watch whatsapp whole "
    "youtube".split()
)


def _points(sentence: str) -> bool:
    """Return whether a sentence only points to a place."""
    text = bare_sentence(sentence, POINTING)
    return text != "" and bool(DANGLING.search(text))


def remove_dangling(text: str) -> tuple[str, str]:
    """Remove sentences that point to an address that is no longer there ("To learn more, visit .")."""
    spans = sentences(text)
    gone = [
        span
        for at, span in enumerate(spans)
        if span.end - span.start <= LONGEST
        and (text[span.end - 1] != ":" or at + 1 == len(spans))
        and _points(text[slice(*span)])
    ]
    return without(text, gone)


remove_thanks: Removal = partial(remove_sentences, trigger=THANKS, words=SERVICE)
remove_hope: Removal = partial(remove_sentences, trigger=HOPE, words=COURTESY)
remove_questions: Removal = partial(remove_sentences, trigger=QUESTIONS, words=COURTESY)
remove_wishes: Removal = partial(remove_sentences, trigger=WISHES, words=COURTESY)
remove_disclaimer: Removal = partial(remove_sentences, trigger=SUBSTITUTE, words=DISCLAIMER)
remove_self_description: Removal = partial(remove_sentences, trigger=MODEL, words=SELF_DESCRIPTION)
