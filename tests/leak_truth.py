"""A simple version of the lexical layers in plain Python, which the compiled scan must agree with.

It has no index and no windows: every item is compared with every text, for texts of one window.
"""

import polars as pl

from quality.decontamination.inputs import ROW_SCHEMA
from quality.decontamination.item_index import GATE_BITS, GATES, OPTIONS_GATE, OPTIONS_GATE_BITS, OPTIONS_LISTED_BITS
from quality.decontamination.lexical_layers import _limits
from quality.decontamination.rarity import UNKNOWN_BITS
from quality.decontamination.scan import question_side, scan
from quality.decontamination.similar_passages import DENSITY, GAP_COST, OPTIONS_DENSITY, OPTIONS_GAP_COST
from quality.decontamination.similarity import (
    NOTHING,
    PASSAGE,
    PASSAGE_WITH_OPTIONS,
    QUESTION,
    REWRITE,
    SUSPECT,
    WITH_OPTIONS,
)


class Truth:
    """Items as sets of words, split at blanks; no word has seven characters or is a common one."""

    def __init__(self, items, limits):
        self.limits = limits
        self.items = [(question.split(), " ".join(options).split()) for _, _, question, options, _ in items]

    def weight(self, words):
        return UNKNOWN_BITS * len(list(words))

    def similarity(self, question, options):
        """Return {item: (kind, score)} for a text: full matches as ``number``, passages as ``number + 0.5``."""
        question_words, choices = question.split(), " ".join(options).split()
        matches = {}
        for number, item in enumerate(self.items):
            if not self.passes_gate(set(question_words) | set(choices), *item):
                continue
            whole_match = self.full_match(question_words, choices, *item)
            passage = self.passage(question_words + choices, *item)
            matches |= {at: seen for at, seen in ((number, whole_match), (number + 0.5, passage)) if seen[0] != NOTHING}
        return matches

    def passes_gate(self, mine, question, options):
        """Return whether a text shares enough with question or options to be compared."""
        stem, rest = self.weight(set(question)), self.weight(set(options))
        (low, most), (high, least) = GATES
        share = most - (most - least) * min(1, max(0, (stem - low) / (high - low)))
        by_question = self.weight(mine & set(question)) >= max(GATE_BITS, share * stem)
        by_options = self.weight(mine & set(options)) >= max(OPTIONS_GATE_BITS, OPTIONS_GATE * rest)
        return by_question or (by_options and stem < OPTIONS_LISTED_BITS)

    def full_match(self, question_words, choices, question, options):
        limits, stem, everything = self.limits, set(question), set(question) | set(options)
        mine = set(question_words) | set(choices)
        stem_bits, shared = max(1, self.weight(stem)), self.weight(everything & mine)
        both = self.weight(stem & set(question_words))
        questions = 2 * both / (stem_bits + self.weight(set(question_words)))
        wholes = 2 * shared / (self.weight(everything) + self.weight(mine))
        score = questions
        if everything > stem and not choices:
            score = max(questions, self.weight(stem & mine) / stem_bits)
        if everything > stem and choices and wholes < limits.copy_options:
            score = 0
        if shared >= limits.copy_bits and (score + wholes) / 2 >= limits.copy:
            by_question = questions >= limits.copy and both >= limits.copy_bits
            return QUESTION if by_question else WITH_OPTIONS, (score + wholes) / 2
        rewrite = (0.3 * both / stem_bits + both / max(1, self.weight(set(question_words)))) / 1.3
        if rewrite >= limits.rewrite and both >= limits.rewrite_bits:
            return REWRITE, rewrite
        suspect = rewrite >= limits.suspect and both >= limits.suspect_bits
        return SUSPECT if suspect else NOTHING, rewrite

    def passage(self, text, question, options):
        limits, stem, everything = self.limits, set(question), set(question) | set(options)
        stem_bits, all_bits = self.weight(stem), self.weight(everything)
        if self.weight(stem & set(text)) < max(limits.suspect_bits, limits.passage * stem_bits):
            return NOTHING, 0
        stem_match, density = self.densest(text, stem, GAP_COST)
        is_passage = density >= DENSITY and stem_match >= limits.passage * stem_bits
        if is_passage and stem_match >= limits.passage_bits:
            return PASSAGE, stem_match / stem_bits
        if everything > stem:
            matched_bits, dense = self.densest(text, everything, OPTIONS_GAP_COST)
            if dense >= OPTIONS_DENSITY and matched_bits >= max(limits.passage_option_bits, limits.passage * all_bits):
                return PASSAGE_WITH_OPTIONS, matched_bits / all_bits
        return SUSPECT if is_passage and stem_match >= limits.suspect_bits else NOTHING, stem_match / max(1, stem_bits)

    def densest(self, text, targets, gap_cost):
        """Return bits and density of the passage found by Kadane's scan; equal words count once in a passage."""
        best, score, begin, low, high = 0, 0, 0, 0, 0
        for at, word in enumerate(text):
            if word not in targets:
                score -= gap_cost * self.weight([word])
            elif word not in text[begin:at]:
                score += self.weight([word])
            if score <= 0:
                score, begin = 0, at + 1
            elif score > best:
                best, low, high = score, begin, at + 1
        passage = text[low:high]
        everything = self.weight(passage)
        matched = self.weight([word for word in passage if word in targets])
        return self.weight(set(passage) & targets), matched / everything if everything else 0

    def scanned(self, question, options, index):
        """Return the matches of the compiled scan, in the form of ``similarity``."""
        rows = pl.DataFrame([("r", question, options, None, None, None)], schema=ROW_SCHEMA, orient="row")
        wholes, passages = scan(*question_side(rows), index, *_limits(self.limits))
        item = dict(index.items.select("item_group", pl.col("id").cast(pl.Int64)).iter_rows())
        matches = {
            item[unit]: (kind, score) for unit, kind, score in wholes.select("item_group", "kind", "score").iter_rows()
        }
        return matches | {
            item[unit] + 0.5: (kind, score)
            for unit, kind, score in passages.select("item_group", "kind", "score").iter_rows()
        }
