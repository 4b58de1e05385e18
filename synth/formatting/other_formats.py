"""Formats for other uses than tuning on texts: checkable questions, calls of tools, and tables for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sources.formats.python_values import parse_python
from sources.record import Message, Record
from sources.shapes.row_shapes import LETTERS
from synth.answers.option_reward import option_reward

CHECKER = f"{option_reward.__module__}:{option_reward.__name__}"
"""The function that checks a reply to an exported question, as MODULE:FUNCTION."""

TOOLS = re.compile(r"<tools>\s*(.*?)\s*</tools>", re.DOTALL)
TOOL_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
TOOL_RESPONSE = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)


def checkable(record: Record) -> dict[str, Any]:
    """Return ``prompt`` (messages), ``answer`` (letters), ``options``, ``gold`` and ``checker``: a row for GRPO.

    TRL's GRPOTrainer hands the columns to its reward function; verifiers reads ``prompt`` and ``answer``. Options that
    the prompt lacks are added to it. Raises ``ValueError`` for a row that is no multiple choice with a right option.
    """
    if not record.options or not record.gold or max(record.gold) >= min(len(record.options), len(LETTERS)):
        raise ValueError(f"{record.id} has no options with a right one, expected multiple choice")
    prompt = [{"role": role, "content": content} for role, content in record.messages]
    if not all(option in prompt[-1]["content"] for option in record.options):
        listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, record.options, strict=False))
        prompt[-1]["content"] += f"\n{listed}"
    return {
        "prompt": prompt,
        "answer": ", ".join(LETTERS[place] for place in sorted(record.gold)),
        "options": list(record.options),
        "gold": sorted(record.gold),
        "checker": CHECKER,
    }


def flat(record: Record) -> dict[str, Any]:
    """Return a row of texts and numbers for a spreadsheet: turns with their speakers, options with their letters."""
    alone = [role for role, _ in record.messages] == ["user"]
    turns = "\n\n".join(content if alone else f"{role}: {content}" for role, content in record.messages)
    letters = [LETTERS[place] if place < len(LETTERS) else str(place + 1) for place in sorted(record.gold)]
    named = [
        f"{LETTERS[place] if place < len(LETTERS) else place + 1}. {option}"
        for place, option in enumerate(record.options)
    ]
    return {
        "task": record.task,
        "lang": record.lang,
        "question": turns,
        "options": "\n".join(named),
        "gold": ", ".join(letters),
        "answer": record.answer or "",
        "response": record.response or "",
        "rejected": record.rejected or "",
        "context": record.context or "",
        "file": record.file,
        "line": record.line,
    }


# --- calls of tools --------------------------------------------------------------------------------------------------


def tool_calls(record: Record) -> dict[str, Any]:
    """Return ``messages`` with ``tool_calls`` and turns of the role ``tool``, and ``tools``, the functions on offer.

    ``tools`` and the arguments of a call are JSON texts, as OpenAI's API has arguments and LLaMA-Factory tools, so that
    the columns have one type in all rows. Raises ``ValueError`` for a row without tools or with calls that are no JSON.
    """
    reply = record.response or record.answer
    if record.task != "function-calling" or not reply:
        raise ValueError(f"{record.id} has no calls of tools, expected the task function-calling and an answer")
    turns = list(record.messages)
    tools = _listed_tools(record)
    if record.context and turns[-1].content.startswith(record.context):
        question = turns[-1].content.removeprefix(record.context).lstrip()
        turns[-1] = Message(turns[-1].role, question)
    messages = [turn for message in turns for turn in _turns(message)]
    calls = _calls(record.id, reply) if reply.lstrip().startswith("[") else None
    messages += [_calling("", calls)] if calls else list(_turns(Message("assistant", reply)))
    return {"messages": messages, "tools": json.dumps(tools, ensure_ascii=False)}


def _listed_tools(record: Record) -> list[dict[str, Any]]:
    """Return the tools that a row offers: in its context, or between tags in its system turn."""
    system = "\n".join(content for role, content in record.messages if role == "system")
    match = TOOLS.search(system)
    text = match[1] if match else record.context
    tools = _value(text or "")
    if not isinstance(tools, list) or not tools or not all(isinstance(one, dict) for one in tools):
        raise ValueError(
            f"{record.id} has no list of tools, expected one in its context or between <tools> and </tools>"
        )
    return [one if "function" in one else {"type": "function", "function": one} for one in tools]


def _turns(message: Message) -> Iterator[dict[str, Any]]:
    """Yield a turn; results of tools are turns of their own, and calls a field of the assistant's."""
    role, content = message
    if role == "user" and (results := TOOL_RESPONSE.findall(content)):
        yield from ({"role": "tool", "content": result} for result in results)
        return
    if role != "assistant" or "<tool_call>" not in content:
        yield {"role": role, "content": content}
        return
    calls = [call for text in TOOL_CALL.findall(content) for call in _calls("a turn", text)]
    yield _calling(TOOL_CALL.sub("", content).strip(), calls)


def _calling(content: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": calls}


def _calls(where: str, text: str) -> list[dict[str, Any]]:
    value = _value(text)
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        raise ValueError(f'{where} has a call that is no JSON with a name, expected {{"name": …, "arguments": …}}')
    return [
        {
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": json.dumps(call.get("arguments") or {}, ensure_ascii=False),
            },
        }
        for call in calls
    ]


def _value(text: str) -> Any:
    """Return a JSON value, also one that was printed by Python; None for other text."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return parse_python(text.strip())
    except ValueError:
        return None
