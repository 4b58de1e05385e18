"""Why a completion ended: the words of all servers, decided once where a completion is made."""

from __future__ import annotations

import re
from typing import Literal

Ended = Literal["stop", "length", "filtered", "failed", "unknown"]
"""By itself or at a stop string; cut at a limit; withheld by a filter; broken off by the server; a word not known."""

NOT_GIVEN = "not given"
"""The finish reason stored where a server gave none with a whole text."""

WORDS: dict[Ended, tuple[str, ...]] = {
    "stop": (
        *("stop", "eos", "eos_token", "eos_token_id", "eos_found", "end", "end_turn", "end_of_turn", "end_of_text"),
        *("endoftext", "eot", "eot_id", "eom_id", "im_end", "stop_sequence", "stop_token", "stop_str", "stop_string"),
        *("stop_token_id", "stop_words", "stopped", "stop_criteria_met", "complete", "completed", "completion", "done"),
        *("finish", "finished", "natural", "normal", "success", "not_given"),
    ),
    "length": (
        *(
            "length",
            "max_tokens",
            "max_token",
            "max_length",
            "max_output_tokens",
            "max_new_tokens",
            "max_tokens_reached",
        ),
        *("max_completion_tokens", "model_length", "model_context_window_exceeded", "context_length"),
        *("context_length_exceeded", "context_window_exceeded", "context_limit", "token_limit", "token_limit_reached"),
        *("limit", "limit_reached", "truncated", "incomplete", "time_limit", "max_time"),
    ),
    "filtered": (
        *("content_filter", "content_filtered", "content_policy", "content_policy_violation", "filter", "filtered"),
        *("safety", "moderation", "flagged", "refusal", "blocked", "blocklist", "prohibited_content", "spii"),
        *("recitation", "sensitive", "guardrail", "guardrails", "guardrail_intervened", "error_toxic", "language"),
    ),
    "failed": (
        *("error", "internal_error", "server_error", "engine_error", "abort", "aborted", "cancel", "cancelled"),
        *("canceled", "network_error", "insufficient_system_resource", "timeout", "timed_out", "overloaded"),
        *("malformed_function_call", "tool_call", "tool_calls", "tool_use", "function_call", "unexpected_tool_call"),
    ),
}

_MEANING: dict[str, Ended] = {word: ended for ended, words in WORDS.items() for word in words}


def ended(reason: str) -> Ended:
    """Return the meaning of a server's finish reason, in any case and spelling."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", reason)
    word = re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_").removeprefix("finish_reason_")
    return _MEANING.get(word, "unknown")
