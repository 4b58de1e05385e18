"""What a verb prints: nothing of a row, a file or a manifest commands the terminal that shows it."""

import json
import re
import shutil

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifests import load, seal
from tiny_recipe import run

from pipelines.terminal import one_line, printable, to_json

COMMANDS = "\x1b[2J\x1b[8m\x1b]0;title\x07\r\x08\x9b2J\u202e\u2066\x00\x7f\U000e0041"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@given(st.text())
def test_every_text_becomes_one_that_can_only_be_shown(text):
    assert OBEYED.search(printable(text)) is None
    assert "\n" not in one_line(text)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_json_shows_the_same_and_says_the_same(value):
    assert OBEYED.search(to_json(value)) is None
    assert json.loads(to_json(value)) == value


def test_words_of_any_language_stay_as_they_are():
    assert printable("38 °C, así: 発熱 🩺\n\tتب") == "38 °C, así: 発熱 🩺\n\tتب"


@pytest.fixture(scope="module")
def spoofed(releases, tmp_path_factory):
    """A release whose ids, texts, reasons and terms hold what a terminal obeys."""
    folder = tmp_path_factory.mktemp("spoofed") / "release"
    shutil.copytree(releases["1"], folder)
    for path in [*folder.glob("data/*/*/*.parquet"), *folder.glob("ledger/*.parquet")]:
        table = pl.read_parquet(path)
        texts = [name for name, kind in table.schema.items() if kind == pl.String and name not in ("source", "meta")]
        changed = table.with_columns(pl.col(texts) + COMMANDS)
        pq.write_table(changed.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pq.read_schema(path)), path)
    manifest = load(folder)
    manifest["license"] += COMMANDS
    manifest["values"] = {COMMANDS: COMMANDS}
    manifest["steps"][-1]["reasons"] = {COMMANDS: 1}
    seal(manifest, folder)
    return folder


CALLS = [
    ("verify", "{spoofed}"),
    ("verify", "{spoofed}", "--json"),
    ("diff", "{one}", "{spoofed}"),
    ("diff", "{one}", "{spoofed}", "--json"),
    ("trace", "clinic:c1", "--release", "{spoofed}"),
    ("trace", f"clinic:c1{COMMANDS.replace(chr(0), '')}", "--release", "{spoofed}"),
    ("export", "{spoofed}", "--to", "trl", "--out", "{out}"),
    ("publish", "{spoofed}", "--repo", "clinic/tiny", "--dry-run"),
    ("rebuild", "{spoofed}", "--store", "{out}/store"),
    ("verify", f"nothing{COMMANDS.replace(chr(0), '')}"),
    (f"verb{COMMANDS.replace(chr(0), '')}",),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_verb_lets_a_release_command_the_terminal(call, spoofed, releases, tmp_path):
    words = [word.format(spoofed=spoofed, one=releases["1"], out=tmp_path / "out") for word in call]
    result = run(*words)
    assert result.stdout + result.stderr
    assert OBEYED.search(result.stdout + result.stderr) is None
