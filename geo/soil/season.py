"""Whether two dates may be compared: soil looks different in every season.

Salt comes up in April and May and is washed down in summer; crops, stubble and frost
change what a sensor sees. The windows are those of the Songnen plain: spring from thaw to
sowing's end, autumn from harvest to frost.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from geo.layers import Text

#: (id, first day, last day, title); days as (month, day).
WINDOWS = (
    ("spring", (3, 1), (6, 20), Text(zh="春季裸土期", en="spring, bare soil")),
    ("summer", (6, 21), (9, 19), Text(zh="生长季", en="growing season")),
    ("autumn", (9, 20), (11, 30), Text(zh="秋收后裸土期", en="autumn after harvest")),
    ("winter", (12, 1), (12, 31), Text(zh="冬季封冻期", en="winter, frozen")),
    ("winter", (1, 1), (2, 29), Text(zh="冬季封冻期", en="winter, frozen")),
)
#: Days of the year that two scenes of one window may lie apart before it is said.
APART = 30
_LOCAL = timezone(timedelta(hours=8))


def window_of(when: datetime) -> tuple[str, Text]:
    """Id and title of the window of a date."""
    day = when.astimezone(_LOCAL)
    for name, first, last, title in WINDOWS:
        if first <= (day.month, day.day) <= last:
            return name, title
    raise AssertionError(day)


def compared(before: datetime, after: datetime) -> Text | None:
    """What to warn of when these dates are compared; None if they go together."""
    (first, zh_before), (second, zh_after) = window_of(before), window_of(after)
    if first != second:
        return Text(
            zh=f"两景影像属于不同时期（{before:%Y-%m-%d} {zh_before.zh}，"
            f"{after:%Y-%m-%d} {zh_after.zh}），"
            "差异主要反映季节，不能当作治理成效",
            en=f"the scenes are of different windows ({before:%Y-%m-%d} {zh_before.en}, "
            f"{after:%Y-%m-%d} {zh_after.en}): the difference is mostly the season's and says "
            "nothing about remediation",
        )
    days = abs(_day(before) - _day(after))
    days = min(days, 365 - days)
    if days <= APART:
        return None
    return Text(
        zh=f"两景影像的日期在年内相差 {days} 天，墒情和作物可能不同，比较时须谨慎",
        en=f"the scenes are {days} days of the year apart: moisture and crops may differ",
    )


def _day(when: datetime) -> int:
    return when.astimezone(_LOCAL).timetuple().tm_yday
