"""StorageLocations with lifecycle rules, and bucket configurations of other writers."""

from typing import Any

from recording_operator.api.storagelocation import StorageLocation

GLACIER_AND_EXPIRY: dict[str, Any] = {
    "transitions": [{"afterDays": 90, "storageClass": "GLACIER"}],
    "expireAfterDays": 365,
}
WEEK: dict[str, Any] = {"prefix": "temp/", "expireAfterDays": 7}
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def a_location_with(
    *rules: dict[str, Any],
    name: str = "archive",
    prefix: str = "rec/",
    template: str = "media/{org}/{uid}/{artifact}{ext}",
    bucket: str = "recordings",
    generation: int = 1,
    status: dict[str, Any] | None = None,
    enforced_by: str = "Auto",
    directory: str | None = None,
) -> StorageLocation:
    """A location with these rules; without rules, one without `lifecycle`. With `directory`, of a filesystem."""
    spec: dict[str, Any] = {"s3": {"bucket": bucket, "prefix": prefix}, "keyTemplate": template}
    if directory is not None:
        spec = {"filesystem": {"path": directory, "prefix": prefix}, "keyTemplate": template}
    if rules:
        spec["lifecycle"] = {"rules": list(rules), "enforcedBy": enforced_by}
    metadata = {"name": name, "uid": "u", "generation": generation}
    return StorageLocation.model_validate({"metadata": metadata, "spec": spec, "status": status or {}})


def a_configuration(*rules: str) -> bytes:
    """A whole document."""
    inner = "\n  ".join(rules)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<LifecycleConfiguration {NAMESPACE}>\n  {inner}\n'
    return f"{text}</LifecycleConfiguration>".encode()


def foreign_rule(rule_id: str, *, filters: str = "<Filter><Prefix>logs/</Prefix></Filter>", more: str = "") -> str:
    """A rule of another writer."""
    expiry = "<Expiration><Days>30</Days></Expiration>"
    return f"<Rule><ID>{rule_id}</ID>{filters}<Status>Enabled</Status>{expiry}{more}</Rule>"
