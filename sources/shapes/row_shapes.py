"""Shapes that corpora share: of files with raw rows (``jsonl``, ``table``), and of rows with content (``mcq``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

from sources.files import LONGEST_LINE, FileError, RawFile, reading
from sources.formats.arrow_rows import batch_rows
from sources.formats.csv_rows import bare_table as bare_table
from sources.formats.csv_rows import table as table
from sources.formats.elements import elements, entries
from sources.formats.json_values import JsonError, parse_json
from sources.formats.workbooks import sheet as sheet
from sources.record import Draft, Message, as_position
from sources.source import Broken, Raw, Rows

LETTERS = "ABCDEFGHIJ"

SHOWN = 1000
"""Bytes of an overlong line that the quarantine keeps."""

# --- how files hold raw rows ---------------------------------------------------------------------------------------


def jsonl(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one row per line of JSON Lines; blank lines are skipped, bad lines are broken rows."""
    for number, line in file.lines():
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            error = f"the line has more than {LONGEST_LINE:,} bytes"
            yield Broken(number, error, line[:SHOWN].decode(errors="backslashreplace"))
            continue
        try:
            yield Raw(number, parse_json(line))
        except JsonError as error:
            yield Broken(number, str(error), line.decode(errors="backslashreplace"))


def json_list(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the elements of one JSON list, numbered from 1."""
    return elements(file)


def json_dict(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield ``{"key": key, **value}`` for the entries of one JSON object, numbered from 1."""
    for key, row in entries(file):
        if isinstance(row, Broken):
            yield row
        elif isinstance(row.value, dict):
            yield Raw(row.line, {"key": key, **row.value})
        else:
            yield Broken(row.line, f"{row.value!r} is no object", key)


def json_object(file: RawFile) -> dict[str, Any]:
    """Return the JSON object of a file; ``FileError`` for any other content."""
    content: dict[str, Any] = _whole_json(file, dict)
    return content


def json_rows(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the rows of a ``.json`` file that is either one list or JSON Lines, as on the Hub."""
    return elements(file) if file.starts_with(b"[") else jsonl(file)


def squad(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one row per question of a SQuAD file, numbered from 1, with the ``context`` of its paragraph."""
    content = json_object(file)
    try:
        paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
        rows = [{**{k: v for k, v in p.items() if k != "qas"}, **question} for p in paragraphs for question in p["qas"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{file.path} is not a SQuAD file (data, paragraphs, qas): {error!r}") from error
    return (Raw(number, row) for number, row in enumerate(rows, 1))


def under(key: str) -> Rows:
    """Return a shape that yields the objects listed under ``key`` of one JSON object, with its other fields."""

    def listed(file: RawFile) -> Iterator[Raw | Broken]:
        whole = _whole_json(file, dict)
        if not isinstance(whole.get(key), list):
            raise FileError(f"{file.path} has no list {key!r}, expected one; found {', '.join(whole)}")
        shared = {name: value for name, value in whole.items() if name != key}
        for number, element in enumerate(whole[key], 1):
            if isinstance(element, dict):
                yield Raw(number, {**shared, **element})
            else:
                yield Broken(number, f"{element!r} is no object", key)

    return listed


def _whole_json(file: RawFile, kind: type) -> Any:
    """Return the JSON value of a file; NaN is read, and later breaks its row."""
    try:
        content = parse_json(file.document(), nan=True)
    except JsonError as error:
        raise FileError(f"{file.path} is {error}; fetch it again, or mend it") from error
    if not isinstance(content, kind):
        raise FileError(f"{file.path} holds a {type(content).__name__}, expected a {kind.__name__}")
    return content


def parquet(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of a parquet file, a batch at a time; ``FileError`` where two columns have one name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(file), file.open():
        pass  # a Git LFS pointer or a web page is called one
    number = 0
    try:
        content = pq.ParquetFile(file.path)
        names = content.schema_arrow.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise FileError(f"{file.path} has two columns {twice[0]!r}; rename one")
        for batch in content.iter_batches(batch_size=8192):
            yield from batch_rows(batch, number)
            number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{file.path} is not a readable parquet file: {error}") from error


def xml(tag: str) -> Rows:
    """Return a shape that yields the elements called ``tag`` of an XML file, numbered from 1."""

    def elements(file: RawFile) -> Iterator[Raw | Broken]:
        try:
            root = ElementTree.fromstring(file.read())
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise FileError(f"{file.path} is not XML: {error}; fetch it again") from error
        return (Raw(number, element) for number, element in enumerate(root.iter(tag), 1))

    return elements


def whole_text(element: ElementTree.Element | None) -> str | None:
    """Return all text of an XML element and its children; None where it is empty."""
    return None if element is None else "".join(element.itertext()) or None


# --- how rows hold content -----------------------------------------------------------------------------------------


def user(text: str) -> tuple[Message, ...]:
    """Return a prompt of one user message."""
    return (Message("user", text),)


def mcq(id: str, question: str, options: Sequence[str], gold: float | Sequence[float] | None, **more: Any) -> Draft:
    """Return a multiple-choice draft; ``gold`` is 0-based, None where the publisher hides it."""
    given = [] if gold is None else [gold] if isinstance(gold, int | float) else gold
    right = [as_position(one) for one in given]
    answer = "; ".join(str(options[i]) for i in right if isinstance(i, int) and 0 <= i < len(options)) or None
    return Draft(id=id, messages=user(question), options=list(options), gold=right, answer=answer, **more)


def letter(value: str, options: Iterable[str] = LETTERS) -> int:
    """Return the 0-based position of an answer letter; ``ValueError`` names a letter without an option."""
    letters = list(options)
    if value not in letters:
        raise ValueError(f"answer is {value!r}, expected one of {', '.join(letters)}")
    return letters.index(value)


def lettered(id: str, question: str, options: Mapping[str, str | None], right: str, **more: Any) -> Draft:
    """Return a multiple-choice draft from options by letter, without null options."""
    given = {name: option for name, option in options.items() if option is not None}
    return mcq(id, question, list(given.values()), letter(right, given), **more)


def one_based(value: float | str) -> int:
    """Return a 1-based position, a number or text, as a 0-based one."""
    number = float(value) if "." in str(value) else int(value)
    if int(number) != number:
        raise ValueError(f"gold is {value!r}, expected a whole number from 1")
    return int(number) - 1


def qa(id: str, question: str, answer: str | None, **more: Any) -> Draft:
    """Return an open question with its answer."""
    return Draft(id=id, messages=user(question), answer=answer or None, **more)


def instructed(id: str, instruction: str, input: str | None, output: str, **more: Any) -> Draft:
    """Return an Alpaca row: instruction and input form the prompt; ``<noinput>`` and blanks count as no input."""
    given = (input or "").strip()
    prompt = instruction if given in ("", "<noinput>") else f"{instruction}\n\n{given}" if instruction else given
    return qa(id, prompt, output, **more)


def same_task(raw: Raw, file: RawFile) -> Draft:
    """Parse an Alpaca row of a corpus with one ``instruction`` for all: it is the task, ``input`` is the question.

    Without an input the instruction is the question.
    """
    row = raw.value
    if (row.get("input") or "").strip() in ("", "<noinput>"):
        return alpaca(raw, file)
    messages = task_and_question(row["instruction"], row["input"]) if row["instruction"] else user(row["input"])
    return Draft(id=numbered(raw, file), messages=messages, answer=row["output"] or None)


def task_and_question(task: str, question: str) -> tuple[Message, ...]:
    """Return a prompt with the task as system message, which comparisons of questions ignore."""
    return (Message("system", task), Message("user", question))


def alpaca(raw: Raw, file: RawFile) -> Draft:
    """Parse an Alpaca row (``instruction, input, output``) without an id: split and row number are used."""
    row = raw.value
    return instructed(numbered(raw, file), row["instruction"], row.get("input"), row["output"])


def numbered(raw: Raw, file: RawFile) -> str:
    """Return an id for a row without one: the split and the row's number; the file's name where a split has several."""
    return f"{file.name if file.siblings else file.split}-{raw.line}"


def placed(raw: Raw, file: RawFile) -> str:
    """Return an id for a row in a corpus of several files: the file's name without its extension, and the row's number.

    The extension is kept where another file differs by nothing else.
    """
    stem = PurePosixPath(file.name).with_suffix("")
    alike = any(PurePosixPath(other).with_suffix("") == stem for other in file.siblings)
    return f"{file.name if alike else stem}-{raw.line}"


def either(row: Mapping[str, Any], *names: str) -> Any:
    """Return the first field of a row whose name is in ``names``; ``KeyError`` lists them."""
    for name in names:
        if name in row:
            return row[name]
    raise KeyError(" or ".join(names))


SPEAKERS: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def turns(
    conversation: Sequence[Mapping[str, Any]],
    speaker: str = "from",
    text: str = "value",
    speakers: Mapping[str, str] = SPEAKERS,
) -> list[Message]:
    """Return the messages of a ShareGPT (``from, value``) or chat (``role, content``) conversation."""
    messages = []
    for turn in conversation:
        who = turn[speaker]
        if who not in speakers:
            raise ValueError(f"speaker is {who!r}, expected one of {', '.join(speakers)}")
        messages.append(Message(speakers[who], turn[text]))
    return messages


def chat(row: Mapping[str, Any], speakers: Mapping[str, str] = SPEAKERS) -> list[Message]:
    """Return the messages of a row that lists turns as ``conversations`` or ``messages``, ShareGPT or chat."""
    told = either(row, "conversations", "messages")
    keys = ("role", "content") if told and "role" in told[0] else ("from", "value")
    return turns(told, *keys, speakers=speakers)


def transcript(text: str, marks: Mapping[str, str]) -> list[Message]:
    """Return the messages of a text in which each turn starts with its speaker's mark, such as ``Human:``."""
    start, *parts = re.split(f"({'|'.join(map(re.escape, marks))})", text)
    if start.strip() or not parts:
        raise ValueError(f"transcript starts with {text[:40]!r}, expected one of {', '.join(map(repr, marks))}")
    return [Message(marks[mark], said.strip()) for mark, said in zip(parts[::2], parts[1::2], strict=True)]


def conversation(id: str, messages: Sequence[Message], **more: Any) -> Draft:
    """Return a draft whose answer is the last assistant turn and whose prompt is all other turns."""
    if len(messages) < 2 or messages[-1].role != "assistant":
        raise ValueError(f"conversation of {len(messages)} turns, expected a last one by the assistant")
    return Draft(id=id, messages=messages[:-1], answer=messages[-1].content, **more)


def sft(raw: Raw, file: RawFile) -> Draft:
    """Parse a row of a collection that mixes the usual styles: turns, Alpaca, or question and response."""
    row, id = raw.value, placed(raw, file)
    if "conversations" in row or "messages" in row:
        return conversation(id, chat(row))
    if "instruction" in row:
        return instructed(id, row["instruction"], row.get("input"), either(row, "output", "response"))
    return answered(id, row)


def answered(id: str, row: Mapping[str, Any], **more: Any) -> Draft:
    """Return a row of ``system_prompt, question, response``; the system prompt may be missing."""
    system = row.get("system_prompt")
    start = (Message("system", system),) if system else ()
    return Draft(id=id, messages=(*start, *user(row["question"])), answer=row["response"], **more)


def pair(id: str, prompt: Sequence[Message], chosen: str, rejected: str | None, **more: Any) -> Draft:
    """Return a preference pair: two replies to one prompt, the better one as ``response``."""
    return Draft(id=id, messages=prompt, response=chosen, rejected=rejected, **more)


def compared(id: str, chosen: Sequence[Message], rejected: Sequence[Message], **more: Any) -> Draft:
    """Return the pair of two conversations that differ only in their last turn, the assistant's."""
    for side, messages in (("chosen", chosen), ("rejected", rejected)):
        if len(messages) < 2 or messages[-1].role != "assistant":
            raise ValueError(f"{side} has {len(messages)} turns, expected a prompt and a last turn by the assistant")
    if list(chosen[:-1]) != list(rejected[:-1]):
        raise ValueError("chosen and rejected answer different prompts, expected one prompt")
    return pair(id, chosen[:-1], chosen[-1].content, rejected[-1].content, **more)


def preference(id: str, row: Mapping[str, Any], **more: Any) -> Draft:
    """Return a row of ``prompt, chosen, rejected``: replies as text, or as message lists with or without the prompt."""
    replies = [row["chosen"], row["rejected"]]
    if all(isinstance(reply, str) for reply in replies):
        return pair(id, _prompt(row["prompt"]), *replies, **more)
    if not all(isinstance(reply, list) for reply in replies):
        kinds = " and ".join(type(reply).__name__ for reply in replies)
        raise TypeError(f"chosen and rejected are {kinds}, expected both text or both lists of messages")
    chosen, rejected = (turns(reply, "role", "content") for reply in replies)
    if len(chosen) == len(rejected) == 1:
        prompt = _prompt(row["prompt"])
        return compared(id, [*prompt, *chosen], [*prompt, *rejected], **more)
    return compared(id, chosen, rejected, **more)


def _prompt(value: str | Sequence[Mapping[str, str]]) -> Sequence[Message]:
    return user(value) if isinstance(value, str) else turns(value, "role", "content")
