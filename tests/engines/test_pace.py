"""The pace of a run: time left, limits, and what is raised if there was no draw."""

from __future__ import annotations

import pytest

from multilevel.engines.pace import Pace, SamplingProgress
from multilevel.errors import OptionError


def ticking(*seconds: float) -> Pace:
    """Return a pace without limit on a clock that shows the given seconds."""
    return Pace(clock=iter(seconds).__next__)


def test_time_left_follows_from_the_speed() -> None:
    seen: list[SamplingProgress] = []
    pace = Pace(watch=seen.append, clock=iter([100.0, 101.0, 103.0, 104.0]).__next__)
    for share in (0.1, 0.3, 0.5):
        pace.tell("gibbs", share, int(1000 * share), 1000)
    assert [progress.seconds_left for progress in seen] == [None, pytest.approx(7.0), pytest.approx(3.75)]
    assert [progress.seconds for progress in seen] == [1.0, 3.0, 4.0]
    assert (seen[-1].draws, seen[-1].of, seen[-1].method) == (500, 1000, "gibbs")


def test_another_engine_begins_its_own_count() -> None:
    seen: list[SamplingProgress] = []
    pace = Pace(watch=seen.append, clock=iter([0.0, 1.0, 2.0, 3.0]).__next__)
    for method, share in (("marginal", 1.0), ("gibbs", 0.1), ("gibbs", 0.2)):
        pace.tell(method, share, 0, 10)
    assert [progress.seconds_left for progress in seen] == [None, None, pytest.approx(8.0)]


def test_a_limit_ends_the_run() -> None:
    pace = Pace(max_time=2.0, clock=iter([0.0, 1.9, 2.0]).__next__)
    assert not pace.over()
    assert pace.over()
    assert (pace.reason, pace.ending()) == ("max_time", "stopped by max_time=2")


def test_without_a_limit_a_run_is_never_over() -> None:
    pace = ticking(0.0)
    assert not pace.over()
    assert pace.ending() == ""


@pytest.mark.parametrize(("answer", "over"), [(False, True), (None, False), (0, False), (True, False)])
def test_only_false_ends_the_run(answer: object, over: bool) -> None:
    pace = Pace(watch=lambda progress: answer)
    pace.tell("gibbs", 0.5, 1, 2)
    assert pace.over() is over


def test_the_first_reason_is_kept() -> None:
    pace = Pace()
    pace.stop("Ctrl-C")
    pace.stop("progress")
    assert pace.ending() == "stopped by Ctrl-C"


def test_nothing_to_show_is_an_error_with_a_remedy() -> None:
    pace = Pace()
    pace.stop("progress")
    assert isinstance(pace.nothing(kept=False), OptionError)
    assert str(pace.nothing(kept=False)) == (
        "stopped by `progress` before the first draw after warm-up\n"
        "  try: more time, or checkpoint=path to go on later"
    )
    assert "try: the same call with resume=True" in str(pace.nothing(kept=True))


def test_ctrl_c_without_a_draw_is_passed_on() -> None:
    pace = Pace()
    pace.stop("Ctrl-C")
    stop = pace.nothing(kept=True)
    assert isinstance(stop, KeyboardInterrupt)
    assert str(stop) == (
        "stopped by Ctrl-C before the first draw after warm-up: the checkpoint holds what was done,"
        " resume=True goes on"
    )
