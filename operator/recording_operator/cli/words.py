"""Translates messages about Recordings and StorageLocations for somebody who copies one file by hand."""

from typing import Final

# The order matters: longer phrases come before the phrases that they contain.
_PHRASES: Final = (
    (
        "The operator has no ambient credentials for the store.",
        "No usable AWS credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    ),
    (
        "The operator's source policy does not allow this URL or where it leads.",
        "The settings do not allow this URL or where it leads; the default is public https sources on port 443.",
    ),
    (
        "The operator's clock and the store's differ too much; set the node's time",
        "This machine's clock and the store's differ too much; set this machine's time",
    ),
    ("the location's or the bucket's encryption", "the bucket's encryption"),
    ("the location's credentials", "your credentials"),
    ("The location's bucket", "The bucket"),
    ("the location's prefix", "the bucket"),
    (" on the prefix", " on the key and on .recording-operator/*"),
    ("spec.s3.endpoint", "--endpoint-url"),
    ("s3.endpoint", "--endpoint-url"),
    ("spec.s3.region", "--region"),
    ("s3.region", "--region"),
    ("s3.caBundle", "--ca-bundle"),
    ("source.expiresAt", "its expiry"),
    ("source.size", "--size"),
    ("source.checksum", "--checksum"),
    ("The bytes do not have the checksum in the spec", "The bytes do not have the checksum of --checksum"),
    ("the checksum in the spec", "the checksum of --checksum"),
    ("the spec says", "expected were"),
    ("not of this Recording", "of another source, or was not made by this command,"),
    ("of this artifact", "of this copy"),
    ("for this artifact", "at this URL"),
    ("The artifact", "The file"),
    ("the artifact", "the file"),
    (", then change retryToken", ""),
    ("contentType", "--content-type"),
    ("Apply the Recording with a fresh URL", "Use a fresh URL"),
    ("Apply a fresh URL", "Use a fresh URL"),
)


def for_copy(message: str) -> str:
    """A message of a transfer or a check, with the options of this command instead of the fields of a resource."""
    for phrase, instead in _PHRASES:
        message = message.replace(phrase, instead)
    return message
