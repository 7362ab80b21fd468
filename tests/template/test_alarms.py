"""The alarms of the template for polls at different intervals, evaluated by CloudWatch's documented rules.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html describes M of N data points.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html describes missing data.
"""

import itertools
from bisect import bisect_left

import pytest
from render import Stack

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ALARMS = Stack(TokenSha256=HASH, Monitoring="alarms").of_type("AWS::CloudWatch::Alarm")
REPEATED, BROKEN = ALARMS["UrlErrorsAlarm"], ALARMS["InvalidGroupsAlarm"]

MINUTE, PERIOD = 60, 300
INTERVALS = [30, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE]
OFFSETS = [0, 100, 299]
QUIET, FAILING, AFTER = 2 * 3600, 3 * 3600, 3 * 3600

# A failed poll can last until the largest Timeout, so two failed polls can be further apart than the interval.
LATENESS = 60
# Seconds from a poll until CloudWatch has its metric.
DELAYS = [0, 3 * MINUTE]
# CloudWatch retrieves more periods than it evaluates. AWS documents two more for three periods, and no general number.
FURTHER_PERIODS = [0, 2, 9]
# Whether periods begin at multiples of five minutes, or end at each evaluation, which happens every minute.
ALIGNED = [True, False]
# Whether a poll that succeeds adds a data point of 0. AWS does not document it for Url5xxCount.
SUCCESSES_ARE_ZEROS = [True, False]
WAYS = list(itertools.product(DELAYS, FURTHER_PERIODS, ALIGNED, SUCCESSES_ARE_ZEROS))


def is_alarm(points, periods, needed):
    """Returns whether an alarm is in state ALARM after these data points, oldest first; a missing one is `None`.

    Missing data is not breaching, and is used only if fewer data points exist than the alarm evaluates.
    """
    real = [point for point in points if point is not None]
    return sum(real[-periods:]) >= needed


@pytest.mark.parametrize(
    ("points", "periods", "needed", "expected"),
    [
        # The tables of AWS's documentation, column NOT BREACHING. CloudWatch retrieves five data points.
        ("0-X-X", 3, 3, False),
        ("0----", 3, 3, False),
        ("-----", 3, 3, False),
        ("0XX-X", 3, 3, True),
        ("----X", 3, 3, False),
        ("0-X-X", 3, 2, True),
        ("00X0X", 3, 2, True),
        ("0-X--", 3, 2, False),
        ("----0", 3, 2, False),
        ("----X", 3, 2, False),
    ],
)
def test_evaluation_follows_the_documented_tables(points, periods, needed, expected):
    assert is_alarm([{"0": False, "X": True, "-": None}[point] for point in points], periods, needed) == expected


def changes(alarm, polls, way):
    """Returns the times at which an alarm starts and ends. A poll is its time and whether it failed."""
    delay, further, aligned, zeros = way
    periods, needed = alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]
    every = [time for time, failed in polls if failed or zeros]
    failures = [time for time, failed in polls if failed]
    result, before = [], False
    for now in range(0, QUIET + FAILING + AFTER, MINUTE):
        last = now // PERIOD * PERIOD if aligned else now
        points = []
        for back in range(periods + further, 0, -1):
            start, end = last - back * PERIOD, min(last - (back - 1) * PERIOD, now - delay)
            polled = bisect_left(every, end) > bisect_left(every, start)
            points.append(bisect_left(failures, end) > bisect_left(failures, start) if polled else None)
        state = is_alarm(points, periods, needed)
        if state != before:
            result.append(now)
        before = state
    return result


def polls_at(interval, offset, fails):
    """Returns polls at an interval. Every second failed poll ends late."""
    times = range(offset, QUIET + FAILING + AFTER, interval)
    return sorted((time + LATENESS * (fails(time) and i % 2), fails(time)) for i, time in enumerate(times))


def outage(time):
    """Returns whether a poll fails in the test of a continuous failure."""
    return QUIET <= time < QUIET + FAILING


def test_alarms_of_repeated_failures_evaluate_alike():
    settings = ("EvaluationPeriods", "DatapointsToAlarm", "TreatMissingData")
    for name, alarm in ALARMS.items():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert (alarm.get("Period") or alarm["Metrics"][0]["MetricStat"]["Period"]) == PERIOD
        expected = BROKEN if alarm is BROKEN else REPEATED
        assert [alarm[setting] for setting in settings] == [expected[setting] for setting in settings], name


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("alarm", [REPEATED, BROKEN], ids=["repeated", "broken"])
def test_continuous_failure_fires_once_and_ends(alarm, interval, offset):
    polls = polls_at(interval, offset, outage)
    failed = [time for time, failure in polls if failure]
    for way in WAYS:
        delay, further, *_ = way
        started, *ends = changes(alarm, polls, way)
        # The alarm needs failed polls in this many periods, and evaluates a period when it is complete.
        needed = (alarm["DatapointsToAlarm"] - 1) * max(interval, PERIOD)
        assert failed[0] < started <= failed[0] + needed + LATENESS + PERIOD + delay + 2 * MINUTE, way
        # It ends when the failed polls have left the range, not before. A late metric can delay the end by minutes.
        assert failed[-1] < ends[0] <= ends[-1], way
        assert ends[-1] <= failed[-1] + (alarm["EvaluationPeriods"] + further + 1) * PERIOD + delay, way
        assert len(ends) % 2 == 1
        assert ends[-1] - ends[0] <= PERIOD, way


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("interval", INTERVALS)
def test_one_failed_poll_fires_only_for_rows(interval, offset):
    first = next(time for time in range(offset, QUIET + FAILING, interval) if time >= QUIET)
    polls = polls_at(interval, offset, lambda time: time == first)
    assert sum(failed for _, failed in polls) == 1
    for way in WAYS:
        assert changes(REPEATED, polls, way) == [], way
        assert len(changes(BROKEN, polls, way)) == 2, way


def test_silence_is_no_alarm():
    for alarm, way in itertools.product([REPEATED, BROKEN], WAYS):
        assert changes(alarm, [], way) == []


def test_two_of_two_periods_miss_slow_polls():
    # The alarms of version 0.2. Polls end in time here, so no two of them are in successive periods.
    polls = [(time, outage(time)) for time in range(0, QUIET + FAILING + AFTER, 10 * MINUTE)]
    assert all(changes(REPEATED | {"EvaluationPeriods": 2}, polls, way) == [] for way in WAYS if way[1] == 0)


@pytest.mark.parametrize(
    ("alarm", "periods", "flaps"), [(REPEATED, 12, True), (REPEATED, 14, False), (BROKEN, 6, True), (BROKEN, 9, False)]
)
def test_shorter_range_flaps_between_slow_polls(alarm, periods, flaps):
    shorter = alarm | {"EvaluationPeriods": periods}
    polls = [polls_at(30 * MINUTE, offset, outage) for offset in OFFSETS]
    found = [len(changes(shorter, some, way)) for some in polls for way in WAYS if way[1] == 0]
    assert (max(found) > 2) == flaps
