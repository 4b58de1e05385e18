"""Shapes that corpora share: how files hold raw rows (``jsonl``, ``table``), and how rows hold content (``mcq``)."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

import orjson

from sources.elements import elements
from sources.files import FileError, RawFile, reading
from sources.record import Draft, Message
from sources.source import Broken, Raw, Rows

LETTERS = "ABCDEFGHIJ"

# --- how files hold raw rows ---------------------------------------------------------------------------------------


def jsonl(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one row per line of JSON Lines; blank lines are no rows, bad lines are broken ones."""
    for number, line in file.lines():
        if not line.strip():
            continue
        try:
            yield Raw(number, orjson.loads(line))
        except orjson.JSONDecodeError as error:
            yield Broken(number, f"not JSON: {error}", line.decode(errors="backslashreplace"))


def json_list(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the elements of one JSON list, numbered from 1."""
    rows = _whole_json(file, list)
    return (Raw(number, row) for number, row in enumerate(rows, 1))


def json_dict(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield ``{"key": key, **value}`` for the entries of one JSON object, numbered from 1."""
    rows = _whole_json(file, dict)
    for number, (key, value) in enumerate(rows.items(), 1):
        if isinstance(value, dict):
            yield Raw(number, {"key": key, **value})
        else:
            yield Broken(number, f"{value!r} is no object", key)


def json_object(file: RawFile) -> dict[str, Any]:
    """Return the one JSON object that a file holds; ``FileError`` if it holds something else."""
    content: dict[str, Any] = _whole_json(file, dict)
    return content


def json_rows(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the rows of a ``.json`` file that holds either one list or JSON Lines, as on the Hub."""
    with reading(file), file.open() as stream:
        start = stream.read(1024).lstrip()
    return elements(file) if start.startswith(b"[") else jsonl(file)


def squad(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one row per question of a SQuAD file, numbered from 1, with the ``context`` of its paragraph."""
    content = json_object(file)
    try:
        paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
        rows = [{**{k: v for k, v in p.items() if k != "qas"}, **question} for p in paragraphs for question in p["qas"]]
    except (KeyError, TypeError) as error:
        raise FileError(f"{file.path} is no SQuAD file (data, paragraphs, qas): {error!r}") from error
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
    try:
        content = orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise FileError(f"{file.path} is not JSON: {error}; fetch it again") from error
    if not isinstance(content, kind):
        raise FileError(f"{file.path} holds a {type(content).__name__}, expected a {kind.__name__}")
    return content


def table(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of a csv file with a header."""
    rows = _csv(file)
    header = next(rows, None)
    if not isinstance(header, Raw):
        raise FileError(f"{file.path} has no readable header, expected column names in line 1")
    names = header.value
    for row in rows:
        if isinstance(row, Broken):
            yield row
        else:
            yield _named(row, names)


def bare_table(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one list of cells per row of a csv file without a header."""
    return _csv(file)


def _named(row: Raw, names: list[str]) -> Raw | Broken:
    if len(row.value) != len(names):
        error = f"{len(row.value)} cells, expected {len(names)} ({', '.join(names)})"
        return Broken(row.line, error, ",".join(row.value))
    return Raw(row.line, dict(zip(names, row.value, strict=True)))


def _csv(file: RawFile) -> Iterator[Raw | Broken]:
    """Parse csv, and after a broken quote resume at the next line, so that one bad row costs one row.

    A row is numbered by the line on which it starts. Bytes that are not UTF-8 break their own row only.
    """
    lines = [line.decode(errors="surrogateescape") for line in io.BytesIO(file.read())]
    at = 0
    while at < len(lines):
        start = at
        reader = csv.reader((lines[i] for i in range(start, len(lines))), strict=True)
        try:
            for cells in reader:
                first, at = at, start + reader.line_num
                if cells:
                    yield _decoded(first + 1, cells)
        except csv.Error as error:
            yield Broken(at + 1, f"broken csv: {error}", _readable(lines[at]))
            at += 1


def _decoded(line: int, cells: list[str]) -> Raw | Broken:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Broken(line, "not UTF-8", _readable(",".join(cells)))
    return Raw(line, cells)


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def parquet(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of a parquet file, a batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(file.path).iter_batches(batch_size=8192):
            for row in batch.to_pylist():
                number += 1
                yield Raw(number, row)
    except (pa.ArrowInvalid, OSError) as error:
        raise FileError(f"{file.path} is no readable parquet file: {error}") from error


def sheet(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per row of the first sheet of an xlsx file; columns without a name are left out."""
    from openpyxl import load_workbook

    with reading(file), file.open() as stream:
        rows = load_workbook(stream, read_only=True).worksheets[0].iter_rows(values_only=True)
        names = [str(name) if name else None for name in next(rows, ())]
        for number, cells in enumerate(rows, 2):
            yield Raw(number, {name: cell for name, cell in zip(names, cells, strict=False) if name})


def xml(tag: str) -> Rows:
    """Return a shape that yields the elements called ``tag`` of an XML file, numbered from 1."""

    def elements(file: RawFile) -> Iterator[Raw | Broken]:
        try:
            root = ElementTree.fromstring(file.read())
        except ElementTree.ParseError as error:
            raise FileError(f"{file.path} is not XML: {error}; fetch it again") from error
        return (Raw(number, element) for number, element in enumerate(root.iter(tag), 1))

    return elements


def members(file: RawFile, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the files in a tar archive whose name ends with ``suffix``, sorted by name."""
    try:
        with tarfile.open(fileobj=io.BytesIO(file.read())) as archive:
            names = sorted(m.name for m in archive.getmembers() if m.isfile() and m.name.endswith(suffix))
            for name in names:
                stream = archive.extractfile(name)
                assert stream is not None, "isfile() was true"
                yield name, stream.read()
    except tarfile.TarError as error:
        raise FileError(f"{file.path} is no readable tar archive: {error}; fetch it again") from error


# --- how rows hold content -----------------------------------------------------------------------------------------


def user(text: str) -> tuple[Message, ...]:
    """Return a prompt of one user message."""
    return (Message("user", text),)


def mcq(id: str, question: str, options: Sequence[str], gold: int | Sequence[int] | None, **more: Any) -> Draft:
    """Return a multiple-choice draft; ``gold`` is 0-based, None where the publisher hides it."""
    right = [] if gold is None else [gold] if isinstance(gold, int) else list(gold)
    answer = "; ".join(options[i] for i in right if 0 <= i < len(options)) or None
    return Draft(id=id, messages=user(question), options=list(options), gold=right, answer=answer, **more)


def letter(value: str, options: Iterable[str] = LETTERS) -> int:
    """Return the 0-based position of an answer letter; ``ValueError`` names a letter that is not there."""
    letters = list(options)
    if value not in letters:
        raise ValueError(f"answer is {value!r}, expected one of {', '.join(letters)}")
    return letters.index(value)


def lettered(id: str, question: str, options: Mapping[str, str | None], right: str, **more: Any) -> Draft:
    """Return a multiple-choice draft from options by letter; a null option is a column that this row does not use."""
    given = {name: option for name, option in options.items() if option is not None}
    return mcq(id, question, list(given.values()), letter(right, given), **more)


def one_based(value: int | str) -> int:
    """Return the 0-based position of a 1-based one, given as a number or as text."""
    return int(value) - 1


def qa(id: str, question: str, answer: str | None, **more: Any) -> Draft:
    """Return an open question with its answer."""
    return Draft(id=id, messages=user(question), answer=answer or None, **more)


def instructed(id: str, instruction: str, input: str | None, output: str, **more: Any) -> Draft:
    """Return an Alpaca row: instruction and input make the prompt, ``<noinput>`` and blanks are no input."""
    given = (input or "").strip()
    prompt = instruction if given in ("", "<noinput>") else f"{instruction}\n\n{given}" if instruction else given
    return qa(id, prompt, output, **more)


def same_task(raw: Raw, file: RawFile) -> Draft:
    """Parse an Alpaca row of a corpus with one ``instruction`` for all: that tells the task, ``input`` is the question.

    Without an input the instruction is the question.
    """
    row = raw.value
    if (row.get("input") or "").strip() in ("", "<noinput>"):
        return alpaca(raw, file)
    messages = told(row["instruction"], row["input"]) if row["instruction"] else user(row["input"])
    return Draft(id=numbered(raw, file), messages=messages, answer=row["output"] or None)


def told(task: str, question: str) -> tuple[Message, ...]:
    """Return a prompt whose system message tells the task, so that questions are compared without it."""
    return (Message("system", task), Message("user", question))


def alpaca(raw: Raw, file: RawFile) -> Draft:
    """Parse an Alpaca row (``instruction, input, output``) that has no id: split and row number name it."""
    row = raw.value
    return instructed(numbered(raw, file), row["instruction"], row.get("input"), row["output"])


def numbered(raw: Raw, file: RawFile) -> str:
    """Return an id for a row without one: the split and the row's place in its file."""
    return f"{file.split}-{raw.line}"


def placed(raw: Raw, file: RawFile) -> str:
    """Return an id for a row in a corpus of several files: the file's name without its ending, and the row's place."""
    return f"{PurePosixPath(file.name).with_suffix('')}-{raw.line}"


def either(row: Mapping[str, Any], *names: str) -> Any:
    """Return the field that a corpus has under one of several documented ``names``; ``KeyError`` names them all."""
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
    """Return a draft whose prompt is all but the last assistant turn, which is its answer."""
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
    """Return the pair of two conversations, which may differ in their last turn, the assistant's, and nowhere else."""
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
