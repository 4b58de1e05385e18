"""Text output of the verbs that publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.hub.push import Published


def published_text(done: Published) -> str:
    """Return the published files, or those that would be, one per line, and last the address."""
    files = [f"+ {path}  {size:,} bytes" for path, size in done.new.items()]
    files += [f"- {path}" for path in done.deleted]
    files += [f"  {path}  not published" for path in done.left_out or ()]
    tag = f" as {done.tag}" if done.tag else ""
    counts = f"{len(done.new)} files, {done.bytes:,} bytes; {len(done.unchanged)} are already published"
    seen = "private" if done.private else "for everybody"
    return "\n".join([*files, f"{done.state}{tag}, {seen}: {counts}", done.url])
