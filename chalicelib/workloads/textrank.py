"""Extractive summaries of plain text, English or Japanese: selects the most central sentences.

Source: R. Mihalcea, P. Tarau, "TextRank: Bringing Order into Texts", EMNLP 2004. Sentences are vertices; an edge
weighs the terms that two of them share, divided by the sum of the logarithms of their lengths; PageRank with damping
0.85 runs until no score changes by more than 0.0001. Three things differ from the paper:

- Terms are those of `terms.py`. A length is the number of terms plus one, so that no logarithm is zero.
- A term links a sentence only to the next few sentences that contain it. Their number depends on the text, so that
  there are about `PAIRS` links: time and memory do not grow with the square of the text.
- The random surfer jumps more often to the beginning of the text and of its paragraphs, where writers name the subject.
  A sentence that depends on the one before it ("But this ...") gets half its score.
"""

import math
import re
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.contract import Chunk, Outcome, Progress, WorkloadContext
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
LEANS: Final = re.compile(
    r"\W*(?:(?:and|but|or|so|yet|he|she|it|they|this|that|these|those|such|then|thus|hence|therefore|however|instead"
    r"|nor|also|moreover|otherwise|still|his|her|its|their|both|neither|here|there"
    r"|for (?:example|instance)|in addition|as a result|in other words|on the other hand|similarly|likewise"
    r"|meanwhile|consequently|furthermore|nevertheless)\b"
    r"|例えば|たとえば|一方|他方|具体的に|同様に|したがって|従って|よって|あるいは|または|けれど|結果として|次に"
    r"|しかし|だが|でも|また|そ[のしこうれ]|こ[のこうれ]|だから|つまり|ただ|すると|なお|さらに|ところが|もちろん)",
    re.IGNORECASE,
)

SHORTEST: Final = 5  # words of a sentence in a summary, at least
LONG: Final = 240  # columns of a sentence, about 40 words; a longer one may only fill `LONG_SHARE`
LONG_SHARE: Final = 1 / 3  # of the summary
ALIKE: Final = 0.6  # share of the smaller sentence's terms; above it, the two sentences say the same
DEFAULT_SHARE: Final = 0.1  # of the text
DEFAULT_WORDS: Final = 150
DEFAULT_CHARACTERS: Final = 400  # for a text that is mostly Japanese


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the text; `size` is counted by `terms.size`."""

    text: str
    terms: frozenset[str]
    size: int
    opens_paragraph: bool
    is_complete: bool  # ends as sentences do, and is long enough for a summary


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

    Raises:
        OutOfTime: The deadline passed first.
        WorkloadFailed: The prompt has no word.
    """
    watch = Watch(context)
    sentences = yield from read(request.prompt, watch)
    if not sentences:
        raise WorkloadFailed(
            "local.textrank expects a text with sentences, but the prompt has no word; send the text as prompt"
        )
    links = yield from link(sentences, watch)
    scores = yield from rank(sentences, links, watch)
    total = sum(sentence.size for sentence in sentences)
    limit = _default_size(request.prompt, total) if request.max_tokens is None else request.max_tokens
    chosen = choose(sentences, scores, limit)

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
            whole = is_whole(sentence) and not sentence[0].islower() and length >= SHORTEST
            read = Sentence(sentence, terms(sentence), length, number == 0 and block.part is Part.PROSE, whole)
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


def _jumps(sentences: Sequence[Sentence]) -> list[float]:
    jumps = [PARAGRAPH_OPENING if sentence.opens_paragraph else 1.0 for sentence in sentences]
    for index, weight in enumerate(OPENING[: len(jumps)]):
        jumps[index] = weight
    mean = math.fsum(jumps) / len(jumps)
    return [jump / mean for jump in jumps]


def choose(sentences: Sequence[Sentence], scores: Sequence[float], limit: int) -> list[int]:
    """The indexes of the best sentences that fit into `limit`, in the text's order; at least one of any size."""
    merits = [
        score * (LEANING if LEANS.match(sentence.text) else 1.0)
        for sentence, score in zip(sentences, scores, strict=True)
    ]
    complete = [index for index, sentence in enumerate(sentences) if sentence.is_complete]
    ranking = sorted(complete or range(len(sentences)), key=lambda index: (-merits[index], index))
    chosen: list[int] = []
    room = limit
    for index in ranking[: max(10, len(ranking) // 4)]:
        sentence = sentences[index]
        wordy = columns(sentence.text) > LONG and sentence.size > limit * LONG_SHARE
        if sentence.size <= room and not wordy and not any(_alike(sentence, sentences[other]) for other in chosen):
            chosen.append(index)
            room -= sentence.size
    return sorted(chosen or ranking[:1])


def _alike(one: Sentence, other: Sentence) -> bool:
    smaller = min(len(one.terms), len(other.terms))
    return smaller > 0 and len(one.terms & other.terms) > ALIKE * smaller


def _default_size(text: str, total: int) -> int:
    most = DEFAULT_CHARACTERS if unspaced_share(text) > 0.5 else DEFAULT_WORDS
    return min(most, int(total * DEFAULT_SHARE))


def _separator(before: str, after: str) -> str:
    if not before or (CJK_TEXT.match(before[-1]) and CJK_TEXT.match(after[0])):
        return ""
    return " "
