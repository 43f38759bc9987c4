"""Reads an instruction such as "Summarise this in three sentences:" before a text. Pure."""

# ruff: noqa: SIM905  # word lists read better in rows than as lists of strings
import re
import unicodedata
from typing import Final

from msgspec import Struct

LONGEST: Final = 200  # characters of an instruction
PARAGRAPH: Final = re.compile(r"\s*(?P<first>\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*)\n\s*\n(?=\s*\S)")
ASKS: Final = re.compile(
    r"(?:(?:please|kindly|now|(?:can|could|would) you(?: please)?),? )*"
    r"(?:summari[sz]e|sum up|condense|tl;?dr\b|(?:give|write|make|create|produce)\b.{0,60}\bsummary"
    r"|(?:a |an )?(?:\S+[ -])?summary\b.{0,60}:$|in \S+ sentences?,? (?:please )?summari[sz]e)"
    r"|.*(?:要約|まとめ)(?:を?(?:して|し|お願い)|て)(?:ください|下さい|くれ|ほしい|欲しい|します|いたします|せよ|[。.：:]|$)"
    r"|.*要約(?:せよ|[：:])",
    re.IGNORECASE | re.DOTALL,
)
NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        "one 一|two 二|three 三|four 四|five 五|six 六|seven 七|eight 八|nine 九|ten 十".split("|"), start=1
    )
    for word in words.split()
}
COUNT: Final = re.compile(
    rf"\b(?P<english>\d{{1,3}}|{'|'.join(it for it in NUMBERS if it.isascii())})[ -](?:[a-z]+[ -]){{0,2}}sentences?\b"
    r"|(?:\bin |\b)(?P<single>a)(?: single)? sentence\b"
    r"|(?P<japanese>\d{1,3}|[一二三四五六七八九十])(?:つの)?(?:文(?!字|章)|センテンス)",
    re.IGNORECASE,
)


class Asked(Struct, frozen=True):
    """A text, and the number of sentences that its summary is asked to have; None: the text does not say."""

    text: str
    sentences: int | None


def read_request(prompt: str, system: str | None) -> Asked:
    """Separate an instruction from the text.

    An instruction is a first paragraph of at most 200 characters that asks for a summary, in English or Japanese. If it
    does not name a number of sentences, `system` may.
    """
    first = PARAGRAPH.match(prompt[: LONGEST * 3])
    instruction = "" if first is None else " ".join(first["first"].split())
    is_instruction = first is not None and len(instruction) <= LONGEST and ASKS.match(instruction) is not None
    text = prompt[first.end() :] if first is not None and is_instruction else prompt
    asked = _count(instruction) if is_instruction else None
    if asked is None and system is not None and len(system) <= LONGEST:
        asked = _count(system)
    return Asked(text, asked)


def _count(instruction: str) -> int | None:
    found = COUNT.search(unicodedata.normalize("NFKC", instruction))
    if found is None:
        return None
    word = (found["english"] or found["japanese"] or found["single"]).lower()
    number = 1 if word == "a" else NUMBERS[word] if word in NUMBERS else int(word)
    return number or None
