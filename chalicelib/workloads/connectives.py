"""Which sentences cannot stand alone: by their first words in English and Japanese, without a dictionary."""

import re
from typing import Final

# A sentence that begins with one of these continues the sentence before it.
ENGLISH: Final = (
    "and|but|or|nor|so|yet|then|thus|hence|therefore|however|instead|also|moreover|otherwise|similarly|likewise|meanwhile"
    "|consequently|furthermore|nevertheless|nonetheless|conversely|accordingly|namely|besides|afterwards|specifically"
    "|for (?:example|instance|(?:this|that) reason)|in (?:addition|particular|contrast|other words|that case)"
    "|in (?:the meantime|(?:all )?other cases)|as (?:a result|such)|on the (?:other hand|contrary)|by contrast|even so"
    "|if (?:so|not|that)|because of (?:this|that)|at the same time|after that|since then|to (?:this|that) end"
    "|the (?:former|latter)"
)
ENGLISH_BEFORE_A_COMMA: Final = "still|before|later|first|second|third|finally|yes|no|that is|that said|in that"
JAPANESE: Final = (
    "例えば|たとえば|一方|他方|具体的に|同様に|同時に|逆に|加えて|続いて|したがって|従って|よって|ゆえに|あるいは|または|けれど"
    "|結果として|次に|しかし|だが|でも|また|だから|つまり|要するに|ただ|すると|なお|さらに|ところが|もちろん|むしろ|なぜなら"
    "|とはいえ|実は|実際|ちなみに|そして|そこで|それで|それから|それとも|それでも|それに|そうし|そうす|こうし|これに対し|このため|この結果"
    "|その(?:ため|際|後|結果|うえ|上|ほか|場合|あと|とき|たび)"
)
CONTINUES: Final = re.compile(rf"\W*(?:(?:{ENGLISH})\b|(?:{ENGLISH_BEFORE_A_COMMA})[,:]|{JAPANESE})", re.IGNORECASE)
# These refer to something that is probably in the sentence before, unless the sentence opens a paragraph.
REFERS: Final = re.compile(
    r"\W*(?:(?:he|she|it|they|this|that|these|those|such|his|her|its|their|both|neither|here|there)\b"
    r"|そ[のこうれ]|こ[のこうれ]|いずれも|どちらも)",
    re.IGNORECASE,
)
# A question, or a sentence about a list, a table or code that a summary does not have.
POINTS_ELSEWHERE: Final = re.compile(
    r"[?？][^\w\s]*$|か。$|次の(?:とおり|通り|コマンド|表|図|例)|以下の|下記|\bas follows\b|\bthe following\b"
    r"|\b(?:table|example|file|list|figure) (?:above|below)\b",
    re.IGNORECASE,
)
# An interviewer's question, a byline, a postscript, a copyright notice, or a row of short facts.
NO_STATEMENT: Final = re.compile(r"[―—–]|By (?:[A-Z][\w'’-]+[, ]+){2}|P\.? ?S\.|©|\(c\) ")
FACTS: Final = re.compile(r"\s[|｜]|©|\ball rights reserved\b", re.IGNORECASE)


def needs_the_one_before(sentence: str, *, opens_block: bool) -> bool:
    """Whether a sentence is only understood together with the sentence before it."""
    return CONTINUES.match(sentence) is not None or (not opens_block and REFERS.match(sentence) is not None)


def leans(sentence: str) -> bool:
    """Whether a sentence refers to what a summary may not have: another sentence, a list, a table, an answer."""
    found = CONTINUES.match(sentence) or REFERS.match(sentence) or POINTS_ELSEWHERE.search(sentence)
    return found is not None


def is_statement(sentence: str) -> bool:
    """Whether a sentence says something: it is not a byline, a notice or an interviewer's question."""
    return NO_STATEMENT.match(sentence) is None and FACTS.search(sentence) is None
