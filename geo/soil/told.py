"""How a run's figures were made and what they mean, in words."""

from __future__ import annotations

from collections.abc import Sequence

from geo.layers import Text
from geo.soil.classify import Classifier


def method_of(classifiers: Sequence[Classifier], worst: float) -> Text:
    """``worst``: the largest difference from 1 of the factors that close the zones."""
    after = classifiers[-1]
    measure, grading = after.measure, after.grading
    zh = "、".join(
        f"{c.scene.id}（反射率 = DN×{c.scene.scale:g}{c.scene.offset:+g}）" for c in classifiers
    )
    en = ", ".join(
        f"{c.scene.id} (reflectance = DN x {c.scene.scale:g} {c.scene.offset:+g})"
        for c in classifiers
    )
    pair = len(classifiers) > 1
    return Text(
        zh=(
            f"影像 {zh}；{measure.id} = {measure.formula}；分级 {grading.title.zh}"
            f"（{grading.id} 版本 {grading.version}，界值归入较高一级）。"
            f"地块与像元按精确面积比例求交，像元取其 CGCS2000 椭球面积；各项之和按地块图形的"
            f"椭球面积闭合，改正系数与 1 的差不超过 "
            f"{worst:.1e}。重叠部分在合并（union）中只计一次：重叠地块先融合再重新量算。"
            + ("变化按像元逐一比较，只计两期都看得见的部分。" if pair else "")
        ),
        en=(
            f"Scene {en}; {measure.id} = {measure.formula}; grading {grading.title.en} "
            f"({grading.id} version {grading.version}, a limit belongs to "
            f"the higher grade). Pixels count by the exact fraction inside a zone, each with its "
            f"ellipsoidal area on CGCS2000; parts are scaled to the ellipsoidal area of the zone's "
            f"geometry by factors that differ from 1 by at most {worst:.1e}. The union counts "
            f"overlaps once: overlapping zones are dissolved and measured anew."
            + (" Change compares pixel by pixel what both dates show." if pair else "")
        ),
    )


def definition_of(classifiers: Sequence[Classifier]) -> Text:
    after = classifiers[-1]
    rules_zh = "；".join(rule.title.zh for rule in after.rules) or "无"
    rules_en = "; ".join(rule.title.en for rule in after.rules) or "none"
    note = after.grading.note
    return Text(
        zh=(
            f"面积 = 各等级 + 遮掩 + 影像外。遮掩：{rules_zh}；指数无定义。"
            "影像外：影像范围之外或无数据。" + (note.zh if note else "")
        ),
        en=(
            f"area = grades + masked + outside. Masked: {rules_en}; index undefined. Outside: "
            f"beyond the image or without data. " + (note.en if note else "")
        ),
    )
