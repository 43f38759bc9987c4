"""Splits plain text or Markdown, English or Japanese, into blocks and sentences.

`blocks` finds paragraphs, list items and headings by their lines; `split` finds the sentences of a block. Both use
rules without a dictionary, in time linear in the text. A full stop ends a sentence unless it belongs to an
abbreviation, an initial or a number. Short quotations and brackets are not split. Japanese needs no white space.
"""

# ruff: noqa: SIM905  # word lists read better in rows than as lists of strings
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import accumulate, pairwise
from typing import Final

from msgspec import Struct

# Kana, ideographs and their marks, which are written without white space between words.
CJK: Final = (
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
CJK_LETTER: Final = re.compile(f"[{CJK}]")
CJK_TEXT: Final = re.compile(f"[{CJK}、。，．「」『』（）！？…]")  # no space is written beside these

LONGEST_ASIDE: Final = 300  # characters; a longer quotation or bracket is split like any other text
LONGEST_ABBREVIATION: Final = 24  # characters
LONGEST_TITLE: Final = 80  # columns
NEVER_A_TITLES_END: Final = (",", ";", "、", "-", "は", "が", "を", "に", "の", "で", "と", "も", "へ", "や")
SHORT_FIRST_LINE: Final = 0.85  # share of a paragraph's widest line; a shorter first line may be a title
SHORT_LINE: Final = 0.6  # the same for the other lines

FENCE: Final = re.compile(r"```|~~~")
HEADING: Final = re.compile(r"#{1,6}(?:\s+|$)")
UNDERLINE: Final = re.compile(r"={3,}|-{3,}")
BULLET: Final = re.compile(r"(?:[-*+•‣◦▪–]\s+|[・●○■□◆◇]\s*|\(?1[.)]\s+|[(（]1[)）]\s*|[①-⑳]\s*)")
NUMBER: Final = re.compile(r"\(?(?:\d{1,3}[.)]|[a-z]\))\s+|[(（]\d{1,3}[)）]\s*")
QUOTED: Final = re.compile(r"^(?:>\s?)+")
TABLE_ROW: Final = re.compile(r"\|.*\|")
LINK_DEFINITION: Final = re.compile(r"\[[^\[\]]+\]:\s*\S+(?:\s+[\"'(].*)?")
BREAK: Final = re.compile(r"<br\s*/?>")
TAG: Final = re.compile(r"""</?[A-Za-z][A-Za-z0-9]*(?:\s+[\w:-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*/?>""")
QUESTION: Final = re.compile(r"^[^\w\n]*Q\d*[.:．：]", re.MULTILINE)  # of a list of questions and answers
ANSWER: Final = re.compile(r"^A\d*[.:．：]\s*")
EMPHASISED: Final = re.compile(r"(\*{1,3}|_{1,3})(?=\S)[^*_]+\1")
LETTER: Final = re.compile(r"[^\W_]")
MARKUP: Final = re.compile(
    r"!?\[(?P<link>[^\[\]]*)\]\([^()\s]*\)"
    r"|(?P<mark>\*\*|__|`)(?=\S)(?P<strong>.{1,120}?)(?<=\S)(?P=mark)"
    r"|(?<![\w*])\*(?=\S)(?P<star>[^*]{1,120})(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_(?=\S)(?P<line>[^_]{1,120})(?<=\S)_(?!\w)"
)

STOPS: Final = ".!?…‽"
CJK_STOPS: Final = "。！？｡．"
CLOSERS: Final = "\"'”’»)]}」』】〉》〕］）*_"
END: Final = re.compile(rf"[{STOPS}{CJK_STOPS}]+[{re.escape(CLOSERS)}]*")
WHOLE: Final = re.compile(rf"[{STOPS}{CJK_STOPS}][{re.escape(CLOSERS)}]*$")
PAIRS: Final = {
    ")": "(",
    "]": "[",
    "”": "“",
    "»": "«",
    "」": "「",
    "』": "『",
    "）": "（",
    "】": "【",
    "〉": "〈",
    "》": "《",
}

# After these a sentence always continues.
NEVER_LAST: Final = frozenset(
    "mr mrs ms dr prof st rev hon gen col capt lt sgt maj adm sen rep gov cllr supt insp messrs mt ft vs viz cf ca fig"
    " figs eq eqs sec vol pp eds approx e.g i.e resp incl p.s".split()
)
# After these it continues if a number follows.
BEFORE_NUMBER: Final = frozenset("no nos p art ch jan feb mar apr jun jul aug sep sept oct nov dec".split())
# After these, and after initials, it continues unless the next word often begins sentences.
SELDOM_LAST: Final = frozenset("etc al inc ltd co corp jr sr dept est bros a.m p.m ph.d".split())
OPENERS: Final = frozenset(
    "a after all also although an and as at because before both but by each even every few for from he her here his how"
    " however i if in it its many most my no none nor not now of on once one or our she since so some such that the"
    " their then there these they this those though thus to today two until we what when where whether which while who"
    " why with yet you your".split()
)
MID_SENTENCE: Final = frozenset("a an and as at by for from in of on or the their to with".split())
INITIALS: Final = re.compile(r"(?:[A-Z]\.)*[A-Z]")
LAST_WORD: Final = re.compile(r"\w[\w.]*$")
NEXT_WORD: Final = re.compile(r"\s*\W{0,3}(\w+)")
# 「…。」と言った: the quotation is part of a longer sentence.
CONTINUES: Final = re.compile("を|と(?!ころが|ころで|はいえ|にかく|もかく|りわけ)|って|など")
CONTINUES_AFTER_BRACKET: Final = re.compile("[がのにはもへで]")


class Part(Enum):
    """The kind of a block of text."""

    PROSE = "prose"
    ITEM = "item"  # of a list
    HEADING = "heading"


class Block(Struct, frozen=True):
    """One paragraph, list item or heading, on one line and without its markup."""

    part: Part
    text: str


def is_whole(sentence: str) -> bool:
    """Whether a sentence has an end mark."""
    return WHOLE.search(sentence) is not None


def blocks(text: str) -> Iterator[Block]:
    """Paragraphs, list items and headings, in order, without code, tables, rules and lines without a letter."""
    lines: list[str] = []
    part = Part.PROSE
    has_questions = QUESTION.search(text) is not None
    for raw in [*_without_code(_without_comments(text).splitlines()), ""]:
        line = TAG.sub("", BREAK.sub(" ", QUOTED.sub("", raw.strip()))).strip()
        if has_questions and not lines:
            line = ANSWER.sub("", line)
        if UNDERLINE.fullmatch(line) and len(lines) == 1:
            yield Block(Part.HEADING, _join(lines))
            lines, part = [], Part.PROSE
        elif not LETTER.search(line) or TABLE_ROW.fullmatch(line) or LINK_DEFINITION.fullmatch(line):
            yield from _blocks_of(lines, part)
            lines, part = [], Part.PROSE
        elif marker := HEADING.match(line):
            yield from _blocks_of(lines, part)
            yield Block(Part.HEADING, _join([line[marker.end() :].rstrip("# ")]))
            lines, part = [], Part.PROSE
        elif marker := _item_marker(line, after=lines, part=part):
            yield from _blocks_of(lines, part)
            lines, part = [line[marker.end() :]], Part.ITEM
        elif part is Part.ITEM and not raw[0].isspace() and _ends_item(lines[-1], line):
            yield from _blocks_of(lines, part)
            lines, part = [line], Part.PROSE
        else:
            lines.append(line)


def split(text: str) -> Iterator[str]:
    """The sentences of one block. Joined, they are its text except white space; the last may lack an end mark."""
    aside = _asides(text)
    start = 0
    for mark in END.finditer(text):
        if not aside[mark.end()] and _ends_sentence(text, start, mark):
            yield text[start : mark.end()].strip()
            start = mark.end()
    if rest := text[start:].strip():
        yield rest


def _without_comments(text: str) -> str:
    kept: list[str] = []
    start = 0
    while (begin := text.find("<!--", start)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept.append(text[start:begin])
        start = end + len("-->")
    return "".join((*kept, text[start:]))


def _without_code(lines: Sequence[str]) -> list[str]:
    """The lines with an empty one for each piece of code between fences."""
    prose: list[str] = []
    code: list[str] = []
    for line in lines:
        if code and line.strip() in ("```", "~~~"):
            code = []
            prose.append("")
        elif code or FENCE.match(line.strip()):
            code.append(line)
        else:
            prose.append(line)
    return prose + code  # a fence that is never closed does not begin code


def _item_marker(line: str, *, after: Sequence[str], part: Part) -> re.Match[str] | None:
    # Inside a paragraph a line may begin with a number by chance, so only the number 1 begins a list there.
    marker = BULLET.match(line)
    if marker is None and (part is Part.ITEM or not after):
        marker = NUMBER.match(line)
    return marker if marker and LETTER.search(line, marker.end()) else None


def _ends_item(last: str, following: str) -> bool:
    """Whether a line that is not indented begins a paragraph after a list."""
    return is_whole(last) or columns(last) < SHORT_LINE * columns(following)


def _blocks_of(lines: Sequence[str], part: Part) -> Iterator[Block]:
    match part:
        case Part.PROSE:
            for group in _groups(lines):
                text = _join(group)
                short = len(group) == 1 and columns(group[0]) <= LONGEST_TITLE
                title = (short and not is_whole(text)) or EMPHASISED.fullmatch(" ".join(group))
                yield Block(Part.HEADING if title else Part.PROSE, text)
        case Part.ITEM | Part.HEADING:
            yield Block(part, _join(lines))


def _groups(lines: Sequence[str]) -> Iterator[list[str]]:
    """Groups of lines that belong together; a title above a paragraph is its own group."""
    widest = max(map(columns, lines), default=0)
    group: list[str] = []
    for line, following in pairwise([*lines, ""]):
        ends = not following or _is_title(line, following, widest, SHORT_LINE if group else SHORT_FIRST_LINE)
        if ends and following and group and is_whole(group[-1]):
            yield group
            group = []
        group.append(line)
        if ends:
            yield group
            group = []


def _is_title(line: str, following: str, widest: int, short: float) -> bool:
    """Whether the line is shorter than its paragraph, has no end mark, and a capital letter follows."""
    words = line.split()
    if is_whole(line) or line.endswith(NEVER_A_TITLES_END) or words[-1].lower() in MID_SENTENCE:
        return False
    begins = LETTER.search(following)
    if begins is None or begins.group().islower():
        return False
    capitals = len(words) > 1 and all(word[0].isupper() for word in words if len(word) > 3)
    return columns(line) < widest * short or (capitals and short == SHORT_FIRST_LINE)


def columns(line: str) -> int:
    """The width of a line; a Japanese character is twice as wide as others."""
    return len(line) + len(CJK_TEXT.findall(line))


def _join(lines: Iterable[str]) -> str:
    """Join lines with single spaces, and without a space between two lines of Japanese."""
    joined: list[str] = []
    for line in lines:
        words = " ".join(line.split())
        if joined and words and not joined[-1].endswith("-"):
            beside = CJK_TEXT.match(joined[-1][-1]) and CJK_TEXT.match(words[0])
            joined.append("" if beside else " ")
        if words:
            joined.append(words)
    text = "".join(joined)
    for _ in range(2):  # emphasis inside emphasis
        text = MARKUP.sub(lambda found: next(filter(None, found.group("link", "strong", "star", "line")), ""), text)
    return " ".join(text.split())


def _asides(text: str) -> list[int]:
    """For each position between characters: the number of short quotations and brackets around it."""
    change = [0] * (len(text) + 1)
    opened: deque[tuple[str, int]] = deque(maxlen=8)  # deeper nesting is ignored
    for index, character in enumerate(text):
        if character in PAIRS.values():
            opened.append((character, index))
            continue
        if character == '"':
            opens = '"'
            if all(mark != '"' for mark, _ in opened):
                if index == 0 or not text[index - 1].isalnum():
                    opened.append((character, index))
                continue
        elif character in PAIRS:
            opens = PAIRS[character]
        else:
            continue
        while opened and any(mark == opens for mark, _ in opened):
            mark, begin = opened.pop()
            if mark == opens:
                if index - begin <= LONGEST_ASIDE:
                    change[begin + 1] += 1
                    change[index + 1] -= 1
                break
    return list(accumulate(change))


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    end = mark.end()
    if end == len(text):
        return True
    stops = mark.group()
    before = text[mark.start() - 1 : mark.start()]
    if stops[0] in CJK_STOPS or (stops[0] in "!?." and CJK_LETTER.match(before)):
        if stops[-1] == "。":
            return True
        bracket = stops[-1] in ")）" and CONTINUES_AFTER_BRACKET.match(text, end)
        return not (bracket or CONTINUES.match(text, end))
    if not text[end].isspace():
        return False
    following = NEXT_WORD.match(text, end)
    if following is None:
        return True
    word = following.group(1)
    if word[0].islower():
        return False
    if not stops.startswith(".") or stops.startswith(".."):
        return True
    return not _is_abbreviated(text[max(start, mark.start() - LONGEST_ABBREVIATION) : mark.start()], word)


def _is_abbreviated(sentence: str, following: str) -> bool:
    """Whether the full stop after this part of a sentence belongs to its last word."""
    found = LAST_WORD.search(sentence)
    if found is None:
        return False
    word = found.group()
    if word.lower() in NEVER_LAST:
        return True
    is_initial = INITIALS.fullmatch(word) and not sentence[: found.start()].endswith("°")
    if is_initial or word.lower() in SELDOM_LAST:
        return following.lower() not in OPENERS
    if word.lower() in BEFORE_NUMBER:
        return following[0].isdigit()
    return word.isdigit() and word == sentence.strip()  # the number of a list's item
