"""Invented but plausible names: people, villages, operators, laboratories, projects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SURNAMES = tuple("王李张刘陈杨赵孙周吴徐马朱胡郭高林何罗宋梁韩唐冯于董程包白邵")
GIVEN = (
    "志刚", "建国", "明哲", "海涛", "雪梅", "春艳", "立新", "国强", "玉兰", "晓东", "桂芳",
    "长山", "永利", "丽华", "文博", "庆生", "宝音", "巴特尔", "秀英", "俊峰", "新宇", "凤霞",
    "德胜", "振兴", "嘉欣", "浩然", "艳红", "世杰", "忠良", "乌兰",
)  # fmt: skip
VILLAGES = (
    "永胜村", "红旗村", "东风村", "长发村", "兴隆村", "民主村", "新立村", "太平村", "幸福村",
    "前进村", "胜利村", "六合村", "四合村", "和平村", "向阳村", "双龙村", "富民村", "永安村",
    "大榆树村", "腰围子村", "后围子村", "西发村", "东明村", "良种场村", "新华村", "光明村",
    "福利村", "朝阳村", "丰产村", "庆发村", "七家子村", "五间房村", "哈拉干吐村", "架其村",
    "敖包山村", "碱泡子村", "榆树林村", "沙力村", "靠山村", "河沿村", "查干村", "兴业村",
)  # fmt: skip
OPERATORS = (
    "禾润农业发展有限公司", "绿野生态治理有限公司", "嫩江湾农业集团", "丰沃土壤改良有限公司",
    "金穗种植农民专业合作社", "惠农农机服务合作社", "兴农土地整治工程有限公司",
    "洮儿河水利建设有限公司", "科丰盐碱地治理有限公司", "众鑫家庭农场",
)  # fmt: skip
LABORATORIES = (
    "白城市土壤肥料工作站化验室", "大安市农业技术推广中心化验室", "镇赉县农业技术推广站化验室",
    "吉西盐碱地监测实验室",
)  # fmt: skip


def people(rng: np.random.Generator, count: int) -> NDArray[np.str_]:
    """``count`` Chinese names; the same generator state gives the same names."""
    surname = np.array(SURNAMES)[rng.integers(0, len(SURNAMES), count)]
    given = np.array(GIVEN)[rng.integers(0, len(GIVEN), count)]
    return np.char.add(surname, given)
