"""Text at a chosen pace, and failures on demand: a stand-in for a model, for development and tests.

The text is a function of model and prompt alone; `max_tokens` says how many words of it, `process_time` how long they
take. A word is a token here. What else happens is the model's name: see `Scene`.
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
MOST_WORDS: Final = 1_000_000  # about 6 MB; all of it is kept until the end, as the result
DEFAULT_SECONDS: Final = 5.0
BREATH: Final = 1.0  # seconds that a story pauses without a checkpoint, at most
PIECES_PER_SECOND: Final = 50  # at most; a faster text comes in longer pieces
WORDS_PER_PIECE: Final = 256  # at most, about 2 KB

# Every so often a word from outside ASCII: two, three and four bytes of UTF-8, a combining accent, right to left.
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
    """What happens; the part of the model's name after `simulated.`."""

    STORY = "story"  # all words, evenly over the time, which may be that of several invocations
    ERROR = "error"  # half of the words in half of the time, then a failure
    CRASH = "crash"  # half of the words in half of the time, then the process dies, at every attempt
    CRASH_ONCE = "crash-once"  # the same at the first attempt; a story at later ones
    SILENCE = "silence"  # half of the words at once, nothing for all of the time in one blocking call, then the rest
    SLOW_START = "slow-start"  # nothing for all of the time in one blocking call, then all words
    DEAF = "deaf"  # as `silence`, but nothing interrupts the call; only the end of the process does


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Piece, None, Outcome]:
    """Tell the request's text the way its scene says.

    Raises:
        OutOfTime: The deadline came before the last word.
        WorkloadFailed: As asked, by `simulated.error`.
    """
    return simulate(request, context, sleep=time.sleep, sleep_deaf=sleep_through_signals, die=kill_this_process)


def sleep_through_signals(seconds: float) -> None:
    """Sleep in a call that no signal interrupts, as code outside Python may hang."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        time.sleep(seconds)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


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
    """`run`, with what it does to the world as arguments; the time is told by the deadline's clock."""
    scene = Scene(request.model.removeprefix("simulated."))
    total = DEFAULT_WORDS if request.max_tokens is None else request.max_tokens
    seconds = DEFAULT_SECONDS if request.process_time is None else request.process_time
    if total > MOST_WORDS:
        raise WorkloadFailed(f"simulated models tell at most {MOST_WORDS} words, not {total}; ask for fewer maxTokens")
    teller = _Teller(text(request.model, request.text), total, context, sleep)
    half = total // 2
    counts: dict[str, Json] = {"inputWords": len(request.text.split()), "outputWords": total}

    match scene:
        case Scene.STORY:
            yield from teller.tell_on(context.checkpoint, seconds)
            return Outcome(None, counts)
        case Scene.ERROR:
            yield from teller.tell(half, seconds / 2)
            raise WorkloadFailed(f"{request.model} failed after {half} of {total} words, as it was asked to")
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
    """Words without end, each with the white space before it; the same ones for the same model and prompt.

    Only `Random.random` is used, and a digest as the seed: Python keeps that sequence from version to version, which
    it does not promise for `choice` or `shuffle`, nor for `hash`.
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
    """Says words when they are due, and what was said so far."""

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
        """The next `words`, evenly over the time."""
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
        """All words that were not said before the checkpoint; with a new one after each piece and after each breath."""
        self._said, elapsed = _resumed(state)
        deque(islice(self._words, self._said), maxlen=0)
        begin = self._context.clock() - elapsed
        size = _piece(self._total, seconds)
        while self._said < self._total:
            some = min(size, self._total - self._said)
            due = begin + seconds * (self._said + some) / self._total
            while due - self._context.clock() > BREATH:
                self._wait(BREATH)
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
        """Do nothing, in one call that does not look at the deadline; only afterwards is it seen."""
        sleep(seconds)
        self._wait(0.0)

    def _wait(self, seconds: float) -> None:
        wait = min(seconds, self._context.seconds_left())
        if wait > 0:
            self._sleep(wait)
        if self._context.seconds_left() == 0:
            raise OutOfTime(self._given)


def _piece(words: int, seconds: float) -> int:
    """Words that are said at once, where so many take so long."""
    pieces = max(1, int(seconds * PIECES_PER_SECOND))
    return min(WORDS_PER_PIECE, -(-words // pieces))


def _resumed(state: Json) -> tuple[int, float]:
    """Words and seconds that a story has behind it."""
    match state:
        case {"words": int(words), "seconds": int() | float() as seconds}:
            return words, float(seconds)
    return 0, 0.0
