"""The house: five folders in the order of the data, imports only to the left, names that say what a file holds.

And the tests themselves: how they are marked, and which may be skipped in CI.
"""

import ast
import graphlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import REAL_MODEL_FILES, REAL_MODEL_TESTS, SLOW_FILES, SLOW_TESTS

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
        "import numpy, pipelines.build.step",
        "from pipelines.build.step import Step",
        "from training import x",
        "def late():\n    from synth import compose",
        "if TYPE_CHECKING:\n    from pipelines.build.recipe import Recipe",
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
    assert len(tree.body) == 1 or folder == "pipelines"  # which hands out its functions too


def test_every_module_says_what_it_holds():
    assert len(MODULES) > 100
    assert [name(path) for path in MODULES if not ast.get_docstring(parsed(path))] == []


ROOMS = {
    "sources": "errors atomic suggest versions fields releases files record known_licenses license schema source table "
    "formats documents shapes read fetch mapping connectors catalog overlaps",
    "quality": "compiled scratch mapped_tables kept_values key keep outcome overrides license_gate date_gate "
    "embeddings model_weights cleaning privacy duplicates decontamination splits scores calibration",
    "synth": "teachers answers prompting passages formatting strategies cot judges preferences redteam",
    "training": "training_errors model_license lineage model_card settings settings_file settings_help data run "
    "merging evaluation",
    "pipelines": "terminal storage completions build model_steps recipes release verify freeze diff trace report hub "
    "own_files check review evaluate cli api callable_room",
}
"""The rooms of each folder, and the files that lie in no room, in the order in which they build on each other."""


def room(module):
    """Return the room of a module, or the module itself where it lies in none."""
    return ".".join(module.split(".")[:2])


def modules_imported(path):
    """Yield every module of this repository that a file imports, wherever it does so."""
    known = {name(module.with_suffix("")).replace("/", ".") for module in MODULES}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            found = {f"{node.module}.{alias.name}" for alias in node.names} & known
            yield from found or ({node.module} & known)


def test_every_file_lies_in_a_room_that_is_listed_or_is_listed_itself():
    found = {
        folder: {
            path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
            for path in MODULES
            if path.relative_to(ROOT).parts[0] == folder
        }
        - {"__init__"}
        for folder in FOLDERS
    }
    assert found == {folder: set(ROOMS[folder].split()) for folder in FOLDERS}


def test_rooms_import_only_rooms_before_them():
    order = [f"{folder}.{each}" for folder in FOLDERS for each in ROOMS[folder].split()]
    wrong = [
        f"{name(path)} imports {module}"
        for path in MODULES
        if path.name != "__init__.py"
        for module in modules_imported(path)
        if order.index(room(module)) > order.index(room(name(path.with_suffix("")).replace("/", ".")))
    ]
    assert wrong == []


def test_no_two_files_import_each_other_however_far_around():
    graph = {name(path.with_suffix("")).replace("/", "."): set(modules_imported(path)) for path in MODULES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, with the files in a ring


def test_no_name_of_a_file_or_room_stands_twice():
    names = Counter(path.stem if path.name != "__init__.py" else path.parent.name for path in MODULES)
    assert [name for name, times in names.items() if times > 1] == []


VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc"}


def test_files_are_named_by_what_they_hold():
    words = {name(path): set(name(path.with_suffix("")).replace("/", "_").split("_")) for path in [*MODULES, *TESTS]}
    assert [path for path, parts in words.items() if parts & VAGUE] == []


def test_from_anywhere_else_the_packages_are_those_of_this_repository(tmp_path):
    code = f"import importlib; print(*(importlib.import_module(f).__file__ for f in {FOLDERS}), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [Path(line) for line in done.stdout.splitlines()] == [ROOT / folder / "__init__.py" for folder in FOLDERS]


# --- how tests are marked and skipped --------------------------------------------------------------------------------


def test_what_is_marked_by_name_is_there():
    assert (
        sorted(
            f"test_{file}.py"
            for file in SLOW_FILES | REAL_MODEL_FILES
            if ROOT / "tests" / f"test_{file}.py" not in TESTS
        )
        == []
    )
    functions = {node.name for path in TESTS for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)}
    assert sorted((SLOW_TESTS | REAL_MODEL_TESTS) - functions) == []


SKIPPING = """
import pytest

def test_without_a_listed_reason():
    pytest.skip("the moon is full")

def test_with_a_listed_reason():
    pytest.skip("needs model2vec: pip install model2vec")

@pytest.mark.xfail
def test_that_is_expected_to_fail():
    assert False
"""
LIBRARY = "import pytest\n\npytest.importorskip('no_such_library')\n"


@pytest.mark.parametrize(
    ("ci", "code", "said"),
    [
        ("true", SKIPPING, "1 failed, 1 skipped, 1 xfailed"),
        ("", SKIPPING, "2 skipped, 1 xfailed"),
        ("true", LIBRARY, "1 error"),
        ("", LIBRARY, "1 skipped"),
    ],
    ids=["tests-in-ci", "tests-elsewhere", "module-in-ci", "module-elsewhere"],
)
def test_in_ci_a_skip_without_a_listed_reason_fails(ci, code, said, tmp_path):
    (tmp_path / "test_skipping.py").write_text(code, encoding="utf-8")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    call = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tmp_path,
        tmp_path,
    ]
    done = subprocess.run(
        call, cwd=tmp_path, env={**os.environ, "CI": ci, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert said in done.stdout.splitlines()[-1]
    assert ("not among EXPECTED_SKIPS of tests/conftest.py" in done.stdout) == (ci == "true")
