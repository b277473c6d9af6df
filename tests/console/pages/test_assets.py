"""The files that browsers load: what is vendored, how they are served, and how large the first view is."""

import hashlib

from localcluster.npm import VENDORED, vendored_files
from recording_operator.console.pages.assets import Assets

FIRST_VIEW_BYTES = 300_000


def test_vendored_files_are_those_that_were_released() -> None:
    files = vendored_files()
    assert {one.name for one in files} | {"files.toml"} == {one.name for one in VENDORED.iterdir()}
    for one in files:
        assert hashlib.sha256((VENDORED / one.name).read_bytes()).hexdigest() == one.sha256, one.name


def test_each_vendored_package_comes_with_its_licence() -> None:
    files = vendored_files()
    assert {one.package for one in files if one.member == "LICENSE"} == {one.package for one in files}


def test_a_url_changes_with_the_contents_and_nothing_else_is_served() -> None:
    assets = Assets()
    url = assets.url("console.css")
    found = assets.at(url)
    assert found is not None
    assert hashlib.sha256(found.content).hexdigest()[:16] in url
    for path in (
        "/static/0000000000000000/console.css",
        "/static/../pages/site.py",
        url + "/",
        "/static/x/__init__.py",
    ):
        assert assets.at(path) is None


def test_everything_that_a_page_loads_is_small() -> None:
    assets = Assets()
    names = ("console.css", "console.js", "theme.js", "charts.js", "icon.svg")
    vendored = ("vendored/htmx.min.js", "vendored/uPlot.iife.min.js", "vendored/uPlot.min.css")
    found = [assets.at(assets.url(name)) for name in (*names, *vendored)]
    assert sum(len(one.content) for one in found if one) < FIRST_VIEW_BYTES
