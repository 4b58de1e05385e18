"""The labelled sets parse, have their columns and agree with themselves; see ``tests/labelled/README.md``."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "labelled"
KINDS = ("leaks", "near_duplicates", "cleaning", "rules", "answers")
FILES = [path for kind in KINDS for half in ("tune", "held") if (path := FOLDER / f"{kind}.{half}.jsonl").exists()]
GENERATORS = [path for name in ("make_privacy", "make_privacy_held") if (path := FOLDER / f"{name}.py").exists()]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def check_leaks(row: dict[str, Any]) -> None:
    item = row["item"]
    assert len(item["options"]) == 4 and all(0 <= gold < 4 for gold in item["gold"])
    assert isinstance(row["leak"], bool)
    assert any(row["row"].values())


def check_near_duplicates(row: dict[str, Any]) -> None:
    assert isinstance(row["duplicate"], bool)
    assert row["a"] != row["b"]
    assert {*row["a"]} == {*row["b"]} == {"question", "answer"}


def check_cleaning(row: dict[str, Any]) -> None:
    assert all(part in row["text"] for part in row["must_keep"] + row["must_go"])
    assert not any(part in row["text"] for part in row.get("must_not_appear", []))
    expected = row.get("expected")
    if expected is not None:
        assert all(part in expected for part in row["must_keep"])
        assert not any(part in expected for part in row["must_go"])
        assert all(any(form in expected for form in forms) for forms in row.get("keep_any", []))


def check_rules(row: dict[str, Any]) -> None:
    assert isinstance(row["keep"], bool)
    columns = row["row"]
    assert {"question", "answer", "task", "lang"} <= columns.keys()
    if "options" in columns:
        assert columns["options"][columns["gold"][0]] == columns["answer"]


def check_answers(row: dict[str, Any]) -> None:
    reading, options = row["reading"], row["options"]
    positions = reading if isinstance(reading, list) else [] if reading is None else [reading]
    assert all(0 <= position < len(options) for position in positions)
    assert isinstance(row["output"], str)


CHECKS = {
    "leaks": check_leaks,
    "near_duplicates": check_near_duplicates,
    "cleaning": check_cleaning,
    "rules": check_rules,
    "answers": check_answers,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_have_their_columns_and_agree_with_themselves(path: Path) -> None:
    rows = read(path)
    kind, half = path.stem.split(".")
    assert [row["id"] for row in rows] == [f"{kind}-{half}-{number:03d}" for number in range(1, len(rows) + 1)]
    for row in rows:
        CHECKS[kind](row)
    assert len(rows) >= 100
    assert len({json.dumps({**row, "id": ""}, sort_keys=True) for row in rows}) == len(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_halves_share_no_text(kind: str) -> None:
    halves = [FOLDER / f"{kind}.{half}.jsonl" for half in ("tune", "held")]
    if not all(path.exists() for path in halves):
        pytest.skip("one half only")
    first, second = (
        {json.dumps({**row, "id": "", "kind": ""}, sort_keys=True) for row in read(path)} for path in halves
    )
    assert not first & second


@pytest.mark.parametrize("path", GENERATORS, ids=lambda path: path.stem)
def test_spans_of_generated_texts_lie_where_they_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    half = next(value for name, value in vars(load(path)).items() if name in {"TUNE", "HELD"})
    make_rows = sys.modules["make_privacy"].make_rows
    rows = make_rows(half, 1)
    assert rows == make_rows(half, 1)
    for row in rows:
        ends = [0]
        for span in row["spans"]:
            assert row["text"][span["start"] : span["end"]] == span["text"]
            assert span["start"] >= ends[-1]
            ends.append(span["end"])
    types = Counter(span["type"] for row in rows for span in row["spans"])
    assert {"name_with_cue", "name_without_cue", "phone", "email", "address", "nass", "iban"} <= types.keys()
    assert sum(types.values()) >= 600
    assert sum(not row["spans"] for row in rows) == 800


def test_leak_variants_are_the_same_for_one_seed() -> None:
    make_leaks = load(FOLDER / "make_leaks.py")
    item = make_leaks.Item(
        "own", 3, "Which organ makes bile?", ("Liver", "Lung", "Skin"), 0, "Liver", "The liver does."
    )
    for name, make in make_leaks.VARIANTS.items():
        row = make(item, make_leaks.draw(1, item, name))
        assert row == make(item, make_leaks.draw(1, item, name))
        assert "Which organ makes bile?" in json.dumps(row)
    shuffled = make_leaks.make_shuffled(item, make_leaks.draw(1, item, "shuffled"))
    assert shuffled["options"] != list(item.options)
    assert shuffled["options"]["ABC".index(shuffled["answer"])] == "Liver"
