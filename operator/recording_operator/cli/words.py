"""Translates messages about Recordings and StorageLocations for users of the other verbs."""

from typing import Final

# The order matters: longer phrases come before the phrases that they contain.
_PHRASES: Final = (
    (
        "The pod of the operator has no credentials for the store.",
        "No usable AWS credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    ),
    (
        "The operator's source policy does not allow this URL or its address. Ask the platform team.",
        "The settings do not allow this URL or its address. The default is public https sources on port 443.",
    ),
    (
        "The clocks of the operator and the store differ too much. Correct the clock of the node",
        "The clocks of this machine and the store differ too much. Correct the clock of this machine",
    ),
    ("the location's or the bucket's encryption", "the bucket's encryption"),
    ("The location's credentials", "Your credentials"),
    ("the location's credentials", "your credentials"),
    ("The location's bucket", "The bucket"),
    (" on the prefix", " on the key and on .recording-operator/*"),
    ("spec.s3.endpoint", "--endpoint-url"),
    ("s3.endpoint", "--endpoint-url"),
    ("spec.s3.region", "--region"),
    ("s3.region", "--region"),
    ("s3.caBundle", "--ca-bundle"),
    ("source.size", "--size"),
    ("source.checksum", "--checksum"),
    ("The bytes do not have the checksum in the spec", "The bytes do not have the checksum of --checksum"),
    ("the checksum in the spec", "the checksum of --checksum"),
    ("the spec expects", "--size is"),
    ("does not belong to this Recording", "has another source, or was not made by this command,"),
    ("of this artifact", "of this copy"),
    ("for this artifact", "at this URL"),
    ("The artifact", "The file"),
    ("the artifact", "the file"),
    (", then change spec.retryToken", ""),
    (" Then change spec.retryToken.", ""),
    ("contentType", "--content-type"),
    ("Apply a fresh URL", "Use a fresh URL"),
)

# The keys that assume a role are those of the location's Secret or, without one, the user's own.
_ROLE_PHRASES: Final = (
    ("does not permit the operator to assume", "does not permit these credentials to assume"),
    ("names the operator's identity", "names their identity"),
    ("repair the identity of the operator's pod", "renew your own"),
    ("the operator can connect", "this machine can connect"),
)


def for_copy(message: str) -> str:
    """A message of a transfer or a check, with the options of this command instead of the fields of a resource."""
    for phrase, instead in _PHRASES:
        message = message.replace(phrase, instead)
    return message


def for_report(message: str) -> str:
    """A message of a store that usage samples are read from."""
    return for_copy(message.replace(" on the prefix", " on the bucket"))


def for_location(message: str) -> str:
    """A message of a StorageLocation's store, which is called with its Secret or with the user's own credentials."""
    for phrase, instead in (*_PHRASES[:1], *_ROLE_PHRASES):
        message = message.replace(phrase, instead)
    return message


def for_secrets(message: str) -> str:
    """A message about the Secret of a StorageLocation, for a person who reads it with their own rights."""
    text = message.replace("The operator may not read Secret", "You may not read Secret")
    text = text.replace("in its namespace", "in the operator's namespace").replace(" Grant it get.", "")
    return f"{text} --operator-namespace names the operator's namespace." if "operator's namespace" in text else text


def for_sink(message: str) -> str:
    """A message about what an EventSink names, for a person who reads it with their own rights."""
    text = message.replace("The operator may not read", "You may not read")
    return text.partition(" Bind the ClusterRole")[0].partition(" Grant it get")[0]
