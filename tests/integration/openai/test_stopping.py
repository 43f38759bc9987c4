"""A job that is stopped does not wait for its server."""

import time

import pytest

from chalicelib.jobs.model import InferenceRequest
from chalicelib.worker.interruption import Interrupted, Interruption, Stop
from chalicelib.workloads import Chunk, Piece, WorkloadContext
from chalicelib.workloads.openai.chat import chat
from chalicelib.workloads.openai.settings import OpenAISettings
from tests.integration.openai.calling import MODEL
from tests.integration.openai.server import End, Reply, Script, event


def test_job_is_stopped_while_its_server_is_silent(server: Script) -> None:
    server.replies = [Reply([event(text="It was")], end=End.STALL)]
    # What ends it otherwise is told apart: the silence is a failure, and the deadline a reason of its own.
    settings = OpenAISettings(url=server.url, key=None, secret=None, silence=30.0)
    context = WorkloadContext(time.monotonic() + 600.0)
    said: list[Piece] = []

    with Interruption(context) as interruption:

        def deliver(piece: Piece) -> None:
            said.append(piece)
            interruption.stop(Stop.UNHEARD)

        with pytest.raises(Interrupted):
            interruption.drive(chat(InferenceRequest("Tell me", MODEL), context, settings=settings), deliver)

    assert said == [Chunk("It was", tokens=1)]
