"""A model's answer, event by event: the pieces it yields, its usage, and how it ended. No I/O."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.contract import Chunk, Outcome, Piece, Progress, Usage

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.type_defs import (
        ContentBlockDeltaTypeDef,
        ConverseStreamMetadataEventTypeDef,
        ConverseStreamOutputTypeDef,
    )

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
        self._length = 0  # characters of output
        self._reasoning = 0  # characters
        self._reported = 0  # characters of reasoning in the last progress message
        self._stop_reason: str | None = None
        self._assessments: list[Any] = []
        self._counts: dict[str, Json] = {"modelRequestId": request_id}

    @property
    def usage(self) -> dict[str, Json]:
        """What the answer has used, as far as the model has reported it."""
        reasoning: dict[str, Json] = {"reasoningCharacters": self._reasoning} if self._reasoning else {}
        return {**self._counts, **reasoning}

    def receive(self, event: "ConverseStreamOutputTypeDef") -> Iterator[Piece]:
        """The pieces that an event adds. Unknown kinds of events add nothing."""
        if "contentBlockDelta" in event:
            yield from self._add(event["contentBlockDelta"]["delta"])
        elif "messageStop" in event:
            self._stop_reason = event["messageStop"]["stopReason"]
            self._counts["stopReason"] = self._stop_reason
            yield Usage(self.usage)
        elif "metadata" in event:
            self._count(event["metadata"])
            yield Usage(self.usage)

    def outcome(self) -> Outcome:
        """The outcome after the last event.

        Raises:
            BudgetExceeded: The model stopped at the job's `maxTokens`, or at its own limit for one answer.
            WorkloadFailed: A guardrail or content filter stopped the answer, the context was full, or the answer was
                cut off.
        """
        model = self._request.model
        match self._stop_reason:
            case "end_turn" | "stop_sequence":
                pass
            case "max_tokens":
                raise self._limit_reached()
            case "guardrail_intervened" if self._only_masks():
                pass
            case "guardrail_intervened":
                raise WorkloadFailed(
                    f"a guardrail stopped {model} (request {self.request_id}){self._by_policies()}; its own message is "
                    "in the output; rephrase the prompt, or ask the stage's operator about the guardrail",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "content_filtered":
                raise WorkloadFailed(
                    f"the content filter of {model} stopped its answer (request {self.request_id}); rephrase "
                    "the prompt, or use another model",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "model_context_window_exceeded":
                raise WorkloadFailed(
                    f"prompt and answer filled the context of {model} (request {self.request_id}); the output so far "
                    "is kept; send a shorter text, or use a model with a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case None:
                raise WorkloadFailed(
                    f"the answer of {model} was cut off after {self._length} characters (request {self.request_id}); "
                    "start the job again",
                    ErrorType.MODEL_FAILED,
                )
            case reason:
                raise WorkloadFailed(
                    f"{model} stopped with {reason} (request {self.request_id}), which does not end an answer; start "
                    "the job again, or use another model",
                    ErrorType.MODEL_FAILED,
                )
        return Outcome(None, self.usage)

    def _add(self, delta: "ContentBlockDeltaTypeDef") -> Iterator[Piece]:
        if text := delta.get("text"):
            if self._reasoning and not self._length:
                yield Progress(message="answering")
            self._length += len(text)
            yield Chunk(text)
        elif "reasoningContent" in delta:
            self._reasoning += len(delta["reasoningContent"].get("text", ""))
            if not self._reported or self._reasoning - self._reported >= REASONING_STEP:
                self._reported = max(1, self._reasoning)
                yield Progress(message=f"thinking, {self._reasoning} characters so far")

    def _count(self, metadata: "ConverseStreamMetadataEventTypeDef") -> None:
        """Count the tokens. Tokens written to a cache are counted as input, because they cost at least as much.

        Source: Amazon Bedrock API Reference, TokenUsage: `inputTokens` excludes tokens read from or written to a cache.
        """
        usage = metadata["usage"]
        written = usage.get("cacheWriteInputTokens", 0)
        cached = {"cachedInputTokens": usage.get("cacheReadInputTokens", 0), "cacheWriteInputTokens": written}
        self._counts |= {
            "inputTokens": usage["inputTokens"] + written,
            "outputTokens": usage["outputTokens"],
            "modelMilliseconds": metadata["metrics"]["latencyMs"],
            **{name: tokens for name, tokens in cached.items() if tokens},
        }
        guardrail = metadata.get("trace", {}).get("guardrail", {})
        self._assessments += [*guardrail.get("inputAssessment", {}).values()]
        for assessments in guardrail.get("outputAssessments", {}).values():
            self._assessments += assessments

    def _limit_reached(self) -> BudgetExceeded:
        if self._request.max_tokens is not None:
            return BudgetExceeded.at_tokens(self._request.max_tokens)
        return BudgetExceeded(
            f"model's own limit for one answer ({self._request.model}, request {self.request_id})",
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
            if "BLOCKED" in _actions(assessment.get(policy, {}))
        }
        return f" by its {' and '.join(sorted(names))}" if names else ""


def _actions(assessment: Any) -> set[str]:
    """The actions anywhere in an assessment: BLOCKED, ANONYMIZED or NONE."""
    if isinstance(assessment, Mapping):
        own = {assessment["action"]} if isinstance(assessment.get("action"), str) else set()
        return own.union(*(_actions(value) for value in assessment.values()))
    if isinstance(assessment, list):
        return set[str]().union(*(_actions(value) for value in assessment))
    return set()
