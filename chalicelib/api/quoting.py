"""What a job would cost, before it starts: the bill of a job that writes so many tokens at a steady pace. Pure.

The updates are not guessed: an `Outbox` with the stage's policy is driven through the job's time.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chalicelib.api.calls import QuoteInference
from chalicelib.billing.budget import BYTES_PER_TOKEN, Spending
from chalicelib.billing.cost import Invoice, invoice
from chalicelib.billing.metering import log_units, units
from chalicelib.billing.prices import PUSH_SIZE
from chalicelib.jobs.model import InferenceRequest
from chalicelib.jobs.usage import Counts
from chalicelib.publisher.coalescing import Outbox
from chalicelib.publisher.policies import ENVELOPE, FlushPolicy
from chalicelib.workloads import Chunk, Usage

USUAL_TOKENS: Final = 500  # of an answer that nobody limits
USUAL_SPEED: Final = 50.0  # tokens a second
MEGABYTES: Final = 512  # memory of a worker
INVOCATION: Final = 895.0  # seconds of work that one has
PIECES: Final = 10_000  # at most; a longer text comes in longer pieces
SUMMARY: Final = 700  # bytes of a projection, about
BILL: Final = 1_500  # bytes of a bill, about


@dataclass(frozen=True, slots=True)
class Work:
    """A job as it is expected to be."""

    model: str
    input_tokens: int
    output_tokens: int
    seconds: float


def quote(call: QuoteInference, policy: FlushPolicy) -> Invoice:
    """The bill to expect, and in its notes what was assumed."""
    tokens = USUAL_TOKENS if call.max_tokens is None else call.max_tokens
    seconds = tokens / USUAL_SPEED if call.process_time is None else call.process_time
    work = Work(call.model, -(-call.text_bytes // BYTES_PER_TOKEN), tokens, seconds)
    found = estimate(work, policy)
    assumed = (
        f"assumed are {work.input_tokens} input tokens, {tokens} output tokens, {seconds:.0f} seconds and one watcher"
    )
    return Invoice(found.items, (*found.notes, assumed))


def estimate(work: Work, policy: FlushPolicy) -> Invoice:
    """The bill of such work where output is gathered by the policy."""
    return invoice(_counts(work, policy), work.model, seconds=work.seconds)


def _counts(work: Work, policy: FlushPolicy) -> Counts:
    legs = max(1, -(-int(work.seconds) // int(INVOCATION)))
    output = work.output_tokens * BYTES_PER_TOKEN
    total = Counts(
        operations=1, invocations=legs, worker_time=round(work.seconds * 1000) * MEGABYTES,
        input_tokens=work.input_tokens, output_tokens=work.output_tokens,
    )  # fmt: skip
    total += log_units(SUMMARY + work.input_tokens * BYTES_PER_TOKEN, SUMMARY, is_first=True, is_last=False)
    for size in [*[0] * legs, *_deltas(work, policy)]:  # a claim has no output
        total += Counts(operations=1, pushes=units(ENVELOPE + size, PUSH_SIZE))
        total += log_units(SUMMARY + size, SUMMARY, is_first=False, is_last=False)
    last = BILL + output
    total += Counts(operations=1, pushes=units(ENVELOPE + last, PUSH_SIZE))
    return total + log_units(SUMMARY + last, SUMMARY + BILL, is_first=False, is_last=True)


def _deltas(work: Work, policy: FlushPolicy) -> Iterator[int]:
    """Bytes of the output in each update."""
    now = 0.0
    spending = Spending(InferenceRequest("", work.model), megabytes=MEGABYTES, clock=lambda: now)
    spending.add(Usage({"inputTokens": work.input_tokens}))
    outbox = Outbox(policy, spending)
    some = max(1, -(-work.output_tokens // PIECES))
    written = 0
    while written < work.output_tokens:
        tokens = min(some, work.output_tokens - written)
        end = work.seconds * (written + tokens) / work.output_tokens
        yield from _taken(outbox, spending, until=end)
        written += tokens
        piece = Chunk("x" * (tokens * BYTES_PER_TOKEN), tokens)
        spending.add(piece)
        outbox.add(piece)
        now = end
        yield from _taken(outbox, spending, until=end)
    outbox.drain()
    yield from _taken(outbox, spending, until=work.seconds)


def _taken(outbox: Outbox, spending: Spending, *, until: float) -> Iterator[int]:
    while (due := outbox.due()) <= until:
        change = outbox.take(now=until if due == -math.inf else due)
        size = len((change.delta if change else None) or "")
        spending.send()
        spending.hear(units(ENVELOPE + size, PUSH_SIZE))
        yield size
