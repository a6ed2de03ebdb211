"""The benchmark's own arithmetic: a figure that is reckoned wrongly is worse than none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import content, load, table
from bench.figures import Figure, Target, evaluate
from bench.servers import DISTRIBUTION_2, DISTRIBUTION_3, LIMIT, OURS
from bench.work import Measure, Scale, Work, run, turned


def _figure(**changes):
    return Figure(**{"key": "push", "title": "push", "unit": "GB/s", **changes})


def test_the_ratio_is_the_median_of_the_ratios_of_single_rounds():
    samples = {OURS: [10.0, 30.0, 20.0], DISTRIBUTION_2: [5.0, 10.0, 20.0]}

    result = evaluate(_figure(), samples)

    assert result.medians == {OURS: 20.0, DISTRIBUTION_2: 10.0}
    assert result.ratios == {DISTRIBUTION_2: 2.0}


@pytest.mark.parametrize(
    ("better", "ours", "reached"),
    [("more", 20.0, True), ("more", 19.9, False), ("less", 20.0, True), ("less", 20.1, False)],
)
def test_a_target_is_a_floor_or_a_ceiling(better, ours, reached):
    figure = _figure(better=better, targets={DISTRIBUTION_2: Target(2)})

    result = evaluate(figure, {OURS: [ours], DISTRIBUTION_2: [10.0]})

    assert result.verdicts == {DISTRIBUTION_2: reached}


@pytest.mark.parametrize(("limit", "reached"), [(10.0, True), (10.1, False)])
def test_close_enough_to_the_limit_of_the_machine_is_good_enough(limit, reached):
    figure = _figure(targets={DISTRIBUTION_3: Target(1.5, or_of_limit=0.8)})

    result = evaluate(figure, {OURS: [8.0], DISTRIBUTION_3: [8.0], LIMIT: [limit]})

    assert result.verdicts == {DISTRIBUTION_3: reached}


@pytest.mark.parametrize(("ours", "reached"), [(150.0, True), (150.1, False)])
def test_a_bound_needs_no_peer(ours, reached):
    figure = _figure(better="less", unit="MB", bound=150)

    result = evaluate(figure, {OURS: [ours]})

    assert result.verdicts == {"bound": reached}


def test_a_peer_that_was_not_there_has_no_ratio_and_no_verdict():
    figure = _figure(targets={DISTRIBUTION_2: Target(2)})

    result = evaluate(figure, {OURS: [1.0]})

    assert result.ratios == {}
    assert result.verdicts == {}


def test_each_round_begins_with_another_contender():
    assert [turned(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_the_limit_is_measured_on_both_sides_of_ours():
    turns = []

    @contextmanager
    def prepare(name: str, _scale: Scale) -> Iterator[Measure]:
        def measure(_number: int) -> dict[str, float]:
            turns.append(name)
            return {"push": float(len(turns))}

        yield measure

    work = Work("push", [_figure()], prepare, peers=(DISTRIBUTION_2,), limit=prepare)
    scale = Scale(Path(), blob=0, seconds=0, parallel=0, images=0, workers=0)

    samples = run(work, scale, rounds=2, say=lambda _: None, without=())

    assert turns == [LIMIT, OURS, LIMIT, DISTRIBUTION_2, DISTRIBUTION_2, LIMIT, OURS, LIMIT]
    assert samples == [{OURS: [2.0, 7.0], LIMIT: [2.0, 7.0], DISTRIBUTION_2: [4.0, 5.0]}]


def test_a_load_without_errors_gives_its_rate():
    seen = load.parse("Running 1s test\nRESULT count=120 seconds=2.000000 p50=0.010000 p99=0.050000 errors=0\n")

    assert (seen.rate, seen.p50, seen.p99) == (60.0, 0.01, 0.05)


@pytest.mark.parametrize(
    "output",
    [
        "RESULT count=120 seconds=2.0 errors=1\nERROR put layer: 400 DIGEST_INVALID\n",
        "RESULT count=0 seconds=2.0 errors=0\n",
        "unable to connect to 127.0.0.1:1 Connection refused\n",
    ],
)
def test_a_load_of_which_anything_failed_gives_no_figure(output):
    with pytest.raises(RuntimeError):
        load.parse(output)


def test_images_are_dealt_out_to_the_connections(tmp_path):
    images = [(f"t{number}", content.small_image()) for number in range(3)]

    load.write_images(tmp_path / "images", images, connections=2)

    first = (tmp_path / "images.0").read_bytes().split(b"\n")
    assert first[0].decode() == f"{images[0][1].digests[0]} {images[0][1].digests[1]} t0"
    assert first[1:4] == [images[0][1].config, images[0][1].layer, images[0][1].manifest]
    assert first[4].endswith(b" t2")
    assert (tmp_path / "images.1").read_bytes().count(b"\n") == 4


def test_the_layer_of_a_small_image_is_as_large_as_asked():
    assert [len(content.small_image(size=size).layer) for size in (1024, 2048)] == [1024, 2048]


@pytest.mark.parametrize(
    "location", ["/v2/a/blobs/uploads/1?_state=x", "http://127.0.0.1:5000/v2/a/blobs/uploads/1?_state=x"]
)
def test_a_location_may_name_its_host(location):
    assert content.path_of(location) == "/v2/a/blobs/uploads/1?_state=x"
    assert content.with_digest(content.path_of(location), "sha256:0").endswith("?_state=x&digest=sha256:0")


def test_publishing_replaces_what_stands_between_the_marks_and_nothing_else():
    page = f"# Benchmarks\n\n{table.BEGIN}\nold\n{table.END}\n\nafter\n"

    assert table.publish(page, "| new |\n") == f"# Benchmarks\n\n{table.BEGIN}\n\n| new |\n\n{table.END}\n\nafter\n"


def test_a_page_without_marks_is_left_alone():
    with pytest.raises(ValueError, match="lacks"):
        table.publish("# Benchmarks\n", "| new |")


def test_the_table_says_what_was_reached_and_what_bounds_it():
    figure = _figure(targets={DISTRIBUTION_2: Target(2), DISTRIBUTION_3: Target(1.5)}, limit="GB/s, SHA-256")
    result = evaluate(figure, {OURS: [0.4], DISTRIBUTION_2: [0.1], DISTRIBUTION_3: [0.4], LIMIT: [0.5]})

    report = table.markdown([result], {"cores": "2"})

    assert (
        "| push | GB/s | 0.40 | 0.10 | 0.40 | 4.00 ✓ | 1.00 ✗ | ≥ 2×; ≥ 1.5× | 0.50 GB/s, SHA-256, ours 0.80 of it |"
        in report
    )
    assert "Seen on: cores 2." in report
