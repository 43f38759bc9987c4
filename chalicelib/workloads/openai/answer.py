"""A model's answer, chunk by chunk: what its watchers see, what it used, and how it ended. No I/O."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads import Chunk, Outcome, Piece, Progress

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.completion_usage import CompletionUsage

THOUGHT_STEP: Final = 200  # characters of reasoning between two words about it
# Not in OpenAI's protocol: what llama.cpp, vLLM and DeepSeek call a piece of reasoning, and what Ollama and others do.
REASONING: Final = ("reasoning_content", "reasoning")


class Answer:
    """One answer of the model. Reasoning is counted, and its text goes nowhere."""

    def __init__(self, request: InferenceRequest) -> None:
        self.id = ""  # the server's name for it
        self._request = request
        self._thought = 0  # characters
        self._told = 0  # of them, when that was said last
        self._has_begun = False  # to put out text
        self._end: str | None = None
        self._counts: dict[str, Json] = {}

    def usage(self, *, seconds: float) -> dict[str, Json]:
        """What it used, as far as the server has said.

        Args:
            seconds: Since the call.
        """
        thought: dict[str, Json] = {"reasoningCharacters": self._thought} if self._thought else {}
        return {**self._counts, **thought, "modelMilliseconds": round(seconds * 1000)}

    def receive(self, chunk: "ChatCompletionChunk") -> Iterator[Piece]:
        """What a chunk adds. The last one has the usage and no choice, or does not come at all."""
        if chunk.id and not self.id:
            self.id = chunk.id
            self._counts["modelRequestId"] = chunk.id
        if chunk.usage is not None:
            self._take(chunk.usage)
        for choice in chunk.choices or ():  # the library does not check what it reads
            yield from self._think(_reasoning(choice.delta))
            if choice.delta and choice.delta.content:
                yield from self._say(choice.delta.content)
            if choice.finish_reason:
                self._end = choice.finish_reason
                self._counts["stopReason"] = choice.finish_reason

    def outcome(self, *, seconds: float) -> Outcome:
        """How it ended, once there are no more chunks.

        Raises:
            BudgetExceeded: At the job's `maxTokens`.
            WorkloadFailed: At another limit, or by the server's filter; or the end is missing.
        """
        model, most = self._request.model, self._request.max_tokens
        match self._end:
            case "stop":
                return Outcome(None, self.usage(seconds=seconds))
            case "length" if most is not None and self._used_up(most):
                raise BudgetExceeded.at_tokens(most)
            case "length":
                raise WorkloadFailed(
                    f"{model} stopped where its server allows no more tokens in one conversation or answer; the output "
                    "up to there is kept; send a shorter text, or have the server use a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case "content_filter":
                raise WorkloadFailed(
                    f"the content filter of the server of {model} stopped the answer; the output up to there is kept; "
                    "ask in other words",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case None:
                raise WorkloadFailed(
                    f"the answer of {model} ended without a reason for its end, so it may not be whole; start it again",
                    ErrorType.MODEL_FAILED,
                )
            case other:
                raise WorkloadFailed(
                    f"{model} ended its answer with {other[:80]!r}, and a job expects text to its end; ask for text",
                    ErrorType.MODEL_FAILED,
                )

    def _say(self, text: str) -> Iterator[Piece]:
        if self._thought and not self._has_begun:
            yield Progress(message="answering")
        self._has_begun = True
        yield Chunk(text, tokens=1)  # at least: a chunk has a token or more

    def _think(self, text: str) -> Iterator[Piece]:
        self._thought += len(text)
        if text and (not self._told or self._thought - self._told >= THOUGHT_STEP):
            self._told = self._thought
            yield Progress(message=f"thinking, {self._thought} characters so far")

    def _used_up(self, most: int) -> bool:
        """Whether the job's own limit is what ended it. A server that counts nothing is taken at its word."""
        used = self._counts.get("outputTokens")
        return not isinstance(used, int) or used >= most

    def _take(self, usage: "CompletionUsage") -> None:
        read, written = usage.prompt_tokens_details, usage.completion_tokens_details
        cached = (read.cached_tokens if read else 0) or 0
        self._counts |= {
            "inputTokens": max(0, (usage.prompt_tokens or 0) - cached),
            "cachedInputTokens": cached,
            "outputTokens": usage.completion_tokens or 0,
        }
        if written and written.reasoning_tokens:
            self._counts["reasoningTokens"] = written.reasoning_tokens


def _reasoning(delta: Any) -> str:
    """The piece of reasoning, if there is one."""
    pieces = (getattr(delta, name, None) for name in REASONING)
    return next((piece for piece in pieces if isinstance(piece, str)), "")
