"""The request for a job: its text and options, checked before anything is sent. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypedDict

from longcall.errors import InvalidInput
from longcall.models import JobId, Json, new_job_id, parse_job_id

PROMPT_LIMIT: Final = 196_608  # bytes of UTF-8 in a request
JSON_LIMIT: Final = 786_432  # bytes of a prompt as JSON, with its escapes; a whole request has at most 1 MB
UPLOAD_LIMIT: Final = 10_485_760  # bytes; a prompt longer than PROMPT_LIMIT, or than JSON_LIMIT, is uploaded
SYSTEM_LIMIT: Final = 16_384  # bytes of UTF-8
METADATA_LIMIT: Final = 4_096  # bytes of UTF-8
PROCESS_TIME_LIMIT: Final = 7_200.0  # seconds
TEMPERATURE_LIMIT: Final = 2.0
STOP_SEQUENCES_LIMIT: Final = 16
STOP_SEQUENCE_LIMIT: Final = 256  # bytes of UTF-8
IMAGES_LIMIT: Final = 20  # in a conversation
INT_LIMIT: Final = 2_147_483_647  # GraphQL's Int has 32 bits
COST_LIMIT: Final = 10_000.0  # US dollars


class Role(StrEnum):
    """The author of a message; the values are the words on the wire."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: The author.
        text: May be empty if there are images.
        images: Each is the id of an upload, or a content that is uploaded before the start.
    """

    role: Role
    text: str
    images: tuple[str | bytes, ...] = ()

    def render(self, uploads: Mapping[bytes, str]) -> dict[str, Json]:
        """The message with the field names of the schema. `uploads` maps each content to the id of its upload."""
        images = [uploads[image] if isinstance(image, bytes) else image for image in self.images]
        shown: dict[str, Json] = {"images": [*images]} if images else {}
        return {"role": self.role.value, "text": self.text, **shown}


Text = str | Sequence[Message]  # a prompt, or a conversation


class Options(TypedDict, total=False):
    """The options of a job; `Client.run` describes them."""

    model: str
    job_id: str | None
    system: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop_sequences: Sequence[str]
    process_time: float | None
    max_cost: float | None
    metadata: Json


DEFAULT_MODEL: Final = "local.textrank"


def new_request(text: Text, options: Options) -> "InferenceRequest":
    """The request for a text, checked.

    Raises:
        InvalidInput: The API would refuse the request.
    """
    job_id = options.get("job_id")
    request = InferenceRequest(
        prompt=text if isinstance(text, str) else None,
        messages=() if isinstance(text, str) else tuple(text),
        model=options.get("model", DEFAULT_MODEL),
        job_id=new_job_id() if job_id is None else parse_job_id(job_id),
        system=options.get("system"),
        max_tokens=options.get("max_tokens"),
        temperature=options.get("temperature"),
        top_p=options.get("top_p"),
        stop_sequences=tuple(options.get("stop_sequences") or ()),
        process_time=options.get("process_time"),
        max_cost=options.get("max_cost"),
        metadata=options.get("metadata"),
    )
    request.check()
    return request


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """The input and options of a job, with either a `prompt` or `messages`."""

    prompt: str | None
    model: str
    job_id: JobId
    messages: tuple[Message, ...] = ()
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    process_time: float | None = None  # seconds
    max_cost: float | None = None  # US dollars
    metadata: Json = None

    def check(self) -> None:
        """Check all limits of the contract.

        Raises:
            InvalidInput: The API would refuse the request.
        """
        self._check_text()
        if self.system is not None:
            _within(self.system, SYSTEM_LIMIT, "the system text")
        if not self.model.strip():
            raise InvalidInput("the model is empty; name one, such as local.textrank")
        if self.max_tokens is not None and not 1 <= self.max_tokens <= INT_LIMIT:
            raise InvalidInput(f"max tokens must be from 1 to {INT_LIMIT}, not {self.max_tokens}")
        if self.temperature is not None and not 0 <= self.temperature <= TEMPERATURE_LIMIT:
            raise InvalidInput(f"the temperature must be from 0 to {TEMPERATURE_LIMIT:g}, not {self.temperature:g}")
        if self.top_p is not None and not 0 <= self.top_p <= 1:
            raise InvalidInput(f"top p must be from 0 to 1, not {self.top_p:g}")
        if self.max_cost is not None and not 0 <= self.max_cost <= COST_LIMIT:
            raise InvalidInput(f"the maximum cost must be from 0 to {COST_LIMIT:g} dollars, not {self.max_cost:g}")
        if len(self.stop_sequences) > STOP_SEQUENCES_LIMIT:
            raise InvalidInput(f"at most {STOP_SEQUENCES_LIMIT} stop sequences are allowed; give fewer")
        for text in self.stop_sequences:
            if not text:
                raise InvalidInput("a stop sequence is empty; each must have at least one character")
            _within(text, STOP_SEQUENCE_LIMIT, "a stop sequence")
        if self.process_time is not None and not 0 <= self.process_time <= PROCESS_TIME_LIMIT:
            raise InvalidInput(
                f"the process time must be from 0 to {PROCESS_TIME_LIMIT:g} seconds, not {self.process_time:g}"
            )
        if self.metadata is not None:
            try:
                metadata = self._metadata_text()
            except (TypeError, ValueError, RecursionError):
                raise InvalidInput(
                    "the metadata is not a JSON value; numbers must be finite and fit a double, as up to 1.7e308"
                ) from None
            _within(metadata, METADATA_LIMIT, "the metadata")

    def _check_text(self) -> None:
        if (self.prompt is None) == (not self.messages):
            raise InvalidInput("give either a prompt or messages, and not both")
        if self.prompt is not None:
            if not self.prompt.strip():
                raise InvalidInput("the prompt is empty; give some text to work on")
            _within(self.prompt, UPLOAD_LIMIT, "the prompt")
            return
        turns = [message.role for message in self.messages]
        if turns != [Role.USER, Role.ASSISTANT] * (len(turns) // 2) + [Role.USER]:
            raise InvalidInput(
                "the messages must alternate, and the first and the last must be the USER's; join or add some"
            )
        if not all(message.text.strip() or message.images for message in self.messages):
            raise InvalidInput("a message is empty; each must have a text or an image")
        if any(message.images and message.role is not Role.USER for message in self.messages):
            raise InvalidInput("images are allowed only in messages of the USER; remove those of the ASSISTANT")
        if sum(len(message.images) for message in self.messages) > IMAGES_LIMIT:
            raise InvalidInput(f"at most {IMAGES_LIMIT} images are allowed in all messages; give fewer")
        conversation = "".join(message.text for message in self.messages)
        _within(conversation, PROMPT_LIMIT, "the conversation")
        if len(json.dumps(conversation)) > JSON_LIMIT:
            raise InvalidInput(
                f"the conversation may have at most {JSON_LIMIT} bytes of JSON, in which a control character takes "
                "six; remove such characters, or send a prompt, which is uploaded"
            )

    @property
    def large_prompt(self) -> bytes | None:
        """The prompt, if it must be uploaded; otherwise None."""
        content = (self.prompt or "").encode()
        is_large = len(content) > PROMPT_LIMIT or len(json.dumps(self.prompt)) > JSON_LIMIT
        return content if is_large else None

    @property
    def contents(self) -> tuple[bytes, ...]:
        """All contents that must be uploaded before the start, each once."""
        large = () if self.large_prompt is None else (self.large_prompt,)
        images = (image for message in self.messages for image in message.images if isinstance(image, bytes))
        return tuple(dict.fromkeys((*large, *images)))

    def render(self, uploads: Mapping[bytes, str]) -> dict[str, Json]:
        """The variable `input` of startInference. `uploads` maps each of `contents` to the id of its upload."""
        upload_id = None if self.large_prompt is None else uploads[self.large_prompt]
        fields: dict[str, Json] = {
            "jobId": self.job_id,
            "prompt": self.prompt if upload_id is None else None,
            "promptUpload": upload_id,
            "messages": [message.render(uploads) for message in self.messages] or None,
            "model": self.model,
            "system": self.system,
            "maxTokens": self.max_tokens,
            "temperature": self.temperature,
            "topP": self.top_p,
            "stopSequences": list(self.stop_sequences) or None,
            "processTime": self.process_time,
            "maxCost": self.max_cost,
            "metadata": None if self.metadata is None else self._metadata_text(),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def render_quote(self) -> dict[str, Json]:
        """The variable `input` of quoteInference, with the size of the text in place of the text."""
        texts = [self.prompt or "", self.system or "", *(message.text for message in self.messages)]
        fields: dict[str, Json] = {
            "model": self.model,
            "textBytes": sum(len(text.encode()) for text in texts),
            "maxTokens": self.max_tokens,
            "processTime": self.process_time,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _metadata_text(self) -> str:
        return json.dumps(self.metadata, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def check_upload(content: bytes) -> None:
    """Check the size of an upload.

    Raises:
        InvalidInput: The content is empty, or too large.
    """
    if not 1 <= len(content) <= UPLOAD_LIMIT:
        raise InvalidInput(f"an upload must have 1 to {UPLOAD_LIMIT} bytes, and this one has {len(content)}")


def _within(text: str, limit: int, name: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(f"{name} is not UTF-8 text; convert it to UTF-8 first") from None
    if size > limit:
        raise InvalidInput(f"{name} has {size} bytes of UTF-8, and at most {limit} are allowed; shorten or split it")
