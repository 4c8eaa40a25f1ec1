/** Texts of the soil screens, in Chinese. */
export const soil = {
  "soil.none": "还没有影像",
  "soil.none.hint": "请农艺人员登记影像后再看。",
  "soil.scene": "影像",
  "soil.time": "日期",
} as const;
