"""Where versitygw 1.8.0 is known to differ from AWS: name of the point or test, and what versitygw does.

Each of them must fail there. When one no longer fails, remove its line.
"""

from collections.abc import Mapping
from typing import Final

_IGNORED: Final = "does not look at the header"
_ENCRYPTION: Final = "has no encryption and ignores its headers"
_ACL: Final = "decides about ACLs by its own setting"
_PARAMETER: Final = "does not look at the parameter"
_ORDER: Final = "checks the sizes of parts before their order"
_NAMES: Final = "takes a few names of buckets that AWS reserves"
_ENDLESS: Final = "cannot continue this listing by its own markers"

DEVIATIONS: Final[Mapping[str, str]] = {
    # Signatures
    "an unsigned Content-MD5": "wants only x-amz-* and host to be signed",
    "a presigned URL of tomorrow": "does not look at when a presigned URL begins",
    "a presigned URL and an Authorization": "takes the signature of the query",
    "test_the_key_that_is_absent_is_named": "names no key in NoSuchKey",
    # Checksums
    "the transfer coding chunked alone": "answers MissingContentLength",
    "test_aws_chunked_is_not_an_encoding_of_the_object": "keeps aws-chunked as the object's coding",
    "test_a_coding_beside_aws_chunked_is_kept": "keeps aws-chunked as the object's coding",
    "test_a_part_without_a_checksum_of_a_full_object_upload": "computes the checksum itself",
    "test_a_part_with_a_checksum_of_an_upload_without": "takes any checksum there",
    "test_complete_rejects_another_algorithm_than_the_uploads": "compares only a checksum of the upload's algorithm",
    # Uploads
    "a part that names its encryption": _ENCRYPTION,
    "complete without a body": "answers MalformedXML",
    "complete an unknown upload": "answers InvalidPart",
    "complete with a part named twice": _ORDER,
    "test_parts_out_of_order_are_rejected": _ORDER,
    "create with a storage class that is none": _IGNORED,
    "create with 11 tags": "counts tags in PutObjectTagging only",
    "create a key of 1,025 bytes": "finds out when the object is made",
    "test_parts_that_are_not_the_last_have_5_mib": "does not say which part",
    # Objects
    "test_every_object_is_encrypted_and_its_headers_state_it": _ENCRYPTION,
    "test_a_304_names_the_etag": "names no ETag",
    "test_a_delete_marker_counts_as_nothing": "takes a delete marker for an object",
    "test_delete_without_a_version_hides_the_object_and_removes_nothing": "says nothing of the marker in HEAD",
    "test_delete_of_an_absent_key_leaves_a_marker": "leaves none",
    "test_an_empty_version_is_rejected": "takes an empty version for none",
    # Limits
    "a key of 1,024 bytes": "allows 1,023",
    "a key that is no UTF-8": "keeps it as it is",
    "a key above its bucket": "responds with its own error code",
    "11 tags": "counts tags in PutObjectTagging only",
    "a tag of the system": "reserves no prefix",
    "a storage class that is none": _IGNORED,
    "a storage class in small letters": _IGNORED,
    "a storage class of another service": _IGNORED,
    "an encryption that is none": _ENCRYPTION,
    "a KMS key without KMS": _ENCRYPTION,
    "a KMS key with AES256": _ENCRYPTION,
    "a bucket key that is neither true nor false": _ENCRYPTION,
    "a customer's key over http": _ENCRYPTION,
    "an access list that is none": _ACL,
    "a public access list": _ACL,
    "a grant": _ACL,
    "a lock where the bucket has none": "stores the object before it refuses",
    "an account that is none": "answers AccessDenied",
    "a body without a length": "takes it for an empty one",
    "a bucket called two..dots": _NAMES,
    "a bucket called xn--name": _NAMES,
    "a bucket called name-s3alias": _NAMES,
    "an append": _IGNORED,
    # Listings
    "test_the_first_version_names_its_next_marker_with_a_delimiter_only": "names it always",
    "test_keys_are_escaped_for_urls_on_request": "writes them as they are",
    "test_versions_are_listed_newest_first_and_continued_by_two_markers": _ENDLESS,
    "test_a_key_marker_alone_passes_all_versions_of_the_key": "needs both markers",
    "test_uploads_are_listed_by_key_and_continued_by_two_markers": _ENDLESS,
    "list-type=3 of ListObjectsV2": "takes it for ListObjects",
    "continuation-token=nothing of ListObjectsV2": "takes any text as a token",
    "continuation-token=! of ListObjectsV2": "takes any text as a token",
    "encoding-type=base64 of ListObjectsV2": _PARAMETER,
    "encoding-type=base64 of ListObjects": _PARAMETER,
    "encoding-type=base64 of ListMultipartUploads": _PARAMETER,
    "fetch-owner=maybe of ListObjectsV2": _PARAMETER,
    "version-id-marker=without a key-marker of ListObjectVersions": _PARAMETER,
}
