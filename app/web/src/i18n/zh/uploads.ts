/** Texts of uploads, in Chinese. */
export const uploads = {
  "uploads.none": "还没有上传",
  "uploads.none.hint": "野外调查的 shapefile、KML、Excel、TXT 等文件都可以上传。",
  "uploads.file": "文件",
  "uploads.state": "状态",
  "uploads.time": "时间",
} as const;
