"""Web addresses: removed where no content is lost, kept where a sentence depends on them."""

from __future__ import annotations

import re

from quality.cleaning.sentences import Span, sentences, strip_list_marker, without
from quality.cleaning.stock_sentences import consists_of
from quality.cleaning.stock_words import DOCUMENTS, REFERENCE

URL = r"(?i)\b(?:https?://|www\.)[^\s<>\"'\[\]{}]*[^\s<>\"'\[\]{}().,;:!?]"
LINK = rf"{URL}|<link>"
"""An address, or a corpus's replacement for one."""
MARKDOWN_LINK = r"(?i)\]\(\s*(?:https?://|www\.)"
"""Pattern that every text with a Markdown link contains."""

_LINK = re.compile(LINK.replace("(?i)", ""), re.IGNORECASE)
_MARKDOWN = re.compile(
    r"(?i)!?\[([^\[\]\n]+)\]\(\s*((?:https?://|www\.)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)(?:\s+\"[^\"\n]*\")?\s*\)"
)
_ASIDE = re.compile(r"(?<!\])(?:\(([^()\n]*)\)|\[([^\[\]\n]*)\]|<([^<>\s]*)>)")
_PLACE = re.compile(r"(?i)(?:\s*\b(?:at|on|in|from|via|here|see|visit|this|the|following|link)\b:?|\s*:)*\s*<link>")
_ANNOUNCES = re.compile(
    r"(?i)\b(?:following|below|these) (?:\w+ ){0,2}(?:links?|pages?|sites?|websites?|addresses|address|articles?|"
    r"urls?)\b"
)
"""A sentence that announces addresses."""
_PHRASE = re.compile(
    rf"(?i)(?:^|(?<=[.!?\n] )|(?<=\n))according to {URL[4:]}, |"
    rf"\bat {URL[4:]} and (?=(?:in|at|on|from|by|with)\b)|"
    rf"\b(?:is|are|was|were) (?:(?:available|found|given|listed|online) )?at {URL[4:]} and (?=(?:is|are|was|were|"
    rf"has|have)\b)"
)
"""An address with its connecting words, in a sentence that is complete without them."""
_POINTS_ON = re.compile(
    r"(?i)(?:\b(?:here|below|following|links?|websites?|webpages?|pages?|sites?|at|visit|see)\b[^\w]*|:\s*)$"
)


_FOR = r"(?: for (?:(?:an?|the|more|our) )?[a-z]+(?: [a-z]+){0,2})?"
_POINTER = re.compile(
    rf"(?i)(?:please )?(?:see|visit|go to|read|(?:(?:is )?(?:available|[a-z]+ed|found) )?(?:at|from|on|"
    rf"via))(?: also)? _{_FOR}"
    rf"(?:(?:, | and | or |, and |; )_{_FOR})*\.?"
)
"""An aside that points to addresses (each a ``_``) and names the target in a word or two."""


def unlink_markdown(text: str) -> str:
    """Return ``text`` with Markdown links replaced by their words, where the words describe the target."""
    return _MARKDOWN.sub(
        lambda match: match[0] if consists_of(match[1], REFERENCE) or _LINK.search(match[1]) else match[1], text
    )


def remove_links(text: str) -> tuple[str, str]:
    """Remove addresses together with the aside or sentence that contains nothing else, unless nothing would be left.

    An address inside a sentence with content of its own is kept, since the sentence needs it.
    """
    kept, removed = _without_asides(text)
    kept, gone = without(kept, _reference_sentences(kept))
    removed += [gone] if gone else []
    for pattern in (_PHRASE, _PLACE) if "<link>" in kept.lower() else (_PHRASE,):
        removed += [match[0].strip() for match in pattern.finditer(kept)]
        kept = pattern.sub("", kept)
    if not kept.strip():
        return text, ""
    return kept, "\n".join(removed)


def _without_asides(text: str) -> tuple[str, list[str]]:
    """Return the text without the bracketed asides that only point to addresses, and these asides."""
    pieces, removed, at = [], [], 0
    for match in _ASIDE.finditer(text):
        inner = match[1] or match[2] or match[3] or ""
        if not (_may_hold_link(inner) and _LINK.search(inner)):
            continue
        if _is_reference(inner) or _POINTER.fullmatch(_LINK.sub("_", inner.strip())):
            pieces.append(text[at : match.start()].rstrip())
            removed.append(match[0])
            at = match.end()
    return "".join([*pieces, text[at:]]), removed


_NUMBERED = re.compile(r"^\W*\[\d{1,2}\]")
"""The number of an address in a list of references."""


def _is_reference(sentence: str) -> bool:
    """Return whether a sentence only refers to its addresses, or is nothing but addresses."""
    rest = _NUMBERED.sub("", _LINK.sub(" ", _MARKDOWN.sub(r" \1 ", sentence)))
    return consists_of(rest, DOCUMENTS) or not any(char.isalnum() for char in rest)


def _may_hold_link(text: str) -> bool:
    """Return whether a text may contain an address; faster than the full search."""
    lowered = text.lower()
    return "http" in lowered or "www." in lowered or "<link>" in lowered


def _announced(text: str, spans: tuple[Span, ...], at: int) -> bool:
    """Return whether sentence ``at``, the last one with content, announces the addresses after it."""
    if at < 0:
        return False
    sentence = text[slice(*spans[at])]
    if _POINTS_ON.search(sentence) and not consists_of(sentence, REFERENCE):
        return True
    return any(_ANNOUNCES.search(text[slice(*span)]) for span in spans[max(at - 1, 0) : at + 1])


def _reference_sentences(text: str) -> list[Span]:
    """Return the sentences that contain an address and no content, and those that announce one of these.

    An address whose announcement has content of its own ("More on asthma is at the following page.") is kept with it.
    """
    references: list[Span] = []
    spans = sentences(text)
    content = -1
    for at, span in enumerate(spans):
        sentence = text[slice(*span)]
        if not (_may_hold_link(sentence) and _LINK.search(sentence) and _is_reference(sentence)):
            content = at
            continue
        item = strip_list_marker(sentence)
        if _announced(text, spans, content) or (item[:1].islower() and not _LINK.match(item)):
            continue
        before = spans[at - 1] if at else None
        if before and before not in references and _POINTS_ON.search(text[slice(*before)]):
            references.append(before)
        references.append(span)
    return references
