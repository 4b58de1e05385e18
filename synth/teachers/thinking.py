"""Reasoning and answer of a completion: the marks around reasoning, and end-of-turn tokens."""

from __future__ import annotations

import re
import unicodedata

OPEN = "<think>"
"""The mark that chat templates of reasoning models put at the end of a prompt."""

_TAGS = r"(?:\w{1,12}:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|inner_?monologue)"
_HARMONY = r"<\|channel\|>\s*(?:analysis|commentary)[^<>\n]*<\|message\|>"

MARKS = re.compile(
    # <think>, [THINK], <|thinking|>, <|START_THINKING|>, <|begin_of_thought|>, ◁think▷, <seed:think>
    rf"(?P<open><\|?(?:start_(?:of_)?|begin_(?:of_)?)?{_TAGS}\|?>|(?-i:\[THINK\])|◁{_TAGS}▷"
    # gpt-oss, with and without its markers; MedGemma; Gemma 4; HuatuoGPT-o1; Granite
    rf"|(?:<\|start\|>\s*assistant\s*)?{_HARMONY}|\Aanalysis(?=.*assistant\s?final)"
    r"|<unused94>(?:\s*thought\b)?|<\|channel>\s*thought\b|\A\s*\#\# thinking\s*\n(?=.*^\#\# final response\s*$)"
    r"|\A\s*here is my thought process:(?=.*here is my response:))"
    rf"|(?P<close></\|?{_TAGS}\|?>|<\|?(?:end_(?:of_)?){_TAGS}\|?>|(?-i:\[/THINK\])|◁/{_TAGS}▷"
    r"|(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final\s*<\|message\|>"
    r"|assistant\s?final|<unused95>|<channel\|>|^\#\# final response\s*$|here is my response:)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
"""Opening and closing marks of reasoning; a mark that is no tag counts only together with its counterpart."""

PARTS = ("<", "[THINK", "[/THINK", "◁", "final", "Final", "FINAL", "esponse", "RESPONSE")

UNTAGGED = re.compile(r"assistant\s?final|\#\# final response\s*|here is my response:", re.IGNORECASE)

WRAPPERS = re.compile(r"<\|?(?:start_(?:of_)?|begin_(?:of_)?|end_(?:of_)?)(?:response|solution)\|?>", re.IGNORECASE)
"""Tags around the answer itself, as Command and OpenThinker models write them after their reasoning."""

SPECIAL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|<\|[a-z_]{1,20}>|<[a-z_]{1,20}\|>|<(?:start|end)_of_turn>|<unused\d+>"
    r"|</?s>|<eos>|<bos>|<pad>|<unk>|<eod>|\[/?INST\]|<</?SYS>>|\[/?(?:AVAILABLE_TOOLS|TOOL_CALLS)\]"
)
"""Control tokens of chat templates written out as text."""

_ENDING = re.compile(rf"(?:\s|{SPECIAL_TOKEN.pattern})+\Z")
_KEPT_CONTROLS = frozenset("\n\t\r\f\v")


def split_reasoning(text: str) -> tuple[str | None, str]:
    """Return (reasoning, answer): the blocks' contents and the text outside them; (None, text) where there is none.

    A block that closes without an opening began in the prompt, as in templates of reasoning models. One that is never
    closed is unfinished, and the answer is empty.
    """
    thoughts: list[str] = []
    answers: list[str] = []
    at, opened, has_marks = 0, False, False
    for mark in _marks(text):
        piece = text[at : mark.start()]
        if mark["open"]:
            (thoughts if opened else answers).append(piece)
            opened = True
        else:
            # Closed without having been opened: everything before was reasoning.
            thoughts += [piece] if opened else [*answers, piece]
            answers = answers if opened else []
            opened = False
        at, has_marks = mark.end(), True
    if not has_marks:
        return None, text
    if opened:
        return _join_parts([*answers, *thoughts, text[at:]]), ""
    return _join_parts(thoughts), WRAPPERS.sub("", "".join([*answers, text[at:]])).strip()


def after_thought(text: str) -> int | None:
    """Return where the last reasoning of ``text`` ends, 0 where there is none, None for one that never ends."""
    at: int | None = 0
    for mark in _marks(text):
        at = None if mark["open"] else mark.end()
    return at


def without_end(text: str) -> str:
    """Return ``text`` without the control tokens, such as ``<|im_end|>``, at its end."""
    if not text.rstrip().endswith((">", "]")):
        return text
    ending = _ENDING.search(text)
    return text[: ending.start()] if ending and SPECIAL_TOKEN.search(ending[0]) else text


def control_marks(text: str) -> str | None:
    """Return the first control token or control character inside a text, or None: no reader should see one."""
    token = SPECIAL_TOKEN.search(text)
    if token:
        return token[0]
    return next((repr(mark) for mark in text if not mark.isprintable() and _is_control(mark)), None) or (
        repr("\ufffd") if "\ufffd" in text else None
    )


def _marks(text: str) -> list[re.Match[str]]:
    # The pattern is slow and most texts have no mark, none without one of these.
    if not any(part in text for part in PARTS):
        return []
    marks = list(MARKS.finditer(text))
    opened = any(mark["open"] for mark in marks)
    return [mark for mark in marks if opened or not UNTAGGED.fullmatch(mark[0])]


def _is_control(mark: str) -> bool:
    return mark not in _KEPT_CONTROLS and unicodedata.category(mark) in ("Cc", "Cs", "Co", "Cn")


def _join_parts(parts: list[str]) -> str:
    return "\n\n".join(filter(None, map(str.strip, parts)))
