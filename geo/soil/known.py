"""Indices of vegetation, water and bare soil by the formulas of spyndex.

Each index is computed for itself with its own constants: in spyndex ``L`` is one name for two
things, so that one call for SAVI and EVI makes one of them wrong. Bands go in by our keys; the
library's tables of platforms, which miss the near infrared of Landsat 8 and 9, are not used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from geo.layers import Text
from geo.soil.indices import Index, Reals

#: Below this the denominator of EVI says nothing: cloud and the brightest crusts.
LEAST_BELOW = 0.05


@cache
def _formula(name: str) -> CodeType:
    import spyndex  # noqa: PLC0415 - loads with the first index that needs it

    return compile(spyndex.indices[name].formula, f"spyndex {name}", "eval")


def by_spyndex(name: str) -> Callable[..., Reals]:
    """``compute`` of an index of spyndex: its formula over the bands and constants given."""

    def compute(**values: Any) -> Reals:
        # The text is the installed library's, never a request's.
        result: Reals = eval(_formula(name), {"__builtins__": {}}, values)  # noqa: S307
        return result

    return compute


def _guarded(name: str, c1: float, c2: float) -> Callable[..., Reals]:
    compute = by_spyndex(name)

    def guarded(**values: Any) -> Reals:
        below = values["N"] + c1 * values["R"] - c2 * values.get("B", 0.0) + 1
        found = compute(**values)
        return np.where(below > LEAST_BELOW, found, np.asarray(np.nan, found.dtype))

    return guarded


def _zh_en(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


_EVI = {"g": 2.5, "C1": 6.0, "C2": 7.5, "L": 1.0}

KNOWN: tuple[Index, ...] = (
    Index(
        "ndvi", _zh_en("归一化植被指数", "Normalised difference vegetation index"),
        "(N - R)/(N + R)", ("R", "N"), "vegetation", "lower", "ratio", "Rouse et al. 1974",
        _zh_en("水体为负；稀疏植被受土壤亮度影响", "negative over water; soil shows where sparse"),
        by_spyndex("NDVI"), (("NDVI", "Rouse et al. 1974"),), -1.0, 1.0, library="spyndex NDVI",
    ),
    Index(
        "evi", _zh_en("增强型植被指数", "Enhanced vegetation index"),
        "2.5*(N - R)/(N + 6*R - 7.5*B + 1)", ("B", "R", "N"), "vegetation", "lower", "absolute",
        "Huete et al. 1997; 2002",
        _zh_en("亮盐壳和云上分母趋零（此处分母<=0.05 为无值）",
               "the denominator nears 0 over bright crust and cloud (no value here at <= 0.05)"),
        _guarded("EVI", 6.0, 7.5), (("EVI", "Huete et al. 2002"),), parameters=_EVI,
        library="spyndex EVI",
    ),
    Index(
        "evi2", _zh_en("双波段增强型植被指数", "Two-band enhanced vegetation index"),
        "2.5*(N - R)/(N + 2.4*R + 1)", ("R", "N"), "vegetation", "lower", "absolute",
        "Jiang et al. 2008, Remote Sens. Environ. 112:3833",
        _zh_en("没有蓝光订正气溶胶，薄霾下偏低", "no blue band against haze: low under thin haze"),
        by_spyndex("EVI2"), (("EVI2", "Jiang et al. 2008"),), -0.74, 1.25,
        {"g": 2.5, "L": 1.0}, "spyndex EVI2",
    ),
    Index(
        "savi", _zh_en("土壤调节植被指数", "Soil-adjusted vegetation index"),
        "(1 + L)*(N - R)/(N + R + L)", ("R", "N"), "vegetation", "lower", "absolute", "Huete 1988",
        _zh_en("L = 0.5；spyndex 默认 L = 1", "L is 0.5; spyndex defaults to 1"),
        by_spyndex("SAVI"), (("SAVI", "Huete 1988"),), -1.0, 1.0, {"L": 0.5}, "spyndex SAVI",
    ),
    Index(
        "osavi", _zh_en("优化土壤调节植被指数", "Optimised soil-adjusted vegetation index"),
        "(N - R)/(N + R + 0.16)", ("R", "N"), "vegetation", "lower", "absolute",
        "Rondeaux et al. 1996, Remote Sens. Environ. 55:95",
        _zh_en("部分文献另乘 1.16，此处不乘", "some papers multiply by 1.16; not here"),
        by_spyndex("OSAVI"), (("OSAVI", "Rondeaux et al. 1996"),), -0.87, 0.87,
        library="spyndex OSAVI",
    ),
    Index(
        "msavi", _zh_en("修正土壤调节植被指数", "Modified soil-adjusted vegetation index"),
        "(2*N + 1 - sqrt((2*N + 1)**2 - 8*(N - R)))/2", ("R", "N"), "vegetation", "lower",
        "absolute", "Qi et al. 1994", _zh_en("即 MSAVI2", "this is MSAVI2"),
        by_spyndex("MSAVI"), (("MSAVI", "Qi et al. 1994"), ("MSAVI2", "Qi et al. 1994")),
        -1.0, 1.0, library="spyndex MSAVI",
    ),
    Index(
        "ndre1", _zh_en("归一化红边指数", "Normalised difference red edge"),
        "(N - RE1)/(N + RE1)", ("RE1", "N"), "vegetation", "lower", "ratio",
        "Gitelson & Merzlyak 1994",
        _zh_en("Landsat 没有红边，不能与其混成时间序列",
               "Landsat has no red edge: never mix the two in a time series"),
        by_spyndex("NDREI"), (("NDRE1", "Gitelson & Merzlyak 1994"), ("NDREI", "spyndex")),
        -1.0, 1.0, library="spyndex NDREI",
    ),
    Index(
        "ndwi", _zh_en("归一化水体指数", "Normalised difference water index"),
        "(G - N)/(G + N)", ("G", "N"), "water", "none", "ratio", "McFeeters 1996",
        _zh_en("Gao 1996 的 NDWI 是 lswi", "the NDWI of Gao 1996 is lswi"),
        by_spyndex("NDWI"), (("NDWI", "McFeeters 1996"),), -1.0, 1.0, library="spyndex NDWI",
    ),
    Index(
        "mndwi", _zh_en("改进归一化水体指数", "Modified normalised difference water index"),
        "(G - S1)/(G + S1)", ("G", "S1"), "water", "none", "ratio", "Xu 2006",
        _zh_en("与雪指数同式：11 月至 4 月冰面会混淆",
               "the same formula as the snow index: frozen lakes from November to April"),
        by_spyndex("MNDWI"), (("MNDWI", "Xu 2006"), ("NDSI", "snow; spyndex")), -1.0, 1.0,
        library="spyndex MNDWI",
    ),
    Index(
        "lswi", _zh_en("地表水分指数", "Land surface water index"),
        "(N - S1)/(N + S1)", ("N", "S1"), "water", "none", "ratio", "Xiao et al. 2004; Gao 1996",
        _zh_en("即 NDMI、NDII；宜用 B8A", "is NDMI and NDII too; B8A is the better NIR"),
        by_spyndex("LSWI"),
        (("LSWI", "Xiao et al. 2004"), ("NDMI", "Gao 1996"), ("NDII", "Hardisky et al. 1983"),
         ("NDWI", "Gao 1996")), -1.0, 1.0, library="spyndex LSWI",
    ),
    Index(
        "awei_nsh", _zh_en("自动水体提取指数（无阴影）", "Automated water extraction, no shadow"),
        "4*(G - S1) - 0.25*N + 2.75*S2", ("G", "N", "S1", "S2"), "water", "none", "absolute",
        "Feyisa et al. 2014, Remote Sens. Environ. 140:23",
        _zh_en("原文末项写作 -(0.25N+2.75S2)；spyndex 用 +2.75S2，水体阈值因此不同",
               "the paper prints -(0.25N + 2.75 S2), spyndex adds 2.75 S2: the threshold differs"),
        by_spyndex("AWEInsh"), (("AWEInsh", "spyndex"),), -4.25, 6.75, library="spyndex AWEInsh",
    ),
    Index(
        "awei_sh", _zh_en("自动水体提取指数（去阴影）", "Automated water extraction, shadows out"),
        "B + 2.5*G - 1.5*(N + S1) - 0.25*S2", ("B", "G", "N", "S1", "S2"), "water", "none",
        "absolute", "Feyisa et al. 2014, Remote Sens. Environ. 140:23",
        _zh_en("亮盐壳、冰雪也可能大于 0", "bright crust, snow and ice may be above 0 as well"),
        by_spyndex("AWEIsh"), (("AWEIsh", "Feyisa et al. 2014"),), -3.25, 3.5,
        library="spyndex AWEIsh",
    ),
    Index(
        "bsi", _zh_en("裸土指数", "Bare soil index"),
        "((S1 + R) - (N + B))/((S1 + R) + (N + B))", ("B", "R", "N", "S1"), "soil", "none", "ratio",
        "Rikimaru et al. 2002",
        _zh_en("白色盐壳上反而下降，不可用“大于 0.1”判裸土",
               'falls on white crust: ">0.1 is bare" loses crusts'),
        by_spyndex("BI"), (("BSI", "Rikimaru et al. 2002"), ("BI", "spyndex")), -1.0, 1.0,
        library="spyndex BI",
    ),
    Index(
        "dbsi", _zh_en("干裸土指数", "Dry bareness index"),
        "(S1 - G)/(S1 + G) - (N - R)/(N + R)", ("G", "R", "N", "S1"), "soil", "none", "ratio",
        "Rasul et al. 2018, Land 7:81",
        _zh_en("为干旱区建成区而设，湿土偏低", "made for towns in dry land; moist soil is low"),
        by_spyndex("DBSI"), (("DBSI", "Rasul et al. 2018"),), -2.0, 2.0, library="spyndex DBSI",
    ),
    Index(
        "ndsoi", _zh_en("归一化土壤指数", "Normalised difference soil index"),
        "(S2 - G)/(S2 + G)", ("G", "S2"), "soil", "none", "ratio",
        "Deng et al. 2015, Int. J. Appl. Earth Obs. 39:40",
        _zh_en("文献也写作 NDSI，与盐分、雪指数同名", "printed as NDSI too, as snow is"),
        by_spyndex("NDSoI"), (("NDSoI", "spyndex"), ("NDSI", "Deng et al. 2015")), -1.0, 1.0,
        library="spyndex NDSoI",
    ),
    Index(
        "nsdsi1", _zh_en("短波红外裸土水分指数 1", "SWIR difference bare soil moisture index 1"),
        "(S1 - S2)/S1", ("S1", "S2"), "soil", "none", "ratio",
        "Yue et al. 2019, ISPRS J. 154:217",
        _zh_en("随土壤变干而下降；黏粒也影响", "falls as soil dries; clay moves it too"),
        by_spyndex("NSDSI1"), (("NSDSI1", "Yue et al. 2019"),), None, 1.0, library="spyndex NSDSI1",
    ),
    Index(
        "nsdsi2", _zh_en("短波红外裸土水分指数 2", "SWIR difference bare soil moisture index 2"),
        "(S1 - S2)/S2", ("S1", "S2"), "soil", "none", "ratio",
        "Yue et al. 2019, ISPRS J. 154:217",
        _zh_en("湿土 S2 近零时发散；NSDSI3 即 indp_s12",
               "diverges on wet soil where S2 nears 0; NSDSI3 is indp_s12"),
        by_spyndex("NSDSI2"), (("NSDSI2", "Yue et al. 2019"),), -1.0, None,
        library="spyndex NSDSI2",
    ),
    Index(
        "bitm", _zh_en("亮度指数（蓝绿红）", "Brightness index, blue, green and red"),
        "sqrt((B**2 + G**2 + R**2)/3)", ("B", "G", "R"), "soil", "higher", "absolute",
        "Mathieu et al. 1998, Remote Sens. Environ. 66:17",
        _zh_en("亮度：缺偏移或比例即错；云、雪、建筑也亮",
               "a brightness: wrong without offset or scale; cloud, snow and towns are bright too"),
        by_spyndex("BITM"), (("BITM", "spyndex"), ("BI", "Mathieu et al. 1998")), 0.0, 1.0,
        library="spyndex BITM",
    ),
    Index(
        "bixs", _zh_en("亮度指数（绿红）", "Brightness index, green and red"),
        "sqrt((G**2 + R**2)/2)", ("G", "R"), "soil", "higher", "absolute",
        "Mathieu et al. 1998, Remote Sens. Environ. 66:17",
        _zh_en("等于 si_gr2 除以根号 2，不增加信息", "is si_gr2 over the root of 2: nothing new"),
        by_spyndex("BIXS"), (("BIXS", "spyndex"),), 0.0, 1.0, library="spyndex BIXS",
    ),
)  # fmt: skip
