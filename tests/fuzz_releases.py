"""Release folders changed at random and given to every verb that reads one: ``python tests/fuzz_releases.py 500``.

Checks that no file outside the named folders changes, that requests are sent only to the Hub's address, and
that no call ends in a traceback. Each case is printed with its seed, so that it can be repeated.
"""

import argparse
import faulthandler
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from tiny_recipe import run, write_mirror, write_recipe

from pipelines.cli.shared_options import guard
from pipelines.release.open_release import BROKEN, reading
from sources.releases.read_manifest import content_hash, file_hash

NASTY = [
    "../../../../victim",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "x\x00y",
    "x\ny",
    "\x1b[2J\x1b]0;t\x07",
    "\u202egnp.exe",
    "'; COPY (SELECT 1) TO 'victim'; --",
    "\"; COPY (SELECT 1) TO 'victim'; --",
    "{{ 7*7 }}{% for x in y %}",
    "{0.__class__.__mro__}",
    "$(touch victim)",
    "`touch victim`",
    "-rf",
    "[a]*?",
    "x" * 5000,
    "é漢字🩺",
    "CON",
    "hf://datasets/x/y",
    "http://127.0.0.1:1/x.parquet",
    "s3://x/y",
    "https://example.org/x.parquet",
    "openai:http://127.0.0.1:1/v1#m",
]

VALUES = [None, True, 0, -1, 2**63, 2**200, 1e400, -0.0, [], {}, [[]], {"a": {}}, [None], *NASTY]

ALLOWED_S = 120
"""Seconds that one verb may take; none may wait for a pipe without a writer."""


def leaves(value, path=()):
    """Yield the path of every part of a JSON value."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from leaves(value[key], (*path, key))


def change_manifest(folder, rng):
    """Change values or keys of the manifest; half the time, make its hash fit."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    for _ in range(rng.choice([1, 1, 2, 4])):
        *way, last = rng.choice(list(leaves(manifest)))
        part = manifest
        for key in way:
            part = part[key]
        what = rng.random()
        if what < 0.15 and isinstance(part, dict):
            del part[last]
        elif what < 0.3 and isinstance(part, dict):
            part[rng.choice(NASTY)] = part[last]
        else:
            part[last] = rng.choice(VALUES)
    if rng.random() < 0.5:
        manifest["hash"] = content_hash(manifest)
    file.write_bytes(json.dumps(manifest).encode(errors="surrogatepass"))


def break_manifest(folder, rng):
    """Make the manifest invalid JSON, deeply nested JSON, or JSON in another encoding."""
    texts = [b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"null", b'"x"', b'{"name": NaN}']
    (folder / "manifest.json").write_bytes(rng.choice(texts))


def tables(folder, rng):
    """Return one parquet file of a release."""
    return rng.choice(sorted(folder.rglob("*.parquet")))


def change_columns(folder, rng):
    """Rename, retype, add, drop or duplicate a column."""
    path = tables(folder, rng)
    table = pq.read_table(path, partitioning=None)
    at = rng.randrange(table.num_columns)
    name, how = table.column_names[at], rng.randrange(6)
    if how == 0:
        table = table.rename_columns([rng.choice(NASTY) if n == at else c for n, c in enumerate(table.column_names)])
    elif how == 1:
        other = rng.choice([pa.int64(), pa.binary(), pa.list_(pa.string()), pa.float64(), pa.null()])
        table = table.set_column(at, name, pa.nulls(table.num_rows, other))
    elif how == 2:
        table = table.drop_columns([name])
    elif how == 3:
        table = table.append_column(rng.choice([*NASTY, "extra"]), pa.array(["x"] * table.num_rows))
    elif how == 4:
        table = table.append_column(name, table.column(at))
    else:
        table = table.set_column(at, name, pa.nulls(table.num_rows, table.schema.field(at).type))
    pq.write_table(table, path)


def change_values(folder, rng):
    """Put hostile texts into a column of texts, or duplicate or drop rows."""
    path = tables(folder, rng)
    table = pq.read_table(path, partitioning=None)
    texts = [name for name in table.column_names if table.schema.field(name).type == pa.string()]
    if rng.random() < 0.3:
        table = pa.concat_tables([table, table.slice(0, 1)]) if rng.random() < 0.5 else table.slice(0, 0)
    elif texts:
        name = rng.choice(texts)
        values = [rng.choice([*NASTY, None]) for _ in range(table.num_rows)]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    pq.write_table(table, path)


def change_metadata(folder, rng):
    """Put other metadata into a parquet file, such as an invalid schema."""
    path = tables(folder, rng)
    table = pq.read_table(path, partitioning=None)
    key = rng.choice([b"ARROW:schema", b"pandas", b"huggingface", b"\x1b[2J"])
    value = rng.choice([b"", b"not base64", b"{", b"{}", b"\xff" * 100, b"A" * 10_000])
    pq.write_table(table.replace_schema_metadata({key: value}), path, store_schema=key != b"ARROW:schema")


def break_table(folder, rng):
    """Cut a parquet file, change bytes in it, or replace it."""
    path = tables(folder, rng)
    content = bytearray(path.read_bytes())
    how = rng.randrange(4)
    if how == 0:
        content = content[: rng.randrange(len(content))]
    elif how == 1:
        for _ in range(rng.choice([1, 10, 100])):
            content[rng.randrange(len(content))] = rng.randrange(256)
    elif how == 2:
        content = bytearray(rng.choice([b"", b"PAR1PAR1", b"PAR1" + b"\xff" * 20 + b"PAR1", b"\x1f\x8b\x08"]))
    else:
        tail = max(0, len(content) - 200)
        content[rng.randrange(tail, len(content))] = rng.randrange(256)
    path.write_bytes(content)


def move_files(folder, rng):
    """Rename a file or folder, or put links, pipes and folders where files are expected."""
    path, name = tables(folder, rng), rng.choice(NASTY).replace("/", "_").replace("\x00", "")[:200]
    how = rng.randrange(6)
    name = name if name not in ("", ".", "..") else "odd name"
    if how == 0:
        path.rename(path.with_name(f"{name}.parquet"))
    elif how == 1:
        path.parent.rename(path.parent.with_name(name))
    elif how == 2:
        place = folder / "data" / name / name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / "train-00000-of-00001.parquet")
    elif how == 3:
        path.unlink()
        path.symlink_to(folder.parent / "home" / "secret.parquet")
    else:
        put_in_place(rng.choice(sorted(path for path in folder.rglob("*") if path.is_file())), rng)


def put_in_place(path, rng):
    """Replace a file by a pipe, a folder, a socket or a link to an endless device."""
    path.unlink()
    how = rng.randrange(4)
    if how == 0:
        os.mkfifo(path)
    elif how == 1:
        path.mkdir()
    elif how == 2:
        path.symlink_to(rng.choice(["/dev/zero", "/dev/tty", path.name]))
    else:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as one:  # paths of sockets are short
            one.bind(str(path))


def add_completions(folder, rng):
    """Add a table of completions with hostile texts."""
    (folder / "completions").mkdir(exist_ok=True)
    columns = {name: [rng.choice(NASTY)] for name in ("key", "teacher", "revision", "messages", "sampling", "text")}
    pl.DataFrame(columns | {"sample": [0]}).write_parquet(folder / "completions" / "completions-00000-of-00001.parquet")


def pose_as_a_store(folder, rng):
    """Put a store around a release with step folders that are invalid."""
    root = folder.parents[2]
    (root / "store.json").write_text(rng.choice(['{"format": 1}', '{"format": 99}', "{", "[]"]))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    step = root / "steps" / manifest["steps"][-1]["folder"]
    for name in ("kept", "dropped", "candidates", "pairs", "edits"):
        (step / name).mkdir(parents=True, exist_ok=True)
        (step / name / "00000.parquet").write_bytes(rng.choice([b"", b"PAR1", b"x" * 100]))
        if rng.random() < 0.2:
            put_in_place(step / name / "00000.parquet", rng)
    (step / "step.json").write_text(rng.choice(["", "{}", '{"folder": "../../x"}']))


def change_texts(folder, rng):
    """Overwrite the card or the metadata."""
    name = rng.choice(["README.md", "croissant.json"])
    (folder / name).write_bytes(
        rng.choice([b"", b"\xff\xfe\x00", b"{{ 7*7 }}", b"---\nlicense: [\n---\n", b"\x1b[2J" * 9])
    )


CHANGES = [
    *(change_manifest, change_manifest, change_manifest, change_columns, change_columns, change_values, change_values),
    *(break_manifest, change_metadata, break_table, move_files, add_completions, pose_as_a_store, change_texts),
]


def fit(folder):
    """Make the manifest list the files as they are now, as a forger would, where that is possible."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for file in manifest["files"]:
            path = folder / file["path"]
            if path.resolve().is_relative_to(folder.resolve()) and path.is_file():
                file |= {"bytes": path.stat().st_size, "sha256": file_hash(path)}
        manifest["hash"] = content_hash(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return


# --- what must not happen -------------------------------------------------------------------------------------------


def tree(place, but):
    """Return the entries of a folder by path: mode, size, modification time, and the bytes of small files."""
    entries = {}
    for root, folders, names in os.walk(place):
        folders[:] = [name for name in folders if Path(root, name) not in but]
        for name in [*folders, *names]:
            path = Path(root, name)
            facts = path.lstat()
            small = path.is_file() and not path.is_symlink() and facts.st_size < 10_000
            entries[str(path)] = (facts.st_mode, facts.st_size, facts.st_mtime_ns if not path.is_dir() else 0)
            entries[str(path)] += (path.read_bytes(),) if small else ()
    return entries


class Watch:
    """Record the files that a verb opened for writing and the hosts that it called."""

    def __init__(self, allowed, address):
        self.allowed, self.address, self.found, self.on = allowed, address, [], False
        sys.addaudithook(self._see)

    def _see(self, event, arguments):
        if not self.on:
            return
        if event == "socket.connect" and tuple(arguments[1][:2]) != self.address:
            self.found.append(f"connects to {arguments[1]}")
        elif event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost"):
            self.found.append(f"looks up {arguments[0]}")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
            if "git" not in str(arguments[0]):
                self.found.append(f"runs {arguments[:2]}")
        else:
            self._see_files(event, arguments)

    def _see_files(self, event, arguments):
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            self._check(arguments[0])
        elif event in ("os.rename", "os.link", "os.symlink") and arguments[-1] == -1:
            self._check(arguments[1])
        elif event in ("os.remove", "os.mkdir", "os.rmdir") and arguments[-1] == -1:  # else below an opened folder
            self._check(arguments[0])

    def _check(self, path):
        if isinstance(path, int) or "__pycache__" in str(path) or str(path) == os.devnull:
            return
        place = Path(os.path.normpath(Path.cwd() / os.fsdecode(path)))
        if not any(place.is_relative_to(allowed) for allowed in self.allowed):
            self.found.append(f"writes {place}")


def browse(folder):
    """Use a release as its page does: open it, list rows, show one."""
    from pipelines.report.all_rows import open_view
    from pipelines.report.browse import BrowseApp

    with guard(), reading(folder):  # as the server does it, request by request
        site = BrowseApp.of(open_view(folder))
        site.answer("/rows", "")
        site.answer("/rows", "text=fever&sort=long")
        site.answer("/row", "n=0")


def verbs(folder, base, out):
    """Return the calls to make on a release, by verb."""
    store, mirror, recipe = out / "store", base / "mirror", base / "tiny.py"
    rebuilt = ("--store", store, "--mirror", mirror, "--workers", "1", "--recipe", recipe)
    return {
        "verify": ("verify", folder),
        "verify --json": ("verify", folder, "--json"),
        "diff": ("diff", base / "store/releases/tiny/1", folder, "--out", out / "changes"),
        "diff back": ("diff", folder, base / "store/releases/tiny/1"),
        "rebuild": ("rebuild", folder, *rebuilt),
        "report": ("report", folder, "--out", out / "report.html"),
        "export": ("export", folder, "--to", "trl", "--out", out / "exported"),
        "trace": ("trace", "clinic:c1", "--release", folder, "--store", store),
        "publish": ("publish", folder, "--repo", "clinic/tiny", "--dry-run"),
        "browse": None,
    }


def call(verb, words, folder):
    """Make a call; return its exception, if any, and its output."""
    if words is not None:
        result = run(*words)
        raised = result.exception if not isinstance(result.exception, SystemExit) else None
        return raised, result.output
    try:
        browse(folder)
    except Exception as error:
        import click

        return (None if isinstance(error, click.ClickException) else error), str(error)
    return None, ""


def free_port():
    """Return an unused port of this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def stop(number, frame):
    raise TimeoutError(f"over {ALLOWED_S} s")


def make_base(place):
    """Build the release that all cases start from; return the folder that it was built in."""
    base = place / "base"
    base.mkdir(parents=True)
    options = ("--version", "1", "--store", base / "store", "--mirror", write_mirror(base / "mirror"), "--workers", "1")
    result = run("release", write_recipe(base), *options)
    assert result.exit_code == 0, result.output
    return base


def prepare(place):
    """Make the user's home and environment; return a watch over them."""
    home, temporary, port = place / "home", place / "tmp", free_port()
    (home / "docs").mkdir(parents=True)
    temporary.mkdir()
    (home / ".bashrc").write_text("alias ll='ls -l'\n")
    pl.DataFrame({"secret": ["of the user"]}).write_parquet(home / "secret.parquet")
    os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_TOKEN": "hf_" + "a" * 34, "HF_HUB_OFFLINE": "0"}
    os.environ |= {"HOME": str(home), "TMPDIR": str(temporary), "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_XET": "1"}
    tempfile.tempdir = str(temporary)
    time.sleep = lambda seconds: None
    os.chdir(home)
    signal.signal(signal.SIGALRM, stop)
    return Watch([place / "out", temporary], ("127.0.0.1", port))


def received(place, base, rng):
    """Return the folder of a changed release, and the names of its changes."""
    shutil.rmtree(place / "received", ignore_errors=True)
    folder = place / "received" / "releases" / "tiny" / "1"
    shutil.copytree(base / "store" / "releases" / "tiny" / "1", folder)
    changes = rng.sample(CHANGES, rng.choice([1, 1, 2, 3]))
    for change in changes:
        # one change may make another impossible
        with suppress(OSError, *BROKEN):
            change(folder, rng)
    if rng.random() < 0.6:
        fit(folder)
    return folder, ", ".join(change.__name__ for change in changes)


def ask(verb, words, folder, watch):
    """Make one call under the watch; return its faults, and whether the release was refused."""
    watch.found.clear()
    signal.alarm(ALLOWED_S)
    faulthandler.dump_traceback_later(2 * ALLOWED_S, exit=True)  # an alarm does not interrupt a wait inside a library
    watch.on = True
    try:
        raised, output = call(verb, words, folder)
    except TimeoutError as error:
        raised, output = error, str(error)
    finally:
        watch.on = False
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
    wrong = list(watch.found)
    if raised is not None or "Traceback" in output:
        wrong.append(f"traceback: {type(raised).__name__}: {str(raised)[:300]}")
    if "an unexpected input or a defect of sabila" in output:
        wrong.append(f"unexpected: {output.strip()[-400:]}")
    return wrong, "refused" if output.startswith("Error") or "\nError" in output else "answered"


def fuzz(place, count, seed, report=print, first=0):
    """Return the faults of ``count`` releases from number ``first`` on, and how calls ended."""
    base, watch = make_base(place), prepare(place)
    out, temporary = place / "out", place / "tmp"
    wrong, ends = [], Counter()

    for number in range(first, first + count):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        folder, changes = received(place, base, random.Random(f"{seed}-{number}"))
        where = f"{seed}-{number} ({changes})"
        (place / "now").write_text(where)  # names the case that hung if the run is aborted
        before = tree(place, {out, temporary})
        for verb, words in verbs(folder, base, out).items():
            faults, end = ask(verb, words, folder, watch)
            wrong += [f"{where} {verb}: {one}" for one in faults]
            for one in faults:
                report(f"{where} {verb}: {one}", flush=True)
            ends[verb, end] += 1
        after = tree(place, {out, temporary})
        changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
        wrong += [f"{where}: changed {path}" for path in [*changed, *temporary.iterdir()]]
        if number % 25 == 24:
            report(f"up to number {number}: {len(wrong)} things wrong", flush=True)
    return wrong, ends


def main():
    """Run the fuzzer and print the faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first release, to go on where a run ended")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        wrong, ends = fuzz(Path(place), arguments.count, arguments.seed, first=arguments.first)
        os.chdir("/")
    for line in wrong:
        print(line)
    for (verb, end), times in sorted(ends.items()):
        print(f"{verb}: {end} {times}")
    print(f"{arguments.count} releases from number {arguments.first}, seed {arguments.seed}: {len(wrong)} things wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
