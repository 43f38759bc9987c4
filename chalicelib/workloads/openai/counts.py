"""The counts in a server's `usage`. A count that is missing or invalid is left out. Pure."""

from collections.abc import Mapping

from chalicelib.jobs.model import Json
from chalicelib.workloads.counting import count_in


def counts_of(usage: Json) -> dict[str, Json]:
    """The counts under the names of `contract.Usage`."""
    if not isinstance(usage, Mapping):
        return {}
    read = count_in(usage, "prompt_tokens", "input_tokens")
    written = count_in(usage, "completion_tokens", "output_tokens")
    cached = count_in(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"), "cached_tokens") or 0
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    counts: dict[str, Json] = {}
    if read is not None:
        counts |= {"inputTokens": max(0, read - cached), "cachedInputTokens": min(cached, read)}
    if written is not None:
        counts["outputTokens"] = written
    if reasoning := count_in(details, "reasoning_tokens"):
        counts["reasoningTokens"] = reasoning
    return counts
