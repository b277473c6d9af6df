"""What botocore knows of the services, read once and without what nobody asks for."""

import inspect
import re
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.stores.s3.cloudwatch import cloudwatch_client
from recording_operator.stores.s3.models import service_models
from recording_operator.stores.s3.once import once

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


@pytest.mark.parametrize(
    ("service", "some"), [("s3", {"PutObject", "UploadPart", "HeadBucket"}), ("cloudwatch", {"GetMetricData"})]
)
def test_what_is_asked_for_is_described_as_the_library_does(service: str, some: set[str]) -> None:
    """Names, members and where they go; only texts are left out, and operations that nobody asks for."""
    full = _untexted(Loader().load_service_model(service, "service-2"))
    lean = fresh_models().load_service_model(service, "service-2")
    assert some <= lean["operations"].keys() < full["operations"].keys()
    for name, operation in lean["operations"].items():
        assert _untexted(operation) == full["operations"][name]
    for name, shape in lean["shapes"].items():
        if name not in {"HeadObjectOutput", "PutObjectOutput"}:
            assert _untexted(shape) == full["shapes"][name]
    assert {name for name in full["shapes"] if full["shapes"][name].get("exception")} < lean["shapes"].keys()


@pytest.mark.parametrize("make", [build_client, cloudwatch_client])
def test_every_shape_of_an_operation_is_there(make: Callable[[S3Options], Any]) -> None:
    service = make(S3Options(bucket="archive", region="eu-west-1", credentials=KEYS)).meta.service_model
    for name in service.operation_names:
        operation = service.operation_model(name)
        for shape in (operation.input_shape, operation.output_shape, *operation.error_shapes):
            _visit(shape, set())


def _visit(shape: Any, seen: set[str]) -> None:
    """Follow all references; the library raises for one that leads nowhere."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    members = getattr(shape, "members", None) or {}
    parts = (
        [getattr(shape, name, None) for name in ("member", "key", "value")] if shape.type_name != "structure" else []
    )
    for part in (*members.values(), *parts):
        _visit(part, seen)


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


def test_clients_that_are_made_at_once_read_each_description_once() -> None:
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
    assert len(read) == len(set(read)) > 0


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


def test_a_client_leaves_nothing_in_the_shared_loader() -> None:
    client()
    before = len(service_models().search_paths)
    client()
    assert len(service_models().search_paths) == before


def test_reading_the_first_description_needs_little_memory() -> None:
    """All addresses of all services, parsed, leave holes of 4 MB behind."""
    path = f"{Loader.BUILTIN_DATA_PATH}/endpoints"
    reader = service_models().file_loader
    size = Path(f"{path}.json").stat().st_size
    tracemalloc.start()
    reader.load_file(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * size


def test_of_the_answers_of_each_artifact_only_what_is_read_is_looked_for() -> None:
    full = Loader().load_service_model("s3", "service-2")["shapes"]
    lean = service_models().load_service_model("s3", "service-2")["shapes"]
    fewer = {name for name in lean if full[name].get("members", {}).keys() != lean[name].get("members", {}).keys()}
    assert fewer == {"HeadObjectOutput", "PutObjectOutput"}
    for name in fewer:
        assert lean[name]["members"].keys() < full[name]["members"].keys()


def test_who_gives_ambient_keys_is_known() -> None:
    core = botocore.session.Session()
    core.register_component("data_loader", service_models())
    for service in ("sts", "sso", "sso-oidc"):
        assert core.create_client(service, region_name="eu-west-1").meta.endpoint_url
