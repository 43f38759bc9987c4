"""Receives the content of an object: reads it from the request, decodes it, and checks its length and checksums."""

import asyncio
import base64
import binascii
import hashlib
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import StreamReader

from local_stack.services.bucket.errors import S3Error, bad_digest, not_implemented
from local_stack.services.signatures import UNSIGNED

CHUNK: Final = 1024 * 1024  # bytes that are written at a time
LONGEST_LINE: Final = 4096
TRAILING: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHECKSUMS: Final = ("x-amz-checksum-sha256", "x-amz-checksum-sha1", "x-amz-checksum-crc32")


@dataclass(frozen=True, slots=True)
class Received:
    """A content that was written to a file.

    Attributes:
        etag: Its MD5 in hexadecimal digits.
        checksums: Those that the client sent and that fit, by header name.
    """

    etag: str
    checksums: Mapping[str, str]


async def receive(content: StreamReader, headers: Mapping[str, str], file: Path) -> Received:
    """Write the body of a request to a file.

    Args:
        content: The body.
        headers: Of the request, by lower-case name.
        file: An existing file.

    Raises:
        S3Error: The body does not fit its length, its signature or its checksums, or is encoded in another way.
        OSError: The file cannot be written.
    """
    payload = headers.get("x-amz-content-sha256", UNSIGNED)
    if payload.startswith("STREAMING-") and payload != TRAILING:
        raise not_implemented(f"bodies that are signed as {payload}; turn off chunked signing")
    trailers: dict[str, str] = {}
    pieces = _unchunked(content, trailers) if payload == TRAILING else content.iter_chunked(CHUNK)
    md5, sha1, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    crc32, size = 0, 0
    with file.open("wb") as opened:
        async for piece in pieces:
            size += len(piece)
            crc32 = zlib.crc32(piece, crc32)
            for digest in (md5, sha1, sha256):
                digest.update(piece)
            await asyncio.to_thread(opened.write, piece)
    _check_length(size, headers)
    if len(payload) == 64 and payload != sha256.hexdigest():
        raise S3Error(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match the content.", 400
        )
    given = {**headers, **trailers}
    if "content-md5" in given and _decoded(given["content-md5"]) != md5.digest():
        raise bad_digest("Content-MD5")
    found = (sha256.digest(), sha1.digest(), crc32.to_bytes(4))
    sent: dict[str, str] = {name: given[name] for name in CHECKSUMS if name in given}
    for name, value in zip(CHECKSUMS, found, strict=True):
        if name in sent and _decoded(sent[name]) != value:
            raise bad_digest(name.removeprefix("x-amz-checksum-").upper())
    return Received(md5.hexdigest(), sent)


async def _unchunked(content: StreamReader, trailers: dict[str, str]) -> AsyncIterator[bytes]:
    """The pieces of a body in aws-chunked encoding, which has its checksum at the end.

    Source: Amazon S3 API Reference, "Calculating the signature using the trailing headers".
    """
    while size := _chunk_size(await _line(content)):
        while size:
            piece = await content.read(min(size, CHUNK))
            if not piece:
                raise _incomplete()
            size -= len(piece)
            yield piece
        await _line(content)
    while line := await _line(content):
        name, _, value = line.partition(":")
        trailers[name.strip().lower()] = value.strip()


async def _line(content: StreamReader) -> str:
    try:
        line = await content.readline()
    except ValueError:  # longer than aiohttp's limit
        raise _incomplete() from None
    if len(line) > LONGEST_LINE:
        raise _incomplete()
    return line.decode("latin-1").strip()


def _chunk_size(line: str) -> int:
    try:
        return int(line.partition(";")[0], 16)
    except ValueError:
        raise _incomplete() from None


def _check_length(size: int, headers: Mapping[str, str]) -> None:
    announced = headers.get("x-amz-decoded-content-length") or headers.get("content-length")
    if announced is not None and announced != str(size):
        raise _incomplete()


def _incomplete() -> S3Error:
    return S3Error("IncompleteBody", "The body does not have the length or the form that its headers announce.", 400)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise S3Error("InvalidDigest", "A checksum that you specified is not valid.", 400) from None
