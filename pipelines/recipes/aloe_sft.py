"""The supervised fine-tuning set of Aloe Beta (arXiv 2505.04388), from the Hub or from a mirror."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from pipelines.build import knobs
from pipelines.build.step import (
    ReferenceSketch,
    Step,
    each_shard,
    generate_step,
    incremental_whole_set,
    pending_teacher,
    read,
    takedowns,
    whole_set,
)
from pipelines.model_steps import (
    choose_subset,
    filter_medical,
    generate_passage_questions,
    judge_leaks,
    label_specialties,
    mark_responses,
    score_and_select,
)
from quality.cleaning.clean import Clean, clean
from quality.cleaning.normalize import Normalise
from quality.cleaning.rules import Rules
from quality.date_gate import DateGate, Undated, date_gate
from quality.decontamination.find_leaks import Decontaminate
from quality.decontamination.leaking_rows import drop_leaks
from quality.duplicates.exact import Exact, exact_duplicates, exact_keys
from quality.duplicates.near_records import NearRecords, near_duplicate_records, near_signatures
from quality.duplicates.near_settings import SINGLE_TURN, NearRules
from quality.license_gate import LicenseGate, license_gate
from quality.privacy.recognizer import recogniser
from quality.privacy.redaction import Privacy, screen
from quality.splits import Splits, assign_splits
from sources.catalog import BENCHMARKS, HELD_OUT, SOURCES
from sources.fields.dates import EXPECTED
from sources.license import UNKNOWN, Use, fits
from sources.mapping.own_source import OwnSource
from sources.record import ChainPrompt
from sources.source import USUAL_RANK, Source
from sources.suggest import did_you_mean, some_of
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.formatting.instructions import Instructions, Uninstructed, add_instructions
from synth.formatting.mix import Mix, mix, row_sizes
from synth.formatting.mix_parts import ALOE_GENERAL, ALOE_SHARES, Part, aloe_parts
from synth.formatting.render_prompts import render_prompts
from synth.formatting.row_limit import RowLimit, limit_rows
from synth.judges.leak_step import drop_leaks_with_models, embed_items, item_vectors, model_leaks
from synth.judges.score_step import RUBRIC, drop_rules, pinned_scores
from synth.judges.semantic_step import row_vectors, semantic_config, semantic_duplicate_records
from synth.passages.passage_questions import LEAST_CHARS, Form
from synth.prompting.generators import GENERATORS
from synth.redteam.attacked_requests import drop_attacked
from synth.teachers.candidates import author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of
from synth.teachers.teacher import Teacher

KINDS = ("training", "general")

AVAILABLE: tuple[tuple[str, ...], ...] = ((), ("available",))
"""Values of ``sources`` that read what is there and leave out what is not."""

Share = Annotated[float, Field(gt=0, le=1)]
AdaptiveSamples = Annotated[int, Field(ge=0, le=256)]
RepairShare = Annotated[float, Field(ge=0, lt=1)]


def recipe(
    *,
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = (),
    source: knobs.OwnSources = (),
    license: knobs.LicenseUse = "any",
    limit: knobs.Limit = None,
    before: knobs.Before = None,
    undated: knobs.UndatedRows = "drop",
    max_row_chars: Annotated[int, Field(ge=100, le=1_000_000_000)] = 60_000,
    min_answer_chars: Annotated[int, Field(ge=1, le=10_000)] = 1,
    language_confidence: Annotated[float, Field(gt=0, le=1)] = 0.8,
    near_threshold: knobs.NearThreshold = SINGLE_TURN,
    name_model: knobs.NameModel = None,
    semantic: knobs.SemanticModel = None,
    leak_embedder: knobs.LeakEmbedder = None,
    leak_judge: knobs.LeakJudge = None,
    teacher: str | None = None,
    teacher_license: knobs.TeacherLicense = "LicenseRef-unknown",
    teacher_revision: knobs.TeacherRevision = None,
    judge: str | None = None,
    judge_license: str = "LicenseRef-unknown",
    judge_revision: knobs.JudgeRevision = None,
    max_failed: knobs.MaxFailed = 0.0,
    chain_teacher: knobs.ChainTeachers = (),
    chain_license: knobs.ChainLicenses = (),
    gold: Literal["given", "withheld"] = "given",
    samples: knobs.Samples = 4,
    adaptive_samples: AdaptiveSamples = 0,
    repair_share: RepairShare = 0.0,
    medical_filter: bool = False,
    passage_questions: tuple[str, ...] = (),
    passage_form: Form = "closed",
    specialties: bool = False,
    rubric: Annotated[int, Field(ge=1, le=5)] | None = None,
    perplexity: str | None = None,
    ifd: str | None = None,
    deita: tuple[str, ...] = (),
    drop_lowest: tuple[str, ...] = (),
    drop_above: tuple[str, ...] = (),
    select_by: str | None = None,
    select_rows: Annotated[int, Field(ge=1)] | None = None,
    select_tokens: Annotated[int, Field(ge=1)] | None = None,
    select_embedder: str | None = None,
    mix: Literal["none", "aloe", "exact"] = "none",
    mix_shares: tuple[Share, Share, Share] = ALOE_SHARES,
    mix_general: tuple[Share, Share, Share] = ALOE_GENERAL,
    mix_tokens: Annotated[int, Field(ge=1)] | None = None,
    mix_caps: tuple[str, ...] = (),
    mix_rows: Annotated[int, Field(ge=1)] | None = None,
    validation_share: knobs.ValidationShare = 0.0,
    test_share: knobs.TestShare = 0.0,
    split_seed: knobs.SplitSeed = 0,
    seed: knobs.Seed = 0,
) -> Step:
    """Build Aloe's supervised set: medical and general rows, cleaned, deduplicated and decontaminated.

    Without a teacher, multiple-choice rows keep their gold answer and no chain of thought.

    Args:
        sources: "available" (all that can be read), "all" (fail if one is missing), or names from `sabila sources`.
            Large collections made of other corpora, such as miriad, are read only by name. By default available, or
            none with --source.
        max_row_chars: Drop rows with more characters in total.
        min_answer_chars: Drop rows whose answer has fewer characters.
        language_confidence: Drop a row in another language than its source's, from this confidence on.
        teacher: The model that writes chains of thought: openai:URL#MODEL, llamacpp:FILE.gguf, transformers:MODEL or
            vllm:MODEL.
        judge: The model that filters, labels and marks, for medical_filter, specialties and rubric; the teacher unless
            named.
        judge_license: Licence of what the judge writes; rows with its labels and marks are under it too.
        gold: given shows the right answer to the model that writes a chain, as Aloe does; withheld does not, so that
            pass rates tell how hard a question is. Like the next two only with teacher or chain_teacher.
        adaptive_samples: The most chains of a question: one first, and while none is right as many more as samples
            says; 0 writes three rounds of samples at most. The share that is right makes a question easy (0.75 and
            more), medium (0.4), hard or unsolved, in meta.
        repair_share: Largest share of the rows with a chain whose wrong chain was repaired once; 0 repairs none. The
            model names the faulty step, and gold must follow from the new chain alone. Only with gold withheld.
        medical_filter: Drop questions of MMLU's auxiliary set that the judge does not call medical, as Aloe does.
        passage_questions: Sources whose passages (the context of their rows) the teacher turns into a question and an
            answer, as in mash_qa; rows without a question that the passage supports, and that a second answer agrees
            on, are dropped.
        passage_form: closed keeps the passage of such a question in meta, grounded puts it before the question. Only
            with passage_questions or a source of documents.
        specialties: Label medical rows with one of 35 fields of medicine, by the judge.
        rubric: Have the judge mark every response from 1 to 5 by five criteria, and drop rows with a mark below this
            number; 1 keeps every row that has marks.
        perplexity: Model that scores each response by its perplexity given the question, a transformers folder or Hub
            id.
        ifd: Model that scores each row by its instruction-following difficulty, a transformers folder or Hub id.
        deita: Model that scores each row by DEITA's complexity x quality, or two, complexity's first.
        drop_lowest: Scores of which a share is dropped, the lowest first, as in deita=0.1; rows without that score are
            dropped too. Scores are perplexity, ifd, deita and rubric.
        drop_above: Scores above which rows are dropped, as in ifd=1.
        select_by: Score by which a subset is chosen, the highest first; it is needed where several are computed.
        select_rows: Rows of the subset.
        select_tokens: Tokens of the subset, a quarter of the characters.
        select_embedder: Embedding model by which rows similar to a better one are left out of the subset, MODEL or
            MODEL@COSINE with the greatest cosine of two kept rows.
        mix: none keeps every row; aloe limits general and synthetic rows to Aloe's shares of the tokens and keeps all
            medical rows; exact reaches the shares, limited by the scarcest part.
        mix_shares: Shares of the tokens of medical, synthetic and general rows; they sum to 1.
        mix_general: Shares among the general rows of instructions, function calls and long contexts; they sum to 1.
        mix_tokens: Size of the mix, in tokens.
        mix_caps: Most tokens (not rows) of single sources, as in medquad=100000.
        mix_rows: Rows of the set, chosen by the seed among all that are left, so that every source keeps its share.
    """
    rules = Rules(
        max_row_chars=max_row_chars, min_answer_chars=min_answer_chars, language_confidence=language_confidence
    )
    chosen = choose(sources, source)
    required = sources not in AVAILABLE
    excluded_corpora = red_team_corpora(limit)
    rows = clean_and_deduplicate(
        chosen,
        rules,
        license,
        near_threshold,
        required=required,
        limit=limit,
        excluded_corpora=excluded_corpora,
        semantic=semantic,
        name_model=name_model,
        leak_embedder=leak_embedder,
        leak_judge=leak_judge,
        max_failed=max_failed,
        dates=dates_of(before, undated),
    )
    [rows] = split_rows(rows, shares=(validation_share, test_share), seed=split_seed, near_threshold=near_threshold)
    if repair_share and gold == "given":
        raise ValueError(f"repair_share: got {repair_share} and gold given, expected gold withheld with it")
    writer = make_teacher(teacher, teacher_license, license, teacher_revision)
    has_judgements = medical_filter or specialties or rubric
    knobs.refuse_unused("judge", judge, None, used=has_judgements, expected="medical_filter, specialties or rubric")
    marker = make_teacher(judge, judge_license, license, judge_revision, knob="judge") or writer
    generate = partial(generate_step, max_failed=max_failed)
    scores = pinned_scores(perplexity=perplexity, ifd=ifd, deita=deita)
    names = (*scores.names, *((RUBRIC,) if rubric else ()))
    score_rules = drop_rules(drop_lowest, drop_above, names)
    subset = choose_subset(select_by, select_rows, select_tokens, select_embedder, names)
    if medical_filter:
        rows = filter_medical(rows, chosen, marker, generate)
    passages = passage_sources(source, passage_questions, writer)
    expected = "passage_questions, or a source of documents,"
    knobs.refuse_unused("passage_form", passage_form, "closed", used=passages, expected=expected)
    if passages:
        least = min((LEAST_CHARS, *(one.mapping.passage_chars[0] for one in source if one.mapping.passages)))
        rows = generate_passage_questions(
            rows, passages, chosen, writer, generate, passage_form, min_chars=least, seed=seed
        )
    if specialties:
        rows = label_specialties(rows, chosen, marker, generate)
    how = ChainKnobs(
        samples=samples, gold=gold, adaptive_samples=adaptive_samples, repair_share=repair_share, seed=seed
    )
    own_writers = chain_teachers(chain_teacher, chain_license, license)
    chains = generate_chains(rows, chosen, writer, how, own_writers, max_failed=max_failed)
    rendered = each_shard("render-prompts", render_prompts, None, chains)
    if rubric:
        rendered = mark_responses(rendered, marker, rubric, generate)
    written = add_subjects(score_and_select(rendered, scores, score_rules, subset), chosen, seed=seed)
    if mix == "none":
        if mix_tokens or mix_caps or (mix_shares, mix_general) != (ALOE_SHARES, ALOE_GENERAL):
            raise ValueError("mix: got 'none' and settings of a mix, expected aloe or exact with them")
        mixed = written
    else:
        mixed = mix_sources(written, mix, mix_shares, mix_general, mix_tokens, mix_caps, chosen, seed=seed)
    return whole_set("limit-rows", limit_rows, RowLimit(rows=mix_rows, seed=seed), mixed) if mix_rows else mixed


def make_teacher(
    spec: str | None, license: str, use: Use, revision: str | None = None, *, knob: str = "teacher"
) -> Teacher | None:
    """Return the model of a spec, if there is one; ``knob`` is the name of its knob.

    Raises ``ValueError`` where its output is not free for ``use``, and for a licence or revision of no model.
    """
    knobs.refuse_unused(f"{knob}_license", license, UNKNOWN.id, used=spec, expected=knob)
    knobs.refuse_unused(f"{knob}_revision", revision, None, used=spec, expected=knob)
    if spec is None:
        return None
    if not fits(license, use):
        raise ValueError(
            f"{knob}_license: got {license!r}, which does not allow the {use} use that license asks for; use a "
            "model whose output allows it, and give its licence"
        )
    return teacher_of(spec, TeacherOptions(license=license, revision=revision))


def clean_and_deduplicate(
    chosen: list[Source],
    rules: Rules,
    license: Use,
    near_threshold: float,
    *,
    required: bool,
    limit: int | None,
    excluded_corpora: tuple[Step, ...] = (),
    semantic: str | None = None,
    name_model: str | None = None,
    leak_embedder: str | None = None,
    leak_judge: str | None = None,
    max_failed: float = 0.0,
    dates: DateGate | None = None,
) -> Step:
    """Return the steps from raw files to clean rows: deduplicated, decontaminated, without personal data.

    Rows with a request of the ``excluded_corpora`` are dropped too, and semantic duplicates if ``semantic`` names an
    embedding model. ``name_model`` is the folder of a model that finds names. With ``dates`` only rows from before a
    date are kept.
    """
    rows = [clean_source(s, rules, required=required or s.name not in SOURCES, limit=limit) for s in chosen]
    if license != "any":
        rows = [each_shard("license", license_gate, LicenseGate(use=license), *rows)]
    if dates:
        rows = [each_shard("dates", date_gate, dates, *rows)]
    ranks = tuple((source.name, source.rank) for source in chosen if source.rank != USUAL_RANK)
    distinct = whole_set("exact", exact_duplicates, Exact(source_ranks=ranks), *rows, sketch=exact_keys, key="hash")
    near = NearRecords(single=NearRules(threshold=near_threshold), source_ranks=ranks)
    deduplicated = incremental_whole_set("near", near_duplicate_records, near, distinct, sketch=near_signatures)
    if semantic:
        meanings = semantic_config(semantic, ranks)
        deduplicated = incremental_whole_set(
            "semantic", semantic_duplicate_records, meanings, deduplicated, sketch=row_vectors, by_model=True
        )
    benchmarks = tuple(read(benchmark, required=False) for benchmark in HELD_OUT.values())
    if leak_embedder or leak_judge:
        leaks = model_leaks(leak_embedder, judged=leak_judge is not None)
        vectors = item_vectors(leaks)
        sketch = ReferenceSketch(make=embed_items, config=vectors) if vectors else None
        decontaminated = each_shard(
            "leaks", drop_leaks_with_models, leaks, deduplicated, reference_inputs=benchmarks, sketch=sketch
        )
        if leak_judge:
            judge = teacher_of(leak_judge, TeacherOptions())
            decontaminated = judge_leaks(decontaminated, judge, partial(generate_step, max_failed=max_failed))
    else:
        decontaminated = each_shard("leaks", drop_leaks, Decontaminate(), deduplicated, reference_inputs=benchmarks)
    if excluded_corpora:
        decontaminated = each_shard(
            "red-team", drop_attacked, Decontaminate(), decontaminated, reference_inputs=excluded_corpora
        )
    invented = tuple(source.name for source in chosen if not source.real_persons)
    config = Privacy(invented_sources=invented, recogniser=recogniser(name_model) if name_model else None)
    return takedowns(each_shard("privacy", screen, config, decontaminated))


def split_rows(*rows: Step, shares: tuple[float, float], seed: int, near_threshold: float) -> tuple[Step, ...]:
    """Return the step that assigns rows to splits by passage or prompt; without a share, the rows as they are.

    ``shares`` are those of validation and test. The step comes after deduplication; what is derived from a row later
    is in its split.
    """
    validation, test = shares
    knobs.refuse_unused("split_seed", seed, 0, used=validation or test, expected="validation_share or test_share")
    if not validation and not test:
        return rows
    near = NearRecords(single=NearRules(threshold=near_threshold))
    config = Splits(validation=validation, test=test, seed=seed, near=near)
    return (incremental_whole_set("split", assign_splits, config, *rows),)


def passage_sources(own: Sequence[OwnSource], named: tuple[str, ...], writer: Teacher | None) -> tuple[str, ...]:
    """Return the sources whose passages questions are written on: those named, and own documents.

    Raises ``ValueError`` for documents without a teacher, since they have no questions of their own.
    """
    documents = [one.name for one in own if one.mapping.passages]
    if documents and writer is None:
        raise ValueError(
            f"source: {documents[0]} has passages and no questions, expected teacher with it to write them"
        )
    return tuple(dict.fromkeys((*named, *documents)))


def dates_of(before: str | None, undated: Undated) -> DateGate | None:
    """Return the settings of the date gate, None without a date; ``ValueError`` for a text that is not a date."""
    knobs.refuse_unused("undated", undated, "drop", used=before, expected="before")
    if before is None:
        return None
    try:
        return DateGate(before=before, undated=undated)
    except ValidationError as error:
        raise ValueError(f"before: got {before!r}, {EXPECTED}") from error


def red_team_corpora(limit: int | None) -> tuple[Step, ...]:
    """Return the steps that read the corpora of harmful requests and jailbreaks that are available."""
    safety = (source for source in SOURCES.values() if source.kind == "safety")
    return tuple(read(source, required=False, limit=limit) for source in safety)


def clean_source(source: Source, rules: Rules, *, required: bool, limit: int | None) -> Step:
    """Return the steps of one source: read it, then clean it."""
    repairs = ((source.name, tuple(sorted(source.repairs))),) if source.repairs else ()
    config = Clean(normalise=Normalise(repairs=repairs), rules=rules)
    return each_shard(f"clean-{source.name}", clean, config, read(source, required=required, limit=limit))


@dataclass(frozen=True, kw_only=True)
class ChainKnobs:
    """How chains are requested, the same for all generators; cases (polymed) are not repaired."""

    samples: int = 4
    gold: Literal["given", "withheld"] = "given"
    adaptive_samples: int = 0
    repair_share: float = 0.0
    seed: int = 0


def chain_teachers(specs: tuple[str, ...], licenses: tuple[str, ...], use: Use) -> dict[ChainPrompt, Teacher]:
    """Return the teachers of single generators; ``ValueError`` for an unknown generator or another form."""
    named = dict(_of_generator("chain_teacher", text) for text in specs)
    terms = dict(_of_generator("chain_license", text) for text in licenses)
    if unused := sorted(terms.keys() - named.keys()):
        raise ValueError(f"chain_license: got one for {unused[0]}, which chain_teacher does not name")
    teachers = {
        name: make_teacher(spec, terms.get(name, UNKNOWN.id), use, knob="chain") for name, spec in named.items()
    }
    return {name: teacher for name, teacher in teachers.items() if teacher}


def _of_generator(knob: str, text: str) -> tuple[ChainPrompt, str]:
    name, _, value = text.partition("=")
    generator = next((prompt for prompt in GENERATORS if prompt == name), None)
    if generator is None or not value:
        hint = did_you_mean(name, GENERATORS)
        raise ValueError(f"{knob}: got {text!r}, expected NAME=VALUE with NAME one of {', '.join(GENERATORS)}{hint}")
    return generator, value


def generate_chains(
    rows: Step,
    chosen: list[Source],
    teacher: Teacher | None,
    how: ChainKnobs,
    own_teachers: Mapping[ChainPrompt, Teacher] | None = None,
    *,
    max_failed: float = 0.0,
) -> Step:
    """Return the steps that write verified chains of thought for multiple-choice rows; others are unchanged.

    Generators that share the teacher are one step, each with a teacher of its own is another.
    """
    own_teachers = own_teachers or {}
    prompts = by_chain_prompt(chosen)
    usual = [prompt for prompt in prompts if prompt not in own_teachers]
    if teacher is None and (usual or not prompts):
        rows = pending_teacher("chains", "verified chains of thought for the multiple-choice rows", rows)
    groups = [("chains", teacher, usual)] if teacher and usual else []
    groups += [(f"chains-{prompt}", own_teachers[prompt], [prompt]) for prompt in prompts if prompt in own_teachers]
    for name, writer, members in groups:
        config = Chains(generators=tuple(chains(prompt, prompts[prompt], writer, how) for prompt in members))
        rows = generate_step(name, CHAINS, config, writer, rows, max_failed=max_failed)
    return rows


def by_chain_prompt(chosen: list[Source], default: ChainPrompt | None = None) -> dict[ChainPrompt, list[Source]]:
    """Return the sources by their prompt for chains of thought, or by ``default`` where they have none."""
    sources: dict[ChainPrompt, list[Source]] = {}
    for source in chosen:
        if prompt := source.chain_prompt or default:
            sources.setdefault(prompt, []).append(source)
    return sources


def chains(prompt: ChainPrompt, own: list[Source], teacher: Teacher, how: ChainKnobs) -> Cot:
    """Return the settings of one generator; a row without a right chain is kept."""
    return Cot(
        generated_by=author(teacher),
        license=teacher.license,
        generator=prompt,
        gold=how.gold,
        sources=tuple(source.name for source in own),
        samples=how.samples,
        adaptive_samples=how.adaptive_samples,
        repair_share=0.0 if GENERATORS[prompt].case else how.repair_share,
        unanswered="pass",
        seed=how.seed,
    )


def format_rows(rows: Step, chosen: list[Source], *, seed: int) -> Step:
    """Return the steps that render prompts and responses and add an instruction to rows of sources without one."""
    return add_subjects(each_shard("render-prompts", render_prompts, None, rows), chosen, seed=seed)


def add_subjects(rows: Step, chosen: list[Source], *, seed: int) -> Step:
    """Return the step that adds an instruction to rows of sources without one."""
    corpora = tuple(
        Uninstructed(source.name, source.instruction_subject, source.instruction_subtask)
        for source in chosen
        if source.instruction_subject
    )
    return each_shard("add-instructions", add_instructions, Instructions(corpora=corpora, seed=seed), rows)


def mix_sources(
    rows: Step,
    how: Literal["aloe", "exact"],
    shares: tuple[float, float, float],
    general: tuple[float, float, float],
    tokens: int | None,
    caps: tuple[str, ...],
    chosen: list[Source],
    *,
    seed: int,
) -> Step:
    """Return the step that limits medical, synthetic and general rows to their shares of the tokens.

    With "aloe", public medical rows are all kept, and a part with less than its share is kept whole; with "exact", the
    scarcest part limits the size of the set. ``tokens`` is the size of the set in either case. The share of a part
    without rows is divided among the others. ``caps`` are the most tokens of single sources, as in
    ``longcite_45k=2000000``. The step's account has the share that each part reached.
    """
    for name, values in (("mix_shares", shares), ("mix_general", general)):
        if abs(sum(values) - 1) > 1e-9:
            raise ValueError(f"{name}: got {', '.join(map(str, values))}, expected three that sum to 1")
    config = Mix(
        parts=catalog_parts(shares, general),
        tokens=tokens,
        size="main" if how == "aloe" else "scarcest",
        source_tokens=tuple(cap(text, {*SOURCES, *(source.name for source in chosen)}) for text in caps),
        absent="share_out",
        seed=seed,
    )
    return whole_set("mix", mix, config, rows, sketch=row_sizes)


def catalog_parts(
    shares: tuple[float, float, float] = ALOE_SHARES, general: tuple[float, float, float] = ALOE_GENERAL
) -> tuple[Part, ...]:
    """Return the parts of Aloe's mix, made of the catalog's sources, with these shares."""
    instruction, synthetic = (
        tuple(source.name for source in SOURCES.values() if source.mix_part == part)
        for part in ("instruction", "synthetic")
    )
    return aloe_parts(instruction, synthetic, shares, general)


def cap(text: str, known: Collection[str]) -> tuple[str, int]:
    """Return the source and the tokens of a cap; ``ValueError`` for another form or an unknown source."""
    name, _, tokens = text.partition("=")
    if name not in known or not tokens.isdecimal():
        hint = did_you_mean(name, known)
        raise ValueError(
            f"mix_caps: got {text!r}, expected the name of a source and a number of tokens, as in medquad=100000{hint}"
        )
    return name, int(tokens)


def choose(names: tuple[str, ...], own: Sequence[OwnSource] = ()) -> list[Source]:
    """Return the sources of these names, or all of the kinds this recipe takes, and the own ones."""
    fitting = {name: source for name, source in SOURCES.items() if source.kind in KINDS}
    return [*from_catalog(names, fitting, own), *own_sources(own, KINDS)]


def own_sources(own: Sequence[OwnSource], kinds: Collection[str]) -> list[Source]:
    """Return own sources; ``ValueError`` for a name that another source has, and for a kind that is not taken."""
    resolved = [one.source() for one in own]
    for at, source in enumerate(resolved):
        if source.name in SOURCES or source.name in BENCHMARKS or source.name in [one.name for one in resolved[:at]]:
            raise ValueError(f"source: {source.name!r} is the name of another source, expected a name of its own")
        if source.task == "passage" and "general" not in kinds:
            raise ValueError(f"source: {source.name} has passages, expected questions; aloe_sft has questions written")
        if source.kind not in kinds:
            raise ValueError(
                f"source: {source.name} has {source.kind} rows, expected {' or '.join(kinds)}; aloe_dpo takes pairs"
            )
    return resolved


def from_catalog(names: tuple[str, ...], fitting: Mapping[str, Source], own: Sequence[OwnSource]) -> list[Source]:
    """Return the named sources of the catalog; without names all but those read by name, or none with own ones."""
    if not names and own:
        return []
    if names in (*AVAILABLE, ("all",)):
        return [source for source in fitting.values() if not source.by_name_only]
    if unknown := [name for name in names if name not in fitting]:
        hint = did_you_mean(unknown[0], fitting)
        raise ValueError(f"sources: got {unknown[0]!r}, expected available, all, or some of {some_of(fitting)}{hint}")
    return [fitting[name] for name in dict.fromkeys(names)]
