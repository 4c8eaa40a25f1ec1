"""High-standard farmland: how much there is by every definition, and what is not in order."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from geo.layers import Text
from geo.local import LOCAL_TIME
from geo.totals.question import Question
from geo.totals.questions.model import (
    AREA,
    COUNTY,
    Answer,
    Parameters,
    Source,
    Weekly,
    column,
    mu,
    put,
    quoted,
    table,
)
from geo.totals.total import Row

#: Definitions in the order of a county's clean-up sheet, and their short titles.
_DEFINITIONS = (
    ("hsf_gross", "毛面积", "Gross"),
    ("hsf_net", "去重叠", "Overlaps removed"),
    ("hsf_cropland", "仅耕地", "Cropland only"),
    ("hsf_accepted", "已验收", "Accepted"),
    ("hsf_mapped", "已上图", "Mapped"),
)
_UNDER_WAY = "stage IN ('tendered', 'works', 'completed')"


class Progress(Parameters):
    since: date | None = Field(
        None, description="与哪一天相比, 默认一周前 / Compared with; a week ago."
    )
    county: str | None = Field(None, description="县(市、区)代码 / County code.")


def _progress(source: Source, asked: Progress) -> Answer:
    since = asked.since or source.today - timedelta(days=7)
    before = datetime.combine(since, time(23, 59, 59), LOCAL_TIME)
    only = f"county = '{quoted(asked.county)}'" if asked.county else ""
    keys = ("county", "year")
    asking = {name: source.definitions.get(name).question(by=keys) for name, _, _ in _DEFINITIONS}
    asking["under_way"] = Question("parcels", by=keys, filters={"parcels": _UNDER_WAY})
    asking["before"] = asking["hsf_accepted"]

    def answered(name: str) -> tuple[Row, ...]:
        question = asking[name].where(only) if only else asking[name]
        return source.total(question, before if name == "before" else None).rows

    rows = {name: answered(name) for name in asking}
    areas = [column(n, zh, en, "mu") for n, zh, en in _DEFINITIONS]
    areas.append(column("under_way", "在建", "Under way", "mu"))
    areas.append(column("change", f"{since} 以来变化(已验收)", f"Change since {since}", "mu"))
    totals = {name: mu(sum(row.units for row in found) / 1e6) for name, found in rows.items()}
    target = source.targets.get("hsf_total")
    goal = target.value if target else None
    now = totals["hsf_accepted"] / 1e4
    return Answer(
        (
            table(
                "summary", "与目标相比", "Against the target",
                (
                    column("target", "目标", "Target", "10^4 mu"),
                    column("current", "已验收", "Accepted", "10^4 mu"),
                    column("gap", "差额", "Gap", "10^4 mu"),
                    column("change", f"{since} 以来变化", f"Change since {since}", "10^4 mu"),
                ),
                [(goal, now, None if goal is None else goal - now, now - totals["before"] / 1e4)],
            ),
            table("counties", "按县", "By county", (COUNTY, *areas), _sheet(rows, 0)),
            table(
                "years", "按建设年度", "By programme year",
                (column("year", "年度", "Year"), *areas), _sheet(rows, 1),
            ),
        ),
        Text(
            zh="；".join(f"{zh}：{source.definitions.get(n).text.zh}" for n, zh, _ in _DEFINITIONS)
            + "；在建：招标开工、施工、完工阶段",
            en="; ".join(f"{en}: {source.definitions.get(n).text.en}" for n, _, en in _DEFINITIONS)
            + "; under way: tendered, under construction or completed",
        ),
    )  # fmt: skip


def _sheet(rows: dict[str, tuple[Row, ...]], key: int) -> list[tuple[object, ...]]:
    """Areas (mu) by one of the two keys, a line a group."""
    sums: dict[str, dict[object, int]] = {name: defaultdict(int) for name in rows}
    for name, found in rows.items():
        for row in found:
            sums[name][row.group[key]] += row.units
    groups = sorted({group for each in sums.values() for group in each},
                    key=lambda group: (group is None, str(group)))  # fmt: skip
    lines = []
    for group in groups:
        area = {name: mu(sums[name].get(group, 0) / 1e6) for name in sums}
        shown = [area[name] for name, _, _ in _DEFINITIONS]
        lines.append((group, *shown, area["under_way"], area["hsf_accepted"] - area["before"]))
    return lines


class NotMapped(Parameters):
    tolerance: float = Field(
        5, ge=0, le=100, description="面积差允许值, % / Accepted difference of areas, percent."
    )
    county: str | None = Field(None, description="县(市、区)代码 / County code.")
    year: int | None = Field(None, ge=1950, le=2200, description="建设年度 / Programme year.")


_CHECKED = ("code", "project_code", "project_name", "county", "year", "mapped_in_database",
            "land_class", "stated_area_mu", "area_mu", "stage")  # fmt: skip


def _not_mapped(source: Source, asked: NotMapped) -> Answer:
    parcels = source.read("parcels", _CHECKED, equals={"county": asked.county, "year": asked.year})
    stages = pa.array(("accepted", "mapped", "handed_over", "maintained", "upgrade"))
    parcels = parcels.filter(pc.is_in(parcels["stage"], value_set=stages))
    question = Question(
        "parcels", by=("project_code", "counties", "county"),
        filters={"parcels": _condition(asked)},
    )  # fmt: skip
    found = source.total(question)
    removed: dict[object, float] = defaultdict(float)
    outside: dict[object, float] = defaultdict(float)
    for row in found.rows:
        project, zone, county = row.group
        removed[project] += mu(row.removed)
        if zone != county:
            outside[project] += mu(row.measure)
    overlapping = pa.array(sorted({claim.fid for claim in found.claims}), pa.int64())
    stated = parcels["stated_area_mu"]
    differs = pc.greater(
        pc.abs(pc.subtract(stated, parcels["area_mu"])),
        pc.multiply(parcels["area_mu"], asked.tolerance / 100),
    )
    checks = {
        "not_mapped": pc.invert(pc.fill_null(parcels["mapped_in_database"], False)),
        "overlap": pc.is_in(parcels["fid"], value_set=overlapping),
        "not_cropland": pc.invert(
            pc.fill_null(
                pc.is_in(parcels["land_class"], value_set=pa.array(("0101", "0102", "0103"))),
                False,
            )
        ),
        "area_differs": pc.fill_null(differs, False),
    }
    parcels = put(parcels, **{n: each.cast(pa.int64()) for n, each in checks.items()})
    return Answer(
        (
            table(
                "projects", "未上图或检查不通过的项目", "Projects not mapped, or failing a check",
                _PROJECT_COLUMNS, _projects(parcels, removed, outside),
            ),
            table("parcels", "有问题的图斑", "Parcels in question", _PARCEL_COLUMNS,
                  _parcels(parcels)),
        ),
        Text(
            zh="已验收及以后阶段的图斑；重叠为与先上报图斑重叠的面积；非耕地为地类不是 "
            "0101、0102、0103；"
            "县外为落在其他县(市、区)或各县之外的面积；"
            f"面积差为申报与椭球面积相差超过 {asked.tolerance:g} %",
            en="Parcels accepted or later; overlap: land that an earlier parcel claims too; "
            "not cropland: a class other than 0101, 0102, 0103; outside: land in another county or "
            f"in none; area: stated and ellipsoidal area differ by more than {asked.tolerance:g} %",
        ),
    )  # fmt: skip


def _condition(asked: NotMapped) -> str:
    parts = ["stage IN ('accepted', 'mapped', 'handed_over', 'maintained', 'upgrade')"]
    if asked.county:
        parts.append(f"county = '{quoted(asked.county)}'")
    if asked.year:
        parts.append(f"year = {asked.year}")
    return " AND ".join(parts)


_COUNTS = ("not_mapped", "overlap", "not_cropland", "area_differs")
_PROJECT_COLUMNS = (
    column("project_code", "项目编号", "Project"),
    column("project_name", "项目名称", "Name"),
    COUNTY,
    column("parcels", "图斑数", "Parcels"),
    AREA,
    column("not_mapped", "未上图", "Not mapped"),
    column("overlap", "重叠图斑", "Overlapping"),
    column("overlap_mu", "重叠面积", "Overlap", "mu"),
    column("not_cropland", "非耕地", "Not cropland"),
    column("outside_mu", "县外面积", "Outside the county", "mu"),
    column("area_differs", "面积差超限", "Area differs"),
)
_PARCEL_COLUMNS = (
    column("code", "图斑编号", "Parcel"),
    column("project_code", "项目编号", "Project"),
    COUNTY,
    AREA,
    column("stated_area_mu", "申报面积", "Stated area", "mu"),
    *_PROJECT_COLUMNS[5:7],
    *_PROJECT_COLUMNS[8:9],
    *_PROJECT_COLUMNS[10:],
)
#: Rows of the second table; the first has them all in its counts.
_MOST_PARCELS = 5000


def _projects(
    parcels: pa.Table, removed: dict[object, float], outside: dict[object, float]
) -> list[tuple[object, ...]]:
    groups = parcels.group_by(
        ["project_code", "project_name", "county"], use_threads=False
    ).aggregate([("fid", "count"), ("area_mu", "sum"), *((name, "sum") for name in _COUNTS)])
    lines: list[tuple[object, ...]] = []
    told = set()
    for group in groups.sort_by(
        [("county", "ascending"), ("project_code", "ascending")]
    ).to_pylist():
        project = group["project_code"]
        # A project over several counties tells its overlap once.
        again = project in told
        told.add(project)
        overlap = 0.0 if again else removed[project]
        beyond = 0.0 if again else outside[project]
        counts = [group[f"{name}_sum"] for name in _COUNTS]
        if any(counts) or overlap > 0 or beyond > 0:
            lines.append(
                (project, group["project_name"], group["county"], group["fid_count"],
                 group["area_mu_sum"], counts[0], counts[1], overlap, counts[2], beyond, counts[3])
            )  # fmt: skip
    return lines


def _parcels(parcels: pa.Table) -> pa.Table:
    any_ = pc.equal(parcels[_COUNTS[0]], 1)
    for name in _COUNTS[1:]:
        any_ = pc.or_(any_, pc.equal(parcels[name], 1))
    order = [("county", "ascending"), ("project_code", "ascending"), ("code", "ascending")]
    return parcels.filter(any_).sort_by(order).slice(0, _MOST_PARCELS)


PROGRESS = Weekly(
    "hsf-progress",
    Text(zh="高标准农田进度", en="Progress of high-standard farmland"),
    Text(
        zh="各县已建、在建、已上图的高标准农田有多少(各口径、各年度)?"
        "距 761 万亩差多少,本周变化多少?",
        en="High-standard farmland built, under way and mapped by county, definition and year, "
        "against 761 (10,000 mu), with the week's change?",
    ),
    Progress,
    _progress,
)
NOT_MAPPED = Weekly(
    "accepted-not-mapped",
    Text(zh="已验收未上图与检查不通过", en="Accepted but not mapped, or failing checks"),
    Text(
        zh="哪些已验收的项目尚未上图入库,或检查不通过(重叠、非耕地、县外、面积差)?",
        en="Which accepted projects are not in the map database, or fail checks (overlap, no "
        "cropland, outside the county, difference of areas)?",
    ),
    NotMapped,
    _not_mapped,
)
