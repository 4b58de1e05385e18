"""Repair of text that was decoded with the wrong encoding: ``Î²-blocker`` was β-blocker."""

from __future__ import annotations

import re

_TRAIL = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""Characters that the bytes 0x80 to 0xBF become in Latin-1 or Windows-1252."""

MOJIBAKE = (
    rf"[\u00c2-\u00df][{_TRAIL}]|[\u00e0-\u00ef][{_TRAIL}]{{2}}|\u00f0[{_TRAIL}]{{2,3}}|[\u0080-\u0084\u0086-\u009f]|ï¬[a-z]|"
    r"‚Ä[ôúùìîîòù¶¢]|√[©®°±≥¥º]|Œ[±≤≥≥¥µ∫ºª]|¬[µ∞±]|\dâ[°´µ¶·¸¹»]"
)
"""A UTF-8 sequence decoded byte by byte (Latin-1, Windows-1252, Mac OS), or a control character that this produces."""

_SURE = re.compile(rf"[ÎÏ][{_TRAIL}]|â[{_TRAIL}]{{2}}")
_POWER = re.compile(r"(?<=\d)â([°´µ¶·¸¹»])")
_POWERS = dict(zip("°´µ¶·¸¹»", "⁰⁴⁵⁶⁷⁸⁹⁻", strict=True))


def fix_encoding(text: str) -> str:
    """Repair wrongly decoded characters; text that may be intended is left alone."""
    import ftfy

    # ftfy leaves short sequences alone where they might be meant; these never are.
    text = _SURE.sub(_decoded, text.replace("ï¬\u0081", "ﬁ"))
    # The byte 0x81 is no character in Windows-1252 and was lost on the way: of ﬁ, and of raised digits.
    text = _POWER.sub(lambda match: _POWERS[match[1]], text)
    return re.sub("ï¬(?=[a-z])", "fi", ftfy.fix_encoding(text))


def _decoded(match: re.Match[str]) -> str:
    try:
        letter = match[0].encode("sloppy-windows-1252").decode()
    except UnicodeError:
        return match[0]
    return (
        letter if len(letter) == 1 and ("\u0386" <= letter <= "\u03ce" or "\u2000" <= letter <= "\u27ff") else match[0]
    )
