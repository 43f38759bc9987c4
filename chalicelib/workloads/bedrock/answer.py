"""A model's answer, event by event: what its watchers see, what it used, and how it ended. No I/O."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib.jobs.errors import BudgetExceeded, ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads import Chunk, Outcome, Piece, Progress, Usage

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.type_defs import (
        ContentBlockDeltaTypeDef,
        ConverseStreamMetadataEventTypeDef,
        ConverseStreamOutputTypeDef,
    )

THOUGHT_STEP: Final = 200  # characters of reasoning between two words about it

# Source: Amazon Bedrock API Reference, GuardrailAssessment.
POLICIES: Final = {
    "topicPolicy": "denied topics",
    "contentPolicy": "content filters",
    "wordPolicy": "word filters",
    "sensitiveInformationPolicy": "sensitive information",
    "contextualGroundingPolicy": "contextual grounding",
    "automatedReasoningPolicy": "automated reasoning",
}


class Answer:
    """One answer of the model. Reasoning is counted, and its text goes nowhere."""

    def __init__(self, request: InferenceRequest, *, request_id: str) -> None:
        self.request_id = request_id
        self._request = request
        self._length = 0  # characters of output
        self._thought = 0  # characters
        self._told = 0  # of them, when that was said last
        self._stop_reason: str | None = None
        self._assessments: list[Any] = []
        self._counts: dict[str, Json] = {"modelRequestId": request_id}

    @property
    def usage(self) -> dict[str, Json]:
        """What it used, as far as the model has said."""
        thought: dict[str, Json] = {"reasoningCharacters": self._thought} if self._thought else {}
        return {**self._counts, **thought}

    def receive(self, event: "ConverseStreamOutputTypeDef") -> Iterator[Piece]:
        """What an event adds. Kinds of events that are not known add nothing."""
        if "contentBlockDelta" in event:
            yield from self._add(event["contentBlockDelta"]["delta"])
        elif "messageStop" in event:
            self._stop_reason = event["messageStop"]["stopReason"]
            self._counts["stopReason"] = self._stop_reason
            yield Usage(self.usage)
        elif "metadata" in event:
            self._take(event["metadata"])
            yield Usage(self.usage)

    def outcome(self) -> Outcome:
        """How it ended, once there are no more events.

        Raises:
            BudgetExceeded: At the job's `maxTokens`, or at the most that the model gives.
            WorkloadFailed: A guardrail stepped in, the context was full, or the end is missing.
        """
        model = self._request.model
        match self._stop_reason:
            case "end_turn" | "stop_sequence":
                pass
            case "max_tokens":
                raise self._at_most()
            case "guardrail_intervened" if self._only_masks():
                pass
            case "guardrail_intervened":
                raise WorkloadFailed(
                    f"a guardrail stopped {model} (request {self.request_id}){self._by_policies()}, and what it says "
                    "instead is in the output; ask in other words, or have whoever runs this stage look at the "
                    "guardrail",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "content_filtered":
                raise WorkloadFailed(
                    f"the content filter of {model} stopped its answer (request {self.request_id}); ask in other "
                    "words, or use another model",
                    ErrorType.GUARDRAIL_INTERVENED,
                )
            case "model_context_window_exceeded":
                raise WorkloadFailed(
                    f"prompt and answer filled all the context that {model} has (request {self.request_id}); the "
                    "output up to there is kept; send a shorter text, or use a model with a larger context",
                    ErrorType.CONTEXT_TOO_LONG,
                )
            case None:
                raise WorkloadFailed(
                    f"the answer of {model} broke off without an end (request {self.request_id}), after "
                    f"{self._length} characters; start the job again",
                    ErrorType.MODEL_FAILED,
                )
            case reason:
                raise WorkloadFailed(
                    f"{model} stopped for a reason that is no end of an answer, {reason} (request "
                    f"{self.request_id}); start the job again, or use another model",
                    ErrorType.MODEL_FAILED,
                )
        return Outcome(None, self.usage)

    def _add(self, delta: "ContentBlockDeltaTypeDef") -> Iterator[Piece]:
        if text := delta.get("text"):
            if self._thought and not self._length:
                yield Progress(message="answering")
            self._length += len(text)
            yield Chunk(text)
        elif "reasoningContent" in delta:
            self._thought += len(delta["reasoningContent"].get("text", ""))
            if not self._told or self._thought - self._told >= THOUGHT_STEP:
                self._told = max(1, self._thought)
                yield Progress(message=f"thinking, {self._thought} characters so far")

    def _take(self, metadata: "ConverseStreamMetadataEventTypeDef") -> None:
        """Source: Amazon Bedrock API Reference, TokenUsage: `inputTokens` has none that were read or written in caches.

        What is written to a cache is counted as input, since it is paid for as such, or dearer.
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

    def _at_most(self) -> BudgetExceeded:
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
    """What was done, wherever in an assessment it is said: BLOCKED, ANONYMIZED or NONE."""
    if isinstance(assessment, Mapping):
        own = {assessment["action"]} if isinstance(assessment.get("action"), str) else set()
        return own.union(*(_actions(value) for value in assessment.values()))
    if isinstance(assessment, list):
        return set[str]().union(*(_actions(value) for value in assessment))
    return set()
