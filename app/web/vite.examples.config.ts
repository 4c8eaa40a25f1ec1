import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PAGES = ["index", "maplibre", "leaflet", "openlayers", "amap"];

/** The pages of docs/examples with the map libraries of this folder, built beside the page. */
export default defineConfig({
  root: here("../../docs/examples"),
  base: "/examples/",
  publicDir: false,
  plugins: [precompress()],
  resolve: {
    // The sources lie outside of this folder, where no node_modules would be found.
    alias: [{ find: /^(leaflet|maplibre-gl|ol)(?=\/|$)/, replacement: here("./node_modules/$1") }],
  },
  build: {
    target: "es2022",
    outDir: here("./dist/examples"),
    emptyOutDir: true,
    assetsInlineLimit: 0, // nothing as data: or inline, so that the content policy can stay strict
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: PAGES.map((name) => here(`../../docs/examples/${name}.html`)) },
  },
});
