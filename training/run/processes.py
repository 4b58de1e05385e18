"""What the processes of one run agree on: the first does it, and all learn what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from training.training_errors import TrainingError

T = TypeVar("T")


def is_first() -> bool:
    """Say whether this is the process that writes for all."""
    import torch
    from accelerate import PartialState

    # Said here as the trainer says it later, for the first word decides how processes talk to each other.
    return bool(PartialState(cpu=not torch.cuda.is_available()).is_main_process)


def broadcast_from_main(work: Callable[[], T]) -> T:
    """Return in every process what ``work`` gives in the first; a failure there ends all of them, none waits on."""
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
