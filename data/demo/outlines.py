"""Outlines drawn by hand for the demonstration: five counties and four irrigation districts.

They are schematic: placed by general geography, copied from no map, and no
statement about any boundary. Counties are built from shared arcs, so neighbours
have exactly the same vertices. EPSG:4490, degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo.landscape import from_plane, to_plane

Points = tuple[tuple[float, float], ...]

#: Places where three outlines meet.
NODES: dict[str, tuple[float, float]] = {
    "A": (122.84, 45.95), "B": (122.36, 45.82), "C": (123.20, 45.46), "D": (123.24, 45.60),
    "E": (123.16, 45.17), "F": (122.06, 45.05), "G": (123.50, 45.01), "H": (124.07, 45.76),
}  # fmt: skip

#: "XY": points between node X and node Y.
ARCS: dict[str, Points] = {
    "AH": ((122.80, 46.02), (122.91, 46.08), (123.02, 46.05), (123.13, 46.06), (123.21, 46.12),
           (123.32, 46.13), (123.46, 46.11), (123.58, 46.18), (123.72, 46.25), (123.86, 46.27),
           (123.97, 46.16), (124.03, 46.02), (124.08, 45.88)),
    "HG": ((124.16, 45.66), (124.27, 45.56), (124.35, 45.48), (124.36, 45.40), (124.27, 45.33),
           (124.24, 45.24), (124.10, 45.22), (123.98, 45.15), (123.86, 45.10), (123.72, 45.08),
           (123.60, 45.01)),
    "GF": ((123.46, 44.91), (123.38, 44.80), (123.42, 44.67), (123.32, 44.54), (123.18, 44.44),
           (123.02, 44.38), (122.90, 44.29), (122.72, 44.25), (122.52, 44.29), (122.38, 44.26),
           (122.27, 44.34), (122.29, 44.46), (122.19, 44.56), (122.12, 44.66), (122.14, 44.80),
           (122.06, 44.92)),
    "FB": ((122.19, 45.20), (122.16, 45.32), (122.13, 45.44), (122.03, 45.55), (121.86, 45.65),
           (121.68, 45.74), (121.75, 45.84), (121.86, 45.91), (121.97, 45.88), (122.09, 45.84),
           (122.21, 45.83)),
    "BA": ((122.44, 45.90), (122.58, 45.86), (122.70, 45.92)),
    "AD": ((122.95, 45.87), (123.06, 45.80), (123.03, 45.72), (123.11, 45.66), (123.18, 45.67)),
    "DH": ((123.34, 45.61), (123.50, 45.63), (123.66, 45.62), (123.82, 45.67), (123.95, 45.71)),
    "DC": ((123.27, 45.53),),
    "CB": ((123.05, 45.425), (122.90, 45.40), (122.76, 45.44), (122.64, 45.54), (122.50, 45.67),
           (122.39, 45.77)),
    "CE": ((123.28, 45.40), (123.33, 45.32), (123.24, 45.25)),
    "EF": ((123.00, 45.14), (122.86, 45.18), (122.70, 45.12), (122.56, 45.14), (122.40, 45.08),
           (122.24, 45.10)),
    "EG": ((123.24, 45.09), (123.36, 45.05)),
}  # fmt: skip

#: code -> ring of arcs; "-" walks an arc backwards.
COUNTY_RINGS: dict[str, tuple[str, ...]] = {
    "220802": ("BA", "AD", "DC", "CB"),
    "220821": ("AH", "-DH", "-AD"),
    "220822": ("GF", "-EF", "EG"),
    "220881": ("FB", "-CB", "CE", "EF"),
    "220882": ("HG", "-EG", "-CE", "-DC", "DH"),
}


@dataclass(frozen=True)
class County:
    """A county with the figures of published sources (they differ by 1-2 %)."""

    code: str
    name: str
    seat: str
    published_km2: float
    townships: tuple[str, ...]


COUNTIES: tuple[County, ...] = (
    County("220802", "洮北区", "海明街道", 2568.8, (
        "平安镇", "青山镇", "林海镇", "洮河镇", "平台镇", "到保镇", "岭下镇", "东风乡", "三合乡",
        "东胜乡", "金祥乡", "德顺蒙古族乡")),
    County("220821", "镇赉县", "镇赉镇", 4718.7, (
        "镇赉镇", "坦途镇", "东屏镇", "大屯镇", "沿江镇", "五棵树镇", "黑鱼泡镇", "哈吐气蒙古族乡",
        "莫莫格蒙古族乡", "建平乡", "嘎什根乡")),
    County("220822", "通榆县", "开通镇", 8476.0, (
        "开通镇", "瞻榆镇", "双岗镇", "兴隆山镇", "边昭镇", "鸿兴镇", "新华镇", "乌兰花镇",
        "新发乡", "新兴乡", "向海蒙古族乡", "包拉温都蒙古族乡", "团结乡", "十花道乡", "八面乡",
        "苏公坨乡")),
    County("220881", "洮南市", "团结街道", 5102.0, (
        "瓦房镇", "万宝镇", "黑水镇", "那金镇", "安定镇", "福顺镇", "蛟流河乡", "大通乡", "永茂乡",
        "车力乡", "野马乡", "聚宝乡", "呼和车力蒙古族乡", "胡力吐蒙古族乡")),
    County("220882", "大安市", "慧阳街道", 4879.0, (
        "月亮泡镇", "安广镇", "丰收镇", "新平安镇", "两家子镇", "舍力镇", "大岗子镇", "叉干镇",
        "龙沼镇", "太山镇", "四棵树乡", "联合乡", "乐胜乡", "烧锅镇乡", "大赉乡", "红岗子乡",
        "海坨乡", "新艾里蒙古族乡")),
)  # fmt: skip


@dataclass(frozen=True)
class District:
    """An irrigation district; ``angle`` is the direction of its trunk canals, degrees from east.

    Design areas of these districts are not all published: the figures here are
    invented for the demonstration.
    """

    code: str
    name: str
    short: str
    county: str
    status: str
    phase: str
    source: str
    headworks: str
    design_mu: float
    water_wan_m3: float
    started: str
    angle: float
    outline: Points


DISTRICTS: tuple[District, ...] = (
    District("YN1", "引嫩入白扩建一期灌区", "引嫩", "220821", "construction", "扩建一期", "nen",
             "白沙滩泵站", 150_500.0, 8_600.0, "2023-06-29", 24.0, (
        (123.657, 46.052), (123.725, 46.086), (123.807, 46.093), (123.875, 46.073),
        (123.899, 46.025), (123.868, 45.988), (123.793, 45.995), (123.725, 46.001),
        (123.664, 46.012))),
    District("BST", "白沙滩灌区", "白沙滩", "220821", "construction", "续建配套", "nen",
             "白沙滩提水站", 420_000.0, 22_600.0, "2010-05-12", -14.0, (
        (123.345, 45.893), (123.455, 45.921), (123.575, 45.902), (123.644, 45.847),
        (123.685, 45.773), (123.630, 45.723), (123.529, 45.709), (123.428, 45.737),
        (123.363, 45.801))),
    District("DA2", "大安灌区二期", "大安", "220882", "construction", "二期", "nen",
             "五间房泵站", 580_000.0, 31_000.0, "2022-04-18", 12.0, (
        (123.465, 45.483), (123.583, 45.525), (123.717, 45.538), (123.852, 45.542),
        (123.919, 45.500), (123.940, 45.441), (123.869, 45.395), (123.759, 45.378),
        (123.642, 45.349), (123.533, 45.357), (123.457, 45.407))),
    District("TEH", "洮儿河灌区", "洮儿河", "220802", "operating", "续建改造", "taoer",
             "龙华吐进水闸", 510_000.0, 26_400.0, "1998-09-01", -34.0, (
        (122.590, 45.720), (122.666, 45.762), (122.742, 45.733), (122.827, 45.686),
        (122.928, 45.619), (123.013, 45.564), (123.055, 45.517), (122.962, 45.488),
        (122.852, 45.479), (122.768, 45.517), (122.692, 45.589), (122.616, 45.657))),
)  # fmt: skip


#: From the river to the district's first trunk; hand-drawn (lon, lat).
MAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "YN1": ((123.972, 46.150), (123.945, 46.118), (123.912, 46.085), (123.872, 46.060)),
    "BST": ((123.960, 46.172), (123.930, 46.135), (123.880, 46.108), (123.780, 46.108),
            (123.700, 46.100), (123.640, 46.060), (123.600, 46.000), (123.590, 45.930),
            (123.575, 45.880)),
    "DA2": ((124.155, 45.660), (124.110, 45.625), (124.060, 45.570), (123.990, 45.530),
            (123.930, 45.500), (123.870, 45.485)),
    "TEH": ((122.375, 45.797), (122.430, 45.795), (122.500, 45.775), (122.580, 45.740),
            (122.640, 45.725)),
}  # fmt: skip


def _roughen(points: NDArray[np.float64], seed: int, levels: int = 2) -> NDArray[np.float64]:
    """Midpoint displacement, so that hand-drawn arcs do not look ruled."""
    rng = np.random.default_rng(seed)
    for _ in range(levels):
        step = np.diff(points, axis=0)
        normal = np.column_stack([-step[:, 1], step[:, 0]])
        middle = points[:-1] + step / 2 + normal * rng.normal(0.0, 0.07, (len(step), 1))
        merged = np.empty((2 * len(points) - 1, 2))
        merged[0::2], merged[1::2] = points, middle
        points = merged
    return points


@lru_cache(maxsize=1)
def _arcs() -> dict[str, NDArray[np.float64]]:
    arcs = {}
    for number, (name, between) in enumerate(ARCS.items()):
        lonlat = np.array([NODES[name[0]], *between, NODES[name[1]]])
        rough = _roughen(np.column_stack(to_plane(lonlat[:, 0], lonlat[:, 1])), 5100 + number)
        arcs[name] = np.round(np.column_stack(from_plane(rough[:, 0], rough[:, 1])), 7)
    return arcs


def counties() -> NDArray[np.object_]:
    """County outlines in the order of `COUNTIES`: shapely Polygon[5], tiling without gaps."""
    arcs = _arcs()
    polygons = []
    for county in COUNTIES:
        walks = [
            arcs[name[1:]][::-1] if name.startswith("-") else arcs[name]
            for name in COUNTY_RINGS[county.code]
        ]
        polygons.append(shapely.Polygon(np.vstack([walk[:-1] for walk in walks])))
    return np.array(polygons, dtype=object)


def districts() -> NDArray[np.object_]:
    """District outlines in the order of `DISTRICTS`: shapely Polygon[4]."""
    polygons = []
    for number, district in enumerate(DISTRICTS):
        lonlat = np.array([*district.outline, district.outline[0]])
        rough = _roughen(np.column_stack(to_plane(lonlat[:, 0], lonlat[:, 1])), 5200 + number)
        polygons.append(
            shapely.Polygon(np.round(np.column_stack(from_plane(rough[:, 0], rough[:, 1])), 7))
        )
    return np.array(polygons, dtype=object)


def main_canal(district: str) -> NDArray[np.float64]:
    """Main canal of a district, (n, 2) km of the local plane, from the river on."""
    points = np.column_stack(to_plane(*np.array(MAINS[district]).T))
    for _ in range(2):  # corners are cut twice (Chaikin), as canals are built with bends
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], cut[1:-1], points[-1:]])
    return points
