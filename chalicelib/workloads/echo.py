"""Repeats the prompt in pieces of unusual sizes, so that lost, split or changed output shows at once."""

import time
from collections.abc import Callable, Generator, Iterator
from hashlib import sha256
from itertools import pairwise
from random import Random
from typing import Final

from chalicelib.jobs.errors import OutOfTime
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.contract import Chunk, Outcome, Progress, WorkloadContext

# Characters: single ones, primes, and the neighbours of powers of two, where buffers and limits tend to end.
SIZES: Final = (1, 1, 2, 3, 7, 61, 63, 64, 65, 255, 256, 257, 1021, 4093, 4097, 16_381, 32_769, 65_535, 65_536, 65_537)


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Chunk | Progress, None, Outcome]:
    """Repeat the prompt evenly over `process_time`, by default at once. The result is the prompt, byte for byte.

    Raises:
        OutOfTime: The deadline passed before the last piece.
    """
    return echo(request, context, sleep=time.sleep)


def echo(
    request: InferenceRequest, context: WorkloadContext, *, sleep: Callable[[float], None]
) -> Generator[Chunk | Progress, None, Outcome]:
    """As `run`, with the waiting as an argument; the time is that of the context's clock."""
    given, begin = context.seconds_left(), context.clock()
    prompt, seconds = request.prompt, request.process_time or 0.0
    for start, end in pairwise(cuts(prompt)):
        due = begin + seconds * end / len(prompt)
        wait = min(due - context.clock(), context.seconds_left())
        if wait > 0:
            sleep(wait)
        if context.seconds_left() == 0:
            raise OutOfTime(given)
        yield Chunk(prompt[start:end])
        yield Progress(end / len(prompt), f"{end} of {len(prompt)} characters")
    return Outcome(prompt, {"inputCharacters": len(prompt), "outputCharacters": len(prompt)})


def cuts(text: str) -> Iterator[int]:
    """The positions at which pieces begin and end, from 0 to the text's length; the same for the same text."""
    random = Random(int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest()))  # noqa: S311  # no secret
    end = 0
    while end < len(text):
        yield end
        end += SIZES[int(random.random() * len(SIZES))]
    yield len(text)
