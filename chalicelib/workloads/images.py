"""What kind of image some bytes are."""

from typing import Literal

ImageFormat = Literal["png", "jpeg", "gif", "webp"]


def image_format(content: bytes) -> ImageFormat | None:
    """What kind of image it is, by its signature; None for anything else.

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
