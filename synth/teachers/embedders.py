"""Embedding models as ``quality.embeddings.Embed``: texts in, one float32 row each out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quality.embeddings import Embed
from sources.errors import SabilaError
from synth.teachers.llamacpp_model import llamacpp_teacher, server_settings
from synth.teachers.llamacpp_server import running_server
from synth.teachers.model_files import gguf_revision, hub_or_cache
from synth.teachers.openai_server import is_loopback
from synth.teachers.options import TeacherOptions
from synth.teachers.request_errors import error_of_status
from synth.teachers.teacher import TeacherError

F32 = NDArray[np.float32]

EMBEDDING_SLOTS = 2

MODEL_FILES = ("modules.json", "config.json")


class EmbedderError(SabilaError, ValueError):
    """An embedding model that is not available: a missing package, or a folder without a model."""


def embedder(spec: str) -> Embed:
    """Return the embedding model that ``spec`` names: the folder or Hub name of a sentence-transformers model,
    ``model2vec:FOLDER``, ``llamacpp:FILE.gguf`` or ``openai:URL#MODEL``.

    Raises ``EmbedderError`` where its package is not installed or the model cannot be loaded.
    """
    kind, _, rest = spec.partition(":")
    try:
        if kind == "model2vec":
            return model2vec(rest)
        if kind == "llamacpp":
            return llamacpp_embedder(rest)
        if kind == "openai":
            url, _, model = rest.partition("#")
            if not url or not model:
                raise EmbedderError(f"{spec!r} names no model; write openai:URL#MODEL")
            return server_embedder(url, model)
        return sentence_transformer(spec)
    except ModuleNotFoundError as error:
        raise EmbedderError(f"{spec!r} needs the package {error.name}; pip install {error.name}") from error
    except (OSError, ValueError) as error:
        raise EmbedderError(f"cannot load the embedding model {spec!r}: {str(error).splitlines()[0]}") from error


@lru_cache(maxsize=1)
def loaded_embedder(spec: str) -> Embed:
    """Return the embedding model that ``spec`` names, loaded once per process for all shards."""
    return embedder(spec)


def revision_of(spec: str) -> str:
    """Return a hash of a GGUF file or of the files of a model in a folder, "" for a model by name."""
    kind, _, rest = spec.partition(":")
    if kind == "llamacpp" and Path(rest).is_file():
        return gguf_revision(Path(rest))
    folder = Path(spec.removeprefix("model2vec:"))
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            digest.update(f"{path.relative_to(folder)}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def sentence_transformer(
    path: str, *, revision: str | None = None, device: str | None = None, prompt: str = "", batch_size: int = 64
) -> Embed:
    """Return a sentence-transformers model (extra ``local``); ``prompt`` is put before each text, as some models need.

    A text longer than the model reads is split into windows and gets the mean of their vectors, weighted by tokens; if
    it were cut off, texts with the same beginning would count as duplicates.
    """
    load = import_module("sentence_transformers").SentenceTransformer
    if inner := _inner_model(Path(path)):
        raise EmbedderError(f"{path} contains no model, but {inner} does: name that folder")
    with hub_or_cache(path):
        model = load(path, revision=revision, device=device)
    if kind := _writes(model, path, revision):
        raise EmbedderError(
            f"{path} holds a {kind} without modules.json, which writes texts and does not embed them; expected a model "
            "of sentence-transformers"
        )
    room = _room(model, prompt)

    def embed(texts: Sequence[str]) -> F32:
        windows = [
            (place, *window) for place, text in enumerate(texts) for window in _windows(text, model.tokenizer, room)
        ]
        vectors = model.encode(
            [prompt + text for _, text, _ in windows],
            batch_size=batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return _weighted(vectors, [place for place, _, _ in windows], [tokens for _, _, tokens in windows], len(texts))

    return embed


def _writes(model: Any, path: str, revision: str | None) -> str | None:
    """Return the class of a language model that was not made for embeddings, None for any other model.

    sentence-transformers takes the mean of its states, by which unrelated texts are alike. Embedding models of the same
    classes have ``modules.json``.
    """
    from huggingface_hub import try_to_load_from_cache

    if Path(path).is_dir():
        described = (Path(path) / MODEL_FILES[0]).is_file()
    else:
        described = isinstance(try_to_load_from_cache(path, MODEL_FILES[0], revision=revision), str)
    if described:
        return None
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    kinds = getattr(config, "architectures", None) or ()
    return next((kind for kind in kinds if kind.endswith(("ForCausalLM", "LMHeadModel"))), None)


def _inner_model(folder: Path) -> Path | None:
    """Return the folder of a model inside one that holds none itself."""
    if not folder.is_dir() or any((folder / name).exists() for name in MODEL_FILES):
        return None
    return next((path.parent for name in MODEL_FILES for path in sorted(folder.glob(f"*/{name}"))), None)


def model2vec(path: str) -> Embed:
    """Return a model2vec model (package ``model2vec``): a mean over static vectors of all tokens, quick on a CPU."""
    load = import_module("model2vec").StaticModel.from_pretrained
    with hub_or_cache(path):
        model = load(path)

    def embed(texts: Sequence[str]) -> F32:
        vectors = model.encode(list(texts), max_length=None, use_multiprocessing=False, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    return embed


def server_embedder(
    base_url: str,
    model: str,
    *,
    api_key: str | None = None,
    batch_size: int = 64,
    workers: int = 4,
    timeout_s: float = 60,
) -> Embed:
    """Return an OpenAI-compatible embeddings endpoint; without ``api_key`` that of the environment, if any, is sent.

    A text that is too long for the server is its error and stops the run: shorten it or choose another model. Raises
    ``EmbedderError`` where the server cannot be reached, refuses, or returns something else than one vector of one
    width for each text.
    """
    openai = import_module("openai")
    key = api_key or os.environ.get("OPENAI_API_KEY") or "none"

    def ask(client: Any, texts: Sequence[str]) -> F32:
        try:
            # Named, because the client's own default is base64, which not every server knows.
            answer = client.embeddings.create(model=model, input=list(texts), encoding_format="float")
            vectors = {item.index: [float(number) for number in item.embedding] for item in answer.data}
        except openai.APIStatusError as error:
            refusal = error_of_status(error.status_code, error.response.text, error.response.headers)
            advice = f"; {refusal.hint}" if refusal.hint else ""
            raise EmbedderError(f"{base_url} rejected texts for {model}: {refusal.error}{advice}") from error
        except openai.APIConnectionError as error:
            raise EmbedderError(
                f"{base_url} cannot be reached ({error.__cause__ or error}), expected a server of the embedding model "
                f"{model}: start it, or correct the address"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:  # the client does not look at what it is sent
            raise EmbedderError(
                f"{base_url} returned no embeddings ({error}), expected an OpenAI-compatible /embeddings of {model}: "
                "check the address, and that the model embeds texts"
            ) from error
        if sorted(vectors) != list(range(len(texts))):
            raise EmbedderError(
                f"{base_url} returned {len(answer.data)} embeddings of {len(texts)} texts, expected one each"
            )
        check_widths({len(vector) for vector in vectors.values()})
        return np.array([vectors[place] for place in range(len(texts))], np.float32)

    def check_widths(widths: set[int]) -> None:
        if len(widths) > 1:
            raise EmbedderError(
                f"{base_url} returned vectors of {' and '.join(map(str, sorted(widths)))} numbers, expected one width: "
                f"{model} must be one model during a run"
            )

    def embed(texts: Sequence[str]) -> F32:
        parts = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
        direct = openai.DefaultHttpxClient(trust_env=False) if is_loopback(base_url) else None
        settings = {"api_key": key, "timeout": timeout_s, "max_retries": 5, "http_client": direct}
        with openai.OpenAI(base_url=base_url, **settings) as client, ThreadPoolExecutor(workers) as pool:
            batches = list(pool.map(partial(ask, client), parts))
        check_widths({batch.shape[1] for batch in batches})
        return np.concatenate(batches) if batches else np.empty(0, np.float32)

    return embed


def llamacpp_embedder(path: str, options: TeacherOptions | None = None) -> Embed:
    """Return the embedding model in a GGUF file (extra ``llamacpp``), served by llama.cpp at the first text.

    A text that is longer than ``options.context`` tokens stops the run. Raises ``EmbedderError`` where the file is none
    or holds a model that writes and does not embed.
    """
    chosen = options or TeacherOptions()
    try:
        teacher = llamacpp_teacher(path, chosen)
    except TeacherError as error:
        raise EmbedderError(str(error).replace("teacher is", "the embedding model is")) from error
    settings = server_settings(path, chosen, slots=EMBEDDING_SLOTS, embedding=True)

    def embed(texts: Sequence[str]) -> F32:
        server = running_server(settings)
        served = server_embedder(server.url, settings.name, api_key=server.key, workers=EMBEDDING_SLOTS)
        try:
            return served(texts)
        except EmbedderError as error:
            if "Pooling type" not in str(error):
                raise
            raise EmbedderError(
                f"{teacher.name} holds a model without pooling, which writes texts and does not embed them; expected "
                "the GGUF file of an embedding model"
            ) from error

    return embed


def _room(model: Any, prompt: str) -> int | None:
    """Return how many tokens of a text the model reads, special tokens and the prompt excluded; None for any number."""
    if model.max_seq_length is None:
        return None
    taken = len(model.tokenizer(prompt)["input_ids"])
    if taken >= model.max_seq_length:
        raise ValueError(f"the prompt takes {taken} of the model's {model.max_seq_length} tokens; shorten it")
    return int(model.max_seq_length) - taken


def _windows(text: str, tokenizer: Any, room: int | None) -> Iterator[tuple[str, int]]:
    """Yield the parts of a text that fit, in order, and their numbers of tokens."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)[
        "offset_mapping"
    ]
    if room is None or len(spans) <= room:
        yield text, max(1, len(spans))
        return
    for start in range(0, len(spans), room):
        part = spans[start : start + room]
        yield text[part[0][0] : part[-1][1]], len(part)


def _weighted(vectors: F32, places: Sequence[int], weights: Sequence[int], texts: int) -> F32:
    out = np.zeros((texts, vectors.shape[1]), np.float32)
    np.add.at(out, np.asarray(places), vectors * np.asarray(weights, np.float32)[:, None])
    return out


def model_and_threshold(knob: str, spec: str, usual: float) -> tuple[str, float]:
    """Return the model and the threshold that ``MODEL`` or ``MODEL@THRESHOLD`` names; without one it is ``usual``.

    Raises ``ValueError``, which names the ``knob``, where the threshold is no number above 0 and up to 1.
    """
    model, _, text = spec.rpartition("@")
    if not model:
        model, text = spec, str(usual)
    try:
        least = float(text)
    except ValueError:
        least = 0.0
    if not 0 < least <= 1:
        raise ValueError(f"{knob}: got {spec!r}, expected MODEL or MODEL@THRESHOLD up to 1, as in model@0.9")
    return model, least
