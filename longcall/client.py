"""The client: start jobs, follow them, read them, cancel them, delete them."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self, Unpack

from longcall.addresses import check_graphql_url, check_realtime_url, realtime_url_of
from longcall.authorization import Authorization
from longcall.errors import JobNotFound, ProtocolError, RequestRejected
from longcall.models import Cost, Event, JobId, Json, Page, Status, parse_job_id
from longcall.objects import Objects
from longcall.parsing import parse_cost, parse_event, parse_upload
from longcall.realtime import Realtime
from longcall.requests import InferenceRequest, Options, Text, check_upload, new_request
from longcall.timing import Timing
from longcall.transport import Requests
from longcall.view import JobView, merge
from longcall.watch import Heal, Link, Watch, read_events, read_snapshot


class Client:
    """A caller of one Longcall API; an asynchronous context manager.

    Args:
        graphql_url: Such as https://….appsync-api.eu-west-1.amazonaws.com/graphql.
        authorization: Who the caller is.
        realtime_url: Where subscriptions are served; by default derived from `graphql_url`.
        timing: How patient to be.
        on_link: Told whenever the live connection of a watched job comes or goes.
        on_heal: Told whenever a gap in what was pushed was closed by reading the log.

    Raises:
        ConfigurationError: A URL is malformed.
    """

    def __init__(
        self,
        graphql_url: str,
        *,
        authorization: Authorization,
        realtime_url: str | None = None,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        on_link: Callable[[Link], None] = lambda _: None,
        on_heal: Callable[[Heal], None] = lambda _: None,
    ) -> None:
        check_graphql_url(graphql_url)
        listens_at = check_realtime_url(realtime_url or realtime_url_of(graphql_url))
        self._timing = timing
        self._on_link = on_link
        self._on_heal = on_heal
        self._requests = Requests(graphql_url, authorization, timing)
        self._objects = Objects(timing)
        self._realtime = Realtime(listens_at, graphql_url=graphql_url, authorization=authorization, timing=timing)

    async def __aenter__(self) -> Self:
        await self._requests.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._realtime.close()
        await self._requests.close()

    async def run(self, text: Text, **options: Unpack[Options]) -> AsyncGenerator[JobView, None]:
        """Start a job and follow it: one view for each event of its log, in order, to the terminal one.

        Leaving the iteration detaches; the job goes on, and `watch` finds it again by the view's `job_id`. The
        subscription stands before the job is started, and a start whose answer is lost is sent again for the same job.

        Args:
            text: The text to work on, at most 10485760 bytes of UTF-8 (10 MiB); or a conversation, as a list of
                `Message` with at most 196608 bytes in all, and with images, for models that see them.
            **options: All optional.
                model: Which workload runs it; `local.textrank` by default.
                job_id: A UUID of one's own; by default a new one.
                system: Instructions before the text, for models that take them.
                max_tokens: Most tokens of the answer.
                temperature: From 0 to 2.
                top_p: Share of the likeliest tokens that are drawn from, from 0 to 1.
                stop_sequences: Texts before which the answer ends.
                process_time: Seconds that a simulated model takes.
                max_cost: Most US dollars that the job may cost.
                metadata: JSON that comes back untouched.

        Raises:
            InvalidInput: Before anything is sent.
            RequestRejected: The API refuses the input; `error_type` says why.
            Unreachable, NotAuthorized, SubscriptionRejected, ProtocolError
        """
        async with aclosing(self.run_request(new_request(text, options))) as views:
            async for view in views:
                yield view

    async def run_request(self, request: InferenceRequest) -> AsyncGenerator[JobView, None]:
        """`run`, for a request that was made before."""
        async with aclosing(self._watch(request.job_id).views(lambda: self.start_request(request))) as views:
            async for view in views:
                yield view

    async def start(self, text: Text, **options: Unpack[Options]) -> Event:
        """Start a job and leave it to itself; arguments and errors as for `run`."""
        return await self.start_request(new_request(text, options))

    async def start_request(self, request: InferenceRequest) -> Event:
        """`start`, for a request that was made before."""
        uploads = {content: await self.upload(content) for content in request.contents}
        data = await self._requests.execute("start_inference", {"input": request.render(uploads)})
        return parse_event(data.get("startInference"))

    async def quote(self, text: Text, **options: Unpack[Options]) -> Cost:
        """What such a job would cost, as an estimate: nothing is started, and the text is not sent.

        Arguments as for `run`.

        Raises:
            InvalidInput, RequestRejected, Unreachable, NotAuthorized, ProtocolError
        """
        return await self.quote_request(new_request(text, options))

    async def quote_request(self, request: InferenceRequest) -> Cost:
        """`quote`, for a request that was made before."""
        data = await self._requests.execute("quote_inference", {"input": request.render_quote()})
        return parse_cost(data.get("quoteInference"))

    async def upload(self, content: bytes) -> str:
        """Send a content that a start can then name; gives its id, which the same content gets again.

        Args:
            content: At most 10485760 bytes (10 MiB). It is kept for a day, and as long as a job that was started on it.

        Raises:
            InvalidInput: It is empty, or too large.
            Unreachable, NotAuthorized, RequestRejected, ProtocolError
        """
        check_upload(content)
        about: dict[str, Json] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        data = await self._requests.execute("create_upload", {"input": about})
        upload = parse_upload(data.get("createUpload"))
        await self._objects.send(upload, content)
        return upload.upload_id

    async def watch(self, job_id: str) -> AsyncGenerator[JobView, None]:
        """Follow a job from its first event to its last: one view each, in order. Leaving the iteration detaches.

        Raises:
            InvalidInput: The id is no UUID.
            JobNotFound, Unreachable, NotAuthorized, SubscriptionRejected, RequestRejected, ProtocolError
        """
        async with aclosing(self._watch(parse_job_id(job_id)).views()) as views:
            async for view in views:
                yield view

    async def get(self, job_id: str) -> JobView:
        """The job as it stands, with its output.

        Raises:
            InvalidInput, JobNotFound, Unreachable, NotAuthorized, RequestRejected, ProtocolError
        """
        id_ = parse_job_id(job_id)
        snapshot = await read_snapshot(self._requests, self._objects, id_)
        view = JobView(id_)
        if snapshot.output is None:
            async for event in self.events(id_):
                view = merge(view, event)
        view = merge(view, snapshot)
        if view.is_terminal and view.result_omitted:  # it ended while its log was read
            view = merge(view, await read_snapshot(self._requests, self._objects, id_))
        return view

    async def events(self, job_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """The job's log as it stands, in order, from the event behind `after`.

        Raises:
            InvalidInput, JobNotFound, Unreachable, NotAuthorized, RequestRejected, ProtocolError
        """
        id_ = parse_job_id(job_id)
        while events := await read_events(self._requests, id_, after=after):
            for event in events:
                yield event
            after = events[-1].sequence
            if events[-1].is_terminal:
                return

    async def cancel(self, job_id: str) -> Event:
        """End the job; the answer is its last event, which tells how it ended if it had ended already.

        Raises:
            InvalidInput, JobNotFound, Unreachable, NotAuthorized, RequestRejected, ProtocolError
        """
        id_ = parse_job_id(job_id)
        try:
            data = await self._requests.execute("cancel_inference", {"jobId": id_})
        except RequestRejected as rejected:
            raise JobNotFound(id_) if rejected.error_type == "JobNotFound" else rejected from rejected
        return parse_event(data.get("cancelInference"))

    async def delete(self, job_id: str) -> None:
        """Delete a job that has ended, with all it was given and all it gave. Twice is once.

        Raises:
            RequestRejected: It goes on (`error_type` is JobUnfinished): cancel it first.
            InvalidInput, JobNotFound, Unreachable, NotAuthorized, ProtocolError
        """
        id_ = parse_job_id(job_id)
        try:
            await self._requests.execute("delete_inference", {"jobId": id_})
        except RequestRejected as rejected:
            raise JobNotFound(id_) if rejected.error_type == "JobNotFound" else rejected from rejected

    async def list(self, *, status: Status | None = None, limit: int = 20, next_token: str | None = None) -> Page:
        """The caller's jobs, newest first, without their texts. `limit` is 1 to 100.

        Raises:
            Unreachable, NotAuthorized, RequestRejected, ProtocolError
        """
        data = await self._requests.execute(
            "list_inferences", {"status": status, "limit": limit, "nextToken": next_token}
        )
        match data.get("listInferences"):
            case {"items": [*items], "nextToken": None | str() as following}:
                return Page(tuple(parse_event(item) for item in items), following)
        raise ProtocolError("the API answered without a list of jobs; check that client and API are of one version")

    def _watch(self, job_id: JobId) -> Watch:
        return Watch(
            job_id,
            requests=self._requests,
            objects=self._objects,
            realtime=self._realtime,
            timing=self._timing,
            on_link=self._on_link,
            on_heal=self._on_heal,
        )
