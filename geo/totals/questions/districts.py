"""An irrigation district: its stated and measured areas, and plots far from any canal."""

from __future__ import annotations

import pyarrow as pa
import shapely
from pydantic import Field

from geo import crs
from geo.layers import Text
from geo.snapshot.filters import FieldEquals
from geo.totals.question import Question, Within
from geo.totals.questions.model import (
    AREA,
    TOWNSHIP,
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

#: Canals that bring water to a plot: branch canals and above.
_MAJOR = ("main", "trunk", "branch")
#: What is counted inside the district: name, layer, filter, titles.
_PARTS = (
    ("paddy", "parcels", "land_class = '0101'", "高标准农田中的水田", "Paddy of the parcels"),
    ("hsf", "parcels", "stage IN ('accepted', 'mapped', 'handed_over', 'maintained', 'upgrade')",
     "已验收高标准农田", "Accepted high-standard farmland"),
    ("saline", "plots", "", "盐碱地治理地块", "Saline remediation plots"),
    ("saline_done", "plots", "stage IN ('accepted', 'maintained')", "其中已验收",
     "Of these accepted"),
)  # fmt: skip


class District(Parameters):
    district: str = Field(max_length=20, description="灌区编号 / Code of the district.")
    distance: float = Field(
        500, gt=0, le=50_000, description="距渠道, 米 / Distance from a canal, metres."
    )


def _district(source: Source, asked: District) -> Answer:
    found = source.known("districts", "code", asked.district)
    within = Within("districts", (asked.district,))
    itself = Question("districts", filters={"districts": f"code = '{quoted(asked.district)}'"})
    command = source.total(itself).total.measure
    rows = [
        ("design", "设计灌溉面积(填报)", "Design area (stated)", None, found["design_area_mu"]),
        ("effective", "有效灌溉面积(填报)", "Effective area (stated)", None,
         found["effective_area_mu"]),
        ("actual", "实际灌溉面积(填报)", "Actual area (stated)", None, found["actual_area_mu"]),
        ("command", "灌区范围(椭球面积)", "Area of the district (ellipsoidal)", 1,
         mu(command)),
    ]  # fmt: skip
    for name, layer, condition, zh, en in _PARTS:
        filters = {layer: condition} if condition else {}
        part = source.total(Question(layer, within=within, filters=filters)).total
        rows.append((name, zh, en, part.count, mu(part.measure)))
    far = _far_plots(source, asked)
    return Answer(
        (
            table(
                "areas", f"{found['name']}面积", f"Areas of {asked.district}",
                (
                    column("item", "项目", "Item"),
                    column("title_zh", "名称", "Chinese title"),
                    column("title_en", "英文名称", "English title"),
                    column("count", "地块数", "Features"),
                    AREA,
                ),
                rows,
            ),
            table(
                "far_plots", f"距支渠以上渠道超过 {asked.distance:g} 米的地块",
                f"Plots more than {asked.distance:g} m from a branch canal or larger",
                (
                    column("code", "地块编号", "Plot"),
                    column("name", "名称", "Name"),
                    TOWNSHIP,
                    column("stage", "阶段", "Stage", codelist="remediation_stage"),
                    column("distance_m", "距离", "Distance", "m"),
                    AREA,
                ),
                far,
            ),
        ),
        Text(
            zh="填报面积取灌区图层；其余为落在灌区范围内部分的椭球面积，边界处切开，重叠只计一次；"
            "距离为地块边界到总干、干、支渠(不含排水沟)的最近距离，在三度带平面内量取",
            en="Stated areas come from the districts layer; the others are ellipsoidal areas of "
            "the parts inside the district, cut at its edge, overlaps counted once; distances "
            "are from the plot's edge to the nearest main, trunk or branch canal (no drains), in "
            "the plane of the zone",
        ),
    )  # fmt: skip


def _far_plots(source: Source, asked: District) -> pa.Table:
    """Plots that meet the district and lie farther from its canals than ``distance``."""
    area = source.shapes("districts", [_equals(source, "districts", "code", asked.district)])[1]
    area = area[~shapely.is_missing(area)]
    names = ("code", "name", "township", "stage", "area_mu")
    plots, shapes = source.shapes("plots", [], names, box=tuple(shapely.total_bounds(area)))
    if not len(area):
        return put(plots.slice(0, 0), distance_m=pa.array([], pa.float64()))
    plane = crs.gauss_kruger(crs.zone_of(float(shapely.centroid(area[0]).x)), prefix=False)
    zone, shapes = (crs.transform(each, crs.STORAGE, plane) for each in (area, shapes))
    shapely.prepare(zone)
    inside = shapely.intersects(shapes, zone[0])
    plots, shapes = plots.filter(pa.array(inside)), shapes[inside]
    canals, lines = source.shapes(
        "canals", [FieldEquals(source.catalog.layers["canals"].by_name["canal_order"], _MAJOR)],
        ("kind",),
    )  # fmt: skip
    lines = lines[[kind != "drain" for kind in canals["kind"].to_pylist()]]
    lines = crs.transform(lines, crs.STORAGE, plane)
    if not len(lines) or not len(shapes):
        far = put(plots, distance_m=pa.nulls(plots.num_rows, pa.float64()))
        return far.sort_by("code")
    tree = shapely.STRtree(lines)
    at, distance = tree.query_nearest(shapes, return_distance=True, all_matches=False)
    order = at[0].argsort()
    plots = put(plots, distance_m=pa.array(distance[order]))
    beyond = pa.array(distance[order] > asked.distance)
    return plots.filter(beyond).sort_by([("distance_m", "descending"), ("code", "ascending")])


def _equals(source: Source, layer: str, field: str, value: str) -> FieldEquals:
    return FieldEquals(source.catalog.layers[layer].by_name[field], (value,))


DISTRICT = Weekly(
    "district",
    Text(zh="灌区面积与供水距离", en="Areas of a district, distance to canals"),
    Text(
        zh="某灌区内设计、有效、实际面积以及水田、盐碱、高标准农田各多少?"
        "哪些地块距支渠以上渠道超过 500 米?",
        en="Within a district: design, effective and actual area, paddy, saline and high-standard "
        "farmland; which plots are more than 500 m from a branch canal?",
    ),
    District,
    _district,
)
