"""Raw files of every corpus, changed at random, put to its connector: read row by row, or refused with our error.

    python tests/fuzz_readers.py --seconds 600                    # by random mutation
    python tests/fuzz_readers.py --seconds 600 --guided           # by atheris (pip install atheris), towards new code
    python tests/fuzz_readers.py --seconds 60 --corpus medqa --seed 7
    python tests/fuzz_readers.py FILE                             # one case again, as a failure left it

Each case is a corpus and the content of one of its files, made from the fixtures. The rows that are read must fit into
the table of records, the broken ones into the quarantine, and a case may take ten seconds of processor time. A failing
case is left in --out. Not collected by pytest, but for a few seconds (test_hostile_rows.py).
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

from sources.catalog import BENCHMARKS, SOURCES
from sources.fetch.mirror import mirrored
from sources.files import FileError, RawFile
from sources.read import read
from sources.record import Malformed, Record
from sources.source import Corpus
from sources.table import frame, malformed

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"
CORPORA = {**SOURCES, **BENCHMARKS}
LONGEST_S = 10
"""Seconds of processor time that reading a small file may take."""

WORDS = [
    *(b"null", b"true", b"-1", b"0", b"1e999", b"99999999999999999999", b'""', b"[]", b"{}", b"NaN", b"\\u0000"),
    *(b"\\ud800", b"\xff", b"\0", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n", b'"', b"'", b",", b"[", b"]", b"{", b"}"),
    *(b"<", b">", b"&", b"<!DOCTYPE x [<!ENTITY y 'z'>]>", b"</", b"\xe2\x80\xa8", b"\xf0\x9f\x98\x80", b"|", b"\t"),
]
"""What is put into files: values of other types, half characters, signs of every format."""


def cases() -> list[tuple[Corpus, RawFile]]:
    """Return every corpus with the first file of each split."""
    found = []
    for corpus in CORPORA.values():
        by_split = {file.split: file for file in reversed(mirrored(corpus, FIXTURES))}
        found += [(corpus, file) for file in by_split.values()]
    return found


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return the content with some of its bytes removed, repeated, replaced or others put in."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, size = rng.randrange(len(changed) + 1), rng.choice((1, 2, 8, 64, 512))
        match rng.randrange(6):
            case 0:
                del changed[at : at + size]
            case 1:
                changed[at:at] = changed[at : at + size]
            case 2:
                changed[at:at] = rng.choice(WORDS)
            case 3:
                changed[at : at + size] = rng.choice(WORDS)
            case 4 if changed:
                changed[at % len(changed)] = rng.randrange(256)
            case _:
                del changed[at:]
    return bytes(changed)


def check(corpus: Corpus, file: RawFile, content: bytes, place: Path) -> None:
    """Read the content as this file of the corpus; raises where it is neither read nor refused."""
    place.write_bytes(content)
    began = time.process_time()
    rows: list[Record] = []
    broken: list[Malformed] = []
    try:
        for row in read(corpus, replace(file, path=place)):
            (rows if isinstance(row, Record) else broken).append(row)
    except FileError:
        pass
    assert frame(rows).height == len(rows)
    assert malformed(broken).height == len(broken)
    taken = time.process_time() - began  # of the processor, as other work on the machine is no fault of the reader
    assert taken < LONGEST_S, f"took {taken:.0f} s of processor time"


def fuzz(names: list[str], seconds: float, seed: int, out: Path) -> int:
    """Try mutations of the fixtures for some seconds; return the number of failures, of different kinds."""
    every = [case for case in cases() if not names or case[0].name in names]
    rng, until, tried, kinds = random.Random(seed), time.monotonic() + seconds, 0, set()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            corpus, file = rng.choice(every)
            with file.open() as stream:
                content = mutated(stream.read(), rng)
            place = Path(folder) / Path(file.name).name.removesuffix(".gz")
            faulthandler.dump_traceback_later(60, exit=True)
            try:
                check(corpus, file, content, place)
            except Exception as error:
                kind = (type(error).__name__, str(traceback.extract_tb(error.__traceback__)[-1]))
                if kind not in kinds:
                    kinds.add(kind)
                    out.mkdir(parents=True, exist_ok=True)
                    left = out / f"{corpus.name}--{file.split}--{tried}"
                    left.write_bytes(content)
                    traceback.print_exc()
                    print(f"{left}: {kind}", file=sys.stderr)
            tried += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"{tried:,} files of {len(every)} kinds, seed {seed}: {len(kinds)} things wrong")
    return len(kinds)


def again(left: Path) -> None:
    """Read the content of a failure again."""
    name, split, _ = left.name.split("--")
    corpus, file = next((c, f) for c, f in cases() if (c.name, f.split) == (name, split))
    with tempfile.TemporaryDirectory() as folder:
        check(corpus, file, left.read_bytes(), Path(folder) / Path(file.name).name.removesuffix(".gz"))


def guided(seconds: float, seed: int, out: Path) -> None:
    """Let atheris look for inputs that reach new code; it ends this process, and leaves a crash in ``out``."""
    import atheris

    every = cases()
    folder = Path(tempfile.mkdtemp(prefix="sabila-fuzz-"))
    seeds = folder / "seeds"
    seeds.mkdir()
    for number, (_, file) in enumerate(every):
        with file.open() as stream:
            (seeds / str(number)).write_bytes(number.to_bytes(2, "big") + stream.read()[:20_000])

    def one(data: bytes) -> None:
        if len(data) > 2:
            corpus, file = every[int.from_bytes(data[:2], "big") % len(every)]
            check(corpus, file, data[2:], folder / Path(file.name).name.removesuffix(".gz"))

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "sources":
            for function in [f for f in vars(module).values() if getattr(f, "__module__", None) == name]:
                if type(function).__name__ == "function":
                    vars(module)[function.__name__] = atheris.instrument_func(function)
    out.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds:.0f}", f"-timeout={LONGEST_S}", "-rss_limit_mb=4096", "-max_len=20002"]
    atheris.Setup([sys.argv[0], *limits, f"-seed={seed}", f"-artifact_prefix={out}/", str(seeds)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="?", type=Path, help="A file that a failure left.")
    parser.add_argument("--seconds", type=float, default=600, help="[default: 600]")
    parser.add_argument("--seed", type=int, default=1, help="[default: 1]")
    parser.add_argument("--corpus", action="append", default=[], help="Only this corpus.  [default: all]")
    parser.add_argument("--out", type=Path, default=Path("fuzz-failures"), help="[default: fuzz-failures]")
    parser.add_argument("--guided", action="store_true", help="By atheris, towards new code; without: by mutation.")
    given = parser.parse_args()
    if given.case:
        again(given.case)
    elif given.guided:
        guided(given.seconds, given.seed, given.out)
    else:
        sys.exit(fuzz(given.corpus, given.seconds, given.seed, given.out) > 0)


if __name__ == "__main__":
    main()
