"""The verbs that score, select, label and pair the rows of any files, and calibrate embedding models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.number_range import NumberRange
from pipelines.cli.shared_options import FILES, JSON, KEPT_VECTORS, OVERWRITE, STORE, echo_account, main
from pipelines.cli.teacher_options import (
    license_option,
    refuse_failed,
    refuse_unused_license,
    requesting,
    spending,
    teacher_options,
)
from pipelines.terminal import echo, echo_json

if TYPE_CHECKING:
    from quality.calibration import Compared

OUT = click.option(
    "--out",
    type=FilePath(file_okay=False),
    required=True,
    help="Folder for the result: kept.parquet and dropped.parquet.",
)
QUESTION = click.option(
    "--question-column",
    "question",
    multiple=True,
    help="Column with the question or the conversation; several are joined.  [default: usual names, as messages, "
    "instruction and input, question, prompt]",
)
ANSWER = click.option(
    "--answer-column",
    "answer",
    help="Column with the answer.  [default: usual names, as response, output, completion; else the last turn of the "
    "conversation]",
)

MAX_FAILED = click.option(
    "--max-failed",
    type=NumberRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Share of the requests to a teacher or judge that may fail. Where more fail the exit code is 1; the result is "
    "written in either case, and rows without a reply say why.",
)


@main.command()
@FILES
@OUT
@OVERWRITE
@QUESTION
@ANSWER
@click.option(
    "--perplexity",
    metavar="MODEL",
    help="Perplexity of the answer given its question: a transformers folder or Hub id.  [default: none]",
)
@click.option(
    "--ifd",
    metavar="MODEL",
    help="Instruction-following difficulty: loss of the answer with its question "
    "over the loss without; near 1 the question does not help. A transformers folder or Hub id.  "
    "[default: none]",
)
@click.option(
    "--deita",
    metavar="MODEL",
    multiple=True,
    help="DEITA's complexity x quality, summed over turns: one "
    "model for both, or the option twice, complexity first; a transformers folder or Hub id, or "
    "openai:URL#MODEL.  [default: none]",
)
@click.option(
    "--reward",
    metavar="MODEL",
    help="A reward model's number: a transformers sequence classifier with one label.  [default: none]",
)
@click.option(
    "--rubric",
    metavar="TEACHER",
    help="Mean of five marks from 1 to 5 that a judge gives, as in "
    "openai:http://localhost:8000/v1#model.  [default: none]",
)
@click.option(
    "--drop-lowest",
    multiple=True,
    metavar="[NAME=]SHARE",
    help="Drop this share of the rows, lowest scores "
    "first, and rows without that score; NAME where several scores are computed, as in deita=0.1. May be "
    "given several times.  [default: drop none]",
)
@click.option(
    "--drop-above",
    multiple=True,
    metavar="[NAME=]LIMIT",
    help="Drop rows with a score above this, as in ifd=1 (the question misleads). May be given several times.  "
    "[default: drop none]",
)
@license_option("judge")
@STORE
@MAX_FAILED
@teacher_options
@JSON
def score(
    files: tuple[Path, ...],
    out: Path,
    question: tuple[str, ...],
    answer: str | None,
    overwrite: bool,
    rubric: str | None,
    drop_lowest: tuple[str, ...],
    drop_above: tuple[str, ...],
    judge_license: str,
    store: Path,
    max_failed: float,
    as_json: bool,
    **more: Any,
) -> None:
    """Score rows of files with language models.

    FILES are parquet, jsonl or csv, plain or .gz.

    Each score is a column. A row that cannot be scored has no number, and a column NAME_reason says why. Scores are
    kept in the store as they come: repeat an interrupted call and it resumes; no row is scored twice.

    Example: sabila score train.jsonl --out scored --ifd HuggingFaceTB/SmolLM2-135M --drop-lowest 0.1
    """
    from dataclasses import replace

    from pipelines.own_files.conversations import TextColumns
    from pipelines.own_files.score_files import Scoring
    from pipelines.own_files.score_files import score as run
    from synth.judges.score_step import drop_rules, pinned_scores
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher

    refuse_unused_license("judge", judge_license, used=rubric, expected="--rubric")
    options = TeacherOptions(license=judge_license, **requesting(more))
    limits = {name: more.pop(name) for name in ("budget_tokens", "budget_cost", "price", "watts")}
    scoring = Scoring(
        scores=pinned_scores(**more),
        judge=teacher(rubric, options) if rubric else None,
        store=store,
        spending=spending(**limits),
    )
    if not scoring.names:
        raise click.UsageError("no score is asked for; give --ifd, --perplexity, --deita, --reward or --rubric")
    try:
        rules = drop_rules(drop_lowest, drop_above, scoring.names)
    except ValueError as error:
        raise click.UsageError(f"--{str(error).replace('_', '-', 1)}") from error
    scoring = replace(scoring, rules=rules)
    columns = TextColumns(question=question, answer=answer)
    account = run(files, out, columns=columns, scoring=scoring, overwrite=overwrite)
    echo_account(account, as_json)
    refuse_failed(scoring.spending, max_failed)


@main.command()
@FILES
@OUT
@OVERWRITE
@QUESTION
@ANSWER
@click.option("--by", required=True, help="Column with the score; the highest are kept first.")
@click.option("--rows", type=click.IntRange(1), help="The most rows to keep.  [default: no limit]")
@click.option(
    "--tokens", type=click.IntRange(1), help="Tokens to keep, a quarter of the characters.  [default: no limit]"
)
@click.option(
    "--embedder",
    metavar="MODEL[@THRESHOLD]",
    help="Leave out rows that are similar to a better one, by this embedding model: a sentence-transformers folder or "
    "Hub id, model2vec:FOLDER, llamacpp:FILE.gguf or openai:URL#MODEL. A threshold after @ replaces --most-similar.  "
    "[default: none]",
)
@click.option(
    "--most-similar",
    type=NumberRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="Greatest cosine of two kept rows; it depends on the embedding model.",
)
@KEPT_VECTORS
@JSON
def select(
    files: tuple[Path, ...],
    out: Path,
    question: tuple[str, ...],
    answer: str | None,
    overwrite: bool,
    by: str,
    rows: int | None,
    tokens: int | None,
    embedder: str | None,
    most_similar: float,
    store: Path,
    as_json: bool,
) -> None:
    """Select the best and most diverse rows of files.

    Rows are chosen by a score, up to a number of rows or tokens.

    As in DEITA (arXiv 2312.15685): best score first, and a row is left out where a better one is too similar.

    Example: sabila select scored/kept.parquet --out chosen --by deita --rows 10000 --embedder MODEL
    """
    from pipelines.own_files.conversations import TextColumns
    from pipelines.own_files.score_files import select as run
    from synth.judges.score_step import selection
    from synth.teachers.embedders import model_and_threshold

    if embedder:
        embedder, most_similar = model_and_threshold("--embedder", embedder, most_similar)
    if rows and tokens:
        raise click.UsageError("--rows and --tokens are both given, expected one of the two")
    if not (rows or tokens or embedder):
        raise click.UsageError("nothing limits the subset; give --rows, --tokens or --embedder")
    config = selection(by, rows, tokens, embedder, most_similar)
    columns = TextColumns(question=question, answer=answer)
    account = run(files, out, columns=columns, config=config, store=store, overwrite=overwrite)
    echo_account(account, as_json)


@main.command()
@FILES
@OUT
@OVERWRITE
@QUESTION
@click.option(
    "--specialty",
    metavar="TEACHER",
    help="Add a column with one of 35 fields of medicine, or None, by this model.  [default: none]",
)
@click.option(
    "--medical",
    metavar="TEACHER",
    help="Drop rows that this model does not call medical, and those without an answer.  [default: none]",
)
@license_option("judge")
@STORE
@MAX_FAILED
@teacher_options
@JSON
def label(
    files: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    question: tuple[str, ...],
    specialty: str | None,
    medical: str | None,
    judge_license: str,
    store: Path,
    max_failed: float,
    as_json: bool,
    **limits: Any,
) -> None:
    """Label the rows of FILES with a language model: parquet, jsonl or csv, plain or .gz.

    A row that gets no specialty says why in specialty_reason, and specialty_by names the model. Rows without a question
    are not sent. Replies are kept in the store, so that the same rows are sent once.

    Example: sabila label train.jsonl --out labelled --specialty openai:http://localhost:8000/v1#MODEL
    """
    from pipelines.own_files.conversations import TextColumns
    from pipelines.own_files.label_files import Labels
    from pipelines.own_files.label_files import label as run
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher

    if not (specialty or medical):
        raise click.UsageError("no label is wanted; give --specialty or --medical")
    refuse_unused_license("judge", judge_license, used=specialty, expected="--specialty")
    options = TeacherOptions(license=judge_license, **requesting(limits))
    labels = Labels(
        specialty=teacher(specialty, options) if specialty else None,
        medical=teacher(medical, options) if medical else None,
        store=store,
        spending=spending(**limits),
    )
    echo_account(run(files, out, columns=TextColumns(question=question), labels=labels, overwrite=overwrite), as_json)
    refuse_failed(labels.spending, max_failed)


@main.command()
@click.argument("files", nargs=-1, required=True, type=FilePath(exists=True))
@OUT
@OVERWRITE
@click.option(
    "--teacher",
    metavar="TEACHER",
    required=True,
    help="The model that writes, as in openai:http://localhost:8000/v1#model.",
)
@click.option(
    "--passage-column",
    "passage",
    default="text",
    show_default=True,
    help="Column of a table with the passages, of 300 to 12,000 characters.",
)
@click.option("--title-column", "title", help="Column of a table with a title for each passage.  [default: none]")
@click.option(
    "--passage-chars",
    nargs=2,
    type=click.IntRange(1),
    default=(300, 1_500),
    show_default=True,
    help="Least and most characters of the passages that documents are cut into, at headings and paragraphs. "
    "Shorter passages are joined with the passage before or after them, or both are cut into about equal parts.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Tries for each passage; the first that is verified is kept.",
)
@license_option("teacher")
@STORE
@MAX_FAILED
@teacher_options
@JSON
def questions(
    files: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    teacher: str,
    passage: str,
    title: str | None,
    passage_chars: tuple[int, int],
    samples: int,
    teacher_license: str,
    store: Path,
    max_failed: float,
    as_json: bool,
    **limits: Any,
) -> None:
    """Write a question and its answer for each passage of FILES, with the passage and where it is from.

    FILES are documents (Markdown, HTML, plain text, and PDF with the extra `documents`), folders of them, or tables
    (parquet, jsonl or csv, plain or .gz) with a column of passages.

    The answer must quote the passage word for word as support, name no number that the passage lacks, and not be in
    the question; then the model answers the question from the passage again, without that answer, and must find that
    both agree. Passages without such a question are dropped with the verdicts, and every reply is in
    candidates.parquet. Documents that cannot be read or have no text, and scanned pages, are in quarantined.parquet.

    Example: sabila questions guidelines/ --out questions --teacher openai:http://localhost:8000/v1#MODEL
    """
    from pipelines.own_files.passage_files import Questioning, quarantine_note, write_questions
    from sources.documents.passage_cuts import PassageSize
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher as teacher_of

    try:
        size = PassageSize(least=passage_chars[0], most=passage_chars[1])
    except ValueError as error:
        raise click.UsageError(f"--passage-chars: {error}") from error
    options = TeacherOptions(license=teacher_license, **requesting(limits))
    how = Questioning(
        teacher=teacher_of(teacher, options),
        passage=passage,
        title=title,
        samples=samples,
        size=size,
        store=store,
        spending=spending(**limits),
    )
    account = write_questions(files, out, how=how, overwrite=overwrite)
    if note := quarantine_note(out):
        echo(note, err=True)
    echo_account(account, as_json)
    refuse_failed(how.spending, max_failed)


@main.command()
@FILES
@OUT
@OVERWRITE
@QUESTION
@click.option(
    "--answer-column",
    "answers",
    multiple=True,
    help="Column with an answer, given twice or more, or one column with lists of answers.  [default: usual names, as "
    "response_a and response_b, chosen and rejected, responses]",
)
@click.option(
    "--teacher",
    metavar="TEACHER",
    help="Have this model write the answers, as in openai:http://localhost:8000/v1#model.  [default: none]",
)
@click.option(
    "--samples",
    type=click.IntRange(2, 16),
    default=2,
    show_default=True,
    help="Answers that --teacher writes to each question.",
)
@click.option(
    "--judge",
    metavar="TEACHER",
    help="A model that compares two answers of each question in both orders.  [default: none]",
)
@click.option(
    "--reward",
    metavar="MODEL",
    help="A reward model, a transformers sequence classifier with one label, that scores the answers; with a judge it "
    "must agree with it.  [default: none]",
)
@click.option(
    "--min-margin",
    type=NumberRange(0),
    default=0.0,
    show_default=True,
    help="Drop pairs whose rewards differ by less.",
)
@click.option(
    "--max-length-ratio",
    type=NumberRange(1),
    default=4.0,
    show_default=True,
    help="Drop pairs of which one answer has more than so many times the characters of the other.",
)
@license_option("teacher")
@license_option("judge")
@STORE
@MAX_FAILED
@teacher_options
@JSON
def pairs(
    files: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    question: tuple[str, ...],
    answers: tuple[str, ...],
    teacher: str | None,
    samples: int,
    judge: str | None,
    reward: str | None,
    min_margin: float,
    max_length_ratio: float,
    teacher_license: str,
    judge_license: str,
    store: Path,
    max_failed: float,
    as_json: bool,
    **limits: Any,
) -> None:
    """Make preference pairs of the answers in FILES: parquet, jsonl or csv, plain or .gz.

    A judge sees two answers of a question in both orders, and the pair is kept only if it prefers the same one twice;
    rows without a pair are dropped with the reason. Of several rows with one question one pair is kept.

    Example: sabila pairs answers.jsonl --out pairs --judge openai:http://localhost:8000/v1#MODEL
    """
    from dataclasses import replace

    from pipelines.own_files.conversations import TextColumns
    from pipelines.own_files.pair_files import Pairing, write_pairs
    from synth.teachers.options import TeacherOptions
    from synth.teachers.specs import teacher as teacher_of

    if not (judge or reward):
        raise click.UsageError("nothing compares the answers; give --judge, --reward or both")
    if teacher and answers:
        raise click.UsageError("--teacher and --answer-column are both given, expected one of the two")
    refuse_unused_license("teacher", teacher_license, used=teacher, expected="--teacher")
    refuse_unused_license("judge", judge_license, used=judge, expected="--judge")
    options = TeacherOptions(**requesting(limits))
    how = Pairing(
        judge=teacher_of(judge, replace(options, license=judge_license)) if judge else None,
        reward=reward,
        writer=teacher_of(teacher, replace(options, license=teacher_license)) if teacher else None,
        answers=answers,
        samples=samples,
        min_margin=min_margin,
        max_length_ratio=max_length_ratio,
        store=store,
        spending=spending(**limits),
    )
    account = write_pairs(files, out, columns=TextColumns(question=question), how=how, overwrite=overwrite)
    echo_account(account, as_json)
    refuse_failed(how.spending, max_failed)


@main.command()
@click.argument("model")
@click.option(
    "--pairs",
    type=FilePath(dir_okay=False, exists=True),
    help="Labelled pairs of your own: columns a and b (texts, or objects with question and answer) and same (true or "
    "false).  [default: 100 pairs that come with sabila]",
)
@click.option(
    "--compare",
    type=click.Choice(["rows", "questions"]),
    default="rows",
    show_default=True,
    help="rows: question and answer, as dedup --semantic compares; questions: as decontaminate --embedder compares.",
)
@click.option(
    "--precision",
    type=NumberRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="Share of the found pairs that must really be the same at the advised threshold.",
)
@JSON
def calibrate(model: str, pairs: Path | None, compare: Compared, precision: float, as_json: bool) -> None:
    """Measure an embedding MODEL on labelled pairs and advise a threshold for it.

    MODEL is named as for dedup --semantic. Thresholds differ from model to model: where one puts unrelated texts at
    0.03, another puts them at 0.37.

    Example: sabila calibrate sentence-transformers/all-MiniLM-L6-v2
    """
    from dataclasses import asdict

    from pipelines.cli.print_tables import calibration_table
    from pipelines.own_files.labelled_pairs import read_pairs
    from quality.calibration import measure_embedder, shipped_pairs
    from synth.teachers.embedders import embedder

    figures = measure_embedder(read_pairs(pairs) if pairs else shipped_pairs(), embedder(model), compare, precision)
    if as_json:
        echo_json({"model": model, "compare": compare, **asdict(figures)})
    else:
        echo(calibration_table(figures, model, compare, precision))
