"""S3 on the wire, for one bucket. Every request must be signed with an access key of this stack.

The signature may be in the `Authorization` header or in the URL. Addresses have the bucket in their path.
"""

import asyncio
import logging
import sqlite3
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from local_stack.services.bucket import BUCKET
from local_stack.services.bucket.bodies import CHECKSUMS, CHUNK, receive
from local_stack.services.bucket.documents import (
    buckets_document,
    copy_document,
    deleted_document,
    error_document,
    keys_to_delete,
    list_document,
    location_document,
)
from local_stack.services.bucket.errors import S3Error, no_space, no_such_key, not_implemented, refused
from local_stack.services.bucket.listing import ListQuery, listing
from local_stack.services.bucket.store import Clock, ObjectStore, StoredObject
from local_stack.services.signatures import UNSIGNED, SignatureCheck, SignatureRefused, SignedRequest

XML: Final = "application/xml"
DEFAULT_TYPE: Final = "binary/octet-stream"
LONGEST_KEY: Final = 1024  # bytes
LARGEST_DOCUMENT: Final = 1024 * 1024
STORED_HEADERS: Final = (
    "content-type", "content-disposition", "content-encoding", "content-language", "cache-control", "expires",
)  # fmt: skip
OVERRIDES: Final = {f"response-{name}": name for name in STORED_HEADERS}
# Parameters that name another operation than those below.
SUBRESOURCES: Final = frozenset(
    {"acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "restore", "select", "uploads", "uploadId",
     "accelerate", "analytics", "cors", "encryption", "lifecycle", "logging", "notification", "object-lock",
     "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "versioning",
     "versions", "website", "metrics", "inventory", "intelligent-tiering"}
)  # fmt: skip

_log: Final = logging.getLogger("longcall.bucket")


class Bucket:
    """The bucket, served below `path`.

    Args:
        store: Its objects; the caller closes it.
        keys: Access keys that may use it, the secrets by their ids.
        region: The region that signatures must name.
        path: The path of the service, without a slash at the end; empty if it is served alone.
        clock: The time.
    """

    methods = ("GET", "HEAD", "PUT", "POST", "DELETE")
    exposed = ("ETag", "Content-Range", "x-amz-request-id", *CHECKSUMS)

    def __init__(
        self,
        store: ObjectStore,
        keys: Mapping[str, str],
        *,
        region: str,
        path: str = "",
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._signatures = SignatureCheck("s3", region, keys)
        self.path = path
        self._clock = clock

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        """The response to one request, with these headers; see `Service` of the engine."""
        request_id = uuid.uuid4().hex[:16].upper()
        try:
            response = await self._answer(request, headers)
        except S3Error as error:
            response = _refusal(request, error, request_id)
        except (OSError, sqlite3.OperationalError) as error:
            if isinstance(error, ConnectionError):
                raise  # the client has disconnected
            _log.warning("the bucket could not read or write a file: %s", error)
            response = _refusal(request, no_space(), request_id)
        if not response.prepared:
            response.headers.update({**headers, "x-amz-request-id": request_id})
        return response

    async def _answer(self, request: web.BaseRequest, more: Mapping[str, str]) -> web.StreamResponse:
        raw_path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        resource = raw_path.removeprefix(self.path)
        signed = SignedRequest(request.method, raw_path, query, headers, resource)
        self._verify(signed)
        bucket, _, key = unquote(resource).removeprefix("/").partition("/")
        parameters = dict(signed.parameters)
        if unsupported := SUBRESOURCES & parameters.keys():
            raise not_implemented(f"?{min(unsupported)}")
        if not bucket:
            if request.method != "GET":
                raise _wrong_method()
            return _document(buckets_document(self._clock()))
        if bucket != BUCKET:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", 404)
        await _invite(request)
        if not key:
            return await self._bucket(request, parameters)
        if len(key.encode()) > LONGEST_KEY:
            raise S3Error("KeyTooLongError", "Your key is too long", 400)
        match request.method:
            case "PUT" if "x-amz-copy-source" in headers:
                return await asyncio.to_thread(self._copy, key, headers)
            case "PUT":
                return await self._put(request, key, headers)
            case "GET" | "HEAD":
                return await self._get(request, self._found(key), parameters, more)
            case "DELETE":
                await asyncio.to_thread(self._store.delete, key)
                return web.Response(status=204)
        raise _wrong_method()

    def _verify(self, signed: SignedRequest) -> None:
        try:
            if "authorization" in signed.headers:
                payload = signed.headers.get("x-amz-content-sha256", UNSIGNED)
                self._signatures.verify(signed, payload, self._clock())
            else:
                self._signatures.verify_url(signed, self._clock())
        except SignatureRefused as refusal:
            raise refused(refusal.problem) from None

    async def _bucket(self, request: web.BaseRequest, parameters: Mapping[str, str]) -> web.StreamResponse:
        match request.method:
            case "GET" if "location" in parameters:
                return _document(location_document())
            case "GET":
                found = await asyncio.to_thread(listing, self._store, ListQuery.of(parameters))
                return _document(list_document(found))
            case "HEAD":
                return web.Response(headers={"x-amz-bucket-region": "us-east-1"})
            case "PUT":
                raise S3Error("BucketAlreadyOwnedByYou", "Your previous request to create the bucket succeeded.", 409)
            case "POST" if "delete" in parameters:
                keys, is_quiet = keys_to_delete(await request.content.read(LARGEST_DOCUMENT))
                for key in keys:
                    await asyncio.to_thread(self._store.delete, key)
                return _document(deleted_document(() if is_quiet else keys))
        raise _wrong_method()

    async def _put(self, request: web.BaseRequest, key: str, headers: Mapping[str, str]) -> web.StreamResponse:
        if headers.get("if-none-match") == "*" and self._store.find(key) is not None:
            raise S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        with self._store.staged() as file:
            received = await receive(request.content, headers, file)
            kept = {**_described(headers), **received.checksums}
            stored = await asyncio.to_thread(self._store.put, key, file, etag=received.etag, headers=kept)
        return web.Response(headers={"ETag": f'"{stored.etag}"', **received.checksums})

    def _copy(self, key: str, headers: Mapping[str, str]) -> web.Response:
        source = unquote(headers["x-amz-copy-source"].partition("?")[0]).removeprefix("/")
        bucket, _, source_key = source.partition("/")
        if bucket != BUCKET:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", 404)
        found = self._found(source_key)
        kept = _described(headers) if headers.get("x-amz-metadata-directive") == "REPLACE" else found.headers
        with self._store.staged() as file:
            with self._store.path_of(found).open("rb") as content, file.open("wb") as copied:
                while piece := content.read(CHUNK):
                    copied.write(piece)
            stored = self._store.put(key, file, etag=found.etag, headers=kept)
        return _document(copy_document(stored.etag, stored.modified))

    async def _get(
        self, request: web.BaseRequest, stored: StoredObject, parameters: Mapping[str, str], more: Mapping[str, str]
    ) -> web.StreamResponse:
        start, end = _range(request, stored.size)
        is_part = (start, end) != (0, stored.size)
        shows_checksums = request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED" and not is_part
        headers = {
            "content-type": DEFAULT_TYPE,
            **{name: it for name, it in stored.headers.items() if shows_checksums or name not in CHECKSUMS},
            **{OVERRIDES[name]: it for name, it in parameters.items() if name in OVERRIDES},
            "ETag": f'"{stored.etag}"',
            "Last-Modified": format_datetime(stored.modified.replace(microsecond=0), usegmt=True),
            "Accept-Ranges": "bytes",
            "x-content-type-options": "nosniff",
            **more,
        }
        if is_part:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
        response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
        response.content_length = end - start
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        try:
            content = self._store.path_of(stored).open("rb")  # a local file
        except FileNotFoundError:  # deleted in the meantime
            raise no_such_key() from None
        with content:
            content.seek(start)
            await response.prepare(request)
            while start < end:
                piece = await asyncio.to_thread(content.read, min(CHUNK, end - start))
                start += len(piece)
                await response.write(piece)
        await response.write_eof()
        return response

    def _found(self, key: str) -> StoredObject:
        stored = self._store.find(key)
        if stored is None:
            raise no_such_key()
        return stored


async def _invite(request: web.BaseRequest) -> None:
    """Ask for the body if the client waits for that, as boto3 does. A refused request does not get here."""
    if request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _described(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request that are returned with the object."""
    kept = {name: it for name, it in headers.items() if name in STORED_HEADERS or name.startswith("x-amz-meta-")}
    if "content-encoding" in kept:  # `aws-chunked` is about the request alone
        parts = [it.strip() for it in kept.pop("content-encoding").split(",") if it.strip() != "aws-chunked"]
        kept |= {"content-encoding": ",".join(parts)} if parts else {}
    return kept


def _range(request: web.BaseRequest, size: int) -> tuple[int, int]:
    """The part of the content that a request asks for: its first byte, and the byte after its last one."""
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    start, end, _ = wanted.indices(size)
    if request.headers.get("range") and (start >= size or start >= end):
        raise S3Error("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def _document(content: bytes) -> web.Response:
    return web.Response(body=content, content_type=XML)


def _wrong_method() -> S3Error:
    return S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def _refusal(request: web.BaseRequest, error: S3Error, request_id: str) -> web.Response:
    if request.method == "HEAD":
        return web.Response(status=error.status)
    document = error_document(error, resource=request.path, request_id=request_id)
    return web.Response(status=error.status, body=document, content_type=XML)
