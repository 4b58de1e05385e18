"""Steps in which a model filters, labels, marks, scores or writes, each made by one function."""

from __future__ import annotations

from pipelines.build.step import Generate, Step, each_shard, each_shard_here, pending_teacher, whole_set
from quality.scores.score_columns import Above, Lowest
from sources.source import Source
from sources.suggest import did_you_mean
from synth.formatting.require_generated import RequireGenerated, require_generated
from synth.judges import leak_judge, medical_filter, rubric, specialty
from synth.judges.score_step import (
    DropByScore,
    Scores,
    SelectRows,
    drop_by_score,
    score_rows,
    select_rows,
    selection,
)
from synth.passages import passage_questions
from synth.passages.passage_questions import Form
from synth.preferences.judged_pairs import PairJudge
from synth.preferences.model_answers import (
    ANSWERS,
    JUDGED_ANSWERS,
    Answers,
    JudgedAnswers,
    RewardedAnswers,
    pair_answers_by_reward,
)
from synth.preferences.pair_rules import PairRules
from synth.teachers.candidates import author
from synth.teachers.embedders import model_and_threshold, revision_of
from synth.teachers.teacher import Teacher


def judge_leaks(rows: Step, judge: Teacher, generate: Generate) -> Step:
    """Return the step that drops rows which a model finds to contain a benchmark item, of those left to it."""
    config = leak_judge.LeakJudge(generated_by=author(judge))
    return generate(leak_judge.STAGE_NAME, leak_judge.STAGE, config, judge, rows)


def filter_medical(rows: Step, chosen: list[Source], judge: Teacher | None, generate: Generate) -> Step:
    """Return the step that drops questions of MMLU's auxiliary set that are not medical; other rows are kept."""
    own = tuple(source.name for source in chosen if source.chain_prompt == "mmlu")
    if not own:
        raise ValueError("medical_filter: MMLU's auxiliary set is not among the sources, expected mmlu_auxiliary")
    if judge is None:
        return pending_teacher("medical-filter", "whether the questions of MMLU's auxiliary set are medical", rows)
    config = medical_filter.MedicalFilter(generated_by=author(judge), sources=own)
    return generate("medical-filter", medical_filter.STAGE, config, judge, rows)


def generate_passage_questions(
    rows: Step,
    names: tuple[str, ...],
    chosen: list[Source],
    writer: Teacher | None,
    generate: Generate,
    form: Form,
    *,
    min_chars: int,
    seed: int,
) -> Step:
    """Return the step that turns the passages of some sources into verified questions with answers."""
    known = {source.name for source in chosen}
    if unknown := [name for name in names if name not in known]:
        hint = did_you_mean(unknown[0], known)
        raise ValueError(f"passage_questions: got {unknown[0]!r}, expected names of chosen sources{hint}")
    if writer is None:
        return pending_teacher("passage-questions", "questions and answers on passages", rows)
    config = passage_questions.Passages(
        generated_by=author(writer), license=writer.license, sources=names, min_chars=min_chars, form=form, seed=seed
    )
    return generate("passage-questions", passage_questions.STAGE, config, writer, rows)


def label_specialties(rows: Step, chosen: list[Source], judge: Teacher | None, generate: Generate) -> Step:
    """Return the step that labels medical rows with a field of medicine."""
    if judge is None:
        return pending_teacher("specialties", "the field of medicine of every medical row", rows)
    own = tuple(source.name for source in chosen if source.kind == "training")
    config = specialty.Specialty(generated_by=author(judge), license=judge.license, sources=own)
    return generate("specialties", specialty.STAGE, config, judge, rows)


def mark_responses(rows: Step, judge: Teacher | None, least: int, generate: Generate) -> Step:
    """Return the step that marks every response and drops rows with a mark below ``least``."""
    if judge is None:
        return pending_teacher("rubric", "marks of every response", rows)
    config = rubric.Rubric(generated_by=author(judge), license=judge.license, min_mark=least)
    return generate("rubric", rubric.STAGE, config, judge, rows)


def choose_subset(
    by: str | None, size: int | None, tokens: int | None, embedder: str | None, scores: tuple[str, ...]
) -> SelectRows | None:
    """Return the settings of a subset, or None where no size and no embedding model is given.

    Raises ``ValueError`` for two sizes, and where it is not clear by which score to choose.
    """
    if not (size or tokens or embedder):
        if by:
            raise ValueError(f"select_by: got {by!r} and no size, expected select_rows or select_tokens with it")
        return None
    if size and tokens:
        raise ValueError(f"select_rows: got {size} and select_tokens {tokens}, expected one of the two")
    score = by or (scores[0] if len(scores) == 1 else "")
    if score not in scores:
        computed = ", ".join(scores) or "none; set ifd, deita, perplexity or rubric"
        raise ValueError(f"select_by: got {by!r}, expected one of the scores that are computed ({computed})")
    model, most_similar = model_and_threshold("select_embedder", embedder, 0.9) if embedder else (None, 0.9)
    return selection(score, size, tokens, model, most_similar)


def score_and_select(rows: Step, scores: Scores, rules: tuple[Lowest | Above, ...], subset: SelectRows | None) -> Step:
    """Return the steps that score rows, drop some by their scores and choose a subset; none where none is asked for."""
    if scores.names:
        rows = each_shard_here("scores", score_rows, scores, rows)
    if rules:
        rows = whole_set("drop-by-score", drop_by_score, DropByScore(rules=rules), rows)
    return whole_set("select", select_rows, subset, rows) if subset else rows


def answer_pairs(
    rows: Step,
    writer: Teacher | None,
    judge: Teacher | None,
    reward: str | None,
    rules: PairRules,
    samples: int,
    generate: Generate,
) -> Step:
    """Return the steps that answer each question several times and pair the answers, by reward or by a judge."""
    if writer is None or judge is None:
        needs = "several answers to each question and a judge that compares them"
        unwritten = RequireGenerated(part="pair", reason="no_teacher", evidence=needs)
        return each_shard("answer-pairs", require_generated, unwritten, pending_teacher("answers", needs, rows))
    config = Answers(generated_by=author(writer), license=writer.license, samples=max(2, samples), seed=rules.seed)
    answered = generate("answers", ANSWERS, config, writer, rows)
    if reward:
        rewarded = RewardedAnswers(model=reward, revision=revision_of(reward), rules=rules, licenses=(writer.license,))
        return each_shard_here("reward-pairs", pair_answers_by_reward, rewarded, answered)
    comparison = PairJudge(generated_by=author(judge), pairs_per_prompt=rules.max_per_prompt, seed=rules.seed)
    judged = JudgedAnswers(judge=comparison, rules=rules, licenses=(writer.license, judge.license))
    return generate("judged-pairs", JUDGED_ANSWERS, judged, judge, answered)
