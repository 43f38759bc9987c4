"""The counts in a server's `usage`. What is missing, or is no count, is left out. Pure."""

from collections.abc import Mapping
from typing import Final

from chalicelib.jobs.model import Json

MAX_COUNT: Final = 2**53  # JSON numbers above it are not exact everywhere


def counts_of(usage: Json) -> dict[str, Json]:
    """The counts under the names of `contract.Usage`."""
    if not isinstance(usage, Mapping):
        return {}
    read = _count(usage, "prompt_tokens", "input_tokens")
    written = _count(usage, "completion_tokens", "output_tokens")
    cached = _count(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"), "cached_tokens") or 0
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    counts: dict[str, Json] = {}
    if read is not None:
        counts |= {"inputTokens": max(0, read - cached), "cachedInputTokens": min(cached, read)}
    if written is not None:
        counts["outputTokens"] = written
    if reasoning := _count(details, "reasoning_tokens"):
        counts["reasoningTokens"] = reasoning
    return counts


def _count(counts: Json, *names: str) -> int | None:
    """The first of these that is a count."""
    if not isinstance(counts, Mapping):
        return None
    for name in names:
        value = counts.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
            return value
    return None
