"""Questions to the soil samples: what is still saline, and the means by township."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from geo.layers import Text
from geo.totals.questions.model import (
    AREA,
    COUNTY,
    TOWNSHIP,
    Answer,
    Column,
    Parameters,
    Source,
    Weekly,
    column,
    grouped,
    join,
    put,
    share,
    table,
)

#: From the first treatment on; before it a plot is only planned or being built.
_TREATED = ("amelioration", "trial", "accepted", "maintained")
_DEPTHS = {"0-20": (0.0, 20.0), "20-40": (20.0, 40.0)}


class StillSaline(Parameters):
    years: float = Field(2.0, ge=0, le=50, description="治理年数 / Years of remediation.")
    ph: float = Field(9.0, ge=0, le=14, description="pH 下限 / Least pH.")
    esp: float = Field(15.0, ge=0, le=100, description="ESP 下限, % / Least ESP, percent.")
    county: str | None = Field(None, description="县(市、区)代码 / County code.")


def _topsoil(source: Source) -> pa.Table:
    """Valid samples of the upper 20 cm, oldest first."""
    found = source.read(
        "samples",
        ("plot_code", "sampled_on", "ph", "ph_extract", "esp_percent", "depth_top_cm",
         "depth_bottom_cm", "qa"),
    )  # fmt: skip
    found = found.filter(pc.and_(_valid(found), _depth(found, "0-20")))
    return found.sort_by([("sampled_on", "ascending"), ("fid", "ascending")])


def _valid(samples: pa.Table) -> pa.Array:
    """Rejected samples count nowhere; those without a flag do."""
    return pc.fill_null(pc.not_equal(samples["qa"], "rejected"), True)


def _depth(samples: pa.Table, name: str) -> pa.Array:
    top, bottom = _DEPTHS[name]
    same = pc.and_(
        pc.equal(samples["depth_top_cm"], top), pc.equal(samples["depth_bottom_cm"], bottom)
    )
    return pc.fill_null(same, False)


def _last(samples: pa.Table, suffix: str) -> pa.Table:
    """The newest sample of each plot; its columns end in ``suffix``."""
    names = ("sampled_on", "ph", "ph_extract", "esp_percent")
    return grouped(samples, ["plot_code"], **{f"{name}_{suffix}": (name, "last") for name in names})


def _still_saline(source: Source, asked: StillSaline) -> Answer:
    plots = source.read(
        "plots",
        ("code", "name", "county", "township", "mode", "stage", "started_on", "area_mu"),
        equals={"county": asked.county},
    )
    treated = pc.and_(
        pc.is_in(plots["stage"], pa.array(_TREATED)), pc.is_valid(plots["started_on"])
    )
    plots = plots.filter(treated)
    samples = join(
        _topsoil(source), plots.select(["code", "started_on"]), {"plot_code": "code"}, "inner"
    ).sort_by([("sampled_on", "ascending"), ("fid", "ascending")])
    age = pc.divide(pc.days_between(samples["started_on"], samples["sampled_on"]), 365.2425)
    before = samples.filter(pc.less_equal(age, 0.0))
    after = samples.filter(pc.and_(pc.greater(age, 0.0), pc.greater_equal(age, asked.years)))
    plots = join(plots, _last(before, "before"), {"code": "plot_code"}, "left outer")
    plots = join(plots, _last(after, "now"), {"code": "plot_code"}, "left outer")
    # pH of different extracts does not compare.
    alike = pc.equal(plots["ph_extract_before"], plots["ph_extract_now"])
    nothing = pa.scalar(None, pa.float64())
    plots = put(
        plots,
        ph_change=pc.if_else(alike, pc.subtract(plots["ph_now"], plots["ph_before"]), nothing),
        esp_change=pc.subtract(plots["esp_percent_now"], plots["esp_percent_before"]),
        years=pc.divide(pc.days_between(plots["started_on"], plots["sampled_on_now"]), 365.2425),
    )
    saline = pc.or_kleene(
        pc.greater_equal(plots["ph_now"], asked.ph),
        pc.greater_equal(plots["esp_percent_now"], asked.esp),
    )
    rows = plots.filter(pc.fill_null(saline, False)).sort_by(
        [("ph_now", "descending"), ("code", "ascending")]
    )
    tested = pc.sum(pc.is_valid(plots["sampled_on_now"])).as_py() or 0
    counts = [(plots.num_rows, tested, rows.num_rows, pc.sum(rows["area_mu"]).as_py() or 0.0)]
    return Answer(
        (
            table("plots", "仍超标的地块", "Plots still above the limits", _PLOT_COLUMNS, rows),
            table(
                "treatments", "各措施治理前后变化", "Change before and after, by treatment",
                (
                    column("type", "措施", "Treatment", codelist="treatment_type"),
                    column("plots", "地块数", "Plots"),
                    column("ph_change", "pH 平均变化", "Mean change of pH"),
                    column("esp_change", "ESP 平均变化", "Mean change of ESP", "%"),
                ),
                _by_treatment(source, plots),
            ),
            table(
                "summary", "合计", "Summary",
                (
                    column("remediated", "已治理地块", "Remediated plots"),
                    column("tested", "满年数后已检测", "Tested since"),
                    column("saline", "仍超标", "Still above"),
                    column("area_mu", "超标地块面积", "Area above", "mu"),
                ),
                counts,
            ),
        ),
        Text(
            zh=f"已开始改良培肥及以后阶段的地块；取治理开始满 {asked.years:g} 年后最近一次"
            f"0–20 厘米有效样品，"
            f"pH ≥ {asked.ph:g} 或 ESP ≥ {asked.esp:g} % 为超标；治理前取开工前最近一次；"
            "浸提方法不同的 pH 不相减；一个地块采用几种措施时计入每一种",
            en="Plots from amelioration on; the newest valid sample of 0-20 cm at least "
            f"{asked.years:g} years after the start; above: pH >= {asked.ph:g} or ESP >= "
            f"{asked.esp:g} %; before: the newest one up to the start; pH of different extracts is "
            "not subtracted; a plot counts for each of its treatments",
        ),
    )  # fmt: skip


_PLOT_COLUMNS: tuple[Column, ...] = (
    column("code", "地块编号", "Plot"),
    column("name", "名称", "Name"),
    COUNTY,
    TOWNSHIP,
    column("mode", "治理模式", "Model", codelist="remediation_mode"),
    column("started_on", "治理开始", "Started"),
    column("years", "采样时已治理年数", "Years until the sample", "a"),
    column("sampled_on_now", "最近采样", "Newest sample"),
    column("ph_before", "治理前 pH", "pH before"),
    column("ph_now", "现 pH", "pH now"),
    column("ph_change", "pH 变化", "Change of pH"),
    column("esp_percent_before", "治理前 ESP", "ESP before", "%"),
    column("esp_percent_now", "现 ESP", "ESP now", "%"),
    AREA,
)


def _by_treatment(source: Source, plots: pa.Table) -> pa.Table:
    used = source.read("treatments", ("plot_code", "type"))
    pairs = grouped(used, ["plot_code", "type"], times=("fid", "count"))
    changed = plots.select(["code", "ph_change", "esp_change"])
    changed = changed.filter(
        pc.or_(pc.is_valid(changed["ph_change"]), pc.is_valid(changed["esp_change"]))
    )
    both = join(pairs, changed, {"plot_code": "code"}, "inner")
    return grouped(
        both, ["type"], plots=("plot_code", "count"), ph_change=("ph_change", "mean"),
        esp_change=("esp_change", "mean"),
    )  # fmt: skip


class SoilMeans(Parameters):
    year: int | None = Field(
        None, ge=1950, le=2200, description="采样年份, 默认最近一年 / Year; the newest by default."
    )
    county: str | None = Field(None, description="县(市、区)代码 / County code.")


def _soil_means(source: Source, asked: SoilMeans) -> Answer:
    samples = source.read(
        "samples",
        ("plot_code", "county", "township", "sampled_on", "depth_top_cm", "depth_bottom_cm",
         "extract", "ph", "ph_extract", "ec_ds_m", "salt_g_kg", "qa"),
        equals={"county": asked.county},
    )  # fmt: skip
    samples = samples.filter(_valid(samples))
    samples = put(samples, year=pc.year(samples["sampled_on"]))
    year = asked.year or pc.max(samples["year"]).as_py() or source.today.year
    depth = pc.if_else(
        _depth(samples, "0-20"),
        "0-20",
        pc.if_else(_depth(samples, "20-40"), "20-40", pa.scalar(None, pa.string())),
    )
    samples = put(samples, depth=depth)
    keys = ["county", "township", "year", "depth", "extract", "ph_extract"]
    means = grouped(
        samples.filter(pc.is_valid(samples["depth"])),
        keys,
        samples=("fid", "count"),
        ph=("ph", "mean"),
        ec=("ec_ds_m", "mean"),
        salt=("salt_g_kg", "mean"),
    )
    plots = source.read(
        "plots", ("code", "name", "county", "township"), equals={"county": asked.county}
    )
    mine = samples.filter(pc.fill_null(pc.equal(samples["year"], year), False))
    sampled = grouped(mine, ["plot_code"], samples=("fid", "count"))
    plots = join(plots, sampled, {"code": "plot_code"}, "left outer")
    plots = put(plots, has=pc.is_valid(plots["samples"]).cast(pa.int64()))
    shares = grouped(plots, ["county", "township"], plots=("code", "count"), sampled=("has", "sum"))
    shares = put(shares, share=share(shares["sampled"], shares["plots"]))
    missing = plots.filter(pc.equal(plots["has"], 0)).sort_by("code")
    extract = column("extract", "EC、盐分浸提", "Extract of EC and salt", codelist="soil_extract")
    ph_extract = column("ph_extract", "pH 浸提", "Extract of pH", codelist="soil_extract")
    return Answer(
        (
            table(
                "means", "各乡镇、年度、土层平均值", "Means by township, year and depth",
                (
                    COUNTY,
                    TOWNSHIP,
                    column("year", "年份", "Year"),
                    column("depth", "土层", "Depth", "cm"),
                    extract,
                    ph_extract,
                    column("samples", "样品数", "Samples"),
                    column("ph", "pH", "pH"),
                    column("ec", "电导率", "EC", "dS/m"),
                    column("salt", "全盐量", "Total salt", "g/kg"),
                ),
                means,
            ),
            table(
                "shares", f"{year} 年采样比例", f"Share sampled in {year}",
                (
                    COUNTY,
                    TOWNSHIP,
                    column("plots", "地块数", "Plots"),
                    column("sampled", "已采样", "Sampled"),
                    column("share", "比例", "Share", "%"),
                ),
                shares,
            ),
            table(
                "unsampled", f"{year} 年未采样的地块", f"Plots without a sample in {year}",
                (column("code", "地块编号", "Plot"), column("name", "名称", "Name"), COUNTY,
                 TOWNSHIP),
                missing,
            ),
        ),
        Text(
            zh="有效样品的算术平均；只取 0–20 与 20–40 厘米两层；浸提方法不同的分开统计，不作换算",
            en="Arithmetic means of valid samples of 0-20 and 20-40 cm; different extracts are "
            "kept apart and never converted",
        ),
    )  # fmt: skip


STILL_SALINE = Weekly(
    "still-saline",
    Text(zh="治理后仍超标的地块", en="Plots still saline after remediation"),
    Text(
        zh="哪些治理过的地块 N 年后 pH 仍 ≥ 9(或 ESP ≥ 15)?各措施治理前后变化多少?",
        en="Which remediated plots still test pH >= 9 (or ESP >= 15) after N years, and what did "
        "each treatment change?",
    ),
    StillSaline,
    _still_saline,
)
SOIL_MEANS = Weekly(
    "soil-means",
    Text(zh="土壤指标平均值与采样进度", en="Soil means and sampling progress"),
    Text(
        zh="各乡镇、年度 0–20 和 20–40 厘米的平均 pH、电导率、全盐量是多少?"
        "采样比例多少,今年哪些地块未采样?",
        en="Mean pH, EC and salt at 0-20 and 20-40 cm by township and year; the share sampled, and "
        "which plots have no sample this year?",
    ),
    SoilMeans,
    _soil_means,
)
