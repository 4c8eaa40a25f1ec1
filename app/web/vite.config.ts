import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";

const API = process.env.LIANGTIAN_URL ?? "http://127.0.0.1:8080";
const API_PATHS = ["/collections", "/tiles", "/totals", "/auth", "/api", "/soil"];

export default defineConfig({
  plugins: [precompress()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // nothing as data: or inline, so that the content policy can stay strict
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ["index.html", "docs.html"] },
  },
  server: { proxy: Object.fromEntries(API_PATHS.map((path) => [path, API])) },
});
