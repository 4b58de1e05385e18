"""Words replaced by terms of the field, which may not return to names, messages and templates."""

import ast
import re

import click
import pytest
from test_house import FOLDERS, MODULES, ROOT, name, parsed

from pipelines.cli.commands import main

WORDS = {
    "awaited": "pending",
    "awaits": "pending",
    "claims": "explicit answer",
    "crew": "thread pools",
    "curate": "clean_rows",
    "curated": "clean_and_deduplicate",
    "curating": "row_cleaner",
    "freight": "upload plan",
    "leans": "implicit answer",
    "life": "history",
    "likeness": "similarity",
    "lives": "is stored",
    "numerics": "precision",
    "parcel": "upload",
    "settled": "final answer",
    "spots": "locations",
    "trouble": "errors",
    "warmth": "temperature",
    "workbench": "BuildSession",
    "wronged": "affected",
}
"""Words of names of functions, classes, arguments and fields, and what to say instead."""

FOLDER_WORDS = {
    "synth": {
        "alike": "similar",
        "apart": "excluded",
        "ask": "send, generate",
        "asked": "prompt, requests",
        "asking": "generating",
        "asks": "is_question, sends",
        "beside": "next to, by meaning",
        "compose": "render_prompts",
        "learned": "by meaning",
        "likeness": "similarity",
        "patience": "give_up_after_s",
        "tell": "report",
        "tells": "reveals, reports",
        "told": "reported",
        "unasked": "no_text, not_eligible",
        "unlike": "deduplicated, by meaning",
    },
    "pipelines/recipes": {
        "apart": "excluded_corpora",
        "asked": "writer, teacher",
        "asks": "generate_step",
        "composed": "rendered",
        "curate": "clean_sources",
        "curating": "source_cleaner",
        "unlike": "deduplicated",
        "unseen": "decontaminated",
    },
}
"""Words that are gone from the names of some folders."""

NAMES_OF_TYPES = {"Ask", "ask"}
"""``Ask`` is the type of a function that replies to requests, and ``ask`` an argument of it."""

UNCHANGED = {
    "synth/teachers/embedded.py": "its text is the teacher's revision: an edit changes every completion of the demo"
}
"""Files that keep such names, with the reason."""

NAMES_KEPT = {"ACI_BENCH", "ACI_BENCH_HELD_OUT"}
"""Names that contain such a word for another reason: a corpus is called so."""

WHOLE_NAMES = {
    "ALIKE_SCHEMA": "SIMILAR_SCHEMA",
    "APART": "SEPARATOR",
    "APART_BY": "MUST_MATCH",
    "Asked": "GenerateStep",
    "Asking": "GenerateStep",
    "Call": "TrainJob",
    "Checked": "ReleaseUnderTest",
    "Draw": "SamplingParams",
    "Hold": "Reservation",
    "Lines": "PlainProgress",
    "Live": "RichProgress",
    "Made": "CachedShard",
    "Opened": "ReleaseView",
    "Parcel": "Upload",
    "Silence": "NullProgress",
    "Site": "BrowseApp",
    "Spot": "RowLocation",
    "Standing": "ProgressSnapshot",
    "Written": "PendingTeacher",
    "_told": "reported",
    "apart": "excluded_corpora, must_match",
    "compose": "render_prompts",
    "curated": "clean_and_deduplicate",
    "drawing": "sampling",
    "instruct": "add_instructions",
    "leaning": "implicit_answer",
    "life_text": "history_text",
    "looked_at": "reference_inputs",
    "looked_at_only": "reference_only",
    "server_trouble": "RequestError",
    "unlike": "deduplicated",
    "written_only": "require_generated",
}
"""Names that were given up as a whole; longer ones may contain them."""

PHRASES = {
    "asks this of nobody": "sends no request",
    "awaits_teacher": "no_teacher",
    "bear their ids": "have these ids",
    "bring it back": "restore it",
    "build it again": "rebuild",
    "by another hand": "by others",
    "came to nothing": "failed",
    "did not expect this of its input": "an unexpected input or a defect",
    "ended as copies": "were dropped as duplicates",
    "expected it there": "expected a file",
    "files of another hand": "files that sabila did not publish",
    "for want of a teacher": "no teacher was configured",
    "for whom": "what the option does",
    "for whom.": "what the option does",
    "gave the right answer": "right answers",
    "go on where": "resume",
    "goes on from": "resumes from",
    "goes on where it was": "resumes",
    "going on from": "resuming from",
    "handed on": "redistributed",
    "handed to nobody": "may not be redistributed",
    "handing on": "redistributing",
    "held against": "checked against",
    "in work at a time": "processed at a time",
    "is gone on with": "is resumed",
    "is met twice": "occurs twice",
    "is not sound": "fails verification",
    "is not what was sent": "differs from the upload",
    "is not whole": "is incomplete",
    "lets nobody in": "rejected the request (HTTP 401)",
    "lies beside": "is next to",
    "looked at only": "compared with only",
    "looked_at": "reference_only",
    "made again": "reproduced",
    "made on the spot": "trained on the sample",
    "nineteen in twenty": "95th percentile",
    "no licence that is known here": "not a known licence",
    "none is asked unless": "none is used unless",
    "not read on": "reading stopped",
    "nothing that is known here": "no known terms",
    "of nobody": "of no one",
    "only looked at": "compared with only",
    "recipe's own.": "what the option does",
    "rows that go": "dropped rows",
    "said to be": "reported as",
    "say whether": "return whether",
    "stands for what": "is a placeholder for",
    "tell whether": "return whether",
    "tells its life": "shows its history",
    "that were asked": "that requests were made of",
    "the life of": "the history of",
    "the way to this model": "lineage",
    "waits for a teacher": "needs a teacher",
    "wants what is made of it": "requires derived works",
    "what it asks": "requirements",
    "what it is made of": "composition",
    "what models wrote": "generated text",
    "what was asked": "requests",
    "where rows went": "outcome of all rows",
    "who is told": "receiver",
    "who shall read": "what the option does",
    "words may be used so": "output allows it",
}
"""Phrases of messages, help and templates, and what to say instead."""

TEMPLATES = [
    path
    for folder in ("pipelines", "training")
    for path in sorted((ROOT / folder / "templates").iterdir())
    if path.suffix in (".jinja", ".js", ".css")
]


def words(identifier):
    """Return the words of a name, in lower case: of ``read_JSONFile`` they are read, json and file."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def identifiers(tree):
    """Yield the names that a module gives: to functions, classes, arguments, fields and variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def messages(tree):
    """Yield the texts of a module: all of its strings, the docstrings of commands among them, since they are help."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def banned_words(tree):
    found = {name: (words(name) & WORDS.keys()) | ({name} & WHOLE_NAMES.keys()) for name in identifiers(tree)}
    return {name: sorted(banned) for name, banned in found.items() if banned and name not in NAMES_KEPT}


def banned_phrases(text):
    return [phrase for phrase in PHRASES if phrase in " ".join(text.lower().split())]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_has_a_word_that_was_given_up(folder):
    modules = [path for path in MODULES if path.relative_to(ROOT).parts[0] == folder]
    found = {name(path): banned_words(parsed(path)) for path in modules}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", FOLDER_WORDS)
def test_no_name_of_a_folder_has_a_word_that_was_given_up_there(folder):
    banned = FOLDER_WORDS[folder].keys()
    modules = [path for path in MODULES if name(path).startswith(f"{folder}/") and name(path) not in UNCHANGED]
    assert len(modules) > 4
    found = {
        name(path): sorted(
            one for one in identifiers(parsed(path)) if words(one) & banned and one not in NAMES_OF_TYPES
        )
        for path in modules
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_message_has_a_phrase_that_was_given_up(folder):
    modules = [path for path in MODULES if path.relative_to(ROOT).parts[0] == folder]
    texts = {name(path): messages(parsed(path)) for path in modules}
    found = {path: [phrase for text in texts[path] for phrase in banned_phrases(text)] for path in texts}
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


def test_no_template_has_a_phrase_that_was_given_up():
    assert len(TEMPLATES) > 5
    found = {name(path): banned_phrases(path.read_text(encoding="utf-8")) for path in TEMPLATES}
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


def help_pages(command, path=()):
    """Yield (path, command, its page of help) for a command and all below it."""
    context = click.Context(command, info_name=" ".join(["sabila", *path]))
    yield path, command, context
    for verb in command.list_commands(context) if isinstance(command, click.Group) else ():
        yield from help_pages(command.get_command(context, verb), (*path, verb))


def test_no_help_page_has_a_phrase_that_was_given_up():
    found = {path: banned_phrases(command.get_help(context)) for path, command, context in help_pages(main)}
    assert len(found) > 30
    assert {path: phrases for path, phrases in found.items() if phrases} == {}


def test_every_option_with_a_value_states_its_default():
    silent = [
        (*path, option.opts[0])
        for path, command, context in help_pages(main)
        for option in command.params
        if isinstance(option, click.Option) and not option.is_flag and not option.required
        if (record := option.get_help_record(context)) and "default: " not in record[1]
    ]
    assert silent == []


@pytest.mark.parametrize(
    "code",
    [
        "def make_workbench(): ...",
        "class UploadFreight: ...",
        "def f(awaited): ...",
        "def f(*, awaitedRows=None): ...",
        "class A:\n    awaited: int = 0",
        "workbench = 1",
        "self.workbench = 1",
        "class Parcel: ...",
    ],
)
def test_a_word_that_was_given_up_would_be_found(code):
    assert banned_words(ast.parse(code))


def test_words_are_found_whole():
    tree = ast.parse("def benchmark_rows(benchmarks, stands): ...\nACI_BENCH = 1")
    assert banned_words(tree) == {}


def test_a_phrase_is_found_over_the_end_of_a_line():
    assert banned_phrases("Recipe's\n    own.") == ["recipe's own."]


def test_lists_are_sorted_and_say_what_to_use():
    for given_up in (WORDS, WHOLE_NAMES, PHRASES, *FOLDER_WORDS.values()):
        assert list(given_up) == sorted(given_up)
        assert all(given_up.values())
