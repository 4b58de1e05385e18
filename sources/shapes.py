"""Shapes that corpora share: how files hold raw rows (``jsonl``, ``table``), and how rows hold content (``mcq``)."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import orjson

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


def alpaca(raw: Raw, file: RawFile) -> Draft:
    """Parse an Alpaca row (``instruction, input, output``) that has no id: split and row number name it."""
    row = raw.value
    return instructed(numbered(raw, file), row["instruction"], row.get("input"), row["output"])


def numbered(raw: Raw, file: RawFile) -> str:
    """Return an id for a row without one: the split and the row's place in its file."""
    return f"{file.split}-{raw.line}"


SPEAKERS: Mapping[str, str] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


def turns(conversation: Sequence[Mapping[str, str]], speaker: str = "from", text: str = "value") -> list[Message]:
    """Return the messages of a ShareGPT (``from, value``) or chat (``role, content``) conversation."""
    messages = []
    for turn in conversation:
        who = turn[speaker]
        if who not in SPEAKERS:
            raise ValueError(f"speaker is {who!r}, expected one of {', '.join(SPEAKERS)}")
        messages.append(Message(SPEAKERS[who], turn[text]))
    return messages


def conversation(id: str, messages: Sequence[Message], **more: Any) -> Draft:
    """Return a draft whose prompt is all but the last assistant turn, which is its answer."""
    if len(messages) < 2 or messages[-1].role != "assistant":
        raise ValueError(f"conversation of {len(messages)} turns, expected a last one by the assistant")
    return Draft(id=id, messages=messages[:-1], answer=messages[-1].content, **more)
