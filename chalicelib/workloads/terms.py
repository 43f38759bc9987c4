"""The words of a sentence, and the terms that identify its subject: English, Japanese or both."""

# ruff: noqa: SIM905  # word lists read better in rows than as lists of strings
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chalicelib.workloads.sentences import CJK

WORD: Final = re.compile(
    rf"(?P<unspaced>[{CJK}]+)|(?:(?![{CJK}])[^\W_])+(?:['’.-](?:(?![{CJK}])[^\W_])+)*",
)
HIRAGANA: Final = re.compile(r"[\u3041-\u309fー]+")
STOP_WORDS: Final = frozenset(
    "a about above after again against all almost also although always am an and another any are aren't as at away be"
    " because been before being below between both but by came can can't cannot come could couldn't did didn't do does"
    " doesn't doing don't done down during each either else enough even ever every few first for from further get gets"
    " give go goes got had has hasn't have having he her here hers herself him himself his how however i if in instead"
    " into is isn't it it's its itself just keep last least less let like made make makes many may me might mine more"
    " most much must my myself neither never no nobody none nor not nothing now of off often on once one only or other"
    " others our ours out over own per put rather same see seen shall she should since so some something soon still"
    " such take taken than that that's the their theirs them themselves then there these they thing things this those"
    " though through thus to too two under until up upon us use used very was wasn't way we well were what when where"
    " whether which while who whom whose why will with within without won't would yes yet you your yours".split()
)


def size(sentence: str) -> int:
    """The number of words, or of characters in text without white space between words."""
    return sum(
        len(found.group()) if found["unspaced"] else 1
        for found in WORD.finditer(unicodedata.normalize("NFKC", sentence))
    )


def unspaced_share(text: str) -> float:
    """The share of a text that is written without white space between words, from 0 to 1."""
    counts = [(len(found.group()), 1) if found["unspaced"] else (0, 0) for found in WORD.finditer(text)]
    return 0.0 if not counts else sum(length for length, _ in counts) / max(1, size(text))


def terms(sentence: str) -> frozenset[str]:
    """The terms that identify the subject of a sentence: words except stop words, and pairs of characters.

    Plural endings are removed. Japanese is not split into words: every two neighbouring characters are a term, except
    two hiragana, which are mostly grammar.
    """
    return frozenset(_terms(unicodedata.normalize("NFKC", sentence).casefold().replace("’", "'")))


def _terms(sentence: str) -> Iterator[str]:
    for found in WORD.finditer(sentence):
        word = found.group()
        if not found["unspaced"]:
            if word not in STOP_WORDS:
                yield _singular(word.removesuffix("'s"))
        elif len(word) == 1:
            yield word
        else:
            pairs = (first + second for first, second in pairwise(word))
            yield from (pair for pair in pairs if not HIRAGANA.fullmatch(pair))


def _singular(word: str) -> str:
    """Source: D. Harman, "How Effective Is Suffixing?", JASIS 42 (1991): the S-stemmer's three rules."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("us", "ss")):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    if word.endswith("es"):
        return word if word.endswith(("aes", "ees", "oes")) else word[:-1]
    return word[:-1]
