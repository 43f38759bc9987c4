"""The sizes of the contract, as `graphql/schema.graphql` states them."""

from typing import Final

MAX_PROMPT: Final = 196_608  # bytes of UTF-8, here and below: with the rest of the input it fits one async invocation
MAX_SYSTEM: Final = 16_384
MAX_TEMPERATURE: Final = 2.0
MAX_TOP_P: Final = 1.0
MAX_STOP_SEQUENCES: Final = 16
MAX_STOP_SEQUENCE: Final = 256
MAX_IMAGES: Final = 20  # in a conversation
MAX_COST: Final = 10_000.0  # US dollars
MAX_METADATA: Final = 4_096  # bytes of JSON; it is repeated in every record
MAX_MESSAGE: Final = 1_024
MAX_DELTA: Final = 98_304  # bytes of JSON text; with all else in an event it stays under the 240 KB AppSync pushes
MAX_CHECKPOINT: Final = 65_536  # bytes of JSON text
MAX_RESULT: Final = 262_144
MAX_UPLOAD: Final = 10_485_760  # bytes of content
MAX_UPLOADS: Final = 78_643_200  # bytes of all uploads of one job: a worker has them in memory, sometimes twice
MAX_STORED_RESULT: Final = 67_108_864  # bytes of UTF-8; above MAX_RESULT, in the bucket
MAX_RESULT_TEXT: Final = 983_040  # bytes of JSON text: AppSync takes 1 MB in a request, and control characters take six
MAX_USAGE: Final = 4_096  # bytes of JSON
MAX_ERROR: Final = 8_192
MAX_PUSHED_RESULT: Final = 131_072  # bytes of JSON text, with the delta; a longer result is left out of the push
ONE_INVOCATION: Final = 840.0  # seconds: the longest invocation, minus the time for the final status
MAX_PROCESS_TIME: Final = 7_200.0  # seconds, over several invocations
