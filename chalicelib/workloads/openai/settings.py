"""The worker's settings for an OpenAI-compatible server: URL, key and time-out."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from chalicelib.settings import Reader


class OpenAISettings(Struct, frozen=True):
    """How the `inference` handler calls the OpenAI-compatible server."""

    url: str | None  # including the version, as in http://127.0.0.1:11434/v1; None: no server
    key: str | None
    secret: str | None  # name or ARN of the key in AWS Secrets Manager; used when `key` is None
    silence: float  # seconds without data from the server after which the call fails

    def __repr__(self) -> str:
        return f"OpenAISettings(url={self.url!r}, secret={self.secret!r}, silence={self.silence})"  # without the key

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "OpenAISettings":
        """Raises: MissingSettings: A variable is missing or wrong."""
        reader = Reader(environment)
        settings = cls(
            url=reader.optional("LONGCALL_OPENAI_URL", _http_url, "an http:// or https:// URL with its path"),
            key=environment.get("LONGCALL_OPENAI_KEY") or None,
            secret=environment.get("LONGCALL_OPENAI_SECRET") or None,
            # A server on a laptop loads a large model from disk and reads a long prompt before it answers.
            silence=reader.number("LONGCALL_OPENAI_SILENCE_SECONDS", 300.0, least=1.0),
        )
        reader.check()
        return settings


def _http_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(text)
    return text
