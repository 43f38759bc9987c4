"""Recognises the format of an image."""

from typing import Literal

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import Image

ImageFormat = Literal["png", "jpeg", "gif", "webp"]


def image_format(content: bytes) -> ImageFormat | None:
    """The format of an image by its signature; None for other content.

    Source: PNG (W3C), section 5.2; JPEG (ITU-T T.81), B.1.1.3; GIF89a, section 17; WebP (RFC 9649), section 2.4.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return None


def format_of(image: Image) -> ImageFormat:
    """The format of an image that a job sends.

    Raises:
        WorkloadFailed: The content is not an image of a known format.
    """
    found = image_format(image.content)
    if found is None:
        raise WorkloadFailed(
            f"image {image.upload} is not a PNG, JPEG, GIF or WebP file, according to its first bytes; convert it to "
            "one of them and upload it again",
            ErrorType.MODEL_REJECTED_INPUT,
        )
    return found
