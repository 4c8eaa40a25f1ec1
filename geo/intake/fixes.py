"""What to do about faults of rows, where the check that found them has nothing more to say."""

from __future__ import annotations

FIXES: dict[str, tuple[str, str]] = {
    "E_VALUE_REQUIRED": ("请补填这一行", "fill it in for that row"),
    "E_VALUE_TYPE": ("请改正这一行，或换一列对应", "mend that row, or map another column"),
    "E_VALUE_RANGE": ("请检查数值和单位", "check the number and its unit"),
    "E_VALUE_CODE": ("请用代码表中的代码或名称", "use a code or a title of the list"),
    "E_VALUE_LENGTH": ("请缩短文字", "shorten it"),
    "E_KEY_DUPLICATE": ("请改正重复的编号", "mend the repeated keys"),
    "E_GEOMETRY_NULL": ("请补上图形或删去这一行", "draw it or leave the row out"),
    "E_GEOMETRY_TYPE": ("请换一个图层，或导出为所要求的图形类型",
                        "choose another layer, or export the type of shape that it holds"),
    "E_COORD": ("请改正该顶点", "mend that vertex"),
    "E_INVALID": ("请改正图形，或选择自动修复（repair）", "mend the shape, or choose repair"),
    "E_MEASURE_ZERO": ("请改正或删去这一行", "mend the row or leave it out"),
    "E_MEASURE_HUGE": ("请检查坐标和坐标系", "check the coordinates and their system"),
    "E_VERTICES": ("请简化图形", "simplify the shape"),
    "E_EMPTY": ("请检查后重新导出", "check it and export it again"),
}  # fmt: skip
