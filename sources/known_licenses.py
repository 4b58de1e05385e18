"""The known licences: what each allows and requires, and where it can be read.

For licences of models ``outputs`` is what their terms allow to train on the model's output. Facts, in our words, of
the texts as of 2026; no legal advice.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

Outputs = Literal["free", "named", "own_family", "forbidden"]
"""Models that may be trained on outputs: any; any that names the vendor's; the vendor's own; none that competes."""

OUTPUTS: dict[Outputs, str] = {
    "free": "any model",
    "named": "any model that keeps to the duties",
    "own_family": "only models of the same family",
    "forbidden": "no model that competes with the vendor's",
}
"""The same in words."""


@dataclass(frozen=True, kw_only=True)
class License:
    """What a licence allows.

    ``strictness`` orders licences: of equal rows the one under the lowest is kept. ``hub`` is the Hub's id for it,
    ``hub_names`` are the names used in cards with ``license: other``.
    ``into`` names the licences that an adaptation may be under, where the licence is share-alike. ``passes_on`` marks
    terms of use that bind everybody who receives the text. ``outputs`` is None where the licence is none of a model.
    ``duty`` is what the licence requires of those who redistribute the rows or train on them.
    """

    id: str
    title: str
    url: str | None = None
    strictness: int
    hub: str = "other"
    commercial: bool = True
    derivatives: bool = True
    redistribution: bool = True
    attribution: bool = True
    into: frozenset[str] = frozenset()
    passes_on: bool = False
    outputs: Outputs | None = None
    duty: str | None = None
    hub_names: tuple[str, ...] = ()
    own: bool = False
    """Rows of the builder: they may be kept in a private repository, and not be shared."""

    def facts(self) -> dict[str, Any]:
        """Return what the licence allows and requires, in words."""
        return {
            "id": self.id,
            "title": self.title,
            "rows_may_be": {
                "adapted": self.derivatives,
                "redistributed": self.redistribution,
                "sold": self.redistribution and self.commercial,
            },
            "outputs": OUTPUTS[self.outputs] if self.outputs else None,
            "duty": self.duty,
            "url": self.url,
        }

    @property
    def share_alike(self) -> bool:
        """Whether an adaptation must be under the same licence, or one of a few."""
        return bool(self.into)


CREDIT = "name the authors, the source and the licence with a link, and say what was changed"
KEEP_NOTICE = "keep the copyright notice and the text of the licence"
KEEP_NOTICE_CHANGES = "keep the copyright notice and the text of the licence, and mark what was changed"


def _free(id: str, title: str, url: str, hub: str) -> License:
    return License(id=id, title=title, url=url, hub=hub, strictness=0, attribution=False)


def _open(id: str, title: str, url: str, hub: str, strictness: int, duty: str = KEEP_NOTICE) -> License:
    return License(id=id, title=title, url=url, hub=hub, strictness=strictness, duty=duty)


def _copyleft(id: str, title: str, url: str, hub: str, strictness: int, into: str, duty: str) -> License:
    return License(id=id, title=title, url=url, hub=hub, strictness=strictness, into=frozenset(into.split()), duty=duty)


CC_STRICTNESS = {"by": 13, "by-sa": 31, "by-nc": 60, "by-nc-sa": 61, "by-nd": 62, "by-nc-nd": 63}
CC_TITLES = {"by": "Attribution", "nc": "NonCommercial", "sa": "ShareAlike", "nd": "NoDerivatives"}
CC_LATER = ("2.0", "2.5", "3.0", "4.0")

# Creative Commons declared GPL-3.0 a licence that adaptations of BY-SA 4.0 may be under; not the other way round.
CC_INTO_OTHERS = {"CC-BY-SA-4.0": ("GPL-3.0-only",)}


# Not every version has a word of its own on the Hub.
CC_ON_HUB = {
    "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0",
}  # fmt: skip


def _cc(variant: str, version: str) -> License:
    """Return a licence of Creative Commons; an adaptation of a share-alike one may be under a later version."""
    id = f"CC-{variant.upper()}-{version}"
    later = [f"CC-{variant.upper()}-{v}" for v in CC_LATER if v >= version]
    words = [CC_TITLES[part] for part in variant.split("-")]
    return License(
        id=id,
        title=f"Creative Commons {'-'.join(words)} {version}",
        url=f"https://creativecommons.org/licenses/{variant}/{version}/",
        hub=id.lower() if id.lower() in CC_ON_HUB else "cc",
        strictness=CC_STRICTNESS[variant],
        commercial="nc" not in variant,
        derivatives="nd" not in variant,
        into=frozenset((*later, *CC_INTO_OTHERS.get(id, ()))) if "sa" in variant else frozenset(),
        duty=CREDIT,
    )


def _model(id: str, title: str, url: str | None, outputs: Outputs, duty: str, **terms: Any) -> License:
    given = {"strictness": 41, "hub": "other", **terms}
    return License(id=id, title=title, url=url, outputs=outputs, duty=duty, **given)


def _llama(version: str, outputs: Outputs, duty: str) -> License:
    return _model(
        f"LicenseRef-llama-{version}-community",
        f"Llama {version} Community License Agreement",
        f"https://www.llama.com/llama{version.replace('.', '_')}/license/",
        outputs,
        duty,
        hub=f"llama{version}",
    )


LLAMA_OWN = (
    "outputs may improve no other large language model than Llama and what derives from it; derivatives of the "
    "weights are redistributed with the agreement and its notice; above 700 million monthly users a licence of its own"
)
LLAMA_NAMED = (
    'a published model trained on outputs has a name that begins with "Llama", and its page says '
    '"Built with Llama"; the acceptable use policy applies; above 700 million monthly users a licence of its own'
)
LLAMA_NOT_IN_EU = (
    f"{LLAMA_NAMED}; the models that read images are not licensed to persons and companies of the European Union"
)
GEMMA_DUTY = (
    "a model made by training on outputs counts as a derivative of the model: it is redistributed under the same terms "
    "and with their use restrictions; no right in the outputs themselves is claimed"
)
RESEARCH_DUTY = "for research only, outputs included; no commercial use"
RIVAL_DUTY = "outputs may not be used to develop models that compete with the vendor's"

MODELS = (
    _llama("2", "own_family", LLAMA_OWN),
    _llama("3", "own_family", LLAMA_OWN),
    _llama("3.1", "named", LLAMA_NAMED),
    _llama("3.2", "named", LLAMA_NOT_IN_EU),
    _llama("3.3", "named", LLAMA_NAMED),
    _llama("4", "named", LLAMA_NOT_IN_EU),
    _model(
        "LicenseRef-gemma", "Gemma Terms of Use", "https://ai.google.dev/gemma/terms", "named", GEMMA_DUTY, hub="gemma"
    ),
    _model(
        "LicenseRef-health-ai-developer-foundations",
        "Health AI Developer Foundations Terms of Use",
        "https://developers.google.com/health-ai-developer-foundations/terms",
        "named",
        f"{GEMMA_DUTY}; no clinical use without the approval of the regulator",
        hub_names=("health-ai-developer-foundations",),
    ),
    _model(
        "LicenseRef-qwen",
        "Qwen License Agreement",
        "https://huggingface.co/Qwen/Qwen2.5-72B-Instruct/blob/main/LICENSE",
        "named",
        'a published model trained on outputs says "Built with Qwen" or "Improved using Qwen" in its '
        "documentation; above 100 million monthly users a licence of its own",
        hub_names=("qwen",),
    ),
    _model(
        "LicenseRef-tongyi-qianwen",
        "Tongyi Qianwen License Agreement",
        "https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20LICENSE%20AGREEMENT",
        "own_family",
        "outputs may improve no other large language model than Tongyi Qianwen and what derives from it",
        hub_names=("tongyi-qianwen",),
    ),
    _model(
        "LicenseRef-qwen-research",
        "Qwen Research License Agreement",
        "https://huggingface.co/Qwen/Qwen2.5-3B-Instruct/blob/main/LICENSE",
        "named",
        f'{RESEARCH_DUTY}; a model trained on outputs says "Built with Qwen" or "Improved using Qwen"',
        strictness=65,
        commercial=False,
        hub_names=("qwen-research",),
    ),
    _model(
        "LicenseRef-mistral-research",
        "Mistral AI Research License",
        "https://mistral.ai/licenses/MRL-0.1.md",
        "free",
        RESEARCH_DUTY,
        strictness=65,
        commercial=False,
        hub_names=("mrl", "mistral-research-license", "mistral-ai-research-license"),
    ),
    _model(
        "LicenseRef-mistral-non-production",
        "Mistral AI Non-Production License",
        "https://mistral.ai/licenses/MNPL-0.1.md",
        "free",
        "for testing, research and evaluation only, outputs included; no commercial use",
        strictness=65,
        commercial=False,
        hub_names=("mnpl", "mistral-ai-non-production-license"),
    ),
    _model(
        "LicenseRef-deepseek-model",
        "DeepSeek Model License",
        "https://github.com/deepseek-ai/DeepSeek-V3/blob/main/LICENSE-MODEL",
        "free",
        "no right in the outputs is claimed; the use restrictions go with the model and what derives from it",
        hub_names=("deepseek", "deepseek-license"),
    ),
    _model(
        "LicenseRef-nvidia-open-model",
        "NVIDIA Open Model License Agreement",
        "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/",
        "free",
        "no right in the outputs is claimed",
        hub_names=("nvidia-open-model-license", "nvidia-open-model-license-agreement"),
    ),
    _model(
        "LicenseRef-openai-terms",
        "OpenAI terms of use",
        "https://openai.com/policies/row-terms-of-use/",
        "forbidden",
        RIVAL_DUTY,
        strictness=66,
        commercial=False,
    ),
    _model(
        "LicenseRef-anthropic-terms",
        "Anthropic commercial terms of service",
        "https://www.anthropic.com/legal/commercial-terms",
        "forbidden",
        RIVAL_DUTY,
        strictness=66,
        commercial=False,
    ),
    _model(
        "LicenseRef-gemini-api-terms",
        "Gemini API additional terms of service",
        "https://ai.google.dev/gemini-api/terms",
        "forbidden",
        RIVAL_DUTY,
        strictness=66,
        commercial=False,
    ),
    _model(
        "LicenseRef-embedded-demo",
        "written by the embedded teacher, which has no medical knowledge",
        None,
        "forbidden",
        "shows how the stages work, and is never to be trained on",
        strictness=80,
        commercial=False,
        redistribution=False,
    ),
    _model(
        "LicenseRef-demonstration",
        "written by a model that is too small to be right, for a demonstration",
        None,
        "forbidden",
        "shows how the stages work, and is never to be trained on",
        strictness=80,
        commercial=False,
        redistribution=False,
    ),
)

GPL = "https://www.gnu.org/licenses/gpl-3.0.html"

OPEN = (
    _free("CC0-1.0", "Creative Commons Zero 1.0", "https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
    _free("PDDL-1.0", "Public Domain Dedication and License", "https://opendatacommons.org/licenses/pddl/1-0/", "pddl"),
    _free("Unlicense", "The Unlicense", "https://unlicense.org/", "unlicense"),
    _open("MIT", "MIT License", "https://opensource.org/license/mit", "mit", 10),
    _open("BSD-2-Clause", "BSD 2-Clause License", "https://opensource.org/license/bsd-2-clause", "bsd-2-clause", 10),
    _open("BSD-3-Clause", "BSD 3-Clause License", "https://opensource.org/license/bsd-3-clause", "bsd-3-clause", 10),
    _open(
        "Apache-2.0",
        "Apache License 2.0",
        "https://www.apache.org/licenses/LICENSE-2.0",
        "apache-2.0",
        11,
        KEEP_NOTICE_CHANGES,
    ),
    _open(
        "ODC-By-1.0",
        "Open Data Commons Attribution License",
        "https://opendatacommons.org/licenses/by/1-0/",
        "odc-by",
        12,
        CREDIT,
    ),
    _open(
        "CDLA-Permissive-2.0",
        "Community Data License Agreement Permissive 2.0",
        "https://cdla.dev/permissive-2-0/",
        "cdla-permissive-2.0",
        13,
    ),
    _copyleft(
        "ODbL-1.0",
        "Open Data Commons Open Database License",
        "https://opendatacommons.org/licenses/odbl/1-0/",
        "odbl",
        30,
        "ODbL-1.0",
        CREDIT,
    ),
    _copyleft(
        "GPL-3.0-only", "GNU General Public License 3.0", GPL, "gpl-3.0", 32, "GPL-3.0-only", KEEP_NOTICE_CHANGES
    ),
)

COMMONS = tuple(_cc(variant, version) for variant in CC_STRICTNESS for version in CC_LATER)

OWN_TERMS = (
    License(
        id="LicenseRef-openrail",
        title="a licence of the OpenRAIL family",
        url="https://www.licenses.ai/",
        hub="openrail",
        strictness=40,
        passes_on=True,
        duty="pass on the use restrictions with the rows",
        hub_names=(
            "creativeml-openrail-m",
            "bigscience-openrail-m",
            "bigcode-openrail-m",
            "bigscience-bloom-rail-1.0",
            "openrail++",
        ),
    ),
    License(
        id="LicenseRef-research-only",
        title="for research only, in the publisher's words",
        strictness=70,
        commercial=False,
        passes_on=True,
        duty="for research only, derived works included",
    ),
    License(
        id="LicenseRef-proprietary",
        title="rows of one's own, all rights reserved",
        strictness=80,
        commercial=False,
        redistribution=False,
        own=True,
        duty="only for readers allowed by the owner of the rows",
    ),
    License(
        id="LicenseRef-none-stated",
        title="no licence stated by the publisher",
        strictness=90,
        commercial=False,
        redistribution=False,
    ),
    License(
        id="LicenseRef-unknown",
        title="licence unknown",
        hub="unknown",
        strictness=95,
        commercial=False,
        redistribution=False,
    ),
)

LICENSES: dict[str, License] = {license.id: license for license in (*OPEN, *COMMONS, *MODELS, *OWN_TERMS)}
"""Every known licence by its SPDX id, or by a ``LicenseRef`` where SPDX has none."""


def named_license(word: str) -> str | None:
    """Return the id of a licence by its own id, the Hub's id or a name used in cards; None for others."""
    return _NAMES.get(_plain(word))


def _plain(word: str) -> str:
    return re.sub(r"[\s_]+", "-", word.strip().casefold()).removeprefix("licenseref-")


def _names() -> dict[str, str]:
    """Return the id of each licence by all of its names, without names that several licences share."""
    words = [(word, known.id) for known in LICENSES.values() for word in (known.hub, *known.hub_names)]
    counts = Counter(word for word, _ in words)
    by_word = {_plain(word): id for word, id in words if counts[word] == 1}
    return by_word | {_plain(id): id for id in LICENSES}


_NAMES = _names()
