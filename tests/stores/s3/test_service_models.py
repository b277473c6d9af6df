"""botocore's service descriptions are read once, without their documentation."""

import inspect
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.stores.s3.once import once
from recording_operator.stores.s3.service_models import service_models

KEYS = StoreCredentials(access_key_id="key", secret_access_key="secret")


def client(region: str = "eu-west-1") -> Any:
    return build_client(S3Options(bucket="archive", region=region, credentials=KEYS))


def fresh_models() -> Loader:
    """Descriptions that no client has worked on yet."""
    made: Loader = inspect.unwrap(service_models)()
    return made


_LOCATIONS = """
import gc
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options, connect

def resident_kib():
    gc.collect()
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

keys = StoreCredentials(access_key_id="key", secret_access_key="secret")
made = [connect(S3Options(bucket=f"archive-{number}", region="eu-west-1", credentials=keys)) for number in range(4)]
before = resident_kib()
made += [connect(S3Options(bucket=f"more-{number}", region="eu-west-1", credentials=keys)) for number in range(16)]
print((resident_kib() - before) / 16)
"""


def test_a_further_location_costs_little_memory() -> None:
    """Of a process, which has more than Python's objects: the list of trusted authorities is 0.7 MiB of OpenSSL's."""
    said = subprocess.run([sys.executable, "-c", _LOCATIONS], capture_output=True, text=True, check=True)
    assert 100 < float(said.stdout) < 600


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_every_partition_is_known(region: str, endpoint: str) -> None:
    made = client(region)
    assert made.meta.endpoint_url == endpoint
    domain = endpoint.partition("amazonaws")[2]
    url = made.generate_presigned_url("get_object", Params={"Bucket": "archive", "Key": "k"})
    assert re.match(rf"https://archive\.s3[a-z0-9.-]*\.amazonaws{re.escape(domain)}/k\?", url)


@pytest.mark.parametrize("service", ["s3", "cloudwatch", "sts"])
def test_a_service_is_described_as_the_library_does_without_its_texts(service: str) -> None:
    full = _untexted(Loader().load_service_model(service, "service-2"))
    lean = fresh_models().load_service_model(service, "service-2")
    assert _untexted(lean) == full
    assert len(str(lean)) < len(str(Loader().load_service_model(service, "service-2")))


def _untexted(described: Any) -> Any:
    if isinstance(described, dict):
        kept = {key: value for key, value in described.items() if key != "documentation" or isinstance(value, dict)}
        return {key: _untexted(value) for key, value in kept.items()}
    return [_untexted(part) for part in described] if isinstance(described, list) else described


def test_addresses_of_our_services_are_those_of_the_library() -> None:
    full, lean = Loader().load_data("endpoints"), fresh_models().load_data("endpoints")
    ours = {"s3", "sts", "sso", "oidc", "portal.sso", "signin", "monitoring"}
    for partition in full["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in ours}
    assert lean == full


def test_clients_that_are_made_at_once_share_what_is_large() -> None:
    models, threads = fresh_models(), 8
    read: list[str] = []
    real = models.file_loader.load_file

    def load_file(path: str) -> Any:
        found = real(path)
        if found is not None:
            read.append(path)
        return found

    models.file_loader.load_file = load_file
    together = threading.Barrier(threads)

    def make() -> None:
        core = botocore.session.Session()
        core.register_component("data_loader", models)
        together.wait()
        core.create_client("s3", region_name="eu-west-1")

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(make) for _ in range(threads)]:
            done.result()
    assert read, "the loader is not asked"
    assert [path for path in read if _size(path) > 20_000] == []


def _size(path: str) -> int:
    files = (Path(path + ending) for ending in (".json", ".json.gz"))
    return max(file.stat().st_size for file in files if file.exists())


def test_a_shared_thing_is_made_once_however_many_ask_first() -> None:
    threads, calls = 8, []
    together, others_had_time = threading.Barrier(threads), threading.Event()

    @once
    def thing() -> object:
        calls.append(threading.current_thread())
        others_had_time.wait(0.05)
        return object()

    def ask() -> object:
        together.wait()
        return thing()

    with ThreadPoolExecutor(threads) as pool:
        found = {id(asked.result()) for asked in [pool.submit(ask) for _ in range(threads)]}
    assert len(calls) == len(found) == 1


def test_services_that_issue_ambient_credentials_have_models() -> None:
    core = botocore.session.Session()
    core.register_component("data_loader", service_models())
    for service in ("sts", "sso", "sso-oidc"):
        assert core.create_client(service, region_name="eu-west-1").meta.endpoint_url
