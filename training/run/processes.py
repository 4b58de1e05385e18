"""Work that the main process of a run does once, with its result broadcast to all processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from training.training_errors import TrainingError

T = TypeVar("T")


def is_first() -> bool:
    """Return whether this is the main process."""
    import torch
    from accelerate import PartialState

    # Said here as the trainer says it later, for the first word decides how processes talk to each other.
    return bool(PartialState(cpu=not torch.cuda.is_available()).is_main_process)


def broadcast_from_main(work: Callable[[], T]) -> T:
    """Return the result of ``work`` of the main process in every process; its failure ends all of them."""
    from accelerate.utils import broadcast_object_list

    answer: list[Any] = [None, None]
    failure: Exception | None = None
    if is_first():  # before the broadcast, for it is this that joins the processes
        try:
            answer[0] = work()
        except Exception as error:
            failure, answer[1] = error, str(error) or repr(error)
    broadcast_object_list(answer, from_process=0)
    if failure is not None:
        raise failure
    if answer[1] is not None:
        raise TrainingError(answer[1])
    value: T = answer[0]
    return value
