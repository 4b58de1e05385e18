"""Options of verbs that send requests to teachers: budgets, prices, and how requests are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipelines.cli.number_range import NumberRange

if TYPE_CHECKING:
    from pipelines.completions.budget import Spending

Callback = TypeVar("Callback", bound=Callable[..., Any])

BUDGET_TOKENS = click.option(
    "--budget-tokens",
    type=click.IntRange(1),
    help="Stop sending requests after this many tokens, prompts and completions together.  [default: no limit]",
)
BUDGET_COST = click.option(
    "--budget-cost",
    type=NumberRange(0, min_open=True),
    help="Stop sending requests at this cost, in the currency of --price.  [default: no limit]",
)
PRICE = click.option(
    "--price",
    nargs=2,
    type=NumberRange(0),
    help="Price of a million tokens, prompts and completions, as in 0.5 1.5, for costs and --budget-cost.  "
    "[default: none]",
)
WATTS = click.option(
    "--watts",
    type=NumberRange(0, min_open=True),
    help="Power of the teacher in watts while it works, for the energy of the build.  [default: none]",
)
CONCURRENCY = click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    help="Most concurrent requests to a teacher; for a server it starts with one and adapts. For a llamacpp teacher "
    "the number of its slots.  [default: 256; llamacpp: 8]",
)
CONTEXT = click.option(
    "--context-tokens",
    "context_tokens",
    type=click.IntRange(256, 10_000_000),
    help="Context size of each slot of a llamacpp teacher, prompt and answer together, in tokens.  [default: 4096]",
)
THREADS = click.option(
    "--teacher-threads",
    "threads",
    type=click.IntRange(1, 1024),
    help="Threads of a llamacpp teacher.  [default: cores]",
)
TIMEOUT = click.option(
    "--timeout",
    "timeout_s",
    type=NumberRange(0, min_open=True),
    help="Longest time of one request in seconds; raise it for a slow model.  [default: 600]",
)
TRIES = click.option(
    "--tries",
    "max_tries",
    type=click.IntRange(1, 100),
    help="Tries per request, after errors of the network or server.  [default: 5]",
)
LEAVE_OUT = click.option(
    "--leave-out",
    multiple=True,
    type=click.Choice(["temperature", "top_p", "max_tokens", "seed", "stop"]),
    help="Request field to omit, for a server that rejects it; may be given several times.  [default: none]",
)
SPENDING = (BUDGET_TOKENS, BUDGET_COST, PRICE, WATTS)
"""Options on budgets and prices, the arguments of ``spending``."""

REQUESTING = (CONCURRENCY, CONTEXT, THREADS, TIMEOUT, TRIES, LEAVE_OUT)
"""Options of requests to teachers in this run; none is part of a fingerprint."""


REVISION = click.option(
    "--revision", help="Revision of the model on the Hub, or a name for the weights of a server.  [default: none]"
)
GUARD_FORMAT = click.option(
    "--guard-format", help="Family of the guard, such as llama-guard-3.  [default: by the model's name]"
)


UNKNOWN_LICENSE = "LicenseRef-unknown"


def license_option(model: str) -> Callable[[Callback], Callback]:
    """Return the option for the licence of what a teacher or judge writes in rows of own files."""
    return click.option(
        f"--{model}-license",
        default=UNKNOWN_LICENSE,
        show_default=True,
        help=f"Licence of what the {model} writes, an SPDX id or LicenseRef-NAME, as in Apache-2.0. It joins the "
        "licence of each row that the model has written in, in the column license.",
    )


def refuse_unused_license(model: str, license: str, *, used: object, expected: str) -> None:
    """Raise ``UsageError`` for the licence of a model that writes nothing in this call."""
    if license != UNKNOWN_LICENSE and not used:
        raise click.UsageError(
            f"--{model}-license is {license}, expected {expected} with it; it has no effect otherwise"
        )


def requesting(arguments: dict[str, Any]) -> dict[str, Any]:
    """Remove the values of ``REQUESTING`` from ``arguments`` and return those that were set."""
    names = ("concurrency", "context_tokens", "threads", "timeout_s", "max_tries", "leave_out")
    set_here = {name: value for name in names if (value := arguments.pop(name))}
    return {"context" if name == "context_tokens" else name: value for name, value in set_here.items()}


def spending(
    budget_tokens: int | None, budget_cost: float | None, price: tuple[float, float] | None, watts: float | None
) -> Spending:
    """Return the account of a run with these limits; a budget in cost needs a price."""
    from pipelines.completions.budget import Budget, Spending
    from synth.teachers.options import Rates

    if budget_cost is not None and price is None:
        raise click.UsageError(f"--budget-cost is {budget_cost}, expected --price with it: what tokens cost")
    prompt, completion = price or (0.0, 0.0)
    rates = Rates(prompt_price=prompt, completion_price=completion, watts=watts)
    return Spending(rates=rates, budget=Budget(tokens=budget_tokens, cost=budget_cost))


def refuse_failed(spent: Spending, max_failed: float) -> None:
    """Raise ``RequestsFailedError`` where more than this share of a call's requests failed."""
    from pipelines.completions.failed_requests import RequestsFailedError, how_to_accept

    failed = sum(account.failed for account in spent.accounts.values())
    requests = sum(account.requests for account in spent.accounts.values())
    if failed > max_failed * requests:
        raise RequestsFailedError(
            f"{failed:,} of {requests:,} requests failed, expected {max_failed:.2%} at most; the result has the error "
            "of each row. Run the same call with --overwrite to send the failed requests again"
            f"{how_to_accept(failed / requests)}"
        )


def teacher_options(verb: Any) -> Any:
    """Add all options on requests to teachers to a verb."""
    for option in reversed((*SPENDING, *REQUESTING)):
        verb = option(verb)
    return verb
