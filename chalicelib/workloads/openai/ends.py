"""Why an answer ended: the finish reasons of OpenAI and of servers that use other words. Pure."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from chalicelib.jobs.model import Json


class End(Enum):
    """The kinds of finish reasons."""

    NORMAL = "the model was done"
    LENGTH = "a limit of tokens"
    FILTER = "a filter of the server, or the model's own refusal"
    TOOLS = "the model wants to call a tool"
    BROKEN = "anything else"


_KINDS: Final = {
    End.NORMAL: "stop eos eos_token end_turn end stop_sequence stop_token stop_str complete completed finish finished "
    "done normal",
    End.LENGTH: "length max_tokens max_output_tokens max_length model_length max_new_tokens token_limit "
    "model_context_window_exceeded",
    End.FILTER: "content_filter content_filtered safety recitation prohibited_content blocklist spii refusal "
    "guardrail_intervened sensitive moderation",
    End.TOOLS: "tool_calls tool_call tool_use function_call",
}
_BY_WORD: Final = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_NOTHING: Final = ("", "null", "none", "finish_reason_unspecified")


def finish_reason(value: Json) -> str | None:
    """A finish reason as the server wrote it, or None. Some servers wrap it in an object."""
    if isinstance(value, Mapping):
        value = next((value.get(name) for name in ("type", "reason") if value.get(name)), None)
    if not isinstance(value, str) or value.strip().lower() in _NOTHING:
        return None
    return value.strip()


def end_of(reason: str) -> End:
    """The kind of a finish reason, in upper or lower case."""
    return _BY_WORD.get(reason.lower().replace("-", "_"), End.BROKEN)
