import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Writes .br and .gz beside each built text file, so that the server never compresses one twice. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    writeBundle({ dir }) {
      const assets = join(dir ?? "dist", "assets");
      for (const name of readdirSync(assets)) {
        if (!/\.(js|mjs|css|svg)$/.test(name)) continue;
        const path = join(assets, name);
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        const quality = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
      }
    },
  };
}

const API = process.env.LIANGTIAN_URL ?? "http://127.0.0.1:8080";
const API_PATHS = ["/collections", "/tiles", "/totals", "/auth", "/api"];

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
