"""The three years of commits over the demonstration data, October 2023 to October 2026."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import plots as plots_module
from data.demo.activities import Inspections, Treatments
from data.demo.fields import Flags, Ints
from data.demo.model import Change, Rows, Step, text
from data.demo.outlines import COUNTIES
from data.demo.parcels import Parcels
from data.demo.plots import Plots
from data.demo.samples import Samples

CHINA = timezone(timedelta(hours=8))
SOURCE = "seed"
NOTHING = np.datetime64("NaT")

CITY, PLANNER, SURVEYOR = "李明哲（市农业农村局）", "王海涛（市自然资源局）", "赵晓东（测绘院）"
AGRONOMIST, WATER, FOREST = "张雪梅（市农科院）", "刘志刚（市水利局）", "孙立新（市林草局）"
COUNTY_STAFF = (
    "陈春艳（洮北区农业农村局）", "杨国强（镇赉县农业农村局）", "周长山（通榆县农业农村局）",
    "吴丽华（洮南市农业农村局）", "徐永利（大安市农业农村局）",
)  # fmt: skip


@dataclass
class _Diary:
    steps: list[Step] = field(default_factory=list)

    def write(self, when: str, author: str, reason: str, *changes: Change | None) -> None:
        kept = tuple(change for change in changes if change is not None and len(change.rows))
        if kept:
            time = datetime.fromisoformat(when).replace(tzinfo=CHINA)
            self.steps.append(Step(time, author, reason, SOURCE, kept))


def _insert(layer: str, rows: Ints | Flags) -> Change:
    return Change(layer, "insert", _numbers(rows))


def _update(
    layer: str, rows: Ints | Flags, geometry: NDArray[np.object_] | None = None, **columns: Any
) -> Change:
    numbers = _numbers(rows)
    filled = {
        name: np.full(len(numbers), value) if np.ndim(value) == 0 else value
        for name, value in columns.items()
    }
    return Change(layer, "update", numbers, filled, geometry)


def _numbers(rows: Ints | Flags) -> Ints:
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else np.sort(rows)


def steps(
    layers: Mapping[str, Rows],
    parcels: Parcels,
    plots: Plots,
    taken: Samples,
    done: Treatments,
    seen: Inspections,
) -> tuple[Step, ...]:
    """All commits in order of time."""
    diary = _Diary()
    _foundation(diary, layers)
    _parcels(diary, parcels)
    _plots(diary, plots, taken, done)
    _upkeep(diary, layers, seen)
    return tuple(sorted(diary.steps, key=lambda step: step.time))


def _all(layers: Mapping[str, Rows], layer: str) -> Change:
    return _insert(layer, np.arange(layers[layer].attributes.num_rows))


def _values(layers: Mapping[str, Rows], layer: str, name: str) -> NDArray[np.object_]:
    return np.array(layers[layer].attributes[name].to_pylist(), dtype=object)


def _foundation(diary: _Diary, layers: Mapping[str, Rows]) -> None:
    diary.write(
        "2023-10-09T09:12", CITY, "建库：录入县区范围与四个灌区范围",
        _all(layers, "counties"), _all(layers, "districts"),
    )  # fmt: skip
    canals = _values(layers, "canals", "district")
    structures = _values(layers, "structures", "district")
    minor = np.isin(_values(layers, "canals", "canal_order"), ("lateral", "field"))
    old = ("TEH", "BST")
    diary.write(
        "2023-10-10T14:35", WATER, "导入洮儿河、白沙滩灌区渠系与建筑物普查成果",
        _insert("canals", np.isin(canals, old)), _insert("structures", np.isin(structures, old)),
    )  # fmt: skip
    diary.write(
        "2023-10-12T10:20", WATER, "导入大安灌区二期渠系与建筑物设计成果",
        _insert("canals", canals == "DA2"), _insert("structures", structures == "DA2"),
    )  # fmt: skip
    diary.write(
        "2023-10-12T15:48", WATER, "导入引嫩入白扩建一期干支渠与建筑物",
        _insert("canals", (canals == "YN1") & ~minor), _insert("structures", structures == "YN1"),
    )  # fmt: skip
    diary.write(
        "2025-05-19T16:05", WATER, "引嫩入白扩建一期田间配套完工，补录斗农渠",
        _insert("canals", (canals == "YN1") & minor),
    )  # fmt: skip
    diary.write(
        "2023-10-30T11:02", PLANNER, "导入耕地保护红线与永久基本农田划定成果",
        _all(layers, "farmland"),
    )  # fmt: skip
    diary.write(
        "2024-01-15T09:40", FOREST, "录入草原、湿地、退化林、廊道与城区绿化任务地块",
        _all(layers, "restoration"),
    )  # fmt: skip
    year = _values(layers, "restoration", "year").astype(int)
    for when, finished in (("2024-10-28T15:20", 2024), ("2025-10-27T10:10", 2025)):
        rows = np.flatnonzero(year == finished)
        rng = np.random.default_rng((6401, finished))
        survival = np.round(rng.uniform(80, 96, len(rows)), 1)
        diary.write(
            when, FOREST, f"{finished}年度生态修复任务完成情况更新",
            _update("restoration", rows, status="done", finished_on=np.datetime64(when[:10]),
                    survival_percent=survival),
        )  # fmt: skip
        diary.write(
            f"{finished + 1}-04-08T09:20", FOREST, f"{finished + 1}年度生态修复任务开工",
            _update("restoration", year == finished + 1, status="works"),
        )  # fmt: skip


def _parcels(diary: _Diary, parcels: Parcels) -> None:
    year, county = parcels.year, parcels.county
    base = np.arange(len(year)) < parcels.first_doubled
    rng = np.random.default_rng(6402)
    chance = rng.random(len(year))
    for number, author in enumerate(COUNTY_STAFF):
        diary.write(
            f"2023-10-{16 + 2 * number}T{9 + number:02d}:26", author,
            f"导入{COUNTIES[number].name}2023年及以前高标准农田图斑",
            _insert("parcels", (county == number) & (year <= 2023)),
        )  # fmt: skip
    for programme in (2024, 2025, 2026):
        diary.write(
            f"{programme}-04-11T10:15", CITY, f"录入{programme}年度高标准农田项目图斑",
            _insert("parcels", year == programme),
        )  # fmt: skip
    _lifecycle(diary, base, year, chance)
    _accidents(diary, parcels, chance)


def _lifecycle(diary: _Diary, base: Flags, year: Ints, chance: NDArray[np.float64]) -> None:
    def stage(when: str, rows: Flags, to: str, reason: str, **columns: Any) -> None:
        diary.write(when, CITY, reason, _update("parcels", rows & base, stage=to, **columns))

    def accept(when: str, day: str, rows: Flags, programme: int) -> None:
        stage(when, rows, "accepted", f"{programme}年度项目通过竣工验收",
              accepted_on=np.datetime64(day))  # fmt: skip

    def publish(when: str, day: str, rows: Flags, programme: int) -> None:
        stage(when, rows, "mapped", f"{programme}年度项目完成上图入库",
              mapped_in_database=True, mapped_on=np.datetime64(day))  # fmt: skip

    accept("2023-12-18T16:30", "2023-12-12", year == 2023, 2023)
    publish("2024-03-12T09:05", "2024-03-08", year == 2023, 2023)
    stage(
        "2024-05-22T10:50", (year == 2021) | (year == 2022), "handed_over", "2021—2022年度项目移交"
    )
    stage("2024-09-10T14:00", year == 2024, "works", "2024年度项目进入施工阶段")
    accept("2025-06-20T15:25", "2025-06-16", year == 2024, 2024)
    stage("2025-09-09T09:30", year == 2025, "works", "2025年度项目进入施工阶段")
    publish("2025-10-20T11:15", "2025-10-15", year == 2024, 2024)
    stage(
        "2025-12-16T10:00", (year == 2021) | (year == 2023), "maintained", "落实管护主体，转入管护"
    )
    ready = (year == 2025) & (chance < 0.85)
    accept("2026-06-18T16:10", "2026-06-12", ready, 2025)
    stage("2026-08-12T09:45", (year == 2026) & (chance < 0.7), "works", "2026年度项目开工")
    publish("2026-09-15T10:20", "2026-09-10", ready & (chance < 0.6), 2025)
    stage("2026-05-20T14:30", (year <= 2017) & (chance < 0.06), "upgrade", "早期项目列入改造提升")


def _accidents(diary: _Diary, parcels: Parcels, chance: NDArray[np.float64]) -> None:
    """Corrections, write-offs and deletions."""
    year = parcels.year
    number = np.arange(len(year))
    base = number < parcels.first_doubled
    old = np.flatnonzero(base & (year <= 2022))
    rng = np.random.default_rng(6403)
    survey = np.sort(rng.choice(old, min(60, len(old) // 3), replace=False))
    for part, when in ((survey[::2], "2024-12-10T13:40"), (survey[1::2], "2026-03-17T13:55")):
        geometry = _narrowed(_geometry(parcels, part))
        diary.write(
            when, SURVEYOR, "实地复测，更正图斑边界（道路拓宽）",
            _update("parcels", part, geometry, remark="边界经实地复测更正"),
        )  # fmt: skip
    diary.write(
        "2025-08-25T17:20", COUNTY_STAFF[0], "洮儿河汛情水毁核查",
        _update("parcels", base & (parcels.county == 0) & (year <= 2020) & (chance > 0.996),
                stage="damaged", remark="2025年8月水毁，待修复"),
    )  # fmt: skip
    diary.write(
        "2025-11-18T09:25", PLANNER, "公路工程占用，核减图斑",
        _update("parcels", base & (year <= 2020) & (chance > 0.9975) & (parcels.county > 0),
                stage="occupied", mapped_in_database=False, remark="公路建设占用，已核减"),
    )  # fmt: skip
    doubled = (number >= parcels.first_doubled) & (number < parcels.first_overlap)
    diary.write(
        "2025-12-03T10:35", CITY, "清查发现重复上报图斑，予以删除",
        Change("parcels", "delete", np.flatnonzero(doubled)),
    )  # fmt: skip


def _geometry(parcels: Parcels, rows: Ints) -> NDArray[np.object_]:
    assert parcels.rows.geometry is not None
    return np.asarray(parcels.rows.geometry[rows], dtype=object)


def _narrowed(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """The polygons drawn in by 3 % about their middles: they stay within their old outline."""
    middle = shapely.get_coordinates(shapely.centroid(geometries))
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    xy = np.round(middle[owner] + 0.97 * (xy - middle[owner]), 9)
    return np.asarray(shapely.set_coordinates(geometries.copy(), xy), dtype=object)


def _plots(diary: _Diary, plots: Plots, taken: Samples, done: Treatments) -> None:
    start = plots.start
    known = np.arange(len(start)) < plots.first_mistaken
    da_an = plots.county == len(COUNTIES) - 1
    diary.write("2023-11-03T09:50", COUNTY_STAFF[4], "导入大安市盐碱地治理地块（国家试点）",
                _insert("plots", da_an & (start <= 2024)))  # fmt: skip
    diary.write("2023-11-06T14:22", AGRONOMIST, "导入镇赉、通榆、洮北、洮南治理地块",
                _insert("plots", ~da_an & (start <= 2024)))  # fmt: skip
    diary.write("2025-03-26T10:08", AGRONOMIST, "录入2025年度盐碱地治理地块",
                _insert("plots", start == 2025))  # fmt: skip
    diary.write("2026-03-25T10:31", AGRONOMIST, "录入2026年度及储备治理地块",
                _insert("plots", start >= 2026))  # fmt: skip
    diary.write("2024-06-04T08:55", AGRONOMIST, "删除误录的治理地块",
                Change("plots", "delete", np.flatnonzero(~known)))  # fmt: skip
    for year in (2024, 2025, 2026):
        rows = np.flatnonzero(known & (start == year))
        rng = np.random.default_rng((6404, year))
        day = np.datetime64(f"{year}-04-05") + rng.integers(0, 14, len(rows))
        diary.write(f"{year}-04-20T15:12", AGRONOMIST, f"{year}年度治理地块开工",
                    _update("plots", rows, stage="works", started_on=day))  # fmt: skip
    closing = {2023: "2023-12-22T11:30", 2024: "2024-11-28T10:45", 2025: "2025-11-25T15:50",
               2026: "2026-10-23T16:40"}  # fmt: skip
    for year, when in closing.items():
        rows = np.flatnonzero(known & (start <= year))
        assessed = plots_module.columns_after(plots, rows, year)
        diary.write(when, AGRONOMIST, f"{year}年度治理成效评定，更新阶段与盐碱化等级",
                    _update("plots", rows, **assessed))  # fmt: skip
        records = (done.year <= year) if year == 2023 else (done.year == year)
        diary.write(f"{when[:10]}T09:05", AGRONOMIST, f"{year}年度治理措施与测产记录",
                    _insert("treatments", records))  # fmt: skip
    _samples(diary, taken)


def _samples(diary: _Diary, taken: Samples) -> None:
    autumn = ("2023-11-20T14:18", "2024-11-15T09:36", "2025-11-10T13:27", "2026-10-21T10:02")
    for number, when in enumerate(autumn):
        diary.write(when, AGRONOMIST, f"{2023 + number}年秋季土壤样品化验结果",
                    _insert("samples", taken.batch == number))  # fmt: skip
    for year in (2024, 2025, 2026):
        diary.write(f"{year}-05-10T09:18", AGRONOMIST, f"{year}年新开工地块治理前本底样品",
                    _insert("samples", (taken.batch == -1) & (taken.year == year)))  # fmt: skip
    flags = np.array(taken.rows.attributes["qa"].to_pylist(), dtype=object)
    doubtful = np.flatnonzero((flags == "suspect") & (taken.year == 2024) & (taken.batch == 1))
    verdict = np.where(np.arange(len(doubtful)) % 3 == 0, "rejected", "valid")
    diary.write("2025-02-18T10:40", AGRONOMIST, "存疑样品复测，更新质量标记",
                _update("samples", doubtful, qa=verdict, remark="已复测"))  # fmt: skip


def _upkeep(diary: _Diary, layers: Mapping[str, Rows], seen: Inspections) -> None:
    finished = ("2024-07-05", "2024-12-04", "2025-07-04", "2025-12-05", "2026-07-03", "2026-10-26")
    for number, day in enumerate(finished):
        half = "上" if number % 2 == 0 else "下"
        diary.write(f"{day}T16:00", WATER, f"{day[:4]}年{half}半年管护巡查记录",
                    _insert("inspections", seen.batch == number))  # fmt: skip
    condition = _values(layers, "structures", "condition")
    poor = np.flatnonzero(condition == "poor")[::2]
    district = _values(layers, "structures", "district")
    name = _values(layers, "structures", "name")
    mended = poor[district[poor] != "YN1"]
    notes = text("{}：2024—2025年冬修已修复", name[mended])
    diary.write("2025-03-20T14:44", WATER, "冬修完成，更新建筑物工况",
                _update("structures", mended, condition="good",
                        remark=notes))  # fmt: skip
