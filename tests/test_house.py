"""The house: five folders in the order of the data, imports only to the left, names that say what a file holds."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("sources", "quality", "synth", "training", "pipelines")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
TESTS = sorted(Path(__file__).parent.glob("*.py"))


def name(path):
    return path.relative_to(ROOT).as_posix()


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    """Yield the first name of everything that a module imports, inside functions and for type checks as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their folder"
            yield node.module.split(".")[0]


def to_the_right(folder):
    return {*FOLDERS[FOLDERS.index(folder) + 1 :], "tests"}


def test_files_import_from_their_own_folder_and_those_to_its_left():
    found = {
        name(path): to_the_right(path.relative_to(ROOT).parts[0]) & set(imported(parsed(path))) for path in MODULES
    }
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pipelines",
        "import numpy, pipelines.step",
        "from pipelines.step import Step",
        "from training import x",
        "def late():\n    from synth import compose",
        "if TYPE_CHECKING:\n    from pipelines.recipe import Recipe",
        "import tests.tiny_recipe",
    ],
)
def test_an_import_to_the_right_would_be_found(text):
    assert to_the_right("quality") & set(imported(ast.parse(text)))


def test_there_are_five_folders_and_the_tests():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    paths = [Path(line).parts for line in listed.stdout.splitlines()]
    if not paths:
        pytest.skip("no git checkout to list")
    assert {parts[0] for parts in paths if len(parts) > 1 and not parts[0].startswith(".")} == {*FOLDERS, "tests"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_a_package_whose_first_file_only_says_what_it_is(folder):
    tree = parsed(ROOT / folder / "__init__.py")
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_every_module_says_what_it_holds():
    assert len(MODULES) > 100
    assert [name(path) for path in MODULES if not ast.get_docstring(parsed(path))] == []


VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc"}


def test_files_are_named_by_what_they_hold():
    words = {name(path): set(name(path.with_suffix("")).replace("/", "_").split("_")) for path in [*MODULES, *TESTS]}
    assert [path for path, parts in words.items() if parts & VAGUE] == []


def test_from_anywhere_else_the_packages_are_those_of_this_repository(tmp_path):
    code = f"import importlib; print(*(importlib.import_module(f).__file__ for f in {FOLDERS}), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [Path(line) for line in done.stdout.splitlines()] == [ROOT / folder / "__init__.py" for folder in FOLDERS]
