"""The verbs that combine results: the page on models, and the risk card."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.file_path import FilePath
from pipelines.cli.shared_options import JSON, main
from pipelines.terminal import echo, echo_json

FOLDERS = click.argument("results", nargs=-1, required=True, type=FilePath(file_okay=False, exists=True))


@main.command("model-report")
@FOLDERS
@click.option(
    "--out",
    type=FilePath(dir_okay=False),
    default=Path("model_report.html"),
    show_default=True,
    help="File to write the page to.",
)
@click.option(
    "--model-index",
    type=FilePath(dir_okay=False),
    help="Also write the scores of the last model as model-index, the YAML of a model card on the Hub.  "
    "[default: none]",
)
def model_report(results: tuple[Path, ...], out: Path, model_index: Path | None) -> None:
    """Write one HTML page on the models of RESULTS: folders of evaluate, redteam, bias and judge-agreement.

    With two evaluations or more the first is compared with each of the others, item by item; so are the first two
    red-team runs. The page needs no network. The last line on stdout is the file.
    """
    from pipelines.evaluate.model_page import model_index as index_of
    from pipelines.evaluate.model_page import write_model_report
    from pipelines.evaluate.model_results import read_model_results
    from sources.atomic import write_bytes

    write_model_report(results, out)
    if model_index:
        write_bytes(model_index, index_of(read_model_results(results)[-1]).encode())
    echo(out)


@main.command("risk-card")
@FOLDERS
@click.option("--out", type=FilePath(dir_okay=False), help="Markdown file for the card.  [default: stdout]")
@JSON
def risk_card(results: tuple[Path, ...], out: Path | None, as_json: bool) -> None:
    """Write the risk card of the model of RESULTS: three hazards on six points, measured parts filled in.

    Points that no result covers are questions to the publisher of the model, and what was not measured is listed.
    """
    from pipelines.evaluate.model_results import read_model_results
    from sources.atomic import write_bytes
    from training.evaluation.risk_card import card_markdown
    from training.evaluation.risk_card import risk_card as card_of

    models = read_model_results(results)
    if len(models) > 1:
        names = ", ".join(one.name for one in models)
        raise click.UsageError(f"the results are of several models ({names}), expected those of one")
    card = card_of(models[0].name, models[0].measured)
    if as_json:
        echo_json(card.model_dump(mode="json"))
    elif out:
        write_bytes(out, card_markdown(card).encode())
        echo(out)
    else:
        echo(card_markdown(card))
