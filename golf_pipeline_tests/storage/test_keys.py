"""Which keys are uploads: exactly the two-segment video keys, whatever else lies beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golf_pipeline.storage import keys
from golf_pipeline.swing.errors import SwingError


@pytest.mark.parametrize("name", ["a.mp4", "b.MOV", "c.M4v", "two.dots.mp4", "ünï cøde.mov", "monday 7-iron.mp4"])
def test_a_two_segment_video_key_is_an_upload(name: str) -> None:
    upload = keys.parse_upload_key(f"golf-swings/ann/{name}")
    assert upload.user_id == "ann"
    assert f"{upload.analysis_id}.{upload.extension}" == name


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a.mp4",
        "golf-swings/a.mp4",
        "golf-swings//a.mp4",
        "golf-swings/ann/.mp4",
        "golf-swings/ann/a.txt",
        "golf-swings/ann/mp4",
        "golf-swings/ann/a/overlay/1/overlay.mp4",
        "golf-swings/../a.mp4",
        "golf-swings/ann/...mp4"[:-5] + "..mp4",
        "golf-swings/ann/a\x00b.mp4",
        "golf-swings/ann/a\nb.mp4",
        "golf-swings/ann/a\x85b.mp4",
        "golf-swings/ann/a\u2028b.mp4",
        "golf-swings/ann/gpm\u202e4pm.mp4",
        "golf-swings/ann/half\ud800.mp4",
        "golf-swings/\udfff/a.mp4",
        "golf-swings/ann/" + "x" * 129 + ".mp4",
        "Golf-Swings/ann/a.mp4",
        "golf-profiles/ann/a.mp4",
    ],
)
def test_any_other_key_is_no_upload(key: str) -> None:
    with pytest.raises(SwingError, match="NOT_AN_UPLOAD"):
        keys.parse_upload_key(key)


segments = st.text(min_size=1, max_size=40).filter(
    lambda text: "/" not in text and text.isprintable() and text.strip() == text and text not in {".", ".."}
)


@given(segments, segments, st.sampled_from(["mp4", "MOV", "m4v"]))
def test_a_made_upload_key_reads_back_as_what_it_was_made_of(user: str, name: str, extension: str) -> None:
    upload = keys.parse_upload_key(keys.upload_key(user, name, extension))
    assert (upload.user_id, upload.analysis_id, upload.extension) == (user, name, extension)


@given(segments, segments)
def test_nothing_the_pipeline_writes_is_taken_for_an_upload(user: str, name: str) -> None:
    derived = (
        keys.output_key(user, name, "overlay", "1", "overlay.mp4"),
        keys.frame_key(user, name, "frame_001_Frame_at_0.50s.jpg"),
        keys.profile_key(user, "1"),
        keys.metric_history_key(user, "1"),
        keys.swing_history_key(user, "1"),
        keys.user_context_key(user),
    )
    for key in derived:
        assert keys.is_derived_key(key)
        with pytest.raises(SwingError):
            keys.parse_upload_key(key)


@given(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=60),
    st.sampled_from(["", "golf-swings/", "golf-swings/ann/"]),
)
def test_any_text_is_an_upload_or_is_refused_with_a_sentence(text: str, prefix: str) -> None:
    for key in (prefix + text, prefix + text + ".mp4"):
        try:
            upload = keys.parse_upload_key(key)
        except SwingError as error:
            assert error.message.endswith(".")
            assert not error.retryable
        else:
            assert keys.upload_key(upload.user_id, upload.analysis_id, upload.extension) == key
            assert not keys.is_derived_key(key)


@pytest.mark.parametrize("key", ["golf-swings/", "golf-swings/ann/", "golf-profiles/"])
def test_the_empty_folders_that_consoles_make_are_nobodys_upload(key: str) -> None:
    assert keys.is_derived_key(key)


@given(st.text(min_size=1, max_size=200))
def test_a_partition_key_is_safe_for_dagster(name: str) -> None:
    key = keys.partition_key(name)
    assert 0 < len(key) <= 200
    assert "/" not in key
    assert "..." not in key
    assert key.isprintable()
    assert key == keys.partition_key(name)


@given(st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_two_names_never_share_a_partition(one: str, other: str) -> None:
    assert (keys.partition_key(one) == keys.partition_key(other)) == (one == other)
