"""Which facilities are overdue for an inspection, and who is responsible."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from geo.layers import Text
from geo.totals.questions.model import (
    COUNTY,
    Answer,
    Parameters,
    Source,
    Weekly,
    column,
    grouped,
    join,
    put,
    table,
)


class Overdue(Parameters):
    county: str | None = Field(None, description="县(市、区)代码 / County code.")
    kind: str | None = Field(None, description="建筑物类型 / Kind of structure.")
    on: date | None = Field(None, description="截止日期, 默认今天 / Day that counts; today.")


_LAST = ("inspected_on", "result", "next_due_on", "responsible")


def _overdue(source: Source, asked: Overdue) -> Answer:
    day = asked.on or source.today
    structures = source.read(
        "structures",
        ("code", "name", "kind", "district", "county", "manager", "inspection_interval_days"),
        equals={"county": asked.county, "kind": asked.kind},
    )
    seen = source.read("inspections", ("structure_code", *_LAST))
    seen = seen.filter(pc.less_equal(seen["inspected_on"], pa.scalar(day, pa.date32())))
    # The newest visit of each: rows in order of time, the last of a group wins.
    seen = seen.sort_by([("inspected_on", "ascending"), ("fid", "ascending")])
    last = grouped(seen, ["structure_code"], **{name: (name, "last") for name in _LAST})
    every = join(structures, last, {"code": "structure_code"}, "left outer")
    interval = pc.multiply(every["inspection_interval_days"], 86_400_000)
    by_rule = pc.add(
        every["inspected_on"].cast(pa.timestamp("ms")), interval.cast(pa.duration("ms"))
    ).cast(pa.date32())
    due = pc.coalesce(every["next_due_on"], by_rule)
    late = pc.days_between(due, pa.scalar(day, pa.date32()))
    never = pc.is_null(every["inspected_on"])
    overdue = pc.or_(pc.fill_null(pc.greater(late, 0), False), never)
    every = put(
        every,
        due_on=due,
        days_overdue=late,
        never=never,
        overdue=overdue,
        responsible=pc.coalesce(every["responsible"], every["manager"]),
    )
    rows = every.filter(every["overdue"]).sort_by(
        [("days_overdue", "descending"), ("code", "ascending")]
    )
    counted = put(every, n_overdue=overdue.cast(pa.int64()), n_never=never.cast(pa.int64()))
    summary = grouped(
        counted,
        ["county", "kind"],
        facilities=("code", "count"),
        overdue=("n_overdue", "sum"),
        never=("n_never", "sum"),
    )
    kind = column("kind", "类型", "Kind", codelist="structure_type")
    return Answer(
        (
            table(
                "facilities", "超期未巡查的设施", "Facilities overdue for inspection",
                (
                    column("code", "编号", "Code"),
                    column("name", "名称", "Name"),
                    kind,
                    column("district", "灌区", "District"),
                    COUNTY,
                    column("inspected_on", "上次巡查", "Last inspected"),
                    column("due_on", "应巡查日期", "Due on"),
                    column("days_overdue", "超期天数", "Days overdue", "d"),
                    column("result", "上次结果", "Last result", codelist="inspection_result"),
                    column("responsible", "责任人", "Responsible"),
                ),
                rows,
            ),
            table(
                "summary", "按县和类型", "By county and kind",
                (
                    COUNTY,
                    kind,
                    column("facilities", "设施数", "Facilities"),
                    column("overdue", "超期数", "Overdue"),
                    column("never", "从未巡查", "Never inspected"),
                ),
                summary,
            ),
        ),
        Text(
            zh="应巡查日期取上次巡查填写的下次日期；未填写时按设施的巡查周期推算；从未巡查的也计为超期",
            en="Due on the day that the last inspection names; without one, after the interval of "
            "the facility; what was never inspected counts as overdue",
        ),
    )  # fmt: skip


OVERDUE = Weekly(
    "overdue-inspections",
    Text(zh="管护巡查超期", en="Overdue inspections"),
    Text(
        zh="哪些设施(泵站、闸、渠系建筑物)的管护巡查已超期,由谁负责?",
        en="Which facilities (pumps, gates, structures) are overdue for inspection, and who is "
        "responsible?",
    ),
    Overdue,
    _overdue,
)
