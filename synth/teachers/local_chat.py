"""Conversations with a model in this process: prompts by its chat template, and parsing of its output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sources.record import Message
from synth.teachers.chat_reply import BadReplyError, usable
from synth.teachers.dialect import SYSTEM_MOVED, without_system
from synth.teachers.teacher import Completion, Failure, Request, TeacherError
from synth.teachers.teacher_warnings import Notices
from synth.teachers.template_dates import dated_template
from synth.teachers.thinking import OPEN, split_reasoning


def prompt_text(tokenizer: Any, request: Request, notices: Notices) -> str:
    """Return the messages rendered by the template of ``tokenizer``, up to the model's turn.

    If the template refuses or omits a system message, the first user turn begins with its text. Raises ``TeacherError``
    for a template that cannot render the messages even so.
    """
    system = " ".join(message.content for message in request.messages if message.role == "system").split()
    try:
        text = _templated(tokenizer, request.messages)
        if set(system) <= set(text.split()):
            return text
    except Exception as error:  # templates raise what they like
        if not system:
            raise _unwritable(error) from error
    notices.once("system", SYSTEM_MOVED)
    try:
        return _templated(tokenizer, without_system(request.messages))
    except Exception as error:
        raise _unwritable(error) from error


def _templated(tokenizer: Any, messages: Sequence[Message]) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    return str(
        tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **dated_template(tokenizer))
    )


def _unwritable(error: Exception) -> TeacherError:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return TeacherError(f"the model's chat template cannot write the messages: {text}")


def answer_or_failure(completion: Completion, request: Request) -> Completion | Failure:
    """Return a usable completion, or a failure, since the same request would get the same reply."""
    try:
        return usable(completion, request)
    except BadReplyError as error:
        return Failure(error=f"bad reply: {error}", tries=1)


def prompt_tokens(tokenizer: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt, whose special tokens the template has written."""
    tokens: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return tokens


def reasoning_and_answer(prompt: str, written: str) -> tuple[str | None, str]:
    """Return a model's output as (reasoning, answer), also where its prompt has already opened the reasoning."""
    return split_reasoning(OPEN + written if prompt.rstrip().endswith(OPEN) else written)


def by_text(alternatives: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the alternatives at one token, (text, log-probability), by text; of those that read the same the best."""
    return dict(sorted(alternatives, key=lambda one: one[1]))


def loaded_at(model: str, revision: str) -> str | None:
    """Return the revision at which to load ``model``: none for a folder, whose revision is the hash of its files."""
    return None if Path(model).is_dir() else revision
