from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsync_local.devtools.chaos.spec import CALM, ChaosInvalid, ChaosSpec, Fault, parse_chaos

RATED = [fault for fault in Fault if fault is not Fault.DELAY]


def test_a_specification_with_every_fault_is_read() -> None:
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
def test_a_specification_without_faults_is_calm(text: str) -> None:
    spec = parse_chaos(text)

    assert spec.is_calm
    assert str(spec) == str(CALM) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dropp=0.3", "unknown fault 'dropp'. Did you mean 'drop'? Faults: drop, duplicate, reorder, "),
        ("dropp=0.3", " delay, after_start_ack, disconnect, crash, twice, throttle, lost_answer, 5xx, seed"),
        ("drop=0.3, seed=1", "unknown fault ' seed'. Did you mean 'seed'?"),
        ("drop=0.3,", "unknown fault ''. Faults: "),
        ("DROP=0.3", "unknown fault 'DROP'. Faults: "),
        ("drop", "each part of a chaos specification must be name=value, but 'drop' has no value"),
        ("drop=0.1,drop=0.2", "but drop is repeated"),
        ("drop=", "drop must be a rate from 0 to 1, such as drop=0.1, but is ''"),
        ("drop=1.01", "but is '1.01'"),
        ("drop=-0.1", "but is '-0.1'"),
        ("drop=nan", "but is 'nan'"),
        ("drop=1e-3", "but is '1e-3'"),
        ("drop=30%", "but is '30%'"),
        ("drop=٣", "but is '٣'"),
        ("delay=50", "delay must be a duration up to 60s, such as delay=50ms or delay=1.5s, but is '50'"),
        ("delay=61s", "but is '61s'"),
        ("delay=0.1", "but is '0.1'"),
        ("seed=x", "seed must be a whole number of at most 18 digits, such as seed=7, but is 'x'"),
        ("seed=1.5", "but is '1.5'"),
        ("seed=-1", "but is '-1'"),
    ],
)  # fmt: skip
def test_an_invalid_specification_is_refused_with_what_was_expected(text: str, sentence: str) -> None:
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
def test_a_written_specification_is_read_back_unchanged(spec: ChaosSpec) -> None:
    assert parse_chaos(str(spec)) == spec


def test_every_fault_is_documented() -> None:
    page = (Path(__file__).parents[5] / "docs" / "chaos.md").read_text("utf-8")

    assert [fault for fault in Fault if f"| `{fault}` |" not in page] == []
