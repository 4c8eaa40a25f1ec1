/** Texts of totals, targets, questions and seals, in Chinese. */
export const figures = {
  "figures.target": "目标",
  "figures.current": "现状",
} as const;
