"""Settings of deletions that cannot succeed."""

from datetime import timedelta
from pathlib import Path

import pytest

from recording_operator.settings import Settings, SettingsError, load_settings


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_by_default_a_deletion_is_never_given_up() -> None:
    assert Settings().engine_options().give_up_deleting_after is None


@pytest.mark.parametrize(
    ("text", "after"), [("168h", timedelta(days=7)), ("10s", timedelta(seconds=10)), ("null", None)]
)
def test_deletions_are_given_up_after_this_time(tmp_path: Path, text: str, after: timedelta | None) -> None:
    settings = load_settings(written(tmp_path, f"deletion: {{giveUpAfter: {text}}}"))
    assert settings.engine_options().give_up_deleting_after == after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0s", "deletion.giveUpAfter: must be at least 10s; omit it to never give up"),
        ("7d", "deletion.giveUpAfter: write a duration such as"),
    ],
)
def test_other_times_are_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(written(tmp_path, f"deletion: {{giveUpAfter: {text}}}"))
