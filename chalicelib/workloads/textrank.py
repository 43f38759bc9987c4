"""Extractive summaries of plain text, English or Japanese: selects the most central sentences.

Source: R. Mihalcea, P. Tarau, "TextRank: Bringing Order into Texts", EMNLP 2004. Sentences are vertices; an edge
weighs the terms that two of them share, divided by the sum of the logarithms of their lengths; PageRank with damping
0.85 runs until no score changes by more than 0.0001. Three things differ from the paper:

- Terms are those of `terms.py`. A length is the number of terms plus one, so that no logarithm is zero.
- A term links a sentence only to the next few sentences that contain it. Their number depends on the text, so that
  there are about `PAIRS` links: time and memory do not grow with the square of the text.
- The random surfer jumps more often to the beginning of the text and of its paragraphs, where writers name the subject.
  A sentence that refers to something outside it ("But this ...", a question, "as follows") gets half its score, and
  one that needs the sentence before it is chosen only together with it. A terse sentence gets half its score too, and
  the first sentence of the text twice its score.
"""

import math
from collections import defaultdict
from collections.abc import Generator, Sequence
from operator import mul
from typing import Final

from msgspec import Struct

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.connectives import is_statement, leans, needs_the_one_before
from chalicelib.workloads.contract import Chunk, Outcome, Progress, WorkloadContext
from chalicelib.workloads.instruction import Asked, read_request
from chalicelib.workloads.sentences import CJK_TEXT, Part, blocks, columns, is_whole, split
from chalicelib.workloads.terms import size, terms, unspaced_share

DAMPING: Final = 0.85
THRESHOLD: Final = 1e-4
MOST_PASSES: Final = 100
PAIRS: Final = 500_000
FEWEST_LINKS: Final = 4  # of a sentence for one term, however long the text is

OPENING: Final = (8.0, 3.0)  # weight of a jump to the text's first sentences
PARAGRAPH_OPENING: Final = 1.5
LEANING: Final = 0.5
LEAD: Final = 2.0  # of the text's first sentence
TERSE: Final = 32  # columns of a sentence, about 6 words
SHORTEST: Final = 5  # words of a sentence in a summary, at least
LONG: Final = 240  # columns of a sentence, about 40 words; a longer one may only fill `LONG_SHARE`
LONG_SHARE: Final = 1 / 3  # of the summary
ALIKE: Final = 0.6  # share of the smaller sentence's terms; above it, the two sentences say the same
DEFAULT_SHARE: Final = 0.1  # of the text
DEFAULT_SENTENCES: Final = 3  # of a text with three times as many
DEFAULT_WORDS: Final = 150
DEFAULT_CHARACTERS: Final = 400  # for a text that is mostly Japanese


class Sentence(Struct, frozen=True):
    """One sentence of the text; `size` is counted by `terms.size`."""

    text: str
    terms: frozenset[str]
    size: int
    opens_paragraph: bool
    is_complete: bool  # ends as sentences do, and is long enough for a summary
    needs_the_one_before: bool = False


class Length(Struct, frozen=True):
    """How long a summary is.

    Attributes:
        size: The most words or characters, counted by `terms.size`.
        least: The fewest sentences, even if they are larger than `size`. There is always one.
        most: The most sentences; None: as many as fit.
    """

    size: int
    least: int
    most: int | None = None


class Watch:
    """Ends the work at its deadline. Called between steps of a few milliseconds."""

    def __init__(self, context: WorkloadContext) -> None:
        self._context = context
        self._given = context.seconds_left()

    def check(self) -> None:
        if self._context.seconds_left() == 0:
            raise OutOfTime(self._given)


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Chunk | Progress, None, Outcome]:
    """Summarise the prompt in at most `max_tokens` words (Japanese: characters), but at least one sentence.

    An instruction before the text, or `system`, may ask for a number of sentences; see `instruction.py`.

    Raises:
        OutOfTime: The deadline passed first.
        WorkloadFailed: The prompt has no word.
    """
    watch = Watch(context)
    asked = read_request(request.prompt, request.system)
    sentences = yield from read(asked.text, watch)
    if not sentences:
        raise WorkloadFailed(
            "local.textrank expects a text with sentences, but the prompt has no word; send the text as prompt"
        )
    links = yield from link(sentences, watch)
    scores = yield from rank(sentences, links, watch)
    total = sum(sentence.size for sentence in sentences)
    chosen = choose(sentences, scores, _length(asked, request.max_tokens, sentences))

    result = ""
    for index in chosen:
        piece = _separator(result, sentences[index].text) + sentences[index].text
        result += piece
        yield Chunk(piece)
    yield Progress(1.0, f"chose {len(chosen)} of {len(sentences)} sentences")
    return Outcome(
        result,
        {
            "inputWords": total,
            "inputCharacters": len(request.prompt),
            "inputSentences": len(sentences),
            "outputWords": sum(sentences[index].size for index in chosen),
            "outputCharacters": len(result),
            "outputSentences": len(chosen),
        },
    )


def read(text: str, watch: Watch) -> Generator[Progress, None, list[Sentence]]:
    """The text's sentences, each once. List items and headings are used only if there is no prose."""
    prose: list[Sentence] = []
    other: list[Sentence] = []
    seen: set[str] = set()
    characters = 0
    reported = 0
    for block in blocks(text):
        characters += len(block.text)
        for number, sentence in enumerate(split(block.text)):
            watch.check()
            length = size(sentence)
            if length == 0 or sentence in seen:
                continue
            seen.add(sentence)
            whole = is_whole(sentence) and not sentence[0].islower() and length >= SHORTEST and is_statement(sentence)
            needs = needs_the_one_before(sentence, opens_block=number == 0)
            read = Sentence(sentence, terms(sentence), length, number == 0 and block.part is Part.PROSE, whole, needs)
            (other if block.part is Part.HEADING or not (whole or block.part is Part.PROSE) else prose).append(read)
        if characters - reported > len(text) / 20:
            reported = characters
            yield Progress(min(0.5, 0.5 * characters / len(text)), f"read {len(prose)} sentences")
    return prose or other


def link(sentences: Sequence[Sentence], watch: Watch) -> Generator[Progress, None, list[dict[int, float]]]:
    """For each sentence, the later sentences with which it shares terms, and the weight of each link."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, sentence in enumerate(sentences):
        for term in sentence.terms:
            holders[term].append(index)
    links: list[dict[int, float]] = [{} for _ in sentences]
    held = sum(map(len, holders.values()))
    width = max(FEWEST_LINKS, PAIRS // max(1, held))
    linked = reported = 0
    for indexes in holders.values():
        watch.check()
        for place, index in enumerate(indexes, start=1):
            row = links[index]
            for later in indexes[place : place + width]:
                row[later] = row.get(later, 0.0) + 1.0
        linked += len(indexes)
        if linked - reported > held / 10:
            reported = linked
            yield Progress(0.5 + 0.3 * linked / held, f"compared {len(sentences)} sentences")
    lengths = [math.log(len(sentence.terms) + 1) for sentence in sentences]
    for index, row in enumerate(links):
        for later, shared in row.items():
            row[later] = shared / (lengths[index] + lengths[later])
    return links


def rank(
    sentences: Sequence[Sentence], links: Sequence[dict[int, float]], watch: Watch
) -> Generator[Progress, None, list[float]]:
    """How central each sentence is: 1.0 on average."""
    neighbours: list[list[int]] = [list(row) for row in links]
    weights: list[list[float]] = [list(row.values()) for row in links]
    for index, row in enumerate(links):
        for later, weight in row.items():
            neighbours[later].append(index)
            weights[later].append(weight)
    strengths = [math.fsum(row) or 1.0 for row in weights]
    jumps = _jumps(sentences)
    scores = [1.0] * len(sentences)
    for number in range(1, MOST_PASSES + 1):
        watch.check()
        sent = list(map(mul, scores, (DAMPING / strength for strength in strengths)))
        moved = [
            (1 - DAMPING) * jump + sum(map(mul, row, map(sent.__getitem__, near)))
            for jump, row, near in zip(jumps, weights, neighbours, strict=True)
        ]
        change = max(abs(new - old) for new, old in zip(moved, scores, strict=True))
        scores = moved
        yield Progress(0.8 + 0.15 * min(1.0, number / 20), f"ranked {len(sentences)} sentences, pass {number}")
        if change < THRESHOLD:
            break
    return scores


def _usable(sentences: Sequence[Sentence]) -> Sequence[int]:
    """The indexes of the sentences that may be chosen: the complete ones, or all if none is complete."""
    return [index for index, sentence in enumerate(sentences) if sentence.is_complete] or range(len(sentences))


def _jumps(sentences: Sequence[Sentence]) -> list[float]:
    jumps = [PARAGRAPH_OPENING if sentence.opens_paragraph else 1.0 for sentence in sentences]
    for index, weight in zip(_usable(sentences), OPENING, strict=False):
        jumps[index] = weight
    mean = math.fsum(jumps) / len(jumps)
    return [jump / mean for jump in jumps]


def choose(sentences: Sequence[Sentence], scores: Sequence[float], length: Length) -> list[int]:
    """The indexes of the best sentences, in the text's order.

    A sentence that needs the one before it is chosen only together with it.
    """
    merits = [score * _weight(sentence) for sentence, score in zip(sentences, scores, strict=True)]
    usable = _usable(sentences)
    merits[usable[0]] *= LEAD
    ranking = sorted(usable, key=lambda index: (-merits[index], index))
    chosen = _Chosen(sentences, length)
    best = ranking if length.most is not None else ranking[: max(10, len(ranking) // 4)]
    waiting = [index for index in best if not chosen.add(index)]
    while any(chosen.add(index) for index in waiting):  # those whose sentence before them was chosen after them
        waiting = [index for index in waiting if index not in chosen.indexes]
    standing = [index for index in ranking if chosen.stands_alone(index)]
    for index in (*standing, *ranking):  # too few fit: take longer and similar ones
        if len(chosen.indexes) < max(1, length.least):
            chosen.indexes.add(index)
    return sorted(chosen.indexes)


def _weight(sentence: Sentence) -> float:
    return (LEANING if leans(sentence.text) else 1.0) * (LEANING if columns(sentence.text) < TERSE else 1.0)


class _Chosen:
    """The sentences that are chosen so far."""

    def __init__(self, sentences: Sequence[Sentence], length: Length) -> None:
        self.indexes: set[int] = set()
        self._sentences = sentences
        self._length = length
        self._room = length.size

    def add(self, index: int) -> bool:
        """Choose a sentence, unless it does not fit."""
        sentence = self._sentences[index]
        count = len(self.indexes)
        if count == self._length.most or (sentence.size > self._room and count >= self._length.least):
            return False
        is_wordy = columns(sentence.text) > LONG and sentence.size > self._length.size * LONG_SHARE
        if (is_wordy and count >= self._length.least) or not self.stands_alone(index):
            return False
        if any(_alike(sentence, self._sentences[other]) for other in self.indexes):
            return False
        self.indexes.add(index)
        self._room -= sentence.size
        return True

    def stands_alone(self, index: int) -> bool:
        """Whether a sentence is understood without the one before it, or that one is chosen too."""
        return not self._sentences[index].needs_the_one_before or index - 1 in self.indexes


def _alike(one: Sentence, other: Sentence) -> bool:
    smaller = min(len(one.terms), len(other.terms))
    return smaller > 0 and len(one.terms & other.terms) > ALIKE * smaller


def _length(asked: Asked, max_tokens: int | None, sentences: Sequence[Sentence]) -> Length:
    if asked.sentences is not None:
        if max_tokens is None:
            return Length(sum(sentence.size for sentence in sentences), asked.sentences, asked.sentences)
        return Length(max_tokens, 0, asked.sentences)
    if max_tokens is not None:
        return Length(max_tokens, 0)
    most = DEFAULT_CHARACTERS if unspaced_share(asked.text) > 0.5 else DEFAULT_WORDS
    share = int(sum(sentence.size for sentence in sentences) * DEFAULT_SHARE)
    least = min(DEFAULT_SENTENCES, len(sentences) // DEFAULT_SENTENCES)
    return Length(min(most, share), least)


def _separator(before: str, after: str) -> str:
    if not before or (CJK_TEXT.match(before[-1]) and CJK_TEXT.match(after[0])):
        return ""
    return " "
