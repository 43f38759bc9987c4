"""A small S3 with one bucket, whose objects are files of the data folder."""

from typing import Final

BUCKET: Final = "longcall-local"
