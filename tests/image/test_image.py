"""The image: two builds are equal, and it contains what runs and nothing that installs or compiles."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from localcluster.image import CONSOLE, OPERATOR, REFERENCE, ImageBuilder, console_reference, missing_here
from localcluster.install import PROJECT
from recording_operator import __version__

_MOST_BYTES = 200 * 10**6
_CONSOLE_REFERENCE = console_reference(REFERENCE)
_MOST_ADDED_BYTES = 70 * 10**6
# The tables can be created, and the API is described by the docstrings of its handlers.
_DESCRIBED = """
from recording_operator.catalog.database import open_database
from recording_operator.console.api.routes import ROUTERS
open_database("sqlite://").dispose()
import cryptography.fernet, psycopg
print(all(route.description for router in ROUTERS for route in router.routes))
"""
# A .pyc that is taken as it is: PEP 552, the flag of a hash that is not checked.
_TRUSTED = (1).to_bytes(4, "little")
# Every service that the operator calls: with keys, for downloads, and for a role by web identity.
_CLIENTS = """
import botocore.session
from recording_operator.stores.s3.client import S3Options, build_client
from recording_operator.stores.s3.cloudwatch import cloudwatch_client
options = S3Options(bucket="b")
sts = botocore.session.Session().create_client("sts", region_name="us-east-1")
clients = [build_client(options), cloudwatch_client(options), sts]
print(*(client.meta.service_model.service_name for client in clients))
"""
_TEXTS = "import botocore.session, json; print([botocore.session.get_session.__doc__, json.__doc__])"


@pytest.fixture(scope="module")
def builder() -> Iterator[ImageBuilder]:
    """A builder. Without one, the test is skipped with the reason."""
    if reason := missing_here():
        pytest.skip(reason)
    made = ImageBuilder()
    yield made
    made.prune()


@pytest.mark.parametrize("target", [OPERATOR, CONSOLE])
def test_two_builds_have_one_digest(builder: ImageBuilder, tmp_path: Path, target: str) -> None:
    tree = tmp_path / "tree"  # a copy, so that no edit changes it between the builds
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("operator", "requirements", "image"):
        shutil.copytree(PROJECT / name, tree / name, ignore=unwanted)
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tree / name)
    first, second = (
        builder.build(
            archive=tmp_path / f"{name}.tar",
            reference=f"localhost/recording-operator:{name}",
            target=target,
            cached=False,
            tree=tree,
        )
        for name in ("first", "second")
    )
    assert first.digest.startswith("sha256:")
    assert first.digest == second.digest


def test_the_metadata_of_the_image(builder: ImageBuilder, tmp_path: Path) -> None:
    builder.build(archive=tmp_path / "image.tar")
    config = builder.inspect()["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/opt/operator/bin/recording-operator"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    for label in ("source", "url", "base.name"):
        assert config["Labels"][f"org.opencontainers.image.{label}"], label
    assert config["Labels"]["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_the_contents_of_the_image(builder: ImageBuilder, tmp_path: Path) -> None:
    builder.build(archive=tmp_path / "image.tar")
    root = builder.unpack()
    run = partial(_run, root, builder.inspect()["OCIv1"]["config"]["Env"])
    try:
        programs = {path.name for folder in ("usr/bin", "opt/operator/bin") for path in (root / folder).iterdir()}
        assert not {name for name in programs if name.startswith(("pip", "gcc", "cc", "g++", "ld", "make", "apt"))} - {
            "ldd",
            "ld.so",
        }
        assert list(root.glob("opt/operator/lib/python3*/site-packages/pip*")) == []
        assert run("recording-operator", "--version") == f"recording-operator, version {__version__}"
        assert run("python3", "-c", _CLIENTS) == "s3 cloudwatch sts"
        assert "Run the operator until SIGTERM" in run("recording-operator", "run", "--help")
        assert run("python3", "-c", _TEXTS) == "['', '']"
        assert _setuid(root) == []
        bill = json.loads((root / "opt/operator/sbom.cdx.json").read_text())
        kinds = [component["purl"].split(":")[1].split("/")[0] for component in bill["components"]]
        assert kinds.count("pypi") == len(list(root.glob("opt/operator/lib/python3*/site-packages/*.dist-info")))
        names = {entry["name"] for entry in bill["components"]}
        assert {"recording-operator", "python", "kopf", "boto3", "libssl3t64"} <= names
        packages = [entry for entry in bill["components"] if entry["purl"].startswith("pkg:deb/debian/")]
        assert [entry["purl"] for entry in packages if not entry["purl"].endswith("&distro=debian-13")] == []
        assert [entry["purl"] for entry in bill["components"] if not entry.get("licenses")] == []
        documented = root / "usr/share/doc"
        assert [entry["name"] for entry in packages if not (documented / entry["name"] / "copyright").is_file()] == []
        assert _size_bytes(root) < _MOST_BYTES
        compiled = [path.read_bytes()[4:8] for path in root.rglob("*.pyc")]
        assert len(compiled) > 1000
        assert set(compiled) == {_TRUSTED}, "byte code that depends on a file's time is made anew at each start"
    finally:
        builder.release()


def test_the_operator_is_built_where_no_target_is_named() -> None:
    stages = [line for line in (PROJECT / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")]
    assert stages[-1] == "FROM operator"


def test_the_image_of_the_operator_says_what_the_console_needs(builder: ImageBuilder, tmp_path: Path) -> None:
    builder.build(archive=tmp_path / "image.tar")
    root = builder.unpack()
    try:
        command = ["/usr/sbin/chroot", "--userspec=65532:65532", str(root), "/opt/operator/bin/recording-operator"]
        done = subprocess.run([*command, "console"], capture_output=True, text=True, check=False, env={})
    finally:
        builder.release()
    assert done.returncode == 1
    assert done.stderr.startswith("recording-operator: The console needs the Python package ")
    assert len(done.stderr.splitlines()) == 1


def test_the_console_is_the_operator_and_one_layer_of_libraries(builder: ImageBuilder, tmp_path: Path) -> None:
    builder.build(archive=tmp_path / "image.tar")
    builder.build(archive=tmp_path / "console.tar", reference=_CONSOLE_REFERENCE, target=CONSOLE)
    described, extended = (builder.inspect(reference)["OCIv1"] for reference in (REFERENCE, _CONSOLE_REFERENCE))
    assert extended["rootfs"]["diff_ids"][:-1] == described["rootfs"]["diff_ids"]
    assert extended["config"]["Cmd"] == ["console"]
    same = ("Entrypoint", "User", "Env", "StopSignal")
    assert [extended["config"][name] for name in same] == [described["config"][name] for name in same]
    operator, console = builder.unpack(), builder.unpack(_CONSOLE_REFERENCE)
    try:
        before, after = _files(operator), _files(console)
        changed = {name for name in before if before[name] != after.get(name)}
        assert changed == {"opt/operator/sbom.cdx.json"}
        added = after.keys() - before.keys()
        assert {name.split("/")[:3] == ["opt", "operator", "lib"] for name in added} == {True}
        assert sum(after[name] for name in added) < _MOST_ADDED_BYTES
        modules = [console / name for name in added if name.endswith(".py")]
        assert [str(path) for path in modules if not _is_compiled(path)] == []
        bill = json.loads((console / "opt/operator/sbom.cdx.json").read_text())
        names = [entry["name"] for entry in bill["components"]]
        assert {"recording-operator", "libssl3t64", "sqlalchemy", "fastapi", "alembic", "psycopg-binary"} <= set(names)
        refs = [entry["bom-ref"] for entry in bill["components"]]  # names are not: Debian and Python have a tzdata each
        assert len(refs) == len(set(refs)), "a package is there twice"
        run = partial(_run, console, extended["config"]["Env"])
        assert "Serve the catalog of recordings" in run("recording-operator", "console", "--help")
        assert run("python3", "-c", _DESCRIBED) == "True"
    finally:
        builder.release()


def _files(root: Path) -> dict[str, int]:
    """The sizes of all files, by path."""
    return {
        str(path.relative_to(root)): path.lstat().st_size
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def _is_compiled(module: Path) -> bool:
    return any((module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc"))


def _run(root: Path, environment: Sequence[str], program: str, *arguments: str) -> str:
    """Output of a program of the image, run as the image's user in its environment. It must print no warning."""
    command = ["/usr/sbin/chroot", "--userspec=65532:65532", str(root), f"/opt/operator/bin/{program}", *arguments]
    variables = dict(entry.split("=", 1) for entry in environment)
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout.strip()


def _size_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _setuid(root: Path) -> list[str]:
    return [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o6000
    ]
