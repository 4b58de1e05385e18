"""Text output of the verbs that publish."""

from __future__ import annotations

from typing import Any


def published_text(account: dict[str, Any]) -> str:
    """Return the published files, or those that would be, one per line, and last the address."""
    files = [f"+ {path}  {size:,} bytes" for path, size in account["new"].items()]
    files += [f"- {path}" for path in account["deleted"]]
    files += [f"  {path}  stays here" for path in account.get("left_out", [])]
    tag = f" as {account['tag']}" if account["tag"] else ""
    counts = f"{len(account['new'])} files, {account['bytes']:,} bytes; {len(account['unchanged'])} are there already"
    seen = "private" if account["private"] else "for everybody"
    return "\n".join([*files, f"{account['state']}{tag}, {seen}: {counts}", account["url"]])
