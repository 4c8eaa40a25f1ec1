"""Which protected or high-standard farmland no longer grows grain, or is no longer farmland."""

from __future__ import annotations

from datetime import date, datetime, time

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from geo.layers import Text
from geo.local import LOCAL_TIME
from geo.totals.questions.model import (
    AREA,
    COUNTY,
    TOWNSHIP,
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

#: 粮食作物 of the national statistics: cereals, beans and tubers.
GRAIN = ("rice", "maize", "soybean", "sorghum", "mung_bean", "oat")
#: Accepted high-standard farmland that is still there.
HSF = ("accepted", "mapped", "handed_over", "maintained", "upgrade")
_CROPLAND = "01"


class LandUse(Parameters):
    since: date | None = Field(
        None, description="比较起始日期, 默认一年前 / Compared with; a year ago."
    )
    county: str | None = Field(None, description="县(市、区)代码 / County code.")


def _land_use(source: Source, asked: LandUse) -> Answer:
    since = asked.since or _year_before(source.today)
    start = datetime.combine(since, time(23, 59, 59), LOCAL_TIME)
    found = [
        _changed(source, asked, start, layer, crop)
        for layer, crop in (("parcels", True), ("plots", True), ("farmland", False))
    ]
    rows = pa.concat_tables(found).sort_by([("layer", "ascending"), ("code", "ascending")])
    summary = grouped(
        rows, ["county", "change"], features=("code", "count"), area_mu=("area_mu", "sum")
    )
    change = column("change", "变化", "Change")
    land_class = "land_class"
    return Answer(
        (
            table(
                "changes", "变化的地块", "Land that changed",
                (
                    column("layer", "图层", "Layer"),
                    column("code", "编号", "Code"),
                    COUNTY,
                    TOWNSHIP,
                    change,
                    column("class_before", "原地类", "Class before", codelist=land_class),
                    column("land_class", "现地类", "Class now", codelist=land_class),
                    column("crop_before", "原作物", "Crop before", codelist="crop"),
                    column("crop", "现作物", "Crop now", codelist="crop"),
                    AREA,
                    column("updated_at", "更新时间", "Updated"),
                ),
                rows,
            ),
            table(
                "summary", "按县合计", "By county",
                (COUNTY, change, column("features", "地块数", "Features"), AREA), summary,
            ),
        ),
        Text(
            zh=f"与 {since} 的数据相比；范围为永久基本农田标记的图斑、"
            "已验收的高标准农田、治理地块和耕地图层；"
            "non_farm 地类由耕地(01)变为其他，non_grain 作物由粮食(谷物、豆类)变为其他或未种植",
            en=f"Compared with the data of {since}: parcels flagged as permanent basic farmland or "
            "accepted as high-standard farmland, remediation plots, and the farmland layer; "
            "non_farm: the class left cropland (01); non_grain: the crop left grain "
            "(cereals and beans)",
        ),
    )  # fmt: skip


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


_SHAPE = ("layer", "code", "county", "township", "change", "class_before", "land_class",
          "crop_before", "crop", "area_mu", "updated_at")  # fmt: skip


def _changed(source: Source, asked: LandUse, start: datetime, layer: str, crop: bool) -> pa.Table:
    """What is not farmland or not under grain now, and was then."""
    extra = {"parcels": ("stage", "permanent_basic")}.get(layer, ())
    names = ("code", "county", "township", "land_class", "area_mu", "updated_at", *extra)
    now = source.read(layer, (*names, "crop") if crop else names, equals={"county": asked.county})
    if layer == "parcels":
        inside = pc.or_kleene(
            now["permanent_basic"], pc.is_in(now["stage"], value_set=pa.array(HSF))
        )
        now = now.filter(pc.fill_null(inside, False))
    if not crop:
        now = put(now, crop=pa.scalar(None, pa.string()))
    suspects = now.filter(pc.or_(pc.invert(_farm(now)), _not_grain(now)))
    then = source.read(layer, ("land_class", "crop") if crop else ("land_class",), moment=start)
    then = then.filter(pc.is_in(then["fid"], value_set=suspects["fid"].combine_chunks()))
    if not crop:
        then = put(then, crop=pa.scalar(None, pa.string()))
    then = then.select(["fid", "land_class", "crop"])
    then = then.rename_columns(["fid", "class_before", "crop_before"])
    both = join(suspects, then, {"fid": "fid"}, "inner")
    before = both.select(["class_before", "crop_before"]).rename_columns(["land_class", "crop"])
    left_farm = pc.and_(_farm(before), pc.invert(_farm(both)))
    left_grain = pc.and_(_grain(before), _not_grain(both))
    change = pc.if_else(
        left_farm, "non_farm", pc.if_else(left_grain, "non_grain", pa.scalar(None, pa.string()))
    )
    both = put(both, change=change, layer=pa.scalar(layer))
    return both.filter(pc.is_valid(both["change"])).select(list(_SHAPE))


def _farm(features: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.starts_with(features["land_class"], _CROPLAND), False)


def _grain(features: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(features["crop"], value_set=pa.array(GRAIN))


def _not_grain(features: pa.Table) -> pa.ChunkedArray:
    return pc.and_(pc.is_valid(features["crop"]), pc.invert(_grain(features)))


LAND_USE = Weekly(
    "land-use-changes",
    Text(zh="非农化、非粮化变化", en="Farmland lost to other use"),
    Text(
        zh="永久基本农田或高标准农田内,哪些地块最近变为非粮或非农用途?",
        en="Which land inside permanent basic or high-standard farmland changed to non-grain or "
        "non-farm use lately?",
    ),
    LandUse,
    _land_use,
)
