"""A teacher whose only answers are the completions of a release, put into the store before the build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from synth.teachers.teacher import Answered, Failure, Request, Teacher, TeacherError

KIND = "recorded"


@dataclass(frozen=True, kw_only=True)
class RecordedTeacher:
    """A replacement of the teacher of this name and revision; ``failures`` are its failed requests by key."""

    name: str
    revision: str
    license: str
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def complete(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Yield the recorded failures; ``TeacherError`` for a request without a recorded reply."""
        for request in requests:
            failure = self.failures.get(request.key(self.name, self.revision))
            if failure is None:
                raise TeacherError(
                    f"{self.name} at revision {self.revision} is replayed from its completions, which lack "
                    f"sample {request.sample} of {request.stage} for {request.row}; expected the completions of the "
                    "release, or a store that contains them"
                )
            yield request, failure


def recorded(teacher: Teacher) -> str:
    """Return the spec of a teacher that is replayed from completions; it names no address and no folder."""
    return f"{KIND}:{teacher.name}@{teacher.revision}"
