"""Servers that only list: an S3 bucket of a million versions and an API server of a hundred thousand Recordings.

The bucket is versioned: a third of the versions are noncurrent.

No real S3 server on one machine holds a million objects within minutes, and a real API server needs gigabytes for so
many Recordings. Only the client is measured, and it receives the same bytes. Pages are created when they are requested.
Run: `python benchmarks/listingserver.py RECORDINGS VERSIONS_PER_RECORDING`; prints its port.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ORGS = 50
NAMESPACES = 20
LOCATION = "bench"
KEY_TEMPLATE = "{org}/{user}/{uid}/{artifact}{ext}"


def uid_of(recording: int) -> str:
    """The uid of the n-th Recording; in the order of the keys."""
    return f"{recording:08x}-0000-4000-8000-{recording * 7919 % 16**12:012x}"


def org_of(recording: int, recordings: int) -> str:
    """Neighbours share an organisation, as in a bucket whose keys begin with it."""
    return f"org-{recording * ORGS // recordings:03}"


def namespace_of(recording: int, recordings: int) -> str:
    """Each organisation has Recordings in two namespaces, which it shares with others."""
    return f"team-{(recording * ORGS // recordings + recording % 2) % NAMESPACES}"


def recording_item(number: int, recordings: int) -> dict[str, Any]:
    """A Complete Recording with four artifacts, as large as real ones are."""
    uid, org = uid_of(number), org_of(number, recordings)
    key = f"{org}/u-17/{uid}"
    names = ("video", "audio", "transcript", "summary")
    artifact = {
        "phase": "Complete", "reason": "Stored", "bytesDone": 480_000_000, "bytesTotal": 480_000_000, "attempts": 0,
        "etag": "d41d8cd98f00b204e9800998ecf8427e-31", "contentType": "video/mp4",
        "checksum": "crc64nvme:0123456789abcdef",
    }  # fmt: skip
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {
            "name": f"meeting-{number}", "namespace": namespace_of(number, recordings), "uid": uid,
            "resourceVersion": str(number), "generation": 1, "creationTimestamp": "2026-11-01T09:00:00Z",
        },
        "spec": {
            "storageLocation": LOCATION,
            "owner": {"org": org, "user": "u-17"},
            "artifacts": [
                {"name": name, "kind": "Video", "source": {"url": "https://media.example.com/" + "s" * 300}}
                for name in names
            ],
        },
        "status": {
            "phase": "Complete", "startedAt": "2026-11-01T09:00:01Z", "completedAt": "2026-11-01T09:03:00Z",
            "artifacts": [
                {"name": name, "key": f"{key}/{name}", "uri": f"s3://bench/{key}/{name}", **artifact}
                for name in names
            ],
        },
    }  # fmt: skip


def version_entry(number: int, per_recording: int, recordings: int) -> str:
    """One version as ListObjectVersions writes it. Each second key has a noncurrent one: every third of all."""
    group, place = divmod(number, 3)
    is_latest, artifact = place < 2, 2 * group + min(place, 1)
    recording = number // per_recording if is_latest else (number - 1) // per_recording
    key = f"{org_of(recording, recordings)}/u-17/{uid_of(recording)}/artifact-{artifact:09}.mp4"
    storage_class = "STANDARD" if artifact % 3 else "GLACIER_IR"
    day = artifact % 20 + 1 if is_latest else 1
    return (
        f"<Version><Key>{key}</Key><VersionId>v-{number:028}</VersionId><IsLatest>{str(is_latest).lower()}</IsLatest>"
        f"<LastModified>2026-11-{day:02}T09:03:00.000Z</LastModified>"
        f"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e-31&quot;</ETag><Size>{1_000_000 + number}</Size>"
        f"<StorageClass>{storage_class}</StorageClass></Version>"
    )


def serve(recordings: int, per_recording: int) -> None:
    """Serve until killed."""
    versions = recordings * per_recording

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            if url.path.startswith("/apis/"):
                self._respond(self._kubernetes(url.path, query), "application/json")
            elif "uploads" in query:
                self._respond("<ListMultipartUploadsResult></ListMultipartUploadsResult>", "application/xml")
            else:
                self._respond(self._bucket(query), "application/xml")

        def _kubernetes(self, path: str, query: dict[str, str]) -> str:
            if path.endswith("/storagelocations"):
                s3 = {"bucket": "bench", "region": "us-east-1"}
                prices = {"profile": "aws-s3/us-east-1"}
                spec = {"s3": s3, "keyTemplate": KEY_TEMPLATE, "prices": prices}
                status = {"capabilities": {"versioning": True}}
                items: list[Any] = [{"metadata": {"name": LOCATION, "uid": "1"}, "spec": spec, "status": status}]
                return json.dumps({"metadata": {}, "items": items})
            begin, limit = int(query.get("continue", "0")), int(query["limit"])
            end = min(begin + limit, recordings)
            items = [recording_item(number, recordings) for number in range(begin, end)]
            return json.dumps({"metadata": {"continue": str(end) if end < recordings else ""}, "items": items})

        def _bucket(self, query: dict[str, str]) -> str:
            if "versions" not in query:  # whether the bucket may be listed
                return "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            begin, most = int(query.get("key-marker") or "0"), int(query.get("max-keys", "1000"))
            end = min(begin + most, versions)
            entries = "".join(version_entry(number, per_recording, recordings) for number in range(begin, end))
            more = f"<NextKeyMarker>{end}</NextKeyMarker>" if end < versions else ""
            truncated = "true" if end < versions else "false"
            return (
                '<?xml version="1.0" encoding="UTF-8"?>'
                '<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>bench</Name><IsTruncated>{truncated}</IsTruncated>{more}{entries}</ListVersionsResult>"
            )

        def _respond(self, text: str, content_type: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
