"""The table of salinity indices (see `geo.soil.indices` for what its columns mean).

No library has them: the same letters mean other formulas there (NDSI is snow, SI is shadow).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from geo.layers import Text
from geo.soil.indices import Index, Reals

_ABBAS = "Abbas & Khan 2007"
_NGUYEN = "Nguyen et al. 2020"
_KHAN = "Khan et al. 2005"
_RANI = "SoilSaltIndex (Rani 2022)"
_FAO = "soilassessment (FAO, Omuto)"


def _nd(a: Reals, b: Reals) -> Reals:
    return (a - b) / (a + b)


def _crsi(B: Any, G: Any, R: Any, N: Any) -> Reals:
    # Negative under the root (water, snow) is undefined, not "no salt".
    return np.sqrt((N * R - G * B) / (N * R + G * B))


def _nsi(N: Any, S1: Any, S2: Any) -> Reals:
    below = S1 - N
    return np.where(np.abs(below) > 1e-4, (S1 - S2) / below, np.nan).astype(below.dtype)


def _zh_en(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


_BRIGHT = _zh_en(
    "亮度型指数：缺少偏移或比例系数即成虚假盐渍化；须先剔除植被、水体和云",
    "A brightness: a missing offset or scale looks like salt; mask plants, water and cloud first",
)
_COVER = _zh_en(
    "对植被和水体也高，只能用于裸土", "also high over crops and water: for bare soil only"
)

FORMULAS: tuple[Index, ...] = (
    Index(
        "si_br", _zh_en("盐分指数（蓝红）", "Salinity index, blue and red"),
        "sqrt(B*R)", ("B", "R"), "salinity", "higher", "absolute",
        "Khan et al. 2005; Abbas & Khan 2007", _BRIGHT,
        lambda B, R: np.sqrt(B * R),
        (("SI", _KHAN), ("SI1", _ABBAS), ("SI2", _FAO), ("SI3", _NGUYEN), ("SI10", _RANI)),
        0.0, 1.0,
    ),
    Index(
        "si_gr", _zh_en("盐分指数（绿红）", "Salinity index, green and red"),
        "sqrt(G*R)", ("G", "R"), "salinity", "higher", "absolute",
        "Khan et al. 2005", _BRIGHT,
        lambda G, R: np.sqrt(G * R),
        (("SI1", _KHAN), ("SI1", _RANI), ("SI1", _FAO), ("SI2", _ABBAS), ("SI2", _NGUYEN)),
        0.0, 1.0,
    ),
    Index(
        "si_gr2", _zh_en("盐分指数（绿红平方和）", "Salinity index, green and red squared"),
        "sqrt(G**2 + R**2)", ("G", "R"), "salinity", "higher", "absolute",
        "Douaoui et al. 2006, Geoderma 134:217", _BRIGHT,
        lambda G, R: np.sqrt(G * G + R * R),
        (("SI3", _RANI), ("SI1", _NGUYEN)), 0.0, 1.42,
    ),
    Index(
        "si_grn", _zh_en("盐分指数（绿红近红外）", "Salinity index, green, red and NIR"),
        "sqrt(G**2 + R**2 + N**2)", ("G", "R", "N"), "salinity", "higher", "absolute",
        "Douaoui et al. 2006, Geoderma 134:217",
        _zh_en("作物冠层也高（0.43 高于中度盐土 0.34），先按 NDVI 掩膜",
               "high over crops too (0.43 against 0.34 of moderate soil): mask by NDVI first"),
        lambda G, R, N: np.sqrt(G * G + R * R + N * N),
        (("SI2", _RANI), ("SI3", _ABBAS), ("BI", _FAO)), 0.0, 1.74,
    ),
    Index(
        "ndsi_rn", _zh_en("归一化盐分指数", "Normalised difference salinity index"),
        "(R - N)/(R + N)", ("R", "N"), "salinity", "higher", "ratio",
        "Khan et al. 2005, Agric. Water Manag. 77:96",
        _zh_en("恒等于 -NDVI：只说明没有植被；与雪指数同名",
               "equals -NDVI exactly: it says no plants, not salt; shares its name with snow"),
        lambda R, N: (R - N) / (R + N), (("NDSI", _KHAN), ("NDSI", _RANI)), -1.0, 1.0,
    ),
    Index(
        "s1_b_over_r", _zh_en("盐分指数 S1（蓝/红）", "Salinity index S1, blue over red"),
        "B/R", ("B", "R"), "salinity", "higher", "ratio", "Abbas & Khan 2007; Abbas et al. 2013",
        _zh_en("受铁氧化物和水分影响，冠层也高", "iron and moisture move it; canopy is high"),
        lambda B, R: B / R, (("S1", _ABBAS), ("SI5", _NGUYEN), ("SI5", _FAO), ("SI7", _RANI)),
        0.0, None,
    ),
    Index(
        "s2_nd_br", _zh_en("盐分指数 S2（蓝红归一化）", "Salinity index S2, blue and red"),
        "(B - R)/(B + R)", ("B", "R"), "salinity", "higher", "ratio",
        "Abbas & Khan 2007; Abbas et al. 2013", _COVER,
        lambda B, R: (B - R) / (B + R), (("S2", _ABBAS), ("SI8", _RANI)), -1.0, 1.0,
    ),
    Index(
        "s3_gr_over_b", _zh_en("盐分指数 S3", "Salinity index S3"),
        "G*R/B", ("B", "G", "R"), "salinity", "higher", "absolute",
        "Abbas & Khan 2007; Abbas et al. 2013", _BRIGHT,
        lambda B, G, R: G * R / B, (("S3", _ABBAS), ("SI9", _RANI)), 0.0, None,
    ),
    Index(
        "s5_br_over_g", _zh_en("盐分指数 S5", "Salinity index S5"),
        "B*R/G", ("B", "G", "R"), "salinity", "higher", "absolute",
        "Abbas & Khan 2007; Abbas et al. 2013", _BRIGHT,
        lambda B, G, R: B * R / G, (("S5", _ABBAS), ("SI8", _ABBAS), ("SI11", _RANI)), 0.0, None,
    ),
    Index(
        "s6_rn_over_g", _zh_en("盐分指数 S6", "Salinity index S6"),
        "R*N/G", ("G", "R", "N"), "salinity", "higher", "absolute",
        "Abbas & Khan 2007; Abbas et al. 2013", _COVER,
        lambda G, R, N: R * N / G,
        (("S6", _ABBAS), ("SI4", _NGUYEN), ("SI6", _FAO), ("SI9", _ABBAS), ("SI12", _RANI)),
        0.0, None,
    ),
    Index(
        "sit_rn", _zh_en("盐分指数 SI-T（红/近红外）", "Salinity index SI-T, red over NIR"),
        "R/N", ("R", "N"), "salinity", "higher", "ratio",
        "Tripathi et al. 1997; Allbed et al. 2014 (x 100); Wang et al. 2025 (no x 100)",
        _zh_en("此处不乘 100；另有软件把 N/S1 称作 SI-T",
               "not multiplied by 100 here; other software calls N/S1 SI-T"),
        lambda R, N: R / N, (("SI-T", "Allbed et al. 2014"), ("SIT", "Wang et al. 2025")),
        0.0, None,
    ),
    Index(
        "vssi", _zh_en("植被土壤盐分指数", "Vegetation soil salinity index"),
        "2*G - 5*(R + N)", ("G", "R", "N"), "salinity", "lower", "absolute",
        "Dehni & Lounis 2012, Procedia Eng. 33:188; Nguyen et al. 2020",
        _zh_en("越低越盐；冠层（-2.16）与盐壳（-2.81）相近，须有植被掩膜",
               "lower is saltier; canopy (-2.16) is near crust (-2.81): useless without a mask"),
        lambda G, R, N: 2 * G - 5 * (R + N), (("VSSI", _NGUYEN),), -10.0, 2.0,
    ),
    Index(
        "crsi", _zh_en("冠层响应盐分指数", "Canopy response salinity index"),
        "sqrt((N*R - G*B)/(N*R + G*B))", ("B", "G", "R", "N"), "salinity", "vegetation", "ratio",
        "Scudiero et al. 2014; 2015, Remote Sens. Environ. 169:335",
        _zh_en("健康冠层高、受盐胁迫低；用耕地多年最大值；水体和雪无定义",
               "healthy canopy is high; take multi-year maxima of cropland; undefined over water"),
        _crsi, (("CRSI", "Scudiero et al. 2015"),), 0.0, 1.0,
    ),
    Index(
        "cosri", _zh_en("综合光谱响应指数", "Combined spectral response index"),
        "(B + G)/(R + N)*(N - R)/(N + R)", ("B", "G", "R", "N"), "salinity", "vegetation", "ratio",
        "Fernandez-Buces et al. 2006",
        _zh_en("主要反映植被", "mostly says how much vegetation there is"),
        lambda B, G, R, N: (B + G) / (R + N) * _nd(N, R),
        (("COSRI", "Fernandez-Buces et al. 2006"),),
    ),
    Index(
        "endvi_s2", _zh_en("扩展植被指数（盐渍化文献）", "Extended NDVI, salinity literature"),
        "(N + S2 - R)/(N + S2 + R)", ("R", "N", "S2"), "salinity", "vegetation", "ratio",
        "Chen et al. 2015",
        _zh_en("与植被文献的 ENDVI (N+G-2B)/(N+G+2B) 同名异式",
               "not the ENDVI (N+G-2B)/(N+G+2B) of vegetation software"),
        lambda R, N, S2: (N + S2 - R) / (N + S2 + R), (("ENDVI", "Chen et al. 2015"),), -1.0, 1.0,
    ),
    Index(
        "bi_rn", _zh_en("亮度指数（红近红外）", "Brightness index, red and NIR"),
        "sqrt(R**2 + N**2)", ("R", "N"), "salinity", "higher", "absolute", "Khan et al. 2005",
        _zh_en("另有三个不同公式也叫 BI；作物冠层也高",
               "three other formulas are called BI; canopy is high too"),
        lambda R, N: np.sqrt(R * R + N * N), (("BI", _KHAN), ("BI", _RANI)), 0.0, 1.42,
    ),
    Index(
        "indp_s12", _zh_en("短波红外归一化指数", "Normalised difference of the SWIR bands"),
        "(S1 - S2)/(S1 + S2)", ("S1", "S2"), "soil", "none", "ratio", "INDP 2002",
        _zh_en("反映水分和黏粒", "moves with moisture and clay"),
        lambda S1, S2: (S1 - S2) / (S1 + S2),
        (("SI6", "INDP 2002"), ("NDSI", "INDP 2002"), ("NSDS", "spyndex"), ("NSDSI3", "spyndex")),
        -1.0, 1.0,
    ),
    Index(
        "nsi", _zh_en("新盐分指数", "New salinity index"),
        "(S1 - S2)/(S1 - N)", ("N", "S1", "S2"), "salinity", "higher", "ratio",
        "Abuelgasim & Ammad 2019",
        _zh_en("S1 接近 N 时发散（此处 |S1-N|<=0.0001 为无值）",
               "diverges where S1 nears N (no value here for |S1-N| <= 0.0001)"),
        _nsi, (("NSI", "Abuelgasim & Ammad 2019"),),
    ),
    Index(
        "sssi1", _zh_en("短波红外盐分指数 1", "Soil salinity SWIR index 1"),
        "S1 - S2", ("S1", "S2"), "salinity", "higher", "absolute", "Abuelgasim & Ammad 2019",
        _COVER, lambda S1, S2: S1 - S2, (("SSSI1", "Abuelgasim & Ammad 2019"),), -1.0, 1.0,
    ),
    Index(
        "sssi2", _zh_en("短波红外盐分指数 2", "Soil salinity SWIR index 2"),
        "(S1*S2 - S2**2)/S1", ("S1", "S2"), "salinity", "higher", "absolute",
        "Abuelgasim & Ammad 2019", _COVER,
        lambda S1, S2: (S1 * S2 - S2 * S2) / S1, (("SSSI2", "Abuelgasim & Ammad 2019"),),
    ),
    Index(
        "pdi", _zh_en("垂直干旱指数", "Perpendicular drought index"),
        "(R + M*N)/sqrt(M**2 + 1)", ("R", "N"), "soil", "higher", "absolute",
        "Ghulam et al. 2007; M = 0.8 in Wang et al. 2025",
        _zh_en("干燥度协变量；M 为土壤线斜率；有代码用乘 10000 的反射率",
               "dryness covariate; M: slope of the soil line; some code uses DN x 10000"),
        lambda R, N, M: (R + M * N) / np.sqrt(M * M + 1), (("PDI", "Ghulam et al. 2007"),),
        0.0, 1.42, {"M": 0.8},
    ),
)  # fmt: skip
