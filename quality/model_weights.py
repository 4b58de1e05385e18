"""Models of transformers loaded with all their weights."""

from __future__ import annotations

from typing import Any


def load_complete(kind: Any, model: str, **options: Any) -> Any:
    """Return the model in a folder or at a Hub id, by an Auto class of transformers.

    Raises ``ValueError`` where its files lack weights that this class needs: transformers fills them with random
    numbers, and so does an embedding model that is loaded to predict tokens.
    """
    network, report = kind.from_pretrained(model, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]):
        raise ValueError(
            f"{model} lacks {len(missing)} weights of a {type(network).__name__}, as {missing[0]}, which would be "
            "random; expected a model that was trained and saved for this use"
        )
    return network
