"""Positives of the labelled set: what copying, cleaning and rewriting make of a benchmark item on its way to a row."""

import random
import re

TEMPLATES = (("medqa_hpai", 70), ("medmcqa_validation", 70), ("careqa", 60), ("headqa_en_held_out", 40))
"""Where positives are made from, and how many of each kind."""


def sentences(text):
    return [part for part in re.split(r"(?<=[.?!:])\s+", text.strip()) if part]


def copy(item, rng):
    return item


def shuffled(item, rng):
    return item | {"options": rng.sample(item["options"], len(item["options"]))}


def flattened(item, rng):
    """One prompt that holds instruction, question and lettered options in another order."""
    options = rng.sample(item["options"], len(item["options"]))
    lettered = "\n".join(f"{letter}) {option}" for letter, option in zip("ABCDEFGH", options, strict=False))
    prompt = f"Read the question and name the best choice.\n\n{item['question']}\n\n{lettered}\n\nGive its letter only."
    letter = "ABCDEFGH"[options.index(item["answer"])]
    return item | {"question": prompt, "options": [], "answer": letter, "reasoning": f"The best choice is {letter}."}


def slip(word, rng):
    """Return a word with one letter doubled, dropped or swapped with the next."""
    at = rng.randrange(len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )


def mistyped(item, rng):
    """Every twelfth word or so mistyped; case, spacing and punctuation changed."""

    def damage(text):
        words = [slip(word, rng) if len(word) > 3 and rng.random() < 0.08 else word for word in text.split()]
        text = rng.choice(("  ", " ", "\n")).join(words)
        return rng.choice((str.upper, str.lower, str))(text.rstrip("?:.")) + rng.choice(("", " -", "...", "?"))

    options = [damage(option) for option in item["options"]]
    answer = options[item["options"].index(item["answer"])]
    return item | {"question": damage(item["question"]), "options": options, "answer": answer}


SYNONYMS = {
    "patient": "person", "physician": "doctor", "shows": "reveals", "likely": "probable", "history": "background",
    "most": "the most", "treatment": "therapy", "following": "options", "because": "since", "has": "presents with",
    "increased": "raised", "decreased": "lowered", "drug": "medicine", "disease": "illness", "caused": "produced",
    "used": "employed", "seen": "found", "children": "kids", "cells": "cell", "true": "correct", "false": "incorrect",
    "common": "frequent", "appropriate": "suitable", "pain": "ache", "month": "four-week", "examination": "exam",
}  # fmt: skip


def substituted(item, rng):
    """One known word in two replaced by another, one in twenty of all dropped; options as they are."""
    words = []
    for word in item["question"].split():
        if rng.random() < 0.05:
            continue
        other = SYNONYMS.get(word.lower().strip(",.?:"))
        words.append(other if other and rng.random() < 0.5 else word)
    return item | {"question": " ".join(words)}


def reordered(item, rng):
    """The sentences in another order, the last one still the question."""
    *story, question = sentences(item["question"])
    return item | {"question": " ".join([*rng.sample(story, len(story)), question]), "options": []}


REWRITES = (
    (r"\b[Aa]n? (\d+)-year-old (\w+)", r"A \2 aged \1"),
    (r"(comes|is brought|presents) to (the|her|his|an?) [\w ]*?(physician|doctor|hospital|department)", "is seen"),
    (r"(because of|due to|complaining of|with complaints of)", "for"),
    (r"[Pp]hysical examination (shows|reveals)", "On examination there is"),
    (r"[Ll]aboratory (studies|tests) (show|reveal)", "In the laboratory,"),
    (r"(His|Her) (temperature) is", r"Vital signs: \2"),
    (r"[Ww]hich (one )?of the following (\w+ )?is (the )?most (likely|appropriate)", "What is the best guess for"),
    (r"[Ww]hich (one )?of the following", "What"),
    (r"[Aa]ll (of the following )?are (true|correct) (about|regarding)", "What holds for"),
    (r"(?i)\bexcept\b:?", "with one exception"),
    (r"[Ii]ndicate the (correct|incorrect|false) (answer|option|statement)", r"What is \1 here"),
)  # fmt: skip


def rewritten(item, rng):
    """Asked openly in other words: stock phrases replaced, of long stories one sentence in eight left out."""
    story = [part for part in sentences(item["question"])[:-1] if rng.random() > 0.125]
    text = " ".join([*story, *sentences(item["question"])[-1:]])
    for pattern, value in REWRITES:
        text = re.sub(pattern, value, text)
    return item | {"question": text, "options": []}


def opened(item, rng):
    """The question without options, answered."""
    return item | {"options": [], "reasoning": f"{item['answer']}. This follows from the findings."}


def buried(item, rng):
    """A row that asks something else and whose reasoning retells the item, question, options and answer."""
    wrong = " ".join(f"{option} does not fit the picture." for option in item["options"] if option != item["answer"])
    story = (
        f"I remember a similar case. {item['question']} Let us go through it. {wrong} So it has to be {item['answer']}."
    )
    return item | {
        "question": "How do you work through a difficult case?",
        "options": [],
        "answer": None,
        "reasoning": story,
    }


MADE = {
    "copy": copy,
    "shuffled": shuffled,
    "flattened": flattened,
    "mistyped": mistyped,
    "substituted": substituted,
    "reordered": reordered,
    "rewritten": rewritten,
    "opened": opened,
    "buried": buried,
}
NEEDS = {"reordered": lambda item: len(sentences(item["question"])) > 3}


def made(items, seed):
    """Yield the positives made from items, kind by kind."""
    for kind, change in MADE.items():
        rng = random.Random(f"{seed} {kind}")
        for benchmark, count in TEMPLATES:
            fits = NEEDS.get(kind, lambda item: item["answer"] in item["options"])
            pool = [item for item in items if item["benchmark"] == benchmark and fits(item)]
            for item in rng.sample(pool, min(count, len(pool))):
                row = change(item, rng)
                yield row | {"id": f"{kind}:{item['id']}", "kind": kind, "item": item["id"]}
