"""Manifests that must be accepted, although they are similar to rejected ones."""

from typing import Final

from tests.api.manifests import (
    SIGNATURE,
    a_location,
    a_recording,
    an_artifact,
    with_s3,
    with_source,
    with_template,
    with_url,
)

GOOD_RECORDINGS: Final = {
    "one video": a_recording(),
    "a title in any script": a_recording(title="週次ミーティング (Q4), „Rückblick“ 🎬"),
    "an empty title": a_recording(title=""),
    "an artifact that has the name of the manifest": a_recording(
        an_artifact(), an_artifact(name="metadata", kind="Metadata", contentType="application/json")
    ),
    "64 artifacts of a lost Recording": a_recording(
        *[an_artifact(name=f"v{number}", source=None) for number in range(64)],
        identity={"uid": "3f0c2f5e-7f1b-4a54-9d0e-0b8f2a6c1d11", "createdAt": "2026-11-21T09:00:00Z"},
    ),
    "no location, so one is chosen": a_recording(storageLocation=None),
    "64 artifacts": a_recording(*[an_artifact(name=f"v{number}") for number in range(64)]),
    "64 artifacts with long URLs": a_recording(
        *[an_artifact(name=f"v{i}", source={"url": "https://h/" + "a" * 8000 + SIGNATURE}) for i in range(64)]
    ),
    "16 KiB inline": a_recording(an_artifact(source=None, inline="x" * 16384)),
    "256 KiB inline together": a_recording(
        *[an_artifact(name=f"v{number}", source=None, inline="x" * 16384) for number in range(16)]
    ),
    "http (the operator's policy decides)": with_url("http://127.0.0.1:9080/a" + SIGNATURE),
    "scheme in upper case": with_url("HTTPS://media.example.com/a" + SIGNATURE),
    "host that begins with a number": with_url("https://1.2.example/a" + SIGNATURE),
    "host that ends in a number": with_url("https://media.example2/a" + SIGNATURE),
    "host without a dot": with_url("https://localhost/a" + SIGNATURE),
    "IPv4": with_url("https://203.0.113.7:8443/a" + SIGNATURE),
    "IPv6": with_url("https://[2001:db8::1]:8443/a" + SIGNATURE),
    "no path": with_url("https://media.example.com" + SIGNATURE),
    "characters that some providers leave as they are": with_url("https://media.example.com/a;b={c}|^`'\"<d>,@e:f"),
    "fraction of a second": with_source(expiresAt="2026-11-21T12:00:00.123456789123Z"),
    "another zone": with_source(expiresAt="2026-11-21T12:00:00+05:30"),
    "a URL from a Secret": a_recording(an_artifact(source={"urlSecretRef": {"name": "a.b-c", "key": "A_b.c-d"}})),
    "every checksum": a_recording(
        *[
            an_artifact(name=name, source={"url": "https://h/", "checksum": f"{name}:{'0' * digits}"})
            for name, digits in (("sha256", 64), ("md5", 32), ("crc64nvme", 16), ("crc32", 8))
        ]
    ),
    "empty contentType": a_recording(an_artifact(contentType="")),
    "contentType of a suffix": a_recording(an_artifact(contentType="application/vnd.apple.mpegurl+x")),
    "contentType with a charset": a_recording(an_artifact(contentType="text/plain; charset=utf-8")),
    "contentType with quotes": a_recording(an_artifact(contentType='text/csv;header=present; charset="utf-8"')),
    "contentType with codecs": a_recording(an_artifact(contentType='video/mp4; codecs="avc1.42E01E, mp4a.40.2"')),
    "an e-mail address as owner": a_recording(owner={"org": "acme", "user": "jo.smith+test@example.com"}),
    "owners of identity providers": a_recording(
        owner={"org": "auth0|5f7c8ec7", "user": "eu-west-1:1234-abcd", "project": "/team/a b"}
    ),
    "an owner with letters outside ASCII": a_recording(owner={"org": "Müller & Söhne", "user": "山田太郎"}),
    "the longest owners that are escaped": a_recording(
        owner={"org": "@" * 16 + "a" * 80, "user": "@" * 42, "project": "ж" * 21}
    ),
    "an owner that looks escaped": a_recording(owner={"org": "jo=40example.com", "user": "%2e%2e"}),
    "durations": a_recording(ttlAfterFinished="1h30m1.5s250ms"),
    "no time": a_recording(ttlAfterFinished="0s"),
    "a null is as absent": a_recording(owner={"org": "a", "user": None}),
    "longest names": a_recording(
        an_artifact(name="a" * 63), name="n" * 63, owner={"org": "o" * 128, "user": "u" * 128, "project": "_-."}
    ),
}
GOOD_LOCATIONS: Final = {
    "a weight": a_location(placement={"weight": 10}),
    "the largest weight": a_location(placement={"weight": 1000}),
    "no weight": a_location(placement={}),
    "a bucket": a_location(),
    "an endpoint with all that may be": a_location(s3={"endpoint": "https://a-b.c--d.Example.com.:09443/p_q/~r/"}),
    "an endpoint by IPv6": a_location(s3={"endpoint": "http://[fd00::1]:9000"}),
    "every character of tags": a_location(s3={"tags": {"Équipe 7+-=._:/@": " 録画\u00a0+-=._:/@", "empty": ""}}),
    "everything": a_location(
        s3={
            "region": "eu-west-2",
            "endpoint": "http://127.0.0.1:7070",
            "pathStyle": True,
            "prefix": "team=a/recordings(1)/",
            "storageClass": "STANDARD_IA",
            "encryption": {"type": "aws:kms", "kmsKeyId": "alias/recordings"},
            "tags": {"team": "a"},
            "caBundle": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "credentials": {"secretName": "archive"},
            "cdn": {"domain": "media.example.com", "keyPairId": "K2JCJMDEHXQW5F", "privateKeySecret": "cdn"},
        },
        keyTemplate="{org}/{user}/{project}/{namespace}/{name}/{uid}/{year}-{month}-{day}.{artifact}{ext}",
        allowedNamespaces={
            "names": ["default"],
            "selector": {
                "matchLabels": {"team": "a"},
                "matchExpressions": [
                    {"key": "env", "operator": "In", "values": ["prod"]},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
        },
        limits={"concurrentUploads": 4, "perNamespace": 2, "maxArtifactSize": "1.5Gi", "bandwidthPerSecond": "64Ki"},
        retry={"delays": ["2m", "1h30m"], "untilExpiry": True, "refreshGrace": "0s"},
        deletionPolicies=["Retain", "Delete"],
        prices={
            "profile": "aws-s3/eu-west-2",
            "configMap": "our-prices",
            "accessLogs": {"bucket": "our-logs", "prefix": "logs/111122223333/eu-west-2/recordings/"},
        },
    ),
    "downloads as CloudWatch counts them": a_location(prices={"cloudWatch": {"filterId": "EntireBucket"}}),
    "a storage class of another store": with_s3(endpoint="https://storage.googleapis.com", storageClass="NEARLINE"),
    "two layers of encryption": with_s3(encryption={"type": "aws:kms:dsse", "kmsKeyId": "alias/recordings"}),
    "a bucket key": with_s3(encryption={"type": "aws:kms", "bucketKeyEnabled": True}),
    "no bucket key": with_s3(encryption={"type": "aws:kms", "bucketKeyEnabled": False}),
    "an encryption of another store": with_s3(
        endpoint="https://s3.example.com", encryption={"type": "cos/kms", "kmsKeyId": "k"}
    ),
    "an ACL": with_s3(acl="bucket-owner-full-control"),
    "an ACL of another store": with_s3(endpoint="https://storage.googleapis.com", acl="project-private"),
    "a retention": with_s3(objectLock={"mode": "Governance", "retainDays": 1}),
    "the longest retention, of another store without checksums": with_s3(
        endpoint="https://s3.example.com", objectLock={"mode": "Compliance", "retainDays": 36500}, checksums="Off"
    ),
    "a role": with_s3(credentials={"assumeRole": {"roleArn": "arn:aws-us-gov:iam::111122223333:role/a/b@c"}}),
    "a role with all that may be": with_s3(
        credentials={
            "assumeRole": {
                "roleArn": "arn:aws:iam::111122223333:role/recordings",
                "externalId": "acme:1/2=@,.-_+",
                "sessionName": "recordings@eu-west-2",
                "secretName": "base",
                "endpoint": "https://vpce-1.sts.eu-west-2.vpce.amazonaws.com",
            }
        }
    ),
    "a role of another STS": with_s3(
        endpoint="https://ceph.example.com",
        credentials={"assumeRole": {"roleArn": "arn:aws:iam:::role/r", "endpoint": "https://ceph.example.com"}},
    ),
    "content types": a_location(limits={"contentTypes": ["video/*", "audio/*", "application/vnd.api+json"]}),
    "an endpoint with a path": with_s3(endpoint="https://example.com/minio/"),
    "an endpoint with a longer path": with_s3(endpoint="https://example.com:8443/store/s3"),
    "a bucket that only AWS forbids": with_s3(endpoint="https://minio.example.com", bucket="My_Bucket..v1"),
    "a long bucket": with_s3(endpoint="https://minio.example.com", bucket="b" * 255),
    "every storage class of AWS": with_s3(storageClass="DEEP_ARCHIVE"),
    "no retries": a_location(retry={"delays": []}),
    "quotas": a_location(
        quotas=[
            {"org": "acme", "bytes": "500Gi", "recordings": 10000, "action": "Fail"},
            {"org": "Müller & Söhne", "recordings": 1},
            {"namespace": "acme", "bytes": "1"},
        ]
    ),
    "256 quotas": a_location(quotas=[{"org": f"{number:0>128}", "bytes": "1Gi"} for number in range(256)]),
    "a quota of bytes with {uid} after {artifact}": a_location(
        keyTemplate="{org}/{artifact}/{uid}", quotas=[{"org": "acme", "bytes": "1Gi"}]
    ),
    "IPv6 endpoint": with_s3(endpoint="https://[2001:db8::1]:9000"),
    "shortest template": with_template("{uid}{artifact}"),
}
