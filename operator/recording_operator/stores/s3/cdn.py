"""Signs URLs of a CloudFront distribution.

Source: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html
"""

import hashlib
from datetime import datetime
from urllib.parse import quote, urlencode

from awscrt.crypto import RSA, RSASignatureAlgorithm
from botocore.signers import CloudFrontSigner

from recording_operator.stores.presigning import CdnKey, NotPresignableError


def signed_url(cdn: CdnKey, key: str, *, expires_at: datetime, query: dict[str, str]) -> str:
    """The URL of the object at the distribution, signed with a canned policy. Raises NotPresignableError."""
    try:
        private_key = RSA.new_private_key_from_pem_data(cdn.private_key_pem)
    except (RuntimeError, ValueError):
        message = "The private key of s3.cdn cannot be used. Write an RSA key in PEM without a passphrase."
        raise NotPresignableError(message) from None

    def sign(policy: bytes) -> bytes:
        digest = hashlib.sha1(policy, usedforsecurity=False).digest()  # CloudFront accepts no other hash
        return bytes(private_key.sign(RSASignatureAlgorithm.PKCS1_5_SHA1, digest))

    address = f"https://{cdn.domain}/{quote(key, safe='/~')}"
    if query:
        address += f"?{urlencode(query, quote_via=quote)}"
    signer = CloudFrontSigner(cdn.key_pair_id, sign)
    return str(signer.generate_presigned_url(address, date_less_than=expires_at))
