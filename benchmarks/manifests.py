"""How many manifests a second `recording-operator console --rebuild` reads, from the strict store of the tests.

The store runs in a process of its own, so it does not share the interpreter's lock with the reader. Three figures: all
manifests are new; none has changed since (only listed); and what the requests alone take, without a catalog.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.rebuilding import READERS, CatalogRebuild
from recording_operator.controller.manifests import manifest_keys
from tests.cli.counted_world import a_location
from tests.support.lost_recordings import LostCluster
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

WANTED: Final = 5000
_REGION: Final = "eu-west-2"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--database-url", help="Default: a new file of SQLite.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _a_store(given.manifests) as strict:
        url = given.database_url or f"sqlite:///{Path(folder)}/catalog.db"
        location = StorageLocation.model_validate(a_location(strict))
        store = store_of(strict, region=_REGION)
        print(f"{given.manifests:,} manifests, {READERS} threads, {os.cpu_count()} processors")
        _print("requests alone", given.manifests, _requests_alone(store, location))
        engine = open_database(url)
        rows = ManifestRows(engine, CatalogWriter(engine))
        for what in ("all new", "none changed"):
            rebuild = CatalogRebuild(
                store=store,
                location=location,
                others=(location,),
                rows=rows,
                began=datetime.now(UTC),
                stop=threading.Event(),
            )
            begun_s, cpu_s = time.monotonic(), time.process_time()
            tally = rebuild.run()
            _print(what, tally.manifests, time.monotonic() - begun_s, cpu_s=time.process_time() - cpu_s)
        engine.dispose()


def _print(what: str, count: int, seconds: float, *, cpu_s: float | None = None) -> None:
    rate = count / seconds
    cpu = "" if cpu_s is None else f", {cpu_s / seconds:.0%} of a processor"
    print(f"{what:>16}: {rate:8,.0f} a second, {rate / WANTED:.2f} of {WANTED:,}{cpu}", flush=True)


def _requests_alone(store: Any, location: StorageLocation) -> float:
    begun_s = time.monotonic()
    keys = [at.key for at in manifest_keys(store, location)]
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda key: store.read_document(key, 2**20), keys):
            pass
    return time.monotonic() - begun_s


@contextmanager
def _a_store(manifests: int) -> Iterator[Any]:
    """The address and keys of a strict store in another process, which has the manifests."""
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs, manifests), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


class _Address:
    """What a client needs of a StrictStore."""

    def __init__(self, strict: StrictStore) -> None:
        self.bucket_name, self.endpoint = strict.bucket_name, strict.endpoint
        self.access_key, self.secret_key = strict.access_key, strict.secret_key
        self.region = strict.region


def _serve(pipe: Any, manifests: int) -> None:
    with StrictStore() as strict:
        store = store_of(strict, region=_REGION)
        lost = LostCluster(store=store, location=StorageLocation.model_validate(a_location(strict)))
        for number in range(1, manifests + 1):
            lost.lose(number, artifacts=())
        pipe.send(_Address(strict))
        pipe.recv()
    sys.exit(0)


if __name__ == "__main__":
    main()
