import type { uploads as zh } from "../zh/uploads";

/** Texts of uploads, in English. */
export const uploads: Record<keyof typeof zh, string> = {
  "uploads.none": "No uploads yet",
  "uploads.none.hint": "Shapefiles, KML, Excel, TXT and other files of field surveys can be uploaded.",
  "uploads.file": "File",
  "uploads.state": "State",
  "uploads.time": "Time",
};
