"""A stopped job does not wait for its server."""

import time

import pytest

from chalicelib.jobs.model import InferenceRequest
from chalicelib.worker.interruption import Interrupted, Interruption, Stop
from chalicelib.workloads import Chunk, Piece, Usage, WorkloadContext
from chalicelib.workloads.openai.chat import chat
from chalicelib.workloads.openai.settings import OpenAISettings
from tests.integration.openai.calling import MODEL
from tests.integration.openai.server import End, Reply, Script, event


def test_a_job_can_be_stopped_while_its_server_is_silent(server: Script) -> None:
    server.replies = [Reply([event(text="It was")], end=End.STALL)]
    # Other endings would look different: silence is a failure, and the deadline is another reason.
    settings = OpenAISettings(url=server.url, key=None, secret=None, silence=30.0)
    context = WorkloadContext(time.monotonic() + 600.0)
    delivered: list[Piece] = []

    with Interruption(context) as interruption:

        def deliver(piece: Piece) -> None:
            delivered.append(piece)
            if isinstance(piece, Chunk):
                interruption.stop(Stop.UNPUBLISHABLE)

        with pytest.raises(Interrupted):
            interruption.drive(chat(InferenceRequest("Tell me", MODEL), context, settings=settings), deliver)

    assert [type(piece) for piece in delivered] == [Usage, Chunk], "the usage reports that the call was accepted"
    assert delivered[-1] == Chunk("It was", tokens=1)
