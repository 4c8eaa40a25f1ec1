import type { soil as zh } from "../zh/soil";

/** Texts of the soil screens, in English. */
export const soil: Record<keyof typeof zh, string> = {
  "soil.none": "No scenes yet",
  "soil.none.hint": "An agronomist registers scenes.",
  "soil.scene": "Scene",
  "soil.time": "Date",
};
