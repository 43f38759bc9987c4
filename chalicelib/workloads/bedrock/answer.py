"""A model's answer, event by event: the pieces it yields, its usage, and how it ended. No I/O."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.bedrock.events import Event, MalformedEvent
from chalicelib.workloads.contract import Chunk, Outcome, Piece, Progress, Usage
from chalicelib.workloads.counting import count_in
from chalicelib.workloads.surrogates import Joiner, joined

MAX_REASON: Final = 80  # characters of a stop reason
REASONING_STEP: Final = 200  # characters of reasoning between two progress messages

# Source: Amazon Bedrock API Reference, GuardrailAssessment.
POLICIES: Final = {
    "topicPolicy": "denied topics",
    "contentPolicy": "content filters",
    "wordPolicy": "word filters",
    "sensitiveInformationPolicy": "sensitive information",
    "contextualGroundingPolicy": "contextual grounding",
    "automatedReasoningPolicy": "automated reasoning",
}


class ConverseAnswer:
    """One answer of ConverseStream. Reasoning is counted; its text is dropped."""

    def __init__(self, request: InferenceRequest, *, request_id: str) -> None:
        self.request_id = request_id
        self._request = request
        self._text = Joiner()
        self._length = 0  # characters of output
        self._has_words = False  # in the output, beside blanks
        self._reasoning = 0  # characters
        self._reported = 0  # characters of reasoning in the last progress message
        self._stop_reason: str | None = None
        self._assessments: list[Any] = []
        self._counts: dict[str, Json] = {"modelRequestId": request_id} if request_id else {}

    @property
    def usage(self) -> dict[str, Json]:
        """What the answer has used, as far as the model has reported it."""
        reasoning: dict[str, Json] = {"reasoningCharacters": self._reasoning} if self._reasoning else {}
        return {**self._counts, **reasoning}

    def receive(self, event: Event) -> Iterator[Piece]:
        """The pieces that an event adds. Unknown kinds of events add nothing.

        Raises:
            MalformedEvent: It lacks what an event of its kind has.
        """
        match event.kind:
            case "contentBlockDelta":
                yield from self._add(_only_member(event.content.get("delta")))
            case "messageStop":
                reason = event.content.get("stopReason")
                if not isinstance(reason, str):
                    raise MalformedEvent
                self._stop_reason = joined(reason[:MAX_REASON])
                self._counts["stopReason"] = self._stop_reason
                yield Usage(self.usage)
            case "metadata":
                self._count(event.content)
                yield Usage(self.usage)

    def end(self) -> Iterator[Piece]:
        """The pieces that are left when the answer has ended."""
        yield from self._add_text(self._text.end())

    def outcome(self) -> Outcome:
        """The outcome after the last event.

        Raises:
            BudgetExceeded: The model stopped at the job's `maxTokens`, or at its own limit for one answer.
            WorkloadFailed: A guardrail or content filter stopped the answer, the context was full, or the answer was
                cut off or has no text but reasoning.
        """
        model = self._request.model
        match self._stop_reason and self._stop_reason.lower():
            case "end_turn" | "stop_sequence":
                pass
            case "max_tokens":
                raise self._limit_reached()
            case "guardrail_intervened" if self._only_masks():
                pass
            case "guardrail_intervened":
                raise WorkloadFailed(
                    f"a guardrail stopped {model}{self._request_text()}{self._by_policies()}; its own message is "
                    "in the output; rephrase the prompt, or ask the stage's operator about the guardrail",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "content_filtered":
                raise WorkloadFailed(
                    f"the content filter of {model} stopped its answer{self._request_text()}; rephrase "
                    "the prompt, or use another model",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "model_context_window_exceeded":
                raise WorkloadFailed(
                    f"prompt and answer filled the context of {model}{self._request_text()}; the output so far "
                    "is kept; send a shorter text, or use a model with a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case None:
                raise WorkloadFailed(
                    f"the answer of {model} was cut off after {self._length} characters{self._request_text()}; "
                    "start the job again",
                    ErrorType.MODEL_FAILED,
                )
            case _:
                raise WorkloadFailed(
                    f"{model} stopped with {self._stop_reason}{self._request_text()}, which does not end an answer; "
                    "start the job again, or use another model",
                    ErrorType.MODEL_FAILED,
                )
        if self._reasoning and not self._has_words:
            raise WorkloadFailed(
                f"{model} ended its answer after the reasoning, without any text{self._request_text()}; start the job "
                "again, or ask for a direct answer",
                ErrorType.MODEL_FAILED,
            )
        return Outcome(None, self.usage)

    def _request_text(self) -> str:
        return f" (request {self.request_id})" if self.request_id else ""

    def _add(self, member: tuple[str, Json]) -> Iterator[Piece]:
        match member:
            case "text", str(text):
                yield from self._add_text(self._text.add(text))
            case "reasoningContent", {"text": str(text)}:
                yield from self._add_reasoning(text)
            case "reasoningContent", dict():  # a signature, or content that only the model can read
                yield from self._add_reasoning("")
            case (("text" | "reasoningContent"), _):
                raise MalformedEvent

    def _add_text(self, text: str) -> Iterator[Piece]:
        if not text:
            return
        if self._reasoning and not self._length:
            yield Progress(message="answering")
        self._length += len(text)
        self._has_words = self._has_words or not text.isspace()
        yield Chunk(text)

    def _add_reasoning(self, text: str) -> Iterator[Piece]:
        self._reasoning += len(text)
        if not self._reported or self._reasoning - self._reported >= REASONING_STEP:
            self._reported = max(1, self._reasoning)
            yield Progress(message=f"thinking, {self._reasoning} characters so far")

    def _count(self, metadata: Mapping[str, Json]) -> None:
        """Count the tokens. Tokens written to a cache are counted as input, because they cost at least as much.

        Proxies and emulators leave members out: what is missing stays unknown.

        Source: Amazon Bedrock API Reference, TokenUsage: `inputTokens` excludes tokens read from or written to a cache.
        """
        usage = metadata.get("usage")
        read, written = count_in(usage, "inputTokens"), count_in(usage, "cacheWriteInputTokens") or 0
        counts = {
            "inputTokens": read if read is None else read + written,
            "outputTokens": count_in(usage, "outputTokens"),
            "modelMilliseconds": count_in(metadata.get("metrics"), "latencyMs"),
            "cachedInputTokens": count_in(usage, "cacheReadInputTokens") or None,
            "cacheWriteInputTokens": written or None,
        }
        self._counts |= {name: count for name, count in counts.items() if count is not None}
        guardrail = _object(_object(metadata.get("trace")).get("guardrail"))
        self._assessments += _object(guardrail.get("inputAssessment")).values()
        for assessments in _object(guardrail.get("outputAssessments")).values():
            self._assessments += assessments if isinstance(assessments, list) else ()

    def _limit_reached(self) -> BudgetExceeded:
        if self._request.max_tokens is not None:
            return BudgetExceeded.at_tokens(self._request.max_tokens)
        request = f", request {self.request_id}" if self.request_id else ""
        return BudgetExceeded(
            f"model's own limit for one answer ({self._request.model}{request})",
            "ask for a shorter answer, or for one part of it at a time",
        )

    def _only_masks(self) -> bool:
        actions = {action for assessment in self._assessments for action in _actions(assessment)}
        return "ANONYMIZED" in actions and "BLOCKED" not in actions

    def _by_policies(self) -> str:
        names = {
            name
            for assessment in self._assessments
            for policy, name in POLICIES.items()
            if "BLOCKED" in _actions(_object(assessment).get(policy))
        }
        return f" by its {' and '.join(sorted(names))}" if names else ""


def _only_member(delta: Json) -> tuple[str, Json]:
    """Name and value of the one member that a delta has.

    Raises:
        MalformedEvent: It has none or several.
    """
    members = [(name, value) for name, value in _object(delta).items() if value is not None]
    if len(members) != 1:
        raise MalformedEvent
    return members[0]


def _object(value: Json) -> Mapping[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _actions(assessment: Any) -> set[str]:
    """The actions anywhere in an assessment: BLOCKED, ANONYMIZED or NONE."""
    if isinstance(assessment, Mapping):
        own = {assessment["action"]} if isinstance(assessment.get("action"), str) else set()
        return own.union(*(_actions(value) for value in assessment.values()))
    if isinstance(assessment, list):
        return set[str]().union(*(_actions(value) for value in assessment))
    return set()
