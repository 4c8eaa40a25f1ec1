"""Questions to the record of treatments: water on a plot, and what was applied at what cost."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from geo.layers import Text
from geo.totals.questions.model import (
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
from geo.units import SQUARE_METRES_PER_MU

_MU_PER_HA = float(10_000 / SQUARE_METRES_PER_MU)


class Water(Parameters):
    plot: str = Field(max_length=40, description="治理地块编号 / Code of the plot.")
    year: int | None = Field(None, ge=1950, le=2200, description="年份, 默认全部 / Year; all.")


def _water(source: Source, asked: Water) -> Answer:
    plot = source.known("plots", "code", asked.plot)
    area_mu = source.read("plots", ("area_mu",), equals={"code": asked.plot})["area_mu"][0].as_py()
    used = source.read(
        "treatments",
        ("applied_on", "year", "type", "canal_code", "water_m3", "rounds", "treated_area_mu",
         "operator"),
        equals={"plot_code": asked.plot, "year": asked.year},
    )  # fmt: skip
    wet = pc.or_(pc.is_valid(used["water_m3"]), pc.equal(used["type"], "leach_flush"))
    canals = source.read("canals", ("code", "name"))
    used = join(
        used.filter(wet), canals.select(["code", "name"]), {"canal_code": "code"}, "left outer"
    ).sort_by([("applied_on", "ascending"), ("fid", "ascending")])
    area = pc.coalesce(used["treated_area_mu"], pa.scalar(area_mu, pa.float64()))
    used = put(used, per_mu=pc.divide(used["water_m3"], area))
    water, rounds = pc.sum(used["water_m3"]).as_py(), pc.sum(used["rounds"]).as_py()
    days = [day for day in used["applied_on"].to_pylist() if day is not None]
    summary = (
        plot["code"], plot["name"], bool(water), used.num_rows, water or 0.0, rounds or 0,
        min(days, default=None), max(days, default=None),
    )  # fmt: skip
    water_column = column("water_m3", "水量", "Water", "m3")
    rounds_column = column("rounds", "泡洗次数", "Flush rounds")
    return Answer(
        (
            table(
                "summary", "来水情况", "Water that arrived",
                (
                    column("code", "地块编号", "Plot"),
                    column("name", "名称", "Name"),
                    column("reached", "是否来水", "Water reached it"),
                    column("times", "供水次数", "Times"),
                    water_column,
                    rounds_column,
                    column("first", "首次", "First"),
                    column("last", "最近", "Last"),
                ),
                [summary],
            ),
            table(
                "supplies", "逐次供水", "Each supply",
                (
                    column("applied_on", "日期", "Date"),
                    column("canal_code", "渠道编号", "Canal"),
                    column("name", "渠道", "Name of the canal"),
                    water_column,
                    column("per_mu", "亩均水量", "Water per mu", "m3/mu"),
                    rounds_column,
                    column("operator", "实施单位", "Operator"),
                ),
                used,
            ),
        ),
        Text(
            zh="该地块的治理记录中填有水量或为泡田洗盐的各次；亩均按当次治理面积，未填写时按地块面积",
            en="Treatments of the plot that state water or are leaching; per mu of the area "
            "treated then, or of the plot where none is stated",
        ),
    )  # fmt: skip


class Inputs(Parameters):
    year: int | None = Field(None, ge=1950, le=2200, description="年份, 默认全部 / Year; all.")
    county: str | None = Field(None, description="县(市、区)代码 / County code.")


def _inputs(source: Source, asked: Inputs) -> Answer:
    used = source.read(
        "treatments",
        ("plot_code", "county", "mode", "year", "type", "dose", "dose_unit", "dose_basis",
         "treated_area_mu", "cost_yuan", "yield_kg_mu"),
        equals={"year": asked.year, "county": asked.county},
    )  # fmt: skip
    applied = used.filter(pc.not_equal(used["type"], "crop"))
    applied = put(applied, tonnes=_tonnes(applied))
    materials = grouped(
        applied,
        ["mode", "type"],
        plots=("plot_code", "count_distinct"),
        area_mu=("treated_area_mu", "sum"),
        tonnes=("tonnes", "sum"),
        cost_yuan=("cost_yuan", "sum"),
    )
    materials = put(materials, per_mu=_per(materials["cost_yuan"], materials["area_mu"]))
    return Answer(
        (
            table(
                "materials", "各模式投入", "What was applied, by model",
                (
                    _MODE,
                    column("type", "措施", "Treatment", codelist="treatment_type"),
                    column("plots", "地块数", "Plots"),
                    column("area_mu", "治理面积", "Area treated", "mu"),
                    column("tonnes", "用量", "Amount", "t"),
                    column("cost_yuan", "费用", "Cost", "yuan"),
                    column("per_mu", "亩均费用", "Cost per mu", "yuan/mu"),
                ),
                materials,
            ),
            table(
                "response", "各模式产量与亩均成本", "Yield response and cost per mu, by model",
                (
                    _MODE,
                    column("plots", "有产量地块", "Plots with yields"),
                    column("first", "首年亩产", "Yield of the first year", "kg/mu"),
                    column("latest", "最近一年亩产", "Yield of the latest year", "kg/mu"),
                    column("response", "增产", "Response", "kg/mu"),
                    column("cost_per_mu", "亩均成本", "Cost per mu of plot", "yuan/mu"),
                ),
                _response(source, asked, used),
            ),
        ),
        Text(
            zh="用量 = 亩(公顷、整块)用量 × 治理面积，只有以吨和千克计的用量换算为吨；"
            "产量为各地块平均，增产 = 最近一年减首年(需有两年产量)；"
            "亩均成本 = 全部措施费用 ÷ 用过措施的地块面积",
            en="Amount = dose x area treated, in tonnes where the dose is in tonnes or kilograms; "
            "yields are means of plots, response = latest year less first year (two years "
            "needed); cost per mu = cost of all treatments / area of the plots treated",
        ),
    )  # fmt: skip


_MODE = column("mode", "治理模式", "Model", codelist="remediation_mode")


def _tonnes(used: pa.Table) -> pa.ChunkedArray:
    """Doses in tonnes or kilograms times what they are counted by; null for other units."""
    null = pa.scalar(None, pa.float64())
    unit, basis = used["dose_unit"], used["dose_basis"]
    scale = pc.case_when(
        pc.make_struct(
            pc.fill_null(pc.equal(unit, "t"), False), pc.fill_null(pc.equal(unit, "kg"), False)
        ),
        1.0,
        0.001,
        null,
    )
    area = used["treated_area_mu"]
    times = pc.case_when(
        pc.make_struct(
            pc.fill_null(pc.equal(basis, "mu"), False),
            pc.fill_null(pc.equal(basis, "ha"), False),
            pc.fill_null(pc.equal(basis, "plot"), False),
        ),
        area,
        pc.divide(area, _MU_PER_HA),
        1.0,
        null,
    )
    return pc.multiply(pc.multiply(used["dose"], scale), times)


def _per(part: pa.ChunkedArray, whole: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.divide(part, pc.if_else(pc.greater(whole, 0), whole, pa.scalar(None, whole.type)))


def _response(source: Source, asked: Inputs, used: pa.Table) -> pa.Table:
    plots = source.read("plots", ("code", "mode", "area_mu"), equals={"county": asked.county})
    plots = plots.select(["code", "mode", "area_mu"])
    # All years: a response needs the first one even when one year is asked for.
    every = source.read(
        "treatments", ("plot_code", "year", "yield_kg_mu"), equals={"county": asked.county}
    )
    every = every.filter(pc.is_valid(every["yield_kg_mu"]))
    if asked.year is not None:
        every = every.filter(pc.less_equal(every["year"], asked.year))
    yearly = grouped(every, ["plot_code", "year"], yields=("yield_kg_mu", "mean"))
    ends = grouped(
        yearly, ["plot_code"], first=("yields", "first"), latest=("yields", "last"),
        years=("year", "count"),
    )  # fmt: skip
    two = pc.greater(ends["years"], 1)
    gain = pc.if_else(
        two, pc.subtract(ends["latest"], ends["first"]), pa.scalar(None, pa.float64())
    )
    yields = grouped(
        join(put(ends, response=gain), plots, {"plot_code": "code"}, "inner"),
        ["mode"],
        plots=("plot_code", "count"),
        first=("first", "mean"),
        latest=("latest", "mean"),
        response=("response", "mean"),
    )
    spent = used.filter(pc.is_valid(used["cost_yuan"]))
    costs = grouped(spent, ["plot_code"], cost=("cost_yuan", "sum"))
    costs = grouped(
        join(costs, plots, {"plot_code": "code"}, "inner"), ["mode"],
        cost=("cost", "sum"), area=("area_mu", "sum"),
    )  # fmt: skip
    costs = put(costs, cost_per_mu=_per(costs["cost"], costs["area"]))
    both = join(yields, costs.select(["mode", "cost_per_mu"]), {"mode": "mode"}, "left outer")
    return both.sort_by("mode")


WATER = Weekly(
    "water",
    Text(zh="地块来水", en="Water on a plot"),
    Text(
        zh="水是否到了某地块(哪条渠、哪几天、多少方)?泡洗了几次?",
        en="Did water reach a plot (canal, dates, m3), and how many flush rounds?",
    ),
    Water,
    _water,
)
INPUTS = Weekly(
    "inputs",
    Text(zh="投入、产量与成本", en="Inputs, yields and costs"),
    Text(
        zh="各治理模式(大安、镇赉、通榆)用了什么、多少吨、多少元?产量反应和亩均成本如何?",
        en="What was applied per model (Da'an, Zhenlai, Tongyu; t, yuan), with which yield "
        "response and cost per mu?",
    ),
    Inputs,
    _inputs,
)
