"""A process that writes parts until it is killed: `python -m tests.stores.filesystem.writer DIRECTORY PART_SIZE COUNT`.

It prints the id of its upload, a line for each part that is stored, and then waits in the middle of the next one, or,
with `published`, just after the file became visible.
"""

import os
import sys
import time
from pathlib import Path

from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.filesystem import directory
from tests.stores.filesystem.directories import begun, complete, opened, put, sent
from tests.support.transfers import KEY, pattern


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Waits(BufferedPart):
    """Says that half of it was written, and ends there."""

    def read(self, size: int = -1) -> bytes | memoryview:
        if self.tell():
            _say("half")
            time.sleep(600)
        return super().read(size)


def main() -> None:
    """Write."""
    folder, part_size, count, moment = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    store = opened(folder)
    body = pattern(part_size * count)

    def wait(*_: object, **__: object) -> None:
        _say(moment)
        time.sleep(600)

    if moment == "before link":
        os.link = wait
    if moment == "after link":
        vars(directory)["sync_folder"] = wait
    if moment.startswith("put "):
        os.link = wait
        put(store, body)
    upload_id = begun(store, part_size)
    _say(upload_id)
    parts = []
    for number in range(1, count + 1):
        piece = body[(number - 1) * part_size : number * part_size]
        if moment == "half" and number == count:
            store.upload_part(KEY, upload_id, part_number=number, body=_Waits(piece))
        parts.append(sent(store, upload_id, number, piece))
        _say("part")
    complete(store, upload_id, parts, body)


if __name__ == "__main__":
    main()
