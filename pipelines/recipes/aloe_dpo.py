"""The preference data of Aloe Beta (arXiv 2505.04388): general pairs (stage 1) and a red team's (stage 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from pipelines.build import knobs
from pipelines.build.step import Generate, Step, each_shard, each_shard_here, generate_step, pending_teacher, whole_set
from pipelines.model_steps import answer_pairs
from pipelines.recipes import aloe_sft
from quality.cleaning.rules import Rules
from quality.duplicates.near_settings import SINGLE_TURN
from sources.catalog import SOURCES
from sources.mapping.own_source import OwnSource
from sources.record import ChainPrompt
from sources.source import Kind, Source
from sources.suggest import did_you_mean, some_of
from synth.formatting.render_prompts import render_prompts
from synth.formatting.require_generated import RequireGenerated, require_generated
from synth.judges.guard import Guard
from synth.judges.guard_formats import FormatName
from synth.preferences.chain_pairs import CHAIN_PAIRS, ChainPairs
from synth.preferences.pair_rows import keep_source_pairs
from synth.preferences.pair_rules import PairRules
from synth.preferences.prompt_cap import PromptCap, prompt_cap
from synth.preferences.reward_margins import RewardMargins, add_reward_margins
from synth.redteam.attacks import Attacks
from synth.redteam.red_team_steps import (
    ANSWER_ATTACKS,
    KEEP_UNSAFE,
    PAIR_REPLIES,
    WRITE_REPLIES,
    AttackStage,
    GuardedPairs,
    attack,
    plain_requests,
)
from synth.redteam.safety_pairs import RedTeam
from synth.teachers.candidates import author
from synth.teachers.embedders import revision_of
from synth.teachers.teacher import Teacher

GUARDED = PairRules(max_length_ratio=12.0)
"""Rules of red-team pairs: a refusal has a few sentences, the rejected answer up to ``max_tokens`` of the target."""

KINDS = ("preference", "safety")

NEEDS = "a teacher to attack and a guard: its unsafe answers, refusals, helpful answers to look-alikes"


CleanRows = Callable[[list[Source]], Step]
"""Returns the steps from raw files to clean rows: ``aloe_sft.clean_and_deduplicate`` with its settings."""


def recipe(
    *,
    stage: Literal["general", "red_team", "all"] = "all",
    sources: tuple[str, ...] = (),
    source: knobs.OwnSources = (),
    license: knobs.LicenseUse = "any",
    limit: knobs.Limit = None,
    question_limit: Annotated[int, Field(ge=1)] | None = None,
    before: knobs.Before = None,
    undated: knobs.UndatedRows = "drop",
    near_threshold: knobs.NearThreshold = SINGLE_TURN,
    name_model: knobs.NameModel = None,
    semantic: knobs.SemanticModel = None,
    leak_embedder: knobs.LeakEmbedder = None,
    leak_judge: knobs.LeakJudge = None,
    min_margin: Annotated[float, Field(ge=0)] = 0.0,
    max_per_prompt: Annotated[int, Field(ge=1)] = 3,
    teacher: str | None = None,
    teacher_license: knobs.TeacherLicense = "LicenseRef-unknown",
    teacher_revision: knobs.TeacherRevision = None,
    writer: str | None = None,
    writer_license: str = "LicenseRef-unknown",
    writer_revision: str | None = None,
    guard: str | None = None,
    guard_license: str = "LicenseRef-unknown",
    guard_revision: str | None = None,
    guard_protocol: Literal["chat", "prompt"] = "chat",
    guard_format: FormatName | None = None,
    judge: str | None = None,
    judge_license: str = "LicenseRef-unknown",
    judge_revision: knobs.JudgeRevision = None,
    chain_teacher: knobs.ChainTeachers = (),
    chain_license: knobs.ChainLicenses = (),
    judged_pairs: tuple[str, ...] = (),
    reward: str | None = None,
    samples: knobs.Samples = 4,
    answers: Annotated[int, Field(ge=1, le=64)] = 2,
    held_out_share: Annotated[float, Field(ge=0, lt=1)] = 0.15,
    validation_share: knobs.ValidationShare = 0.0,
    test_share: knobs.TestShare = 0.0,
    split_seed: knobs.SplitSeed = 0,
    max_failed: knobs.MaxFailed = 0.0,
    seed: knobs.Seed = 0,
) -> Step:
    """Build preference pairs from preference corpora, right and wrong chains of thought, and red teaming.

    Without a teacher, only the catalog's preference corpora give pairs.

    Args:
        stage: general (preference corpora and chains), red_team, or all.
        sources: "available" (all that can be read), "all" (fail if one is missing), or names from `sabila sources`.
            By default available, or none with --source.
        question_limit: As limit, but for the sources of questions that the teacher answers, for chains and
            judged_pairs; each row there costs several requests. By default limit.
        min_margin: Drop pairs whose scores differ by less, in corpora with scores.
        max_per_prompt: Most pairs per prompt.
        teacher: The model that writes chains and is the target of attacks: openai:URL#MODEL, llamacpp:FILE.gguf,
            transformers:MODEL or vllm:MODEL.
        writer: The model that writes refusals and helpful answers; the teacher unless named.
        writer_license: Licence of the writer's output.
        writer_revision: Version of the writer's weights, as --teacher-revision.
        guard: The model that judges answers to attacks; without it no red-team pairs are made.
        guard_license: Licence of the guard's output.
        guard_revision: Version of the guard's weights, as --teacher-revision.
        guard_protocol: chat for guard models with a template of their own; prompt for any other model.
        guard_format: The guard's family, such as llama-guard-2, which numbers the categories; by default the model's
            name decides.
        judge: The model that compares two answers of judged_pairs, in both orders; the teacher unless named.
        judge_license: Licence of what the judge writes.
        judged_pairs: Sources of questions, as in medquad, that the teacher answers several times; the judge, or the
            reward model if one is named, chooses between the answers.
        reward: Reward model, a transformers sequence classifier with one label, that scores both answers of every pair
            of preference corpora in place of the corpus's own scores; min_margin refers to its numbers then.
        answers: Answers of the teacher to each attack, and to each question of judged_pairs.
        held_out_share: Share of attack styles, topics and requests that is held out of the red team.

    A knob of a stage that is not built is refused.
    """
    refuse_knobs_of_other_stages(
        stage,
        general={
            "question_limit": (question_limit, None),
            "min_margin": (min_margin, 0.0),
            "max_per_prompt": (max_per_prompt, 3),
            "chain_teacher": (chain_teacher, ()),
            "judged_pairs": (judged_pairs, ()),
            "reward": (reward, None),
            "samples": (samples, 4),
        },
        red_team={"writer": (writer, None), "guard": (guard, None), "held_out_share": (held_out_share, 0.15)},
    )
    knobs.refuse_unused("judge", judge, None, used=judged_pairs, expected="judged_pairs")
    knobs.refuse_unused("guard_protocol", guard_protocol, "chat", used=guard, expected="guard")
    knobs.refuse_unused("guard_format", guard_format, None, used=guard, expected="guard")
    chosen = choose(sources, source)
    clean_rows = partial(
        aloe_sft.clean_and_deduplicate,
        rules=Rules(),
        license=license,
        near_threshold=near_threshold,
        required=sources not in aloe_sft.AVAILABLE,
        semantic=semantic,
        name_model=name_model,
        leak_embedder=leak_embedder,
        leak_judge=leak_judge,
        max_failed=max_failed,
        dates=aloe_sft.dates_of(before, undated),
    )
    make_teacher = partial(aloe_sft.make_teacher, use=license)
    target = make_teacher(teacher, teacher_license, revision=teacher_revision)
    safety_judge = make_teacher(guard, guard_license, revision=guard_revision, knob="guard")
    compared_by = make_teacher(judge, judge_license, revision=judge_revision, knob="judge")
    written_by = make_teacher(writer, writer_license, revision=writer_revision, knob="writer")
    generate = partial(generate_step, max_failed=max_failed)
    parts: list[Step] = []
    if stage != "red_team":
        rules = PairRules(min_margin=min_margin, max_per_prompt=max_per_prompt, seed=seed)
        own_writers = aloe_sft.chain_teachers(chain_teacher, chain_license, license)
        without_attacks = partial(clean_rows, excluded_corpora=aloe_sft.red_team_corpora(limit))
        paired = partial(without_attacks, limit=limit)
        eligible = partial(without_attacks, limit=question_limit or limit)
        parts += [source_pairs(paired(of_kind(chosen, "preference")), rules, reward)]
        parts += chain_pairs(chosen, eligible, target, own_writers, samples=samples, seed=seed, generate=generate)
        if judged_pairs:
            questions = eligible(question_sources(judged_pairs, chosen))
            comparer = compared_by or target
            parts += [answer_pairs(questions, target, comparer, reward, rules, answers, generate)]
    if stage != "general":
        topics = tuple((source.name, source.attack_topic) for source in chosen if source.attack_topic)
        attack_config = Attacks(
            test_styles=held_out_share,
            test_topics=held_out_share,
            test_requests=held_out_share,
            source_topics=topics,
            seed=seed,
        )
        other = written_by or target
        models = Models(target=target, writer=other, guard=safety_judge) if target and other and safety_judge else None
        by = (
            Guard(generated_by=author(safety_judge), protocol=guard_protocol, format=guard_format)
            if safety_judge
            else None
        )
        parts += [
            red_team(
                attacks(chosen, partial(clean_rows, limit=limit), attack_config),
                models,
                by,
                samples=answers,
                seed=seed,
                generate=generate,
            )
        ]
    split = aloe_sft.split_rows(
        *parts, shares=(validation_share, test_share), seed=split_seed, near_threshold=near_threshold
    )
    return each_shard("render-prompts", render_prompts, None, *split)


def refuse_knobs_of_other_stages(
    stage: Literal["general", "red_team", "all"], **knobs_of: dict[str, tuple[object, object]]
) -> None:
    """Raise ``ValueError`` for a knob, given as (value, default), that was set and belongs to a stage not built."""
    for own, values in knobs_of.items():
        for knob, (value, default) in values.items():
            used, expected = stage in (own, "all"), f"stage {own} or all"
            knobs.refuse_unused(knob, value, default, used=used, expected=expected)


# --- stage 1: general ----------------------------------------------------------------------------------------------


def source_pairs(rows: Step, rules: PairRules, reward: str | None) -> Step:
    """Return the steps that keep the pairs of preference corpora that pass the rules, with a cap per prompt.

    Pairs are scored by the ``reward`` model first, if there is one.
    """
    if reward:
        margins = RewardMargins(model=reward, revision=revision_of(reward))
        rows = each_shard_here("reward", add_reward_margins, margins, rows)
    paired = each_shard("source-pairs", keep_source_pairs, rules, rows)
    cap = PromptCap(max_per_prompt=rules.max_per_prompt, seed=rules.seed)
    return whole_set("prompts", prompt_cap, cap, paired)


def chain_pairs(
    chosen: list[Source],
    clean_rows: CleanRows,
    teacher: Teacher | None,
    own_teachers: Mapping[ChainPrompt, Teacher],
    *,
    samples: int,
    seed: int,
    generate: Generate,
) -> list[Step]:
    """Return the steps that pair right with wrong chains of one teacher, one branch per generator.

    Without a teacher nothing is read for it.
    """
    if teacher is None and not own_teachers:
        return [pending_teacher("chain-pairs", "right and wrong chains of thought for the multiple-choice rows")]
    branches = []
    for prompt, own in aloe_sft.by_chain_prompt(chosen).items():
        if (writer := own_teachers.get(prompt, teacher)) is None:
            continue
        how = aloe_sft.ChainKnobs(samples=samples, gold="withheld", seed=seed)
        config = ChainPairs(chains=aloe_sft.chains(prompt, own, writer, how))
        branches.append(generate(f"chain-pairs-{prompt}", CHAIN_PAIRS, config, writer, clean_rows(own)))
    return branches


# --- stage 2: the red team -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Models:
    """The attacked model, the writer of refusals and helpful answers, and the judge of both."""

    target: Teacher
    writer: Teacher
    guard: Teacher


def attacks(chosen: list[Source], clean_rows: CleanRows, config: Attacks) -> Step:
    """Return the steps that render the requests of safety corpora in attack styles and split off the held-out part."""
    safety = of_kind(chosen, "safety")
    requests = clean_rows([source for source in safety if not source.jailbreaks])
    jailbreak_sources = [source for source in safety if source.jailbreaks]
    jailbreaks = clean_rows(jailbreak_sources)
    plain = each_shard("plain-requests", plain_requests, None, requests)
    config_of_stage = AttackStage(attacks=config, jailbreaks=tuple(source.name for source in jailbreak_sources))
    return each_shard("attack", attack, config_of_stage, plain, reference_inputs=(plain, jailbreaks))


def red_team(
    attacked: Step,
    models: Models | None,
    guard: Guard | None,
    *,
    samples: int,
    seed: int,
    generate: Generate = generate_step,
) -> Step:
    """Return the steps from attacks to pairs, each with one model; without models all attacks are dropped."""
    if models is None or guard is None:
        unwritten = RequireGenerated(part="pair", reason="no_teacher", evidence=NEEDS)
        return each_shard("paired", require_generated, unwritten, pending_teacher("red-team", NEEDS, attacked))
    target, writer, judge = models.target, models.writer, models.guard
    team = RedTeam(target=author(target), writer=author(writer), samples=samples, seed=seed)
    terms = (target.license, writer.license, judge.license)
    pairs = GuardedPairs(team=team, guard=guard, rules=replace(GUARDED, seed=seed), licenses=terms)
    answered = generate("target", ANSWER_ATTACKS, team, target, attacked)
    unsafe = generate("guard-answers", KEEP_UNSAFE, guard, judge, answered)
    replied = generate("replies", WRITE_REPLIES, team, writer, unsafe)
    return generate("guard-replies", PAIR_REPLIES, pairs, judge, replied)


# --- sources -------------------------------------------------------------------------------------------------------


def choose(names: tuple[str, ...], own: Sequence[OwnSource] = ()) -> list[Source]:
    """Return the sources of these names, or all that this recipe takes, and the own ones."""
    fitting = {name: source for name, source in SOURCES.items() if source.kind in KINDS or source.chain_prompt}
    return [*aloe_sft.from_catalog(names, fitting, own), *aloe_sft.own_sources(own, (*KINDS, "training"))]


def question_sources(names: tuple[str, ...], chosen: Sequence[Source] = ()) -> list[Source]:
    """Return the sources of open medical questions of these names, of the catalog or among the ``chosen`` ones."""
    known = {**SOURCES, **{source.name: source for source in chosen}}
    fitting = {name: source for name, source in known.items() if source.kind == "training" and source.task != "mcqa"}
    if unknown := [name for name in names if name not in fitting]:
        hint = did_you_mean(unknown[0], fitting)
        raise ValueError(f"judged_pairs: got {unknown[0]!r}, expected some of {some_of(fitting)}{hint}")
    return [fitting[name] for name in dict.fromkeys(names)]


def of_kind(chosen: list[Source], kind: Kind) -> list[Source]:
    """Return the sources of a kind."""
    return [source for source in chosen if source.kind == kind]
