"""A model's answer, chunk by chunk: the pieces it yields, its usage, and how it ended. No I/O.

A chunk may be any JSON that a server sends. Values without text or known meaning are ignored.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.contract import Chunk, Outcome, Piece, Progress
from chalicelib.workloads.openai.counts import counts_of
from chalicelib.workloads.openai.ends import End, end_of, finish_reason
from chalicelib.workloads.openai.parts import parts_of
from chalicelib.workloads.surrogates import Joiner, joined

REASONING_STEP: Final = 200  # characters of reasoning between two progress messages
MAX_QUOTED: Final = 400  # characters of the server's own words
MAX_ID: Final = 80  # characters


class ChatAnswer:
    """One chat completion. Reasoning is counted; its text is dropped."""

    def __init__(self, request: InferenceRequest) -> None:
        self.id = ""  # given by the server
        self.has_begun = False  # a chunk with a choice has arrived
        self._request = request
        self._index: int | None = None  # of the choice that is read
        self._text = Joiner()
        self._said: list[str] = []  # the text so far
        self._reasoning = 0  # characters
        self._reported = 0  # characters of reasoning in the last progress message
        self._refusal = ""
        self._stray = ""  # words outside the protocol
        self._finish_reason: str | None = None
        self._counts: dict[str, Json] = {}

    def usage(self, *, seconds: float) -> dict[str, Json]:
        """What the answer has used, as far as the server has reported it.

        Args:
            seconds: Time since the call.
        """
        reasoning: dict[str, Json] = {"reasoningCharacters": self._reasoning} if self._reasoning else {}
        return {**self._counts, **reasoning, "modelMilliseconds": round(seconds * 1000)}

    def receive(self, chunk: Json) -> Iterator[Piece]:
        """The pieces that a chunk adds. The last chunk has the usage and no choice; some servers do not send it.

        Raises:
            NotText: Its content is not text.
        """
        if isinstance(chunk, str) and " " in chunk:
            self._stray = joined(chunk[:MAX_QUOTED])
        for value in chunk if isinstance(chunk, list) else [chunk]:
            if isinstance(value, Mapping):
                yield from self._receive(value)

    def end(self) -> Iterator[Piece]:
        """The pieces that are left when the answer has ended."""
        yield from self._add_text(self._text.end())

    def outcome(self, *, seconds: float) -> Outcome:
        """The outcome after the last chunk.

        Raises:
            BudgetExceeded: The model stopped at the job's `maxTokens`.
            WorkloadFailed: The model stopped at another limit, refused, or gave only reasoning; the server's filter
                stopped it; or the answer is incomplete.
        """
        if self._refusal:
            raise self._failed(
                f"{self._request.model} refused: {self._refusal.strip().rstrip('.')}; rephrase the prompt",
                ErrorType.GUARDRAIL_INTERVENED,
            )
        if self._finish_reason is None:
            raise self._without_reason()
        self._check(self._finish_reason)
        if (self._reasoning or self._counts.get("reasoningTokens")) and not "".join(self._said).strip():
            raise self._failed(
                f"{self._request.model} ended its answer after the reasoning, without any text; start the job again, "
                "or ask for a direct answer",
                ErrorType.MODEL_FAILED,
            )
        return Outcome(None, self.usage(seconds=seconds))

    def _check(self, reason: str) -> None:
        """Raise unless the reason is that of a complete answer."""
        model, most = self._request.model, self._request.max_tokens
        match end_of(reason):
            case End.NORMAL:
                return
            case End.LENGTH if most is not None and self._has_used(most):
                raise BudgetExceeded.at_tokens(most)
            case End.LENGTH:
                raise self._failed(
                    f"{model} stopped at its server's limit of tokens for one conversation or answer; the output so "
                    "far is kept; send a shorter text, or give the server a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case End.FILTER:
                raise self._failed(
                    f"the content filter of the server of {model} stopped the answer ({reason[:MAX_ID]}); the output "
                    "so far is kept; rephrase the prompt",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case End.TOOLS:
                raise self._failed(
                    f"{model} ended its answer with {reason[:MAX_ID]!r}, but a job expects text only; ask for text",
                    ErrorType.MODEL_FAILED,
                )
            case End.BROKEN:
                raise self._failed(
                    f"{model} ended its answer with {reason[:MAX_ID]!r}, so it may be incomplete; start the job again",
                    ErrorType.MODEL_FAILED,
                )

    def _without_reason(self) -> WorkloadFailed:
        request = f" (request {self.id})" if self.id else ""
        words = f": {self._stray.strip().rstrip('.')}" if self._stray else ""
        return self._failed(
            f"the answer of {self._request.model}{request} ended without a finish reason, so it may be "
            f"incomplete{words}; start the job again",
            ErrorType.MODEL_FAILED,
        )

    def _failed(self, text: str, kind: ErrorType) -> WorkloadFailed:
        return WorkloadFailed(joined(text), kind)

    def _receive(self, chunk: Mapping[str, Json]) -> Iterator[Piece]:
        answer_id = chunk.get("id")
        if isinstance(answer_id, str) and answer_id and not self.id:
            self.id = joined(answer_id[:MAX_ID])
            self._counts["modelRequestId"] = self.id
        self._counts |= counts_of(chunk.get("usage"))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping) and self._is_ours(choice.get("index")):
                self.has_begun = True
                yield from self._receive_choice(choice)

    def _is_ours(self, index: Json) -> bool:
        """Whether a choice belongs to the answer: a second answer, which nobody asked for, is dropped."""
        if not isinstance(index, int) or isinstance(index, bool):
            return True
        self._index = index if self._index is None else self._index
        return index == self._index

    def _receive_choice(self, choice: Mapping[str, Json]) -> Iterator[Piece]:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, Mapping):  # if there is a message too, as of Perplexity, it repeats the text so far
            yield from self._add(delta, is_whole=False)
        elif isinstance(message, Mapping):
            yield from self._add(message, is_whole=True)
        else:
            yield from self._add({"content": _text(choice.get("text"), delta)}, is_whole=False)
        reason = finish_reason(choice.get("finish_reason"))
        if reason is not None:
            self._finish_reason = joined(reason[:MAX_ID])
            self._counts["stopReason"] = self._finish_reason

    def _add(self, message: Mapping[str, Json], *, is_whole: bool) -> Iterator[Piece]:
        parts = parts_of(message)
        self._refusal = (self._refusal + parts.refusal)[:MAX_QUOTED]
        yield from self._add_reasoning(parts.reasoning)
        so_far = "".join(self._said) if is_whole else ""
        yield from self._add_text(self._text.add(parts.text.removeprefix(so_far)))

    def _add_text(self, text: str) -> Iterator[Piece]:
        if not text:
            return
        if self._reasoning and not self._said:
            yield Progress(message="answering")
        self._said.append(text)
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


def _text(text: Json, delta: Json) -> str | None:
    """The content of a choice without an object: of a text completion, or a delta that is the text itself."""
    return text if isinstance(text, str) else delta if isinstance(delta, str) else None


def is_chunk(value: Json) -> bool:
    """Whether a value is part of an answer. False for a ping."""
    if isinstance(value, list):
        return any(is_chunk(it) for it in value if isinstance(it, Mapping))
    return isinstance(value, Mapping) and any(name in value for name in ("choices", "usage"))
