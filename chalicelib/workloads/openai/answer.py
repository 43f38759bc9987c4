"""A model's answer, chunk by chunk: the pieces it yields, its usage, and how it ended. No I/O."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.contract import Chunk, Outcome, Piece, Progress

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.completion_usage import CompletionUsage

REASONING_STEP: Final = 200  # characters of reasoning between two progress messages
# Fields with reasoning, which OpenAI's protocol lacks: of llama.cpp, vLLM and DeepSeek; of Ollama and others.
REASONING_FIELDS: Final = ("reasoning_content", "reasoning")


class ChatAnswer:
    """One streamed chat completion. Reasoning is counted; its text is dropped."""

    def __init__(self, request: InferenceRequest) -> None:
        self.id = ""  # given by the server
        self._request = request
        self._reasoning = 0  # characters
        self._reported = 0  # characters of reasoning in the last progress message
        self._has_text = False
        self._finish_reason: str | None = None
        self._counts: dict[str, Json] = {}

    def usage(self, *, seconds: float) -> dict[str, Json]:
        """What the answer has used, as far as the server has reported it.

        Args:
            seconds: Time since the call.
        """
        reasoning: dict[str, Json] = {"reasoningCharacters": self._reasoning} if self._reasoning else {}
        return {**self._counts, **reasoning, "modelMilliseconds": round(seconds * 1000)}

    def receive(self, chunk: "ChatCompletionChunk") -> Iterator[Piece]:
        """The pieces that a chunk adds. The last chunk has the usage and no choice; some servers do not send it."""
        if chunk.id and not self.id:
            self.id = chunk.id
            self._counts["modelRequestId"] = chunk.id
        if chunk.usage is not None:
            self._count(chunk.usage)
        for choice in chunk.choices or ():  # the library does not validate what it reads
            yield from self._add_reasoning(_reasoning_of(choice.delta))
            if choice.delta and choice.delta.content:
                yield from self._add_text(choice.delta.content)
            if choice.finish_reason:
                self._finish_reason = choice.finish_reason
                self._counts["stopReason"] = choice.finish_reason

    def outcome(self, *, seconds: float) -> Outcome:
        """The outcome after the last chunk.

        Raises:
            BudgetExceeded: The model stopped at the job's `maxTokens`.
            WorkloadFailed: The model stopped at another limit, the server's filter stopped it, or the answer is
                incomplete.
        """
        model, most = self._request.model, self._request.max_tokens
        match self._finish_reason:
            case "stop":
                return Outcome(None, self.usage(seconds=seconds))
            case "length" if most is not None and self._has_used(most):
                raise BudgetExceeded.at_tokens(most)
            case "length":
                raise WorkloadFailed(
                    f"{model} stopped at its server's limit of tokens for one conversation or answer; the output so "
                    "far is kept; send a shorter text, or give the server a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case "content_filter":
                raise WorkloadFailed(
                    f"the content filter of the server of {model} stopped the answer; the output so far is kept; "
                    "rephrase the prompt",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case None:
                raise WorkloadFailed(
                    f"the answer of {model} ended without a finish reason, so it may be incomplete; start the job "
                    "again",
                    ErrorType.MODEL_FAILED,
                )
            case other:
                raise WorkloadFailed(
                    f"{model} ended its answer with {other[:80]!r}, but a job expects text only; ask for text",
                    ErrorType.MODEL_FAILED,
                )

    def _add_text(self, text: str) -> Iterator[Piece]:
        if self._reasoning and not self._has_text:
            yield Progress(message="answering")
        self._has_text = True
        yield Chunk(text, tokens=1)  # a chunk has at least one token

    def _add_reasoning(self, text: str) -> Iterator[Piece]:
        self._reasoning += len(text)
        if text and (not self._reported or self._reasoning - self._reported >= REASONING_STEP):
            self._reported = self._reasoning
            yield Progress(message=f"thinking, {self._reasoning} characters so far")

    def _has_used(self, most: int) -> bool:
        """Whether the answer has used up the job's own limit. If the server does not count tokens, it is assumed."""
        used = self._counts.get("outputTokens")
        return not isinstance(used, int) or used >= most

    def _count(self, usage: "CompletionUsage") -> None:
        read, written = usage.prompt_tokens_details, usage.completion_tokens_details
        cached = (read.cached_tokens if read else 0) or 0
        self._counts |= {
            "inputTokens": max(0, (usage.prompt_tokens or 0) - cached),
            "cachedInputTokens": cached,
            "outputTokens": usage.completion_tokens or 0,
        }
        if written and written.reasoning_tokens:
            self._counts["reasoningTokens"] = written.reasoning_tokens


def _reasoning_of(delta: Any) -> str:
    """The reasoning in a delta; empty if there is none."""
    pieces = (getattr(delta, name, None) for name in REASONING_FIELDS)
    return next((piece for piece in pieces if isinstance(piece, str)), "")
