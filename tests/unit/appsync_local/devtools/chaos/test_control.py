import json
from http import HTTPStatus

from appsync_local.devtools.chaos.control import CHAOS_PATH, ChaosPage
from appsync_local.devtools.chaos.decisions import PushLoss
from appsync_local.devtools.chaos.spec import CALM, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.pages import Page, PageRequest


async def answer(chaos: Chaos, method: str, body: bytes) -> Page:
    return await ChaosPage(chaos).answer(PageRequest(method, CHAOS_PATH, {}, body))


async def test_get_shows_the_specification_and_the_counts() -> None:
    chaos = Chaos(parse_chaos("drop=1,5xx=0.25,seed=7"))
    assert chaos.pushes is not None
    assert chaos.pushes.decide(is_early=False) is PushLoss.DROPPED

    answered = await answer(chaos, "GET", b"")

    assert answered.status == HTTPStatus.OK
    assert json.loads(answered.body) == {"spec": "drop=1.0,5xx=0.25,seed=7", "counts": {"drop": 1}}


async def test_put_sets_the_faults_and_answers_as_get_does() -> None:
    chaos = Chaos()

    answered = await answer(chaos, "PUT", b"crash=0.5,seed=2\n")

    assert json.loads(answered.body) == {"spec": "crash=0.5,seed=2", "counts": {}}
    assert chaos.spec == parse_chaos("crash=0.5,seed=2")


async def test_an_empty_put_switches_chaos_off() -> None:
    chaos = Chaos(parse_chaos("drop=1"))

    answered = await answer(chaos, "PUT", b"")

    assert json.loads(answered.body) == {"spec": "", "counts": {}}
    assert chaos.spec == CALM


async def test_an_invalid_specification_is_refused_and_changes_nothing() -> None:
    chaos = Chaos(parse_chaos("drop=1"))

    for body in (b"drop=2", b"\xff\xfe"):
        answered = await answer(chaos, "PUT", body)
        assert answered.status == HTTPStatus.BAD_REQUEST
        assert set(json.loads(answered.body)) == {"error"}

    assert chaos.spec == parse_chaos("drop=1")


async def test_other_methods_are_refused() -> None:
    assert (await answer(Chaos(), "DELETE", b"")).status == HTTPStatus.METHOD_NOT_ALLOWED
