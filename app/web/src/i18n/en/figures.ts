import type { figures as zh } from "../zh/figures";

/** Texts of totals, targets, questions and seals, in English. */
export const figures: Record<keyof typeof zh, string> = {
  "figures.target": "Target",
  "figures.current": "Now",
};
