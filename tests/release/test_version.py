"""The version is defined in one place. Which version may follow which."""

import shutil
from pathlib import Path

import pytest

from localcluster.install import PROJECT
from recording_operator import __version__
from release import version
from release.version import VersionError


def test_every_copy_in_this_tree_agrees_with_the_source() -> None:
    assert version.current(PROJECT) == __version__
    assert version.copies(PROJECT) == {__version__}


def test_writing_sets_the_source_and_every_copy(tmp_path: Path) -> None:
    for name in ("operator", "charts", "install"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    shutil.copy(PROJECT / "Dockerfile", tmp_path)
    version.write("12.34.56", tree=tmp_path)
    assert version.current(tmp_path) == "12.34.56"
    assert version.copies(tmp_path) == {"12.34.56"}
    chart = (tmp_path / "charts/recording-operator/Chart.yaml").read_text()
    assert '\nversion: 12.34.56\nappVersion: "12.34.56"\n' in chart
    assert 'kubeVersion: ">=1.32.0-0"' in chart


@pytest.mark.parametrize("wanted", ["", "1", "1.2", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.3\n"])
def test_an_invalid_version_is_rejected(wanted: str) -> None:
    with pytest.raises(VersionError, match="is not a version"):
        version.check_newer(wanted, current="0.1.0", released=[])


@pytest.mark.parametrize("wanted", ["1.9.9", "1.10.0", "1.2.99"])
def test_a_released_version_and_older_ones_are_rejected(wanted: str) -> None:
    with pytest.raises(VersionError, match=r"1\.10\.0 is already released"):
        version.check_newer(wanted, current="1.10.0", released=["1.10.0", "1.9.0"])


def test_the_first_release_may_have_the_version_of_the_tree_and_none_before_it() -> None:
    version.check_newer("0.1.0", current="0.1.0", released=[])
    with pytest.raises(VersionError, match=r"tree has version 0\.1\.0"):
        version.check_newer("0.0.9", current="0.1.0", released=[])


def test_versions_compare_as_numbers() -> None:
    version.check_newer("1.10.0", current="1.9.0", released=["1.9.0"])
