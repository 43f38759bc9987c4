"""S3's XML: errors, lists of objects, and what a request asks to delete."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from local_stack.services.bucket import BUCKET
from local_stack.services.bucket.errors import S3Error
from local_stack.services.bucket.listing import Listing

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
MOST_DELETED: Final = 1000
OWNER: Final = "local"


def error_document(error: S3Error, *, resource: str, request_id: str) -> bytes:
    """An error."""
    root = Element("Error")
    for name, value in (
        ("Code", error.code), ("Message", error.message), ("Resource", resource), ("RequestId", request_id),
    ):  # fmt: skip
        SubElement(root, name).text = value
    return _written(root)


def list_document(listing: Listing) -> bytes:
    """The answer of ListObjectsV2 and, with a marker in place of the token, of ListObjects."""
    root, query = Element("ListBucketResult", xmlns=NAMESPACE), listing.query

    def shown(text: str) -> str:
        return quote(text, safe="/-_.~") if query.is_encoded else text

    _add(root, "Name", BUCKET)
    _add(root, "Prefix", shown(query.prefix))
    if query.delimiter:
        _add(root, "Delimiter", shown(query.delimiter))
    _add(root, "MaxKeys", str(query.most))
    if query.is_encoded:
        _add(root, "EncodingType", "url")
    _add(root, "IsTruncated", "true" if listing.next_after is not None else "false")
    if query.is_second_version:
        _add(root, "KeyCount", str(len(listing.objects) + len(listing.folders)))
        if query.token is not None:
            _add(root, "ContinuationToken", query.token)
        if listing.next_token is not None:
            _add(root, "NextContinuationToken", listing.next_token)
    else:
        _add(root, "Marker", shown(query.after))
        if listing.next_after is not None:
            _add(root, "NextMarker", shown(listing.next_after))
    for stored in listing.objects:
        entry = SubElement(root, "Contents")
        _add(entry, "Key", shown(stored.key))
        _add(entry, "LastModified", iso(stored.modified))
        _add(entry, "ETag", f'"{stored.etag}"')
        _add(entry, "Size", str(stored.size))
        _add(entry, "StorageClass", "STANDARD")
    for folder in listing.folders:
        _add(SubElement(root, "CommonPrefixes"), "Prefix", shown(folder))
    return _written(root)


def buckets_document(created: datetime) -> bytes:
    """The answer of ListBuckets."""
    root = Element("ListAllMyBucketsResult", xmlns=NAMESPACE)
    _add(SubElement(root, "Owner"), "ID", OWNER)
    bucket = SubElement(SubElement(root, "Buckets"), "Bucket")
    _add(bucket, "Name", BUCKET)
    _add(bucket, "CreationDate", iso(created))
    return _written(root)


def copy_document(etag: str, modified: datetime) -> bytes:
    """The answer of CopyObject."""
    root = Element("CopyObjectResult", xmlns=NAMESPACE)
    _add(root, "LastModified", iso(modified))
    _add(root, "ETag", f'"{etag}"')
    return _written(root)


def deleted_document(keys: Iterable[str]) -> bytes:
    """The answer of DeleteObjects."""
    root = Element("DeleteResult", xmlns=NAMESPACE)
    for key in keys:
        _add(SubElement(root, "Deleted"), "Key", key)
    return _written(root)


def location_document() -> bytes:
    """The answer of GetBucketLocation: no text stands for us-east-1."""
    return _written(Element("LocationConstraint", xmlns=NAMESPACE))


def keys_to_delete(document: bytes) -> tuple[list[str], bool]:
    """The keys of a DeleteObjects request, and whether only errors are to be answered.

    Raises:
        S3Error: The document is something else.
    """
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  # of a signed caller; expat limits expansion
    except ElementTree.ParseError:
        root = None
    keys = [] if root is None else [it.findtext("{*}Key") or "" for it in root.iterfind("{*}Object")]
    if root is None or not keys or len(keys) > MOST_DELETED or not all(keys):
        raise S3Error("MalformedXML", "The XML you provided was not well-formed or did not validate.", 400)
    return keys, root.findtext("{*}Quiet") == "true"


def iso(moment: datetime) -> str:
    """A time as S3 writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _add(parent: Element, name: str, value: str) -> None:
    SubElement(parent, name).text = value


def _written(root: Element) -> bytes:
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
