import json
from http import HTTPStatus

from appsync_local.devtools.chaos.control import answer
from appsync_local.devtools.chaos.decisions import PushLoss
from appsync_local.devtools.chaos.spec import CALM, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos


def test_get_tells_the_specification_and_what_has_happened() -> None:
    chaos = Chaos(parse_chaos("drop=1,5xx=0.25,seed=7"))
    assert chaos.pushes is not None
    assert chaos.pushes.decide(is_early=False) is PushLoss.DROPPED

    told = answer(chaos, "GET", b"")

    assert told.status == HTTPStatus.OK
    assert json.loads(told.body) == {"spec": "drop=1.0,5xx=0.25,seed=7", "counts": {"drop": 1}}


def test_put_turns_chaos_on_and_tells_the_same() -> None:
    chaos = Chaos()

    told = answer(chaos, "PUT", b"crash=0.5,seed=2\n")

    assert json.loads(told.body) == {"spec": "crash=0.5,seed=2", "counts": {}}
    assert chaos.spec == parse_chaos("crash=0.5,seed=2")


def test_put_of_nothing_turns_chaos_off() -> None:
    chaos = Chaos(parse_chaos("drop=1"))

    told = answer(chaos, "PUT", b"")

    assert json.loads(told.body) == {"spec": "", "counts": {}}
    assert chaos.spec == CALM


def test_specification_that_is_none_is_refused_and_changes_nothing() -> None:
    chaos = Chaos(parse_chaos("drop=1"))

    for body in (b"drop=2", b"\xff\xfe"):
        told = answer(chaos, "PUT", body)
        assert told.status == HTTPStatus.BAD_REQUEST
        assert set(json.loads(told.body)) == {"error"}

    assert chaos.spec == parse_chaos("drop=1")


def test_other_methods_are_refused() -> None:
    assert answer(Chaos(), "DELETE", b"").status == HTTPStatus.METHOD_NOT_ALLOWED
