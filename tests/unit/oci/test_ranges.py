"""Arithmetic of Range and Content-Range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.oci import ranges
from entrepot.oci.faults import RangeInvalid
from entrepot.registry.faults import LayerPartLength

sizes = st.integers(0, 10_000)


def _bounds(header: str, size: int) -> tuple[int, int]:
    wanted = ranges.requested(header, size)
    assert wanted is not None
    return wanted


@pytest.mark.parametrize("content_range", [None, "10-20", "10-10", "bytes 10-20/21", "bytes=10-20", "bytes 10-20/*"])
def test_a_piece_that_begins_where_the_upload_ends_is_taken(content_range):
    ranges.check_piece(10, content_range)


@pytest.mark.parametrize("content_range", ["11-20", "9-20", "0-9", "", "10", "10-", "-20", "a-b", "10-20,30-40", "٠-٩"])
def test_a_piece_that_leaves_a_hole_is_refused(content_range):
    """Chunks MUST be uploaded in order. distribution-spec 1.1, "Pushing a blob in chunks"."""
    with pytest.raises(RangeInvalid):
        ranges.check_piece(10, content_range)


@pytest.mark.parametrize(
    ("content_range", "length"), [("10-20", 10), ("10-20", 12), ("10-10", 0), ("10-9", 1), ("10-0", 5)]
)
def test_a_piece_that_is_not_as_long_as_it_says_is_refused(content_range, length):
    """Content-Length: <length of chunk>. distribution-spec 1.1, "Pushing a blob in chunks"."""
    with pytest.raises(LayerPartLength):
        ranges.check_piece(10, content_range, length=length)


def test_a_piece_whose_numbers_are_too_long_is_refused_unread():
    with pytest.raises(RangeInvalid):
        ranges.check_piece(10, "10-" + "9" * 100_000)


def test_what_is_said_of_a_refused_piece_is_short():
    with pytest.raises(RangeInvalid) as refusal:
        ranges.check_piece(10, "x" * 100_000)

    assert len(str(refusal.value)) < 200


@given(sizes, sizes, sizes)
def test_a_piece_is_taken_exactly_where_the_upload_ends(size, first, length):
    text = f"{first}-{first + length}"

    if first == size:
        ranges.check_piece(size, text)
    else:
        with pytest.raises(RangeInvalid):
            ranges.check_piece(size, text)


@pytest.mark.parametrize(("size", "text"), [(0, "0-0"), (1, "0-0"), (2, "0-1"), (5_000_000_000, "0-4999999999")])
def test_progress_names_the_last_byte(size, text):
    """Range: 0-<end-of-range>, inclusive. distribution-spec 1.1, "Pushing a blob in chunks"."""
    assert ranges.uploaded(size) == text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=500-1499", (500, 1500)),
        ("bytes=500-", (500, 4000)),
        ("bytes=-500", (3500, 4000)),
        ("bytes=-5000", (0, 4000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=3999-3999", (3999, 4000)),
        ("bytes=2000-5000", (2000, 4000)),
        ("bytes=0-9999999999999999999", (0, 4000)),
    ],
)
def test_one_range_gives_its_bytes(header, expected):
    assert ranges.requested(header, 4000) == expected


@pytest.mark.parametrize("header", ["bytes=500-0", "bytes=5000-10000", "bytes=4000-", "bytes=-0"])
def test_a_range_that_no_byte_lies_in_cannot_be_satisfied(header):
    """A server that generates a 416 response. RFC 9110, 14.4."""
    start, stop = _bounds(header, 4000)

    assert start == stop


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes=",
        "bytes=-",
        "bytes",
        "0-1",
        "lines=0-1",
        "bytes=0-1,2-3",
        "bytes= 0-1",
        "bytes=a-b",
        "bytes=--1",
        "bytes=-1-2",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=1-2-3",
        "bytes=1_0-2_0",
        "bytes=0-99999999999999999999",
        "bytes=" + "9" * 100_000 + "-",
        "bytes=" + "0-0," * 30_000,
    ],
)
def test_what_is_no_single_range_asks_for_everything(header):
    """A server MAY ignore the Range header field. RFC 9110, 14.2."""
    assert ranges.requested(header, 4000) is None


@given(sizes, sizes, st.integers(1, 10_000))
def test_a_range_gives_what_python_slices(first, last, size):
    content = bytes(number % 251 for number in range(size))

    start, stop = _bounds(f"bytes={first}-{last}", size)

    assert content[start:stop] == content[first : last + 1]


@given(sizes, st.integers(1, 10_000))
def test_a_suffix_gives_the_last_bytes(length, size):
    start, stop = _bounds(f"bytes=-{length}", size)

    assert (stop - start, stop) == (min(length, size), size) if length else start == stop


@given(st.text(max_size=80), sizes)
def test_any_header_gives_bytes_inside_the_blob_or_all(header, size):
    wanted = ranges.requested(header, size)

    assert wanted is None or 0 <= wanted[0] <= wanted[1] <= size
