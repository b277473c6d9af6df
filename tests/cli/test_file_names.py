"""Names of downloaded files contain no folders, and have the extension of the stored type."""

import pytest

from recording_operator.api.recording import ArtifactStatus
from recording_operator.user_actions.file_names import file_name


@pytest.mark.parametrize(
    ("key", "content_type", "name"),
    [
        ("acme/weekly/video.mp4", "video/webm", "weekly-video.mp4"),
        ("acme/weekly/video", "video/mp4", "weekly-video.mp4"),
        ("acme/weekly/video", 'Text/VTT; charset="utf-8"', "weekly-video.vtt"),
        ("acme/weekly/video", "application/x-unknown", "weekly-video"),
        ("acme/weekly/video", None, "weekly-video"),
        ("acme/weekly/video.tar.gz", None, "weekly-video.tar.gz"),
        ("acme/../../etc/passwd./..", None, "weekly-video"),
        ("acme/video.mp4\n", None, "weekly-video"),
    ],
)
def test_names_of_files(key: str, content_type: str | None, name: str) -> None:
    assert file_name("weekly", ArtifactStatus(name="video", key=key, content_type=content_type)) == name
