"""Simulates a model for development and tests: text at a chosen pace, and failures on demand.

The text depends on model and prompt only. `max_tokens` sets its number of words, and `process_time` how long they take.
A word counts as a token. The model's name selects what happens: see `Scene`.
"""

import hashlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from enum import StrEnum
from itertools import count, islice
from random import Random
from typing import Final, assert_never

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.contract import Checkpoint, Chunk, Outcome, Piece, Progress, WorkloadContext

DEFAULT_WORDS: Final = 200
MOST_WORDS: Final = 1_000_000  # about 6 MB; the result is kept in memory until the end
DEFAULT_SECONDS: Final = 5.0
CHECKPOINT_INTERVAL: Final = 1.0  # the longest pause of a story without a checkpoint, in seconds
PIECES_PER_SECOND: Final = 50  # at most; a faster text has longer pieces
WORDS_PER_PIECE: Final = 256  # at most, about 2 KB

# Words outside ASCII: two, three and four bytes of UTF-8, a combining accent, right-to-left script.
FOREIGN_EVERY: Final = 4  # sentences
FOREIGN: Final = (
    "Ærø",
    "Kraków",
    "Cafe\u0301",
    "Ἰθάκη",
    "Одесса",
    "חיפה",
    "海の便り",
    "灯台守",
    "부산항",
    "⛵",
    "🐋🌊",
    "𝄞",
)

PLACES: Final = ("harbour", "lighthouse", "ferry", "archive", "island", "signal", "letter", "tide", "lantern", "quay")
PEOPLE: Final = ("keeper", "pilot", "clerk", "sailor", "cook", "postmaster", "diver", "ferryman", "painter", "child")
MOODS: Final = ("quiet", "late", "patient", "salt-white", "stubborn", "second", "northern", "careful", "faded", "old")
DEEDS: Final = (
    "followed",
    "counted",
    "forgot",
    "mended",
    "remembered",
    "crossed",
    "copied",
    "carried",
    "watched",
    "lost",
)
TIMES: Final = (
    "before dawn",
    "at noon",
    "in the fog",
    "without a word",
    "twice a day",
    "after the storm",
    "every winter",
)
SENTENCES_PER_PARAGRAPH: Final = 6  # on average
SLOTS: Final = {"{mood}": MOODS, "{person}": PEOPLE, "{deed}": DEEDS, "{place}": PLACES, "{time}": TIMES}
SHAPES: Final = (
    "The {mood} {person} {deed} the {place} {time}.",
    "{time}, a {person} {deed} the {mood} {place}.",
    "Nobody {deed} the {place}, and the {person} {deed} another {place} {time}.",
    "The {place} {deed} what the {mood} {person} {deed}.",
    "Was it the {person} who {deed} the {mood} {place} {time}?",
)


class Scene(StrEnum):
    """What a simulated model does; the part of its name after `simulated.`."""

    STORY = "story"  # all words, evenly over the time, which may span several invocations
    ERROR = "error"  # half of the words in half of the time, then a failure
    CRASH = "crash"  # half of the words in half of the time, then the process dies, in every attempt
    CRASH_ONCE = "crash-once"  # the same in the first attempt; all words in later ones
    SILENCE = "silence"  # half of the words at once, nothing for all of the time in one blocking call, then the rest
    SLOW_START = "slow-start"  # nothing for all of the time in one blocking call, then all words
    DEAF = "deaf"  # as `silence`, but only the end of the process interrupts the call


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Piece, None, Outcome]:
    """Do what the model's name says.

    Raises:
        OutOfTime: The deadline passed before the last word.
        WorkloadFailed: The model is `simulated.error`, or `max_tokens` is too large.
    """
    return simulate(request, context, sleep=time.sleep, sleep_deaf=sleep_through_signals, die=kill_this_process)


def sleep_through_signals(seconds: float) -> None:
    """Sleep in a call that no signal interrupts, like a hanging call outside Python."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        time.sleep(seconds)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def kill_this_process() -> None:
    """End the process as the kernel does when memory runs out: no clean-up, no exit handlers."""
    os.kill(os.getpid(), signal.SIGKILL)


def simulate(
    request: InferenceRequest,
    context: WorkloadContext,
    *,
    sleep: Callable[[float], None],
    sleep_deaf: Callable[[float], None],
    die: Callable[[], None],
) -> Generator[Piece, None, Outcome]:
    """As `run`, with waiting and dying as arguments; the time is that of the context's clock."""
    scene = Scene(request.model.removeprefix("simulated."))
    total = DEFAULT_WORDS if request.max_tokens is None else request.max_tokens
    seconds = DEFAULT_SECONDS if request.process_time is None else request.process_time
    if total > MOST_WORDS:
        raise WorkloadFailed(f"simulated models generate at most {MOST_WORDS} words, not {total}; lower maxTokens")
    teller = _Teller(text(request.model, request.text), total, context, sleep)
    half = total // 2
    counts: dict[str, Json] = {"inputWords": len(request.text.split()), "outputWords": total}

    match scene:
        case Scene.STORY:
            yield from teller.tell_on(context.checkpoint, seconds)
            return Outcome(None, counts)
        case Scene.ERROR:
            yield from teller.tell(half, seconds / 2)
            raise WorkloadFailed(f"{request.model} failed after {half} of {total} words, as requested")
        case Scene.CRASH:
            yield from teller.tell(half, seconds / 2)
            die()
        case Scene.CRASH_ONCE:
            yield from teller.tell(half, seconds / 2)
            if context.attempt == 1:
                die()
            yield from teller.tell(total - half, seconds / 2)
        case Scene.SILENCE | Scene.DEAF:
            yield from teller.tell(half, 0.0)
            teller.block(seconds, sleep if scene is Scene.SILENCE else sleep_deaf)
            yield from teller.tell(total - half, 0.0)
        case Scene.SLOW_START:
            teller.block(seconds, sleep)
            yield from teller.tell(total, 0.0)
        case _:
            assert_never(scene)
    return Outcome("".join(teller.told), counts)


def text(model: str, prompt: str) -> Iterator[str]:
    """Endless words, each with the white space before it; the same for the same model and prompt.

    It uses only `Random.random`, seeded with a digest: that sequence is the same in every version of Python, unlike
    those of `choice` and `shuffle`, and `hash`.
    """
    name = f"{model}\0{prompt}".encode(errors="surrogatepass")
    random = Random(int.from_bytes(hashlib.sha256(name).digest()))  # noqa: S311  # a story, no secret

    def pick(words: tuple[str, ...]) -> str:
        return words[int(random.random() * len(words))]

    space = ""
    for number in count(1):
        sentence = pick(SHAPES)
        for slot, words in SLOTS.items():
            while slot in sentence:
                sentence = sentence.replace(slot, pick(words), 1)
        if number % FOREIGN_EVERY == 0:
            sentence = f"“{pick(FOREIGN)}”: {sentence}"
        for word in (sentence[0].upper() + sentence[1:]).split(" "):
            yield space + word
            space = " "
        if random.random() < 1 / SENTENCES_PER_PARAGRAPH:
            space = "\n\n"


class _Teller:
    """Yields words when they are due, and keeps those that were yielded."""

    def __init__(
        self, words: Iterator[str], total: int, context: WorkloadContext, sleep: Callable[[float], None]
    ) -> None:
        self.told: list[str] = []
        self._words = words
        self._total = total
        self._said = 0
        self._context = context
        self._given = context.seconds_left()
        self._sleep = sleep

    def tell(self, words: int, seconds: float) -> Generator[Chunk | Progress, None, None]:
        """Yield the next `words`, evenly over the time."""
        begin = self._context.clock()
        size = _piece(words, seconds)
        done = 0
        while done < words:
            some = min(size, words - done)
            done += some
            self._wait(begin + seconds * done / words - self._context.clock())
            piece = "".join(islice(self._words, some))
            self.told.append(piece)
            self._said += some
            yield Chunk(piece, tokens=some)
            yield self._progress()

    def tell_on(self, state: Json, seconds: float) -> Generator[Piece, None, None]:
        """Yield all words after the checkpoint, with a new checkpoint after each piece and each long pause."""
        self._said, elapsed = _resumed(state)
        deque(islice(self._words, self._said), maxlen=0)
        begin = self._context.clock() - elapsed
        size = _piece(self._total, seconds)
        while self._said < self._total:
            some = min(size, self._total - self._said)
            due = begin + seconds * (self._said + some) / self._total
            while due - self._context.clock() > CHECKPOINT_INTERVAL:
                self._wait(CHECKPOINT_INTERVAL)
                yield self._checkpoint(begin)
            self._wait(due - self._context.clock())
            self._said += some
            yield Chunk("".join(islice(self._words, some)), tokens=some)
            yield self._progress()
            yield self._checkpoint(begin)

    def _progress(self) -> Progress:
        return Progress(self._said / self._total, f"{self._said} of {self._total} words")

    def _checkpoint(self, begin: float) -> Checkpoint:
        return Checkpoint({"words": self._said, "seconds": self._context.clock() - begin})

    def block(self, seconds: float, sleep: Callable[[float], None]) -> None:
        """Wait in one call that ignores the deadline, then check the deadline."""
        sleep(seconds)
        self._wait(0.0)

    def _wait(self, seconds: float) -> None:
        wait = min(seconds, self._context.seconds_left())
        if wait > 0:
            self._sleep(wait)
        if self._context.seconds_left() == 0:
            raise OutOfTime(self._given)


def _piece(words: int, seconds: float) -> int:
    """The number of words in a piece, given the number of all words and the time for them."""
    pieces = max(1, int(seconds * PIECES_PER_SECOND))
    return min(WORDS_PER_PIECE, -(-words // pieces))


def _resumed(state: Json) -> tuple[int, float]:
    """The words and seconds of a story before its checkpoint."""
    match state:
        case {"words": int(words), "seconds": int() | float() as seconds}:
            return words, float(seconds)
    return 0, 0.0
