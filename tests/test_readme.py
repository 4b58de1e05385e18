"""What the READMEs say can be done is done here: the connector is run; verbs, make targets, files and options exist."""

import re
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner
from test_house import FOLDERS

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.cli.commands import main
from pipelines.recipes import aloe_sft
from pipelines.recipes.demo import MIRROR, SAMPLED
from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.read import read
from sources.record import Record
from synth.teachers.teacher import Completion

ROOT = Path(__file__).parent.parent
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", *(f"{folder}/README.md" for folder in FOLDERS))
}
README, SOURCES_PAGE = PAGES["README.md"], PAGES["sources/README.md"]
COMMANDS = "\n".join(
    found for page in PAGES.values() for found in re.findall(r"^    \S.*$|`[^`]+`", page, re.MULTILINE)
)
SABILA = re.sub(r"^ *(?:python|pytest|pip|source) .*$", "", COMMANDS, flags=re.MULTILINE)
FILES = rf"`((?:{'|'.join(FOLDERS)}|tests)/[\w./-]+)`|`(CONTRIBUTING\.md|CHANGELOG\.md)`"
TO_BE_ADDED = "clinic_cards"
"""The corpus that a reader adds as an exercise."""
CONNECTOR = re.search(r"```python\n(.*?)```", SOURCES_PAGE, re.DOTALL)[1]
NOTEBOOK = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
CARD = re.search(r"`(\{\"card\".*?\})`", SOURCES_PAGE)[1]


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


class NutritionTeacher:
    """Gives the right chain of thought for the README's card, and keeps the requests."""

    name, revision, license = "nutritionist", "1", "CC0-1.0"

    def __init__(self):
        self.requests = []

    def complete(self, requests):
        for request in requests:
            self.requests.append(request)
            chain = (
                "Scurvy comes from a lack of ascorbic acid, which collagen needs to form fibres. Ascorbic acid is "
                "vitamin C; vitamins A and D act on vision and on bone, and a lack of either causes other diseases."
            )
            yield request, Completion(text=f"{chain}\n\nAnswer: {request_letter(request)}", finish_reason="stop")


def request_letter(request):
    """Return the letter of the option "C" in the question of a request."""
    return re.findall(r"^([A-C])[.)] C$", request.messages[-1].content, re.MULTILINE)[-1]


def test_the_corpus_of_the_readme_gets_its_chains_and_instructions_in_a_build(tmp_path, monkeypatch):
    namespace, teacher = {}, NutritionTeacher()
    exec(CONNECTOR, namespace)
    monkeypatch.setitem(SOURCES, "clinic_cards", namespace["CLINIC_CARDS"])
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: teacher)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mirror" / "clinic_cards"
    folder.mkdir(parents=True)
    (folder / "cards.jsonl").write_text(f"{CARD}\n", encoding="utf-8")
    values = {"sources": "clinic_cards", "teacher": "nutritionist", "samples": "1"}
    session = BuildSession.open(load("aloe_sft"), values, store=tmp_path / "store", mirror=tmp_path / "mirror")
    steps = {step["name"]: step for step in session.build(workers=1).to_json()["steps"]}
    [kept] = (tmp_path / "store" / "steps" / steps["add-instructions"]["folder"] / "kept").glob("*.parquet")
    [written] = pl.read_parquet(kept).to_dicts()
    assert steps["chains"]["generators"] == [{"generator": "headqa", "rows": 1, "with_chain": 1, "dropped": 0}]
    assert teacher.requests[0].messages[0].content.startswith("You teach health workers of all kinds")
    assert "collagen needs to form" in written["response"]
    instruction, question = written["messages"][-1]["content"].split("\n\n", 1)
    assert "nutrition" in instruction
    assert question.startswith("Vitamin that prevents scurvy?")


def test_the_notebook_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(NOTEBOOK, namespace)
    assert "because of" in capsys.readouterr().out
    assert namespace["rows"].height == 234
    assert namespace["mine"].kept.height + namespace["mine"].dropped.height == 234


def test_the_connector_of_the_readme_is_as_short_as_it_says():
    assert len(CONNECTOR.splitlines()) < 40


@pytest.mark.parametrize("verb", sorted(set(re.findall(r"sabila ([a-z]+(?:-[a-z]+)*)", COMMANDS))))
def test_every_verb_of_the_readme_is_there(verb):
    assert verb in main.commands
    assert CliRunner().invoke(main, [verb, "--help"]).exit_code == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", COMMANDS))))
def test_every_make_target_of_the_readme_is_there(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_readme_is_short_and_sends_to_every_folder():
    assert len(README.splitlines()) <= 170
    assert [folder for folder in FOLDERS if f"`{folder}/README.md`" not in README] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_of_a_page_is_there(page):
    paths = {path or other for path, other in re.findall(FILES, PAGES[page])}
    assert [path for path in sorted(paths) if not (ROOT / path).exists() and TO_BE_ADDED not in path] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_page_of_a_folder_names_every_room(folder):
    rooms = [path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").is_file()]
    assert rooms
    assert [room for room in rooms if f"`{folder}/{room}/`" not in PAGES[f"{folder}/README.md"]] == []


def test_every_option_of_a_page_is_one_of_a_verb():
    known = {*help_pages(main), "--help", "--strict", "--head", "--port", "--address", "--nodes", "--cpus-per-task"}
    # mypy's, ray's, sbatch's
    assert sorted(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", SABILA)) - known) == []


def help_pages(command):
    """Yield the options of a command and of all commands below it."""
    yield from (option for parameter in command.params for option in parameter.opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from help_pages(command.get_command(context, name))


def test_the_sample_has_as_many_rows_as_the_readme_says():
    said = tuple(map(int, re.search(r"The sample holds (\d+) rows .* and (\d+) benchmark items", README).groups()))
    held_out = ("medmcqa_validation", "headqa_en_held_out", "pubmedqa_test", "mts_dialog_held_out")
    sampled = [[SOURCES[name] for name in SAMPLED], [BENCHMARKS[name] for name in held_out]]
    counted = [
        sum(1 for corpus in corpora for file in mirrored(corpus, MIRROR) for _ in read(corpus, file))
        for corpora in sampled
    ]
    assert tuple(counted) == said
