"""A recipe in a file of its own, as a user writes one, with a mirror for it; and how to build it and look at it."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.cli.commands import main

SABILA = shutil.which("sabila", path=str(Path(sys.executable).parent)) or "sabila"

RECIPE = '''"""Questions of a clinic, a ward and a school: cleaned, without duplicates."""

from typing import Annotated

from pydantic import Field

from pipelines.build.step import each_shard, read, whole_set
from quality.cleaning.clean import Clean, clean
from quality.duplicates.exact import Exact, exact_duplicates
from quality.cleaning.rules import Rules
from sources.shapes.row_shapes import jsonl, mcq, qa
from sources.source import Source


def parse(raw, file):
    row = raw.value
    if "options" in row:
        return mcq(row["id"], row["question"], row["options"], row["gold"], split=row.get("split"))
    return qa(row["id"], row["question"], row["answer"], split=row.get("split"))


def corpus(name):
    return Source(
        name=name,
        title=f"Questions of the {name}",
        home=f"hf://datasets/sabila-tests/{name}",
        license="CC0-1.0",
        license_read="written for these tests",
        task="qa",
        lang="en",
        files={"train": ("*.jsonl",)},
        rows=jsonl,
        parse=parse,
    )


def recipe(
    *,
    corpora: tuple[str, ...] = ("clinic", "ward"),
    required: bool = True,
    limit: Annotated[int, Field(ge=1)] | None = None,
    min_prose_chars: Annotated[int, Field(ge=1)] = 1,
):
    """Build the tiny set.

    Args:
        min_prose_chars: The shortest prose kept, in
            characters.
    """
    config = Clean(rules=Rules(min_answer_chars=1, min_prose_chars=min_prose_chars))
    raw = [read(corpus(name), required=required, limit=limit) for name in corpora]
    rows = [each_shard(f"clean-{step.work.corpus.name}", clean, config, step) for step in raw]
    return whole_set("exact", exact_duplicates, Exact(), *rows)
'''

EMBEDDED = RECIPE.replace("each_shard, read, whole_set", "each_shard, incremental_whole_set, read").replace(
    '    return whole_set("exact", exact_duplicates, Exact(), *rows)\n',
    "    from synth.judges.semantic_step import row_vectors, semantic_config, semantic_duplicate_records\n\n"
    '    semantic = semantic_config("MODEL", ())\n'
    "    return incremental_whole_set(\n"
    '        "semantic", semantic_duplicate_records, semantic, *rows, sketch=row_vectors, by_model=True\n'
    "    )\n",
)
"""The same with duplicates found by an embedding model, whose MODEL@THRESHOLD takes the place of MODEL."""

ROWS = {
    "clinic": {
        "fevers.jsonl": [
            {"id": "c1", "question": "Describe a fever.", "answer": "A body temperature above 38 degrees."},
            {"id": "c2", "question": "How long does a cold last?", "answer": "About a week (www.example.org)."},
            {"id": "c3", "question": "unknown", "answer": "Nothing was asked, so nothing can be answered."},
        ],
        "vaccines.jsonl": [
            {"id": "c4", "question": "Which vaccine is given at birth?", "options": ["BCG", "Measles"], "gold": 0},
            {"id": "c5", "question": "Is the flu vaccine yearly?", "answer": "Yes, its strains change every year."},
        ],
    },
    "ward": {
        "rounds.jsonl": [
            {"id": "w1", "question": "Describe a fever.", "answer": "A body temperature above 38 degrees."},
            {"id": "w2", "question": "What does a saline drip hold?", "answer": "Water with 0.9% of common salt."},
        ],
    },
    "school": {
        "lessons.jsonl": [
            {"id": "s1", "question": "What do the lungs do?", "answer": "They take up oxygen from the air."},
        ],
    },
}


def write_recipe(folder, text=RECIPE):
    """Write the recipe into ``folder`` and return its path."""
    path = folder / "tiny.py"
    path.write_text(text, encoding="utf-8")
    return path


def write_mirror(folder, rows=None, *, gz=False):
    """Write corpora, ``{corpus: {file: rows}}``, into ``folder`` and return it; a row given as bytes stays as it is."""
    for corpus, files in (ROWS if rows is None else rows).items():
        (folder / corpus).mkdir(parents=True, exist_ok=True)
        for name, values in files.items():
            lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in values]
            content = b"".join(line + b"\n" for line in lines)
            path = folder / corpus / name
            if gz:
                path.with_name(f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)
    return folder


def build(recipe, store, mirror, *, workers=1, relock=False, **values):
    """Build a recipe file in this process and return the account of it."""
    bench = BuildSession.open(load(str(recipe)), values, store=store, mirror=mirror, relock=relock)
    return bench.build(workers=workers).to_json()


def steps(store):
    """Return ``{step: (inode, time)}`` of the finished steps: what changes when one is built again."""
    marks = {path.parent.name: path.stat() for path in sorted(store.glob("steps/*/step.json"))}
    return {name: (mark.st_ino, mark.st_mtime_ns) for name, mark in marks.items()}


def names(folders):
    """Return the names of steps without their fingerprints."""
    return {folder.rpartition("-")[0] for folder in folders}


def tree(store):
    """Return ``{path: hash}`` of every file of the finished steps."""
    files = sorted(path for path in (store / "steps").rglob("*") if path.is_file())
    return {str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run(*arguments):
    """Call the command line in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(code, *arguments):
    """Return the last line on stderr of a call that fails as it should: told in full, without a traceback."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return result.stderr.splitlines()[-1]


def sabila(*arguments, folder, **changes):
    """Run the command line in a process of its own, in ``folder``, and return the finished process."""
    started = start(*arguments, folder=folder, **changes)
    output, errors = started.communicate(timeout=300)
    return subprocess.CompletedProcess(started.args, started.returncode, output, errors)


def start(*arguments, folder, program=(SABILA,), file_size_limit=None, **changes):
    """Start the command line as the head of a process group of its own; no file may grow past a limit in bytes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SABILA_", "HF_"))}
    limited = ("sh", "-c", f'ulimit -f {file_size_limit // 512} && exec "$@"', "sh") if file_size_limit else ()
    return subprocess.Popen(
        [*limited, *program, *map(str, arguments)],
        cwd=folder,
        env={**environment, "COLUMNS": "120", **changes.pop("env", {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **changes,
    )
