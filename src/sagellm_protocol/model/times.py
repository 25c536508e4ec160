"""Times, dates and durations as text: RFC 3339, and ISO 8601 for durations. What is written comes back equal."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sagellm_protocol.model.source import Doubt

_DATE = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
DATE = _DATE
"""A date, as a regular expression that Python and JSON Schema read alike."""
DATETIME = f"{_DATE}[Tt]{_CLOCK}:[0-5][0-9](?:[.][0-9]{{1,6}}0{{0,3}})?(?:[Zz]|[+-]{_CLOCK})"
"""A time: microseconds at the finest, and always with an offset."""
DURATION = (
    "-?P(?=[0-9T])(?:[0-9]{1,9}D)?(?:T(?=[0-9])(?:[0-9]{1,11}H)?(?:[0-9]{1,13}M)?(?:[0-9]{1,15}(?:[.][0-9]{1,6})?S)?)?"
)
"""A duration in days, hours, minutes, seconds: all of fixed length. The digits are as many as a ``timedelta`` holds."""

_date, _datetime = re.compile(DATE), re.compile(DATETIME)
_duration = re.compile(
    "(-?)P(?=[0-9T])(?:([0-9]{1,9})D)?"
    "(?:T(?=[0-9])(?:([0-9]{1,11})H)?(?:([0-9]{1,13})M)?(?:([0-9]{1,15})(?:[.]([0-9]{1,6}))?S)?)?"
)
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)


def date_of(text: Any) -> date:
    """The date of a text; ``Doubt`` on anything else."""
    if type(text) is not str or _date.fullmatch(text) is None:
        raise Doubt
    try:
        return date.fromisoformat(text)
    except ValueError:  # the 30th of February, the year 0
        raise Doubt from None


def datetime_of(text: Any) -> datetime:
    """The time of a text, at its offset; ``Doubt`` on anything else."""
    if type(text) is not str or _datetime.fullmatch(text) is None:
        raise Doubt
    if text[-1] in "Zz":
        clock, offset = text[10:-1], "+00:00"
    else:
        clock, offset = text[10:-6], text[-6:]
    try:
        # Python 3.10 reads six digits of a second or none, and no Z.
        seconds = clock[1:9] + (f".{clock[10:16]:0<6}" if len(clock) > 9 else "")
        return datetime.fromisoformat(f"{text[:10]}T{seconds}{offset}")
    except ValueError:
        raise Doubt from None


def at_offset(value: datetime) -> datetime:
    """A time as messages hold it: at a plain offset from UTC of whole minutes, which is all that text can say.

    ``Doubt`` on one of a subclass, without a time zone, or at an offset that RFC 3339 cannot say.
    """
    if type(value) is not datetime:
        raise Doubt
    zone = value.tzinfo
    try:
        offset = value.utcoffset()
    except Exception as error:  # whatever a time zone of the caller's raises
        raise Doubt(f"datetime with a UTC offset (its time zone raises {type(error).__name__})") from None
    if offset is None or offset % _MINUTE:
        raise Doubt
    if type(zone) is timezone and not value.fold:
        return value
    # In a zone with summer time, times in the hour that is told twice equal no other time, not even themselves.
    return datetime(
        *(value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond),
        tzinfo=timezone(offset),
    )


def datetimes(st: Any, least: Any, most: Any) -> Any:
    """A strategy for times between two, at any offset."""
    # Two days from the ends no offset leads to a year before 1 or after 9999.
    low = datetime(1, 1, 3) if least is None else least.replace(tzinfo=None)
    high = datetime(9999, 12, 29) if most is None else most.replace(tzinfo=None)
    offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    return st.datetimes(low, high, timezones=st.just(timezone.utc) | offsets)


def duration_of(text: Any) -> timedelta:
    """The duration of a text; ``Doubt`` on anything else."""
    found = _duration.fullmatch(text) if type(text) is str else None
    if found is None:
        raise Doubt
    sign, days, hours, minutes, seconds, fraction = found.groups("0")
    whole = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    micro = whole * 1_000_000 + int(f"{fraction:0<6}")
    try:
        return timedelta(microseconds=-micro if sign == "-" else micro)
    except OverflowError:
        raise Doubt from None


def duration_text(value: timedelta) -> str:
    """A duration as text, each part but the days less than the next greater one: ``-P1DT2H3M4.5S``, ``PT0S``."""
    micro = value // _MICROSECOND
    sign, micro = ("-", -micro) if micro < 0 else ("", micro)
    seconds, micro = divmod(micro, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{micro:06}".rstrip("0") if micro else ""
    clock = [f"{hours}H"] * (hours > 0) + [f"{minutes}M"] * (minutes > 0)
    if seconds or micro:
        clock.append(f"{seconds}{fraction}S")
    parts = f"{days}D" * (days > 0) + ("T" + "".join(clock) if clock else "")
    return f"{sign}P{parts or 'T0S'}"
