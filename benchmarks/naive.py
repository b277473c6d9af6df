"""The obvious first version of a copy: read 5 MiB, call upload_part, repeat.  URL ENDPOINT BUCKET KEY"""

import sys

import boto3
import requests

PART_BYTES = 5 * 2**20


def main(url: str, endpoint: str, bucket: str, key: str) -> None:
    """Copy the URL into the bucket."""
    s3 = boto3.client("s3", endpoint_url=endpoint)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    parts = []
    with requests.get(url, stream=True, timeout=60) as response:
        response.raise_for_status()
        for number, body in enumerate(response.iter_content(PART_BYTES), start=1):
            part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts})


if __name__ == "__main__":
    main(*sys.argv[1:])
