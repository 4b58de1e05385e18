"""The name and revision of a local model: neither reveals its folder, and the revision pins its files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from synth.teachers.teacher import TeacherError

WEIGHTS_AND_WORDS = {".json", ".jinja", ".safetensors", ".bin", ".pt", ".gguf", ".model", ".txt"}
"""The files that determine an answer: weights, configurations, tokenizer and chat template."""


PROBE_S = 10.0
"""Seconds that the Hub may take to answer at all before models are looked for among those downloaded before."""


class ModelMissingError(OSError):
    """A model that is no folder, was not downloaded before, and cannot be downloaded now."""


@contextmanager
def hub_or_cache(model: str) -> Iterator[None]:
    """Load a model from the local cache where the Hub does not answer.

    The client would otherwise retry for minutes, file by file. Raises ``ModelMissingError`` for any error of the
    block without the Hub.
    """
    from huggingface_hub import constants

    if Path(model).is_dir() or constants.HF_HUB_OFFLINE or _answers(constants.ENDPOINT):
        yield
        return
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    except Exception as error:  # many kinds, whose advice is to enable what the user did not disable
        raise ModelMissingError(
            f"{model} is no folder here and was not downloaded before, and {constants.ENDPOINT} does not answer: check "
            "the name and the network"
        ) from error
    finally:
        constants.HF_HUB_OFFLINE = False


def _answers(endpoint: str) -> bool:
    import httpx2
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint, timeout=PROBE_S, follow_redirects=False)
    except httpx2.TransportError:
        return False
    return True


def model_name(model: str) -> str:
    """Return a Hub id as it is, and of a folder its last name: paths differ between machines."""
    folder = Path(model)
    return folder.resolve().name if folder.is_dir() else model


def model_revision(model: str, revision: str | None) -> str:
    """Return the hash of a folder's files, or the commit of a Hub revision.

    Raises ``TeacherError`` for a folder without a model, and for a Hub id that is not available.
    """
    folder = Path(model)
    return _content(folder) if folder.is_dir() else _commit(model, revision)


def _content(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.suffix in WEIGHTS_AND_WORDS)
    if folder / "config.json" not in files:
        raise TeacherError(f"{folder} holds no config.json, expected the folder of a model")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as content:
            digest.update(f"{path.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
"""The ending of one part of a model that llama.cpp keeps in several files, which it finds by the first."""


def gguf_revision(file: Path) -> str:
    """Return the hash of a GGUF file's content, and of its other parts if it has any."""
    part = PART.search(file.name)
    parts = sorted(file.parent.glob(PART.sub(f"-*-of-{part[1]}.gguf", file.name))) if part else [file]
    hashes = [_file_hash(path.resolve(), path.stat().st_size, path.stat().st_mtime_ns) for path in parts]
    return (hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest())[:16]


@lru_cache
def _file_hash(path: Path, size: int, changed_ns: int) -> str:
    """Return the hash of a file, read once as long as it does not change."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _commit(model: str, revision: str | None) -> str:
    """Return the commit, from the Hub or, where it cannot be reached, from the local cache."""
    from huggingface_hub import snapshot_download

    try:
        with hub_or_cache(model):
            return Path(snapshot_download(model, revision=revision, allow_patterns=["config.json"])).name
    except Exception as error:  # many kinds: no such model, no such revision, no network, a bad name
        raise TeacherError(
            f"model is {model!r} at revision {revision or 'main'}: neither a folder nor available from the Hub "
            f"({str(error).splitlines()[0]}); expected a folder or a Hub id"
        ) from error
