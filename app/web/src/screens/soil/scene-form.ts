/** A new scene: a GeoTIFF from this computer, or a file or STAC item on the server. */
import { onceKey } from "../../api/once";
import { language, t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { field, input, type Option, segments, select } from "../../ui/field";
import { fileDrop } from "../../ui/file-drop";
import { integer } from "../../ui/format";
import { reasonOf } from "../../ui/states";
import { backTo, type Desk } from ".";
import { follow } from "./follow";

const SENSORS = ["sentinel-2-l2a", "landsat-c2-l2", "custom"] as const;
type Sensor = (typeof SENSORS)[number];
const BANDS: Record<Sensor, string> = { "sentinel-2-l2a": "B,G,R,N,S1,S2,SCL", "landsat-c2-l2": "B,G,R,N,S1,S2,QA_PIXEL,QA_RADSAT", custom: "B,G,R,N" };

interface Asked {
  from: "file" | "server";
  file: File | null;
  href: string;
  name: string;
  sensor: Sensor;
  bands: string;
  datetime: string;
  scale: string;
  offset: string;
  baseline: string;
}

export function sceneForm(desk: Desk): void {
  form(desk, { from: "file", file: null, href: "", name: "", sensor: "sentinel-2-l2a", bands: BANDS["sentinel-2-l2a"], datetime: "", scale: "", offset: "", baseline: "" });
}

function form(desk: Desk, asked: Asked): void {
  const { app, root, go } = desk;
  const again = (change: Partial<Asked>): void => form(desk, Object.assign(asked, change));
  const fault = h("p", { class: "error", role: "alert" });
  const way = h("div", {});
  const submit = h("button", { type: "submit", class: "button primary" }, t("soil.scene.register"));
  const key = onceKey();
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (asked.from === "file" && !asked.file) return fill(fault, t("soil.scene.noFile"));
    submit.disabled = true;
    fill(fault);
    try {
      const { id, job } = await register(desk, asked, key);
      await follow(way, desk, job, () => go(["scenes", id]));
    } catch (error) {
      fill(fault, reasonOf(error));
    } finally {
      submit.disabled = false;
    }
  };
  const text = (title: string, name: "name" | "bands" | "scale" | "offset" | "baseline" | "href", attributes = {}): HTMLElement =>
    input(title, asked[name], (value) => void (asked[name] = value.trim()), attributes);
  fill(
    root,
    backTo(app, [], t("soil.back.scenes")),
    h("h3", { class: "detail-title" }, t("soil.scene.new")),
    h(
      "form",
      { class: "soil-form", onsubmit: (event) => void send(event) },
      segments(t("soil.scene.from"), asked.from, [["file", t("soil.scene.fromFile")], ["server", t("soil.scene.fromServer")]], (from) => again({ from })),
      asked.from === "file"
        ? h(
            "div",
            {},
            fileDrop({ title: t("soil.scene.drop"), hint: t("soil.scene.drop.hint"), pick: t("soil.scene.pick") }, ([file]) => file && again({ file, name: asked.name || file.name.replace(/\.[^.]+$/, "") }), { accept: ".tif,.tiff" }),
            asked.file ? h("p", { class: "note" }, `${asked.file.name} · ${t("soil.scene.size", { size: integer(Math.ceil(asked.file.size / 1024), language()) })}`) : null,
          )
        : text(t("soil.scene.href"), "href", { required: true }),
      h(
        "fieldset",
        { class: "form-part" },
        h("legend", {}, t("soil.scene.stated")),
        text(t("soil.scene.name"), "name"),
        select(t("soil.scene.sensor"), asked.sensor, SENSORS.map((one): Option => [one, t(`soil.sensor.${one}`)]), (sensor) => again({ sensor: sensor as Sensor, bands: BANDS[sensor as Sensor] })),
        text(t("soil.scene.bands"), "bands"),
        field(t("soil.scene.time"), h("input", { type: "datetime-local", value: asked.datetime, onchange: (event) => void (asked.datetime = (event.target as HTMLInputElement).value) })),
        asked.sensor === "sentinel-2-l2a" && text(t("soil.scene.baseline"), "baseline", { placeholder: "05.09" }),
        h("div", { class: "two" }, text(t("soil.scene.scale"), "scale", { inputmode: "decimal", placeholder: "0.0001" }), text(t("soil.scene.offset"), "offset", { inputmode: "decimal", placeholder: "-0.1" })),
        h("p", { class: "note" }, t("soil.scene.scale.hint")),
      ),
      fault,
      h("div", { class: "row end" }, submit),
      way,
    ),
  );
}

async function register({ app }: Desk, asked: Asked, key: string): Promise<{ id: string; job: number }> {
  const told = statedOf(asked);
  const headers = { "Idempotency-Key": key };
  if (asked.from === "server") return app.api.post<"/soil/scenes", { id: string; job: number }>("/soil/scenes", { json: { href: asked.href, ...told }, headers });
  const query = Object.fromEntries(Object.entries(told).map(([name, value]) => [name, String(value)]));
  const response = await app.api.raw("post", "/soil/scenes", { body: asked.file ?? "", query: query as never, headers: { ...headers, "Content-Type": "image/tiff" } });
  return (await response.json()) as { id: string; job: number };
}

/** What was filled in; a STAC item knows sensor, bands and time itself. */
export function statedOf(asked: Omit<Asked, "file">): Record<string, string | number> {
  const item = asked.from === "server" && /\.(geo)?json$/i.test(asked.href);
  const number = (text: string): number | string => (text === "" ? "" : Number(text));
  const all: Record<string, string | number> = {
    name: asked.name,
    ...(item ? {} : { sensor: asked.sensor, bands: asked.bands, datetime: asked.datetime ? new Date(asked.datetime).toISOString() : "" }),
    scale: number(asked.scale),
    offset: number(asked.offset),
    baseline: asked.sensor === "sentinel-2-l2a" && !item ? asked.baseline : "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}
