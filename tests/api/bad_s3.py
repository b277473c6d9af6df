"""Buckets of StorageLocations that the API server rejects, with the expected messages."""

from typing import Final

from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, too_long, unknown, unsupported, wrong_type
from tests.api.manifests import CANARY, with_s3

OBJECT_NAME: Final = (
    "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)
BUCKET: Final = (
    "write a bucket name: 3 to 255 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
)
AWS_BUCKET: Final = (
    "a bucket of AWS has 3 to 63 lower-case letters, digits, '-' and '.'; for another store set endpoint"
)
AWS_BUCKET_DOTS: Final = (
    "a bucket of AWS must not contain '..' or look like an IP address; for another store set endpoint"
)
AWS_ENCRYPTION: Final = "AWS has the encryption types AES256, aws:kms, aws:kms:dsse; for another store set endpoint"
AWS_ACL: Final = (
    "AWS has the canned ACLs private, public-read, public-read-write, aws-exec-read, authenticated-read, "
    "bucket-owner-read, bucket-owner-full-control; for another store set endpoint"
)
CREDENTIALS: Final = (
    "set exactly one of secretName and assumeRole; the access key that assumes a role is assumeRole.secretName"
)
ROLE: Final = "arn:aws:iam::111122223333:role/recordings"
AWS_CLASS: Final = (
    "AWS has the storage classes STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, "
    "GLACIER_IR, GLACIER, DEEP_ARCHIVE; for another store set endpoint"
)
CLASS: Final = "write a storage class such as STANDARD_IA: letters, digits, '-', '_' and '.'"
ENDPOINT: Final = "must be a URL without user name or query, such as https://minio.example.com:9000"
ENDPOINT_HOST: Final = "the host of an endpoint must not contain '_', which S3 clients do not accept"
FOLDERS: Final = "must not begin with '/' or contain '//' or a folder '.' or '..'"
TAGS: Final = "write names and values of tags with letters, digits, spaces and + - = . _ : / @"
TAG_NAMES: Final = "tag names that begin with aws: are reserved for the store"
PREFIX_CHARACTERS: Final = "use only letters, digits and ! - _ . * ( ) =, and '/' between folders"
CDN: Final = {"domain": "media.example.com", "keyPairId": "K2JCJMDEHXQW5F", "privateKeySecret": "cdn"}
CDN_DOMAIN: Final = "write a host name such as d111111abcdef8.cloudfront.net, in lower case and without https://"
CDN_KEY: Final = "write the id of a public key or key pair such as K2JCJMDEHXQW5F"

BAD_S3: Final = (
    Case("bucket upper", with_s3(bucket="MyBucket"), rejected("spec.s3.bucket", AWS_BUCKET)),
    Case("bucket underscore", with_s3(bucket="my_bucket"), rejected("spec.s3.bucket", AWS_BUCKET)),
    Case(
        "bucket begins with an underscore, of another store",
        with_s3(bucket="_b_", endpoint="https://minio.example.com"),
        rejected("spec.s3.bucket", BUCKET, value="_b_"),
    ),
    Case("bucket short", with_s3(bucket="ab"), rejected("spec.s3.bucket", BUCKET, value="ab")),
    Case("bucket slash", with_s3(bucket="bucket/prefix"), rejected("spec.s3.bucket", BUCKET, value="bucket/prefix")),
    Case("bucket arn", with_s3(bucket="arn:aws:s3:::b"), rejected("spec.s3.bucket", BUCKET, value="arn:aws:s3:::b")),
    Case(
        "bucket ..",
        with_s3(bucket="a..b"),
        rejected("spec.s3.bucket", AWS_BUCKET_DOTS),
    ),
    Case(
        "bucket ip",
        with_s3(bucket="192.168.5.4"),
        rejected("spec.s3.bucket", AWS_BUCKET_DOTS),
    ),
    Case(
        "bucket of directories",
        with_s3(bucket="recordings--use1-az4--x-s3"),
        rejected(
            "spec.s3.bucket",
            "directory buckets (S3 Express One Zone) are not supported; use a general purpose bucket",
            value="recordings--use1-az4--x-s3",
        ),
    ),
    Case(
        "bucket behind Object Lambda",
        with_s3(bucket="mine-1a4n8yjrb3kda96f67zwrwiiuse1a--ol-s3"),
        rejected(
            "spec.s3.bucket",
            "Object Lambda, table and multi-region access points are not supported; use the bucket's own name",
            value="mine-1a4n8yjrb3kda96f67zwrwiiuse1a--ol-s3",
        ),
    ),
    Case(
        "storageClass of directory buckets",
        with_s3(storageClass="EXPRESS_ONEZONE"),
        rejected("spec.s3.storageClass", "EXPRESS_ONEZONE is the class of directory buckets, which are not supported"),
    ),
    Case("bucket missing", with_s3(bucket=None), blocked(missing("spec.s3.bucket"))),
    Case(
        "region",
        with_s3(region="EU West"),
        rejected("spec.s3.region", "write a region such as eu-west-2, or leave it out", value="EU West"),
    ),
    Case(
        "region empty",
        with_s3(region=""),
        rejected("spec.s3.region", "write a region such as eu-west-2, or leave it out", value=""),
    ),
    Case("endpoint no scheme", with_s3(endpoint="minio:9000"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case(
        "endpoint path ..", with_s3(endpoint="https://minio.example.com/a/../b"), rejected("spec.s3.endpoint", ENDPOINT)
    ),
    Case("endpoint path //", with_s3(endpoint="https://minio.example.com//b"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case(
        "endpoint path %", with_s3(endpoint="https://minio.example.com/%2e/b"), rejected("spec.s3.endpoint", ENDPOINT)
    ),
    Case(
        "endpoint pw",
        with_s3(endpoint=f"https://me:{CANARY}@minio.example.com"),
        rejected("spec.s3.endpoint", ENDPOINT),
    ),
    Case(
        "endpoint query",
        with_s3(endpoint=f"https://minio.example.com/?{CANARY}"),
        rejected("spec.s3.endpoint", ENDPOINT),
    ),
    Case("endpoint _", with_s3(endpoint="https://minio_1.example.com"), rejected("spec.s3.endpoint", ENDPOINT_HOST)),
    Case("endpoint _ alone", with_s3(endpoint="http://_:9000/a"), rejected("spec.s3.endpoint", ENDPOINT_HOST)),
    Case("endpoint - first", with_s3(endpoint="https://a.-b.c"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case("endpoint dots", with_s3(endpoint="https://a..b"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case("endpoint dot", with_s3(endpoint="https://./"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case("endpoint port 0", with_s3(endpoint="https://minio.example.com:0"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case("endpoint port", with_s3(endpoint="https://minio.example.com:99999"), rejected("spec.s3.endpoint", ENDPOINT)),
    Case(
        "prefix no slash",
        with_s3(prefix="recordings"),
        rejected("spec.s3.prefix", "must end with '/', such as recordings/", value="recordings"),
    ),
    Case("prefix leading", with_s3(prefix="/recordings/"), rejected("spec.s3.prefix", FOLDERS, value="/recordings/")),
    Case("prefix ..", with_s3(prefix="a/../b/"), rejected("spec.s3.prefix", FOLDERS, value="a/../b/")),
    Case("prefix .", with_s3(prefix="./"), rejected("spec.s3.prefix", FOLDERS, value="./")),
    Case("prefix //", with_s3(prefix="a//b/"), rejected("spec.s3.prefix", FOLDERS, value="a//b/")),
    Case(
        "prefix space",
        with_s3(prefix="my recordings/"),
        rejected("spec.s3.prefix", PREFIX_CHARACTERS, value="my recordings/"),
    ),
    Case("prefix long", with_s3(prefix="a" * 257 + "/"), blocked(too_long("spec.s3.prefix", 256))),
    Case("storageClass", with_s3(storageClass="standard"), rejected("spec.s3.storageClass", AWS_CLASS)),
    Case("storageClass of Google", with_s3(storageClass="NEARLINE"), rejected("spec.s3.storageClass", AWS_CLASS)),
    Case(
        "storageClass with a newline",
        with_s3(storageClass="COLD\r\nx-amz-acl: public-read", endpoint="https://s3.example.com"),
        rejected("spec.s3.storageClass", CLASS, value="COLD\r\nx-amz-acl: public-read"),
    ),
    Case(
        "kmsKeyId without kms",
        with_s3(encryption={"type": "AES256", "kmsKeyId": "x"}),
        rejected("spec.s3.encryption.kmsKeyId", "kmsKeyId needs type aws:kms or aws:kms:dsse"),
    ),
    Case(
        "encryption of unknown type",
        with_s3(encryption={"type": "KMS"}),
        rejected("spec.s3.encryption.type", AWS_ENCRYPTION),
    ),
    Case(
        "encryption of no type at all",
        with_s3(encryption={"type": "aws kms"}, endpoint="https://s3.example.com"),
        rejected(
            "spec.s3.encryption.type",
            "write an encryption type such as AES256, aws:kms or aws:kms:dsse",
            value="aws kms",
        ),
    ),
    Case(
        "bucketKeyEnabled with two layers",
        with_s3(encryption={"type": "aws:kms:dsse", "bucketKeyEnabled": True}),
        rejected("spec.s3.encryption.bucketKeyEnabled", "bucketKeyEnabled needs type aws:kms"),
    ),
    Case("acl of another store", with_s3(acl="project-private"), rejected("spec.s3.acl", AWS_ACL)),
    Case(
        "acl with a newline",
        with_s3(acl="private\r\nx-amz-meta-a: b", endpoint="https://s3.example.com"),
        rejected(
            "spec.s3.acl",
            "write a canned ACL such as bucket-owner-full-control",
            value="private\r\nx-amz-meta-a: b",
        ),
    ),
    Case(
        "objectLock without the store's checksums",
        with_s3(objectLock={"mode": "Governance", "retainDays": 1}, checksums="Off"),
        rejected(
            "spec.s3.objectLock",
            "AWS accepts objects with objectLock only with their checksums; set checksums to Auto or Required",
        ),
    ),
    Case(
        "objectLock mode",
        with_s3(objectLock={"mode": "GOVERNANCE", "retainDays": 1}),
        blocked(unsupported("spec.s3.objectLock.mode", "GOVERNANCE", "Governance", "Compliance")),
    ),
    Case(
        "objectLock for no day",
        with_s3(objectLock={"mode": "Compliance", "retainDays": 0}),
        out_of_bounds("spec.s3.objectLock.retainDays", 0, "be greater than or equal to 1"),
    ),
    Case(
        "objectLock without days",
        with_s3(objectLock={"mode": "Compliance"}),
        blocked(missing("spec.s3.objectLock.retainDays")),
    ),
    Case("credentials without any", with_s3(credentials={}), rejected("spec.s3.credentials", CREDENTIALS)),
    Case(
        "credentials of both kinds",
        with_s3(credentials={"secretName": "a", "assumeRole": {"roleArn": ROLE}}),
        rejected("spec.s3.credentials", CREDENTIALS),
    ),
    Case(
        "role without an account",
        with_s3(credentials={"assumeRole": {"roleArn": "arn:aws:iam:::role/recordings"}}),
        rejected(
            "spec.s3.credentials.assumeRole.roleArn",
            "a role of AWS is arn:aws:iam::ACCOUNT:role/NAME, with an account of 12 digits; for another STS set "
            "endpoint",
        ),
    ),
    Case(
        "role that is a name",
        with_s3(credentials={"assumeRole": {"roleArn": "recordings"}}),
        rejected(
            "spec.s3.credentials.assumeRole.roleArn",
            "write the ARN of a role such as arn:aws:iam::111122223333:role/recordings",
            value="recordings",
        ),
    ),
    Case(
        "externalId",
        with_s3(credentials={"assumeRole": {"roleArn": ROLE, "externalId": "a b"}}),
        rejected(
            "spec.s3.credentials.assumeRole.externalId",
            "an external id has letters, digits and _ + = , . @ : / -",
            value="a b",
        ),
    ),
    Case(
        "sessionName",
        with_s3(credentials={"assumeRole": {"roleArn": ROLE, "sessionName": "a/b"}}),
        rejected(
            "spec.s3.credentials.assumeRole.sessionName",
            "a session name has letters, digits and _ + = , . @ -",
            value="a/b",
        ),
    ),
    Case(
        "endpoint of STS with a password",
        with_s3(credentials={"assumeRole": {"roleArn": ROLE, "endpoint": f"https://me:{CANARY}@sts.example.com"}}),
        rejected(
            "spec.s3.credentials.assumeRole.endpoint",
            "must be a URL without user name or query, such as https://sts.example.com",
        ),
    ),
    Case("encryption without type", with_s3(encryption={}), blocked(missing("spec.s3.encryption.type"))),
    Case(
        "tags 11",
        with_s3(tags={f"t{i}": "x" for i in range(11)}),
        blocked("spec.s3.tags: Too many: 11: must have at most 10 items"),
    ),
    Case("tag empty", with_s3(tags={"": "x"}), rejected("spec.s3.tags", "a tag name has 1 to 128 characters")),
    Case("tag aws", with_s3(tags={"aws:x": "x"}), rejected("spec.s3.tags", TAG_NAMES)),
    Case("tag AWS", with_s3(tags={"Aws:x": "x"}), rejected("spec.s3.tags", TAG_NAMES)),
    Case("tag name with &", with_s3(tags={"R&D": "x"}), rejected("spec.s3.tags", TAGS)),
    Case("tag value with a comma", with_s3(tags={"team": "a, b"}), rejected("spec.s3.tags", TAGS)),
    Case("tag value with JSON", with_s3(tags={"team": '{"a":1}'}), rejected("spec.s3.tags", TAGS)),
    Case("tag value with a newline", with_s3(tags={"team": "a\n"}), rejected("spec.s3.tags", TAGS)),
    Case("tag value with an emoji", with_s3(tags={"team": "😀"}), rejected("spec.s3.tags", TAGS)),
    Case("tag value with a wildcard", with_s3(tags={"ok": "x", "team": "a*"}), rejected("spec.s3.tags", TAGS)),
    Case("tag number", with_s3(tags={"a": 1}), blocked(wrong_type("spec.s3.tags.a", "string", got="integer"))),
    Case(
        "caBundle as a path",
        with_s3(caBundle="/etc/ca.pem"),
        rejected(
            "spec.s3.caBundle",
            "write certificates in PEM, beginning with -----BEGIN CERTIFICATE-----",
            value="/etc/ca.pem",
        ),
    ),
    Case(
        "cdn without a key",
        with_s3(cdn={"domain": CDN["domain"], "keyPairId": CDN["keyPairId"]}),
        blocked(missing("spec.s3.cdn.privateKeySecret")),
    ),
    *(
        Case(
            f"cdn domain {domain}",
            with_s3(cdn={**CDN, "domain": domain}),
            rejected("spec.s3.cdn.domain", CDN_DOMAIN, value=domain),
        )
        for domain in ("https://media.example.com", "media.example.com/a", "Media.example.com", "localhost", "")
    ),
    *(
        Case(
            f"cdn key {key}",
            with_s3(cdn={**CDN, "keyPairId": key}),
            rejected("spec.s3.cdn.keyPairId", CDN_KEY, value=key),
        )
        for key in ("k2jc", "K&Key-Pair-Id=K", "")
    ),
    Case(
        "cdn secret of another namespace",
        with_s3(cdn={**CDN, "privateKeySecret": "ns/s"}),
        rejected("spec.s3.cdn.privateKeySecret", OBJECT_NAME, value="ns/s"),
    ),
    Case(
        "cdn key written inline",
        with_s3(cdn={**CDN, "privateKey": CANARY}),
        unknown("StorageLocation", "spec.s3.cdn.privateKey"),
    ),
    Case(
        "credentials written inline",
        with_s3(credentials={"accessKeyId": "A", "secretAccessKey": CANARY}),
        unknown("StorageLocation", "spec.s3.credentials.accessKeyId", "spec.s3.credentials.secretAccessKey"),
    ),
    Case(
        "credentials in another namespace",
        with_s3(credentials={"secretName": "ns/s"}),
        rejected("spec.s3.credentials.secretName", OBJECT_NAME, value="ns/s"),
    ),
    Case(
        "role in a field of another name",
        with_s3(credentials={"assumeRole": {"arn": "x"}}),
        unknown("StorageLocation", "spec.s3.credentials.assumeRole.arn"),
    ),
)
