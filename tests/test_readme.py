"""What the README says can be done is done here: its connector is run, its verbs and make targets exist."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from pipelines.recipes.demo import MIRROR, SAMPLED
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Record

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = "\n".join(re.findall(r"^    \S.*$|`[^`]+`", README, re.MULTILINE))
FILES = r"`((?:sources|pipelines|tests)/[\w./-]+\.(?:py|md))`"
CONNECTOR = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
CARD = re.search(r"`(\{\"card\".*?\})`", README)[1]


def test_the_connector_of_the_readme_reads_the_row_of_the_readme(tmp_path):
    namespace = {}
    exec(CONNECTOR, namespace)
    source = namespace["CLINIC_CARDS"]
    folder = tmp_path / "clinic_cards"
    folder.mkdir()
    (folder / "cards.jsonl").write_text(f"{CARD}\n", encoding="utf-8")
    [record] = [row for file in mirrored(source, tmp_path) for row in read(source, file)]
    assert isinstance(record, Record)
    assert (record.id, record.answer, record.gold) == ("clinic_cards:7", "C", (1,))


def test_the_connector_of_the_readme_is_as_short_as_it_says():
    assert len(CONNECTOR.splitlines()) < 40


@pytest.mark.parametrize("verb", sorted(set(re.findall(r"sabila ([a-z]+)", COMMANDS))))
def test_every_verb_of_the_readme_is_there(verb):
    assert verb in main.commands
    assert CliRunner().invoke(main, [verb, "--help"]).exit_code == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", COMMANDS))))
def test_every_make_target_of_the_readme_is_there(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(FILES, README))))
def test_every_file_of_the_readme_is_there(path):
    assert (ROOT / path).is_file() or path.endswith("clinic_cards.py")


def test_the_sample_has_as_many_rows_as_the_readme_says():
    said = tuple(map(int, re.search(r"The sample holds (\d+) rows .* and (\d+) benchmark items", README).groups()))
    held_out = ("medmcqa_validation", "headqa_en_held_out", "pubmedqa_test", "mts_dialog_held_out")
    sampled = [[SOURCES[name] for name in SAMPLED], [BENCHMARKS[name] for name in held_out]]
    counted = [
        sum(1 for corpus in corpora for file in mirrored(corpus, MIRROR) for _ in read(corpus, file))
        for corpora in sampled
    ]
    assert tuple(counted) == said
