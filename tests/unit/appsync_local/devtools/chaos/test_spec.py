from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsync_local.devtools.chaos.spec import CALM, ChaosInvalid, ChaosSpec, Fault, parse_chaos

RATED = [fault for fault in Fault if fault is not Fault.DELAY]


def test_specification_of_every_fault_is_read() -> None:
    text = (
        "drop=0.3,duplicate=0.1,reorder=.2,delay=50ms,after_start_ack=0.1,disconnect=0.02,"
        "crash=0.05,twice=0.1,throttle=1,lost_answer=0.05,5xx=0.05,seed=7"
    )

    spec = parse_chaos(text)

    assert spec.rates == {
        Fault.DROP: 0.3,
        Fault.DUPLICATE: 0.1,
        Fault.REORDER: 0.2,
        Fault.AFTER_START_ACK: 0.1,
        Fault.DISCONNECT: 0.02,
        Fault.CRASH: 0.05,
        Fault.TWICE: 0.1,
        Fault.THROTTLE: 1.0,
        Fault.LOST_ANSWER: 0.05,
        Fault.SERVER_ERROR: 0.05,
    }
    assert (spec.delay, spec.seed) == (0.05, 7)
    assert all(spec.has(fault) for fault in Fault)


@pytest.mark.parametrize("text", ["", "drop=0", "drop=0.0,delay=0ms", "seed=9", "delay=0s,seed=9"])
def test_specification_in_which_nothing_happens_is_calm(text: str) -> None:
    spec = parse_chaos(text)

    assert spec.is_calm
    assert str(spec) == str(CALM) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dropp=0.3", "chaos knows drop, duplicate, reorder, delay, after_start_ack, disconnect, crash, "),
        ("dropp=0.3", " twice, throttle, lost_answer, 5xx, seed, and 'dropp' is none of them"),
        ("drop=0.3, seed=1", "' seed' is none of them"),
        ("drop=0.3,", "'' is none of them"),
        ("DROP=0.3", "'DROP' is none of them"),
        ("drop", "each part of a chaos specification is name=value, and 'drop' has no value"),
        ("drop=0.1,drop=0.2", "drop comes twice"),
        ("drop=", "drop must be a rate from 0 to 1, such as drop=0.1, and is ''"),
        ("drop=1.01", "and is '1.01'"),
        ("drop=-0.1", "and is '-0.1'"),
        ("drop=nan", "and is 'nan'"),
        ("drop=1e-3", "and is '1e-3'"),
        ("drop=30%", "and is '30%'"),
        ("drop=٣", "and is '٣'"),
        ("delay=50", "delay must be a duration up to 60s, such as delay=50ms or delay=1.5s, and is '50'"),
        ("delay=61s", "and is '61s'"),
        ("delay=0.1", "and is '0.1'"),
        ("seed=x", "seed must be a whole number of at most 18 digits, such as seed=7, and is 'x'"),
        ("seed=1.5", "and is '1.5'"),
        ("seed=-1", "and is '-1'"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_a_sentence_that_says_what_was_expected(text: str, sentence: str) -> None:
    with pytest.raises(ChaosInvalid) as refused:
        parse_chaos(text)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@given(
    st.builds(
        ChaosSpec,
        rates=st.dictionaries(st.sampled_from(RATED), st.floats(1e-9, 1)),
        delay=st.floats(1e-6, 60),
        seed=st.integers(0, 10**18 - 1),
    )
)
def test_specification_is_written_as_it_is_read(spec: ChaosSpec) -> None:
    assert parse_chaos(str(spec)) == spec


def test_every_fault_is_explained_to_those_who_use_it() -> None:
    page = (Path(__file__).parents[5] / "docs" / "chaos.md").read_text("utf-8")

    assert [fault for fault in Fault if f"| `{fault}` |" not in page] == []
