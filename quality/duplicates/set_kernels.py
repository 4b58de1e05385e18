"""Compiled operations on shingle sets: exact Jaccard, differences that rule out duplicates, similar sets of a bucket.

A set is a slice of one long array: ``values[starts[s]:starts[s + 1]]``, sorted and unique, and so are its marks
(``text_kernels``): its subject, the slots between its plain words, and its turning points. A *label* is the known
component of a set. Sets with one label are not compared, since only components count, which keeps a bucket of many
near-equal sets linear.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled
from quality.duplicates.distinguishing_words import letter_number

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

DIRECT_PAIRS = 128
"""Pairs per set that a bucket may compare directly; a bucket with more uses its rare shingles."""

CHECKS = 1000
"""Failing comparisons per set that a bucket may spend on its rare shingles."""

LARGE = 2 * CHECKS
"""Sets of a bucket above which it is cut short after that, so that no input takes quadratic time; a smaller bucket is
then compared pair by pair.
"""

SLACK = 1e-9
"""Margin for the rounding of a bound; the comparison with the threshold itself is exact."""

LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)
ONE = np.uint64(1)


FORBIDDEN = 8
"""Pairs ruled out by their marks that cost as much as one comparison of shingles."""

KIND, WORD, IN_QUESTION, PLACE = np.uint64(62), np.uint64(35), np.uint64(34), np.uint64(32)
"""Shifts of a mark: to its kind, to a word without its attributes, to whether a word belongs to a question, to a slot
without its value.
"""

MUST_MATCH, ABOUT, SLOT, TURN = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
"""The kinds of marks."""


LETTERS = np.array([letter_number(character) for character in "sabcdefghijklmnopqrtuvwxyz"], np.uint32)
"""The numbers of letters, that of s first: any word may gain or lose it."""

TOLERANCE = 16
"""Words of a question of which one may differ."""


class Sets(NamedTuple):
    """The arrays of ``shingle_sets.ShingleSets`` needed for comparisons."""

    values: U32
    starts: I64
    marks: U64
    bounds: I64


class Bucket(NamedTuple):
    """The sets ``members`` that share a band key; those numbered below ``known`` were compared with each other before.

    ``earlier`` has a row of band keys for each member of a large bucket: sets that share one were compared before too.
    ``compared`` marks the most members that share one, so that most pairs of a template are passed over at once.
    ``parents`` joins members into components. ``links`` receives the pairs of sets that joined two, ``tally`` counts
    those (0), the pairs that were not similar (1), the buckets cut short (2) and the pairs that marks ruled out (3).
    """

    sets: Sets
    members: I64
    earlier: U32
    compared: Flags
    known: int
    threshold: float
    parents: I64
    links: I64
    tally: I64


@compiled
def jaccard(values: U32, starts: I64, first: int, second: int, least: float) -> float:
    """Return the Jaccard similarity of two sets if it is ``least`` or more, else -1; two empty sets are equal."""
    i, end_i, j, end_j = starts[first], starts[first + 1], starts[second], starts[second + 1]
    total = (end_i - i) + (end_j - j)
    if total == 0:
        return 1.0
    needed = np.int64(np.ceil(least / (1.0 + least) * total - SLACK))
    limit_i, limit_j = end_i - needed, end_j - needed
    shared = 0
    while i < end_i and j < end_j and i - shared <= limit_i and j - shared <= limit_j:
        a, b = values[i], values[j]
        shared += a == b
        i += a <= b
        j += b <= a
    similarity = shared / (total - shared)
    return similarity if similarity >= least else -1.0


@compiled
def first_of(marks: U64, begin: int, end: int, kind: np.uint64) -> int:
    """Return the position of the first of the sorted ``marks[begin:end]`` of ``kind`` or a later one."""
    while begin < end:
        middle = (begin + end) // 2
        if marks[middle] >> KIND < kind:
            begin = middle + 1
        else:
            end = middle
    return begin


@compiled
def same_but_for_a_letter(one: np.uint64, other: np.uint64) -> bool:
    """Return whether two words may differ by a typing error only: letters in another order, or one optional letter
    more.
    """
    level = min((one >> PLACE) & np.uint64(3), (other >> PLACE) & np.uint64(3))
    if level == 0:
        return False
    more, fewer = np.uint32(one & LOW), np.uint32(other & LOW)
    if more == fewer:
        return True
    for k in range(LETTERS.size if level > 1 else 1):
        if np.uint32(more - fewer) == LETTERS[k] or np.uint32(fewer - more) == LETTERS[k]:
            return True
    return False


@compiled
def is_misspelt(marks: U64, k: int, other: int, last: int) -> bool:
    """Return whether the word ``marks[k]`` is one of ``marks[other:last]`` with a typing error in one of them."""
    if (marks[k] >> PLACE) & np.uint64(3):
        for j in range(other, last):
            if same_but_for_a_letter(marks[k], marks[j]):
                return True
    return False


@compiled
def question_words(marks: U64, begin: int, end: int) -> int:
    """Return the number of words of ``marks[begin:end]`` that belong to a question."""
    in_question = 0
    for k in range(begin, end):
        in_question += int((marks[k] >> IN_QUESTION) & ONE)
    return in_question


@compiled
def missing(marks: U64, begin: int, end: int, other: int, last: int, most: int) -> tuple[int, int]:
    """Return how many words of ``marks[begin:end]`` are not among ``marks[other:last]``, typing errors aside, and how
    many of those belong to a question; counting stops where the latter exceed ``most``.
    """
    words, in_question, at = 0, 0, other
    for k in range(begin, end):
        while at < last and marks[at] >> WORD < marks[k] >> WORD:
            at += 1
        if at < last and marks[at] >> WORD == marks[k] >> WORD:
            continue
        if not is_misspelt(marks, k, other, last):
            words += 1
            in_question += int((marks[k] >> IN_QUESTION) & ONE)
            if in_question > most:
                break
    return words, in_question


@compiled
def same_subject(sets: Sets, first: int, second: int) -> bool:
    """Return whether two texts may have the same subject.

    Each word of one question must be in the other's text, and the remaining words of the questions must not both have
    some of their own; one word in ``TOLERANCE`` may differ.
    """
    marks = sets.marks
    i, end_i, j, end_j = sets.bounds[first], sets.bounds[first + 1], sets.bounds[second], sets.bounds[second + 1]
    match_i, match_j = i < end_i and marks[i] >> KIND == MUST_MATCH, j < end_j and marks[j] >> KIND == MUST_MATCH
    if match_i != match_j or (match_i and marks[i] != marks[j]):
        return False
    i, j = i + match_i, j + match_j
    end_i, end_j = first_of(marks, i, end_i, SLOT), first_of(marks, j, end_j, SLOT)
    if i == end_i or j == end_j:
        return True
    # Most pairs of templates differ in a word that is asked about: the first one that too many are ends it.
    most = min(question_words(marks, i, end_i), question_words(marks, j, end_j)) // TOLERANCE
    words_i, question_i = missing(marks, i, end_i, j, end_j, most)
    if question_i > most:
        return False
    words_j, question_j = missing(marks, j, end_j, i, end_i, most)
    return question_j <= most and min(words_i, words_j) <= min(end_i - i, end_j - j) // TOLERANCE


@compiled
def has_own(marks: U64, begin: int, end: int, other: int, last: int) -> bool:
    """Return whether ``marks[begin:end]`` has an element that ``marks[other:last]`` lacks; both are sorted."""
    for k in range(begin, end):
        while other < last and marks[other] < marks[k]:
            other += 1
        if other == last or marks[other] != marks[k]:
            return True
    return False


@compiled
def other_in_a_slot(marks: U64, i: int, end_i: int, j: int, end_j: int) -> bool:
    """Return whether two texts have different values between the same words, each one that the other lacks."""
    while i < end_i and j < end_j:
        if marks[i] >> PLACE < marks[j] >> PLACE:
            i += 1
        elif marks[j] >> PLACE < marks[i] >> PLACE:
            j += 1
        else:
            upto_i, upto_j = i, j
            while upto_i < end_i and marks[upto_i] >> PLACE == marks[i] >> PLACE:
                upto_i += 1
            while upto_j < end_j and marks[upto_j] >> PLACE == marks[j] >> PLACE:
                upto_j += 1
            if has_own(marks, i, upto_i, j, upto_j) and has_own(marks, j, upto_j, i, upto_i):
                return True
            i, j = upto_i, upto_j
    return False


@compiled
def holds(sets: Sets, number: int, shingle: np.uint32) -> bool:
    """Return whether a set contains a shingle."""
    low, high = sets.starts[number], sets.starts[number + 1]
    while low < high:
        middle = (low + high) // 2
        if sets.values[middle] < shingle:
            low = middle + 1
        else:
            high = middle
    return bool(low < sets.starts[number + 1] and sets.values[low] == shingle)


@compiled
def turned(sets: Sets, begin: int, end: int, own: int, other: int) -> bool:
    """Return whether the other text equals this one without one of its negations or signs."""
    for k in range(begin, end):
        shingle = np.uint32(sets.marks[k] & LOW)
        if holds(sets, other, shingle) and not holds(sets, own, shingle):
            return True
    return False


@compiled
def opposed(sets: Sets, first: int, second: int) -> bool:
    """Return whether two similar texts differ in a number, a unit, a sign, a negation or one of a pair of opposites."""
    marks = sets.marks
    end_i, end_j = sets.bounds[first + 1], sets.bounds[second + 1]
    i = first_of(marks, sets.bounds[first], end_i, SLOT)
    j = first_of(marks, sets.bounds[second], end_j, SLOT)
    turns_i, turns_j = first_of(marks, i, end_i, TURN), first_of(marks, j, end_j, TURN)
    if other_in_a_slot(marks, i, turns_i, j, turns_j):
        return True
    return turned(sets, turns_i, end_i, first, second) or turned(sets, turns_j, end_j, second, first)


@compiled
def similarity(sets: Sets, first: int, second: int, least: float) -> float:
    """Return the similarity of two sets if they are duplicates, else -1.

    Duplicates have a Jaccard similarity of ``least`` or more, the same subject and no opposite statement.
    """
    if not same_subject(sets, first, second):
        return -1.0
    score = jaccard(sets.values, sets.starts, first, second, least)
    return -1.0 if score >= 0 and opposed(sets, first, second) else score


@compiled
def settle(sets: Sets, which: I64, bounds: I64, threshold: float, stays: I64, score: F64) -> None:
    """Take each cluster ``which[bounds[c]:bounds[c + 1]]`` in its order; keep a set unless a kept set is similar to it.

    ``stays`` receives the position of the most similar kept set (its own for a kept one), ``score`` the similarity.
    """
    for c in range(bounds.size - 1):
        kept, count = np.empty(bounds[c + 1] - bounds[c], np.int64), 0
        for i in range(bounds[c], bounds[c + 1]):
            stays[i], score[i] = i, -1.0
            for k in range(count):
                similar = similarity(sets, which[i], which[kept[k]], max(threshold, score[i]))
                if similar > score[i]:
                    stays[i], score[i] = kept[k], similar
            if stays[i] == i:
                kept[count], score[i] = i, 1.0
                count += 1


@compiled
def settle_broad(sets: Sets, buckets: I64, threshold: float, stays: I64, score: F64) -> int:
    """Do the same for all sets as one cluster, comparing only those that share a bucket of some band.

    ``buckets`` gives for each band and set the bucket, numbered from 0. A set unlike the ``LARGE`` latest kept sets of
    each of its buckets is kept; return the number of buckets that had more.
    """
    bands, size = buckets.shape
    latest = np.full((bands, size), -1, np.int64)
    before = np.full((bands, size), -1, np.int64)
    cut = np.zeros((bands, size), np.bool_)
    met = np.full(size, -1, np.int64)
    for i in range(size):
        stays[i], score[i] = i, -1.0
        for band in range(bands):
            other, checks = latest[band, buckets[band, i]], 0
            while other >= 0 and checks < LARGE:
                checks += 1
                if met[other] != i:
                    met[other] = i
                    similar = similarity(sets, i, other, max(threshold, score[i]))
                    if similar > score[i] or (similar == score[i] and similar >= 0 and other < stays[i]):
                        stays[i], score[i] = other, similar
                other = before[band, other]
            cut[band, buckets[band, i]] |= other >= 0
        if stays[i] == i:
            score[i] = 1.0
            for band in range(bands):
                before[band, i] = latest[band, buckets[band, i]]
                latest[band, buckets[band, i]] = i
    return int(np.sum(cut))


@compiled
def root(parents: I64, i: int) -> int:
    """Return the member that represents the component of member ``i``, with path halving."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@compiled
def components(pairs: I64, size: int) -> I64:
    """Return the connected component of each of ``size`` nodes, numbered from 0 by its smallest node.

    ``pairs`` has shape (pairs, 2). Union-find with path halving; a parent is always the smaller node.
    """
    parents = np.arange(size)
    for k in range(len(pairs)):
        one, other = root(parents, pairs[k, 0]), root(parents, pairs[k, 1])
        parents[max(one, other)] = min(one, other)
    number, count = np.empty(size, np.int64), 0
    for node in range(size):
        if parents[node] == node:
            number[node] = count
            count += 1
        else:
            number[node] = number[parents[node]]
    return number


@compiled
def label_parents(labels: I64, members: I64) -> I64:
    """Return the parents of a bucket's members: the first member of each label represents it."""
    order = np.argsort(labels[members], kind="mergesort")
    parents = np.empty(members.size, np.int64)
    for k in range(members.size):
        same = k > 0 and labels[members[order[k]]] == labels[members[order[k - 1]]]
        parents[order[k]] = parents[order[k - 1]] if same else order[k]
    return parents


@compiled
def compare(bucket: Bucket, i: int, j: int) -> None:
    """Join members ``i`` and ``j`` if their sets are similar and not yet joined."""
    if bucket.compared[i] and bucket.compared[j]:
        return
    a, b = bucket.members[i], bucket.members[j]
    root_i, root_j = root(bucket.parents, i), root(bucket.parents, j)
    if root_i == root_j or (a < bucket.known and b < bucket.known):
        return
    for band in range(bucket.earlier.shape[1]):
        if bucket.earlier[i, band] == bucket.earlier[j, band]:
            return
    tally, links = bucket.tally, bucket.links
    if not same_subject(bucket.sets, a, b):
        tally[3] += 1
        return
    shared = jaccard(bucket.sets.values, bucket.sets.starts, a, b, bucket.threshold)
    if shared < 0 or opposed(bucket.sets, a, b):
        tally[1] += 1
        return
    bucket.parents[max(root_i, root_j)] = min(root_i, root_j)
    links[tally[0], 0], links[tally[0], 1] = a, b
    tally[0] += 1


@compiled
def link_bucket(bucket: Bucket) -> None:
    """Join the similar members of a bucket: all pairs where they are few, else those that share a rare shingle."""
    size = bucket.members.size
    if size <= DIRECT_PAIRS:
        for i in range(size):
            for j in range(i + 1, size):
                compare(bucket, i, j)
        return
    for j in range(1, size):
        compare(bucket, 0, j)
    order, first, last = by_component(bucket.parents)
    pairs = pairs_left(bucket, order, first, last)
    few = pairs <= DIRECT_PAIRS * size
    done = not few and link_by_rare(bucket, pairs if size <= LARGE else -1)
    if few or (not done and size <= LARGE):
        link_across(bucket, order, first, last)
    elif not done:
        bucket.tally[2] += 1


@compiled
def by_component(parents: I64) -> tuple[I64, I64, I64]:
    """Return members grouped by component, and for each position in that order the bounds of its group."""
    size = parents.size
    roots = np.empty(size, np.int64)
    for i in range(size):
        roots[i] = root(parents, i)
    order = np.argsort(roots, kind="mergesort")
    first, last = np.empty(size, np.int64), np.empty(size, np.int64)
    for k in range(size):
        first[k] = first[k - 1] if k > 0 and roots[order[k]] == roots[order[k - 1]] else k
    for k in range(size - 1, -1, -1):
        last[k] = last[k + 1] if k + 1 < size and first[k + 1] == first[k] else k + 1
    return order, first, last


@compiled
def pairs_left(bucket: Bucket, order: I64, first: I64, last: I64) -> int:
    """Return an upper bound of the comparisons that ``link_across`` would make."""
    pairs, others_left = 0, order.size - np.sum(bucket.compared)
    for k in range(order.size):
        if bucket.members[order[k]] >= bucket.known:
            others = order.size - (last[k] - first[k])
            pairs += min(others, others_left) if bucket.compared[order[k]] else others
    return pairs


@compiled
def link_across(bucket: Bucket, order: I64, first: I64, last: I64) -> None:
    """Compare all members of different components, except pairs compared before."""
    for k in range(order.size):
        if bucket.members[order[k]] < bucket.known:
            continue
        for other in range(order.size):
            if other >= last[k] or (other < first[k] and bucket.members[order[other]] < bucket.known):
                compare(bucket, order[k], order[other])


@compiled
def link_by_rare(bucket: Bucket, pairs: int) -> bool:
    """Join the similar members of a large bucket, comparing only those that share a rare shingle.

    Return False where that took too many comparisons and was given up, or would take more than ``pairs`` (-1: no
    limit), since templates share even their rare shingles.
    """
    postings = rare_postings(bucket)
    if 0 <= pairs < sharing_pairs(postings):
        return False
    allowed = bucket.tally[1] + bucket.tally[3] // FORBIDDEN + CHECKS * bucket.members.size
    begin = 0
    for end in range(1, postings.size + 1):
        if end < postings.size and postings[end] >> SHIFT == postings[begin] >> SHIFT:
            continue
        if end - begin > 1:
            link_sharing(bucket, postings[begin:end])
        if bucket.tally[1] + bucket.tally[3] // FORBIDDEN > allowed:
            return False
        begin = end
    return True


@compiled
def sharing_pairs(postings: U64) -> int:
    """Return how many pairs share a rare shingle indexed for one of them, counted once per shared shingle."""
    pairs, begin, probing = 0, 0, 0
    for end in range(1, postings.size + 1):
        probing += int(not postings[end - 1] & ONE)
        if end == postings.size or postings[end] >> SHIFT != postings[begin] >> SHIFT:
            pairs += ((end - begin) * (end - begin - 1) - probing * (probing - 1)) // 2
            begin, probing = end, 0
    return pairs


@compiled
def rare_postings(bucket: Bucket) -> U64:
    """Return the rare shingles of the members, sorted: ``shingle << 32 | member << 1 | indexed``.

    Two sets at or above the threshold share a shingle among the rarest few of both: the prefix filter, with PPJoin's
    two lengths, for the smaller (indexed) and the larger (probing) set (Xiao et al., WWW 2008, lemmas 1 and 2). Rarity
    is counted within the bucket, so that shared boilerplate comes last.
    """
    counts = shingle_counts(bucket)
    mask = np.uint32(counts.size - 1)
    postings, used = np.empty(shingles_in(bucket), np.uint64), 0
    for i in range(bucket.members.size):
        member = bucket.members[i]
        own = bucket.sets.values[bucket.sets.starts[member] : bucket.sets.starts[member + 1]]
        ranked = np.empty(own.size, np.uint64)
        for k in range(own.size):
            ranked[k] = counts[own[k] & mask] << SHIFT | np.uint64(own[k])
        ranked = np.sort(ranked)
        probing = own.size - np.int64(np.ceil(bucket.threshold * own.size - SLACK)) + 1
        share = 2 * bucket.threshold / (1 + bucket.threshold)
        indexed = own.size - np.int64(np.ceil(share * own.size - SLACK)) + 1
        for k in range(min(int(probing), own.size)):
            postings[used] = (ranked[k] & LOW) << SHIFT | np.uint64(i) << ONE | np.uint64(k < indexed)
            used += 1
    return np.sort(postings[:used])


@compiled
def shingles_in(bucket: Bucket) -> int:
    """Return the sum of the members' set sizes."""
    total = 0
    for member in bucket.members:
        total += bucket.sets.starts[member + 1] - bucket.sets.starts[member]
    return total


@compiled
def shingle_counts(bucket: Bucket) -> U64:
    """Return how often shingles occur in the bucket, by their lower bits: an approximate order by rarity suffices."""
    slots = 1 << 10
    while slots < 2 * shingles_in(bucket) and slots < 1 << 24:
        slots *= 2
    counts, mask = np.zeros(slots, np.uint64), np.uint32(slots - 1)
    for member in bucket.members:
        for shingle in bucket.sets.values[bucket.sets.starts[member] : bucket.sets.starts[member + 1]]:
            counts[shingle & mask] += ONE
    return counts


@compiled
def link_sharing(bucket: Bucket, postings: U64) -> None:
    """Join the similar members that share a rare shingle; at least one of a pair must be indexed."""
    sharing = np.empty(postings.size, np.int64)
    roots = np.empty(postings.size, np.int64)
    for k in range(postings.size):
        sharing[k] = np.int64((postings[k] & LOW) >> ONE)
        roots[k] = root(bucket.parents, sharing[k])
    order = np.argsort(roots, kind="mergesort")
    begin = 0
    for end in range(1, order.size + 1):
        if end < order.size and roots[order[end]] == roots[order[begin]]:
            continue
        for k in range(begin, end):
            if postings[order[k]] & ONE:
                link_indexed(bucket, sharing[order[k]], sharing[order[:begin]])
                link_indexed(bucket, sharing[order[k]], sharing[order[end:]])
        begin = end


@compiled
def link_indexed(bucket: Bucket, i: int, others: I64) -> None:
    """Compare an indexed member with those of ``others`` that are larger, but not too large to be similar."""
    member = bucket.members[i]
    size = bucket.sets.starts[member + 1] - bucket.sets.starts[member]
    for j in others:
        if bucket.compared[i] and bucket.compared[j]:
            continue
        other = bucket.sets.starts[bucket.members[j] + 1] - bucket.sets.starts[bucket.members[j]]
        if (other > size or (other == size and j > i)) and size >= bucket.threshold * other - SLACK:
            compare(bucket, i, j)


@compiled
def same_label(labels: I64, members: I64) -> bool:
    """Return whether all members have one label."""
    return bool(np.all(labels[members] == labels[members[0]]))


@compiled
def earlier_keys(members: I64, keys: U32, bands: I64) -> U32:
    """Return the keys of each member in some bands, if the members are so many that comparing them again is slow."""
    if members.size <= DIRECT_PAIRS:
        return np.empty((0, 0), np.uint32)
    own = np.empty((members.size, bands.size), np.uint32)
    for k in range(bands.size):
        for i in range(members.size):
            own[i, k] = keys[bands[k], members[i]]
    return own


@compiled
def compared_members(keys: U32, size: int) -> Flags:
    """Return which rows have the key that most rows have in one of the columns; none where every key is of one row."""
    most, at, shared = 1, -1, np.uint32(0)
    for band in range(keys.shape[1]):
        ordered, begin = np.sort(keys[:, band]), 0
        for end in range(1, ordered.size + 1):
            if end < ordered.size and ordered[end] == ordered[begin]:
                continue
            if end - begin > most:
                most, at, shared = end - begin, band, ordered[begin]
            begin = end
    compared = np.zeros(size, np.bool_)
    if at >= 0:
        for i in range(size):
            compared[i] = keys[i, at] == shared
    return compared


@compiled
def link_buckets(
    sets: Sets, keyed: U64, numbers: I64, bounds: I64, labels: I64, keys: U32, done: I64, known: int, threshold: float
) -> tuple[I64, I64]:
    """Return (pairs, tally): pairs of sets that join components, within buckets ``keyed[bounds[b, 0]:bounds[b, 1]]``.

    The lower half of ``keyed`` is a position in ``numbers``, which lists the sets. The pairs name the components of
    ``labels`` to merge; they are similar pairs, not all of them. ``keys`` has shape (bands, sets), ``done`` are the
    bands whose buckets were all compared before: texts of one template share nearly every key, and would be compared
    in every band. The tally is that of ``Bucket``.
    """
    links, tally = np.empty((np.sum(bounds[:, 1] - bounds[:, 0]), 2), np.int64), np.zeros(4, np.int64)
    for b in range(len(bounds)):
        members = numbers[(keyed[bounds[b, 0] : bounds[b, 1]] & LOW).astype(np.int64)]
        if same_label(labels, members):
            continue
        earlier = earlier_keys(members, keys, done)
        compared = compared_members(earlier, members.size)
        if not np.all(compared):
            parents = label_parents(labels, members)
            link_bucket(Bucket(sets, members, earlier, compared, known, threshold, parents, links, tally))
    return links[: tally[0]].copy(), tally
