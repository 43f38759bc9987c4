import pytest

from chalicelib.workloads.terms import size, terms, unspaced_share


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The ships sailed to two harbours.", {"ship", "sailed", "harbour"}),
        ("Libraries, aliases and buses pass us.", {"library", "aliase", "buse", "pass"}),
        ("Alice's don't isn't O’Neill’s well-known", {"alice", "o'neill", "well-known"}),
        ("ＡＰＩ and api and API", {"api"}),
        ("STRASSE Straße", {"strasse"}),
        ("手紙を書いた", {"手紙", "紙を", "を書", "書い"}),
        ("猫 and cats", {"猫", "cat"}),
        ("AWSのログ", {"aws", "のロ", "ログ"}),
        ("and the of …", set()),
    ],
)
def test_terms(sentence: str, found: set[str]) -> None:
    assert terms(sentence) == found


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Three short words.", 3),
        ("don't well-known 3.14", 3),
        ("手紙を書く。", 5),
        ("AWSのログ", 4),
        ("…!", 0),
        ("", 0),
    ],
)
def test_size_counts_words_and_japanese_characters(sentence: str, words: int) -> None:
    assert size(sentence) == words


@pytest.mark.parametrize(("text", "share"), [("words only", 0.0), ("手紙", 1.0), ("AWS 手紙を", 0.75), ("", 0.0)])
def test_unspaced_share_is_the_japanese_part(text: str, share: float) -> None:
    assert unspaced_share(text) == share
