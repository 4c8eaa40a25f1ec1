/** What every example needs of the service: its address, a token, its layers, and a word on failure. */

/** The examples are served by the service itself. Elsewhere write its address here. */
export const SERVICE = window.location.origin;

/** `#token=...` at the end of the address; it never leaves this page but as a header. */
const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
export const headers = token ? { Authorization: `Bearer ${token}` } : {};

/** Where the examples begin: at a plot, best in Da'an irrigation district, which the scenes show. */
export async function findStart() {
  for (const where of ["district=DA2&", ""]) {
    const { features } = await getJson(`/collections/plots/items?${where}limit=300`);
    const corners = features.map(({ geometry }) => geometry.coordinates.flat(Infinity).slice(0, 2));
    // The one in the middle from west to east has others around it.
    const [lon, lat] = corners.sort(([a], [b]) => a - b)[corners.length >> 1] ?? [];
    if (lat !== undefined) return { lon, lat, zoom: 12 };
  }
  return { lon: 123.72, lat: 45.47, zoom: 9 };
}

/** Drawn from the lowest to the highest. */
export const LAYERS = ["districts", "parcels", "plots"];

export async function getJson(path) {
  const answer = await fetch(new URL(path, SERVICE), { headers });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail ?? `HTTP ${answer.status}`);
  }
  return answer.json();
}

/** Title and colour of each layer, as the service defines them. */
export async function describeLayers() {
  const found = await Promise.all(LAYERS.map((id) => getJson(`/collections/${id}?f=json`)));
  return found.map(({ id, title, liangtian }) => ({ id, title, color: liangtian.style.color }));
}

/** A line for people in the panel; `body[data-drawn]` tells tests how much is drawn. */
export function tell(text, drawn) {
  const line = document.getElementById("state");
  line.textContent = text;
  line.classList.remove("failed");
  document.body.dataset.drawn = String(drawn);
}

export function fail(error) {
  const line = document.getElementById("state");
  line.textContent = `读取失败 Failed: ${error.message}`;
  line.classList.add("failed");
}

/** The attributes of a feature as an element; values only ever become text. */
export function attributes(title, properties) {
  const list = document.createElement("dl");
  list.className = "attributes";
  const rows = { "": title, ...properties };
  for (const [name, value] of Object.entries(rows)) {
    if (value === null || value === undefined) continue;
    const key = document.createElement("dt");
    const text = document.createElement("dd");
    const area = name === "area_m2";
    key.textContent = area ? "亩 mu" : name;
    text.textContent = area ? (value * 0.0015).toFixed(2) : String(value);
    list.append(key, text);
  }
  return list;
}

export function showSource(text, id = "source") {
  document.getElementById(id).textContent = text;
}
