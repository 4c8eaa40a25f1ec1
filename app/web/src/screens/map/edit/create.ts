/** A new feature: where it lies, what it is, and photos of it. For the phone in the field first. */
import { type Collection, ROLES, type Schema } from "../../../api/answers";
import { onceKey } from "../../../api/once";
import { ApiError } from "../../../api/problem";
import { t } from "../../../i18n";
import type { Sketch } from "../../../map/draw";
import { button } from "../../../ui/button";
import { fill, h } from "../../../ui/dom";
import { input, select } from "../../../ui/field";
import { progress } from "../../../ui/progress";
import { failed, loading } from "../../../ui/states";
import type { MapScreen } from "..";
import { showFaults } from "./faults";
import { attributeForm } from "./form";
import { PHOTO_TYPES } from "./photos";
import { addPhoto, create } from "./service";

const SKETCHES: Record<string, Sketch> = { Point: "Point", MultiLineString: "LineString", MultiPolygon: "Polygon" };

/** The layers that this reader may add to: first those of the field, and of them what has a place. */
export function creatable({ catalog, session }: MapScreen): Collection[] {
  const ready = catalog.get();
  const all = ready.state === "ready" ? ready.collections.filter(({ liangtian }) => session.may(liangtian.commit_role)) : [];
  const rank = ({ liangtian }: Collection): number => 2 * ROLES.indexOf(liangtian.commit_role) + Number(liangtian.geometry === null);
  return all.sort((a, b) => rank(a) - rank(b));
}

/** Fills `root`; `done` runs with the number of the new feature, or null when it was given up. */
export function createPanel(root: HTMLElement, screen: MapScreen, done: (made: { layer: string; fid: number } | null) => void): void {
  const layers = creatable(screen);
  const body = h("div", {});
  const open = async (id: string): Promise<void> => {
    const layer = layers.find((one) => one.id === id);
    if (!layer) return;
    fill(body, loading());
    try {
      fill(body, fresh(screen, layer, await screen.api.schema(id), done));
    } catch (error) {
      fill(body, failed(error, screen, () => void open(id)));
    }
  };
  fill(
    root,
    h("h2", { class: "panel-title" }, t("create.title")),
    select(t("create.layer"), layers[0]?.id ?? "", layers.map(({ id, title }) => [id, title]), (id) => void open(id)),
    body,
  );
  root.scrollTop = 0;
  void open(layers[0]?.id ?? "");
}

function fresh(screen: MapScreen, layer: Collection, schema: Schema, done: (made: { layer: string; fid: number } | null) => void): HTMLElement {
  const { api, board } = screen;
  const today = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  const form = attributeForm(schema, {});
  const day = form.element.querySelector<HTMLInputElement>(`input[type="date"][name="${layer.liangtian.datetime_field ?? ""}"]`);
  if (day) day.value = today;
  const faults = h("div", { class: "edit-faults", tabindex: -1, role: "alert" });
  const bar = progress(t("photo.sending"));
  bar.element.hidden = true;
  const key = onceKey();
  let geometry: GeoJSON.Geometry | null = null;
  let reason = "";
  let photos: File[] = [];
  let made: number | null = null;
  const sent = new Set<File>();
  const keys = new Map<File, string>();

  const place = whereLine(screen, layer, (shape) => (geometry = shape));
  const photoName = h("p", { class: "note" });
  const choose = (event: Event): void => {
    photos = [...((event.target as HTMLInputElement).files ?? [])];
    photoName.textContent = photos.map(({ name }) => name).join(" · ");
  };
  const submit = async (): Promise<void> => {
    form.clear();
    fill(faults);
    if (layer.liangtian.geometry && !geometry) {
      fill(faults, h("p", { class: "error" }, t("create.noPlace")));
      return faults.focus();
    }
    save.disabled = true;
    try {
      made ??= await create(api, layer.id, { properties: form.changes(), ...(geometry ? { geometry } : {}) }, reason, key);
      const ref = { layer: layer.id, fid: made };
      for (const photo of photos.filter((one) => !sent.has(one))) {
        bar.element.hidden = false;
        bar.set(sent.size / photos.length, t("photo.sent", { done: sent.size, count: photos.length }));
        if (!keys.has(photo)) keys.set(photo, onceKey());
        await addPhoto(api, ref, photo, keys.get(photo) ?? "");
        sent.add(photo);
      }
      screen.toast(t("create.done"));
      screen.refresh();
      done(ref);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      showFaults(error, form, faults);
      if (made !== null) faults.prepend(h("p", { class: "note" }, t("create.photosLeft")));
    } finally {
      save.disabled = false;
      bar.element.hidden = true;
    }
  };
  const save = button(t("create.save"), () => void submit(), "primary", { "data-action": "create" });
  return h(
    "div",
    { class: "create" },
    layer.liangtian.geometry ? place : null,
    form.element,
    h(
      "div",
      { class: "field" },
      h("label", { class: "button quiet" }, t("photo.take"), h("input", { type: "file", class: "visually-hidden", accept: PHOTO_TYPES, multiple: true, capture: "environment", onchange: choose })),
      photoName,
    ),
    input(t("edit.reason"), "", (text) => (reason = text.trim()), { maxlength: 200, placeholder: t("edit.reason.hint") }),
    faults,
    bar.element,
    h("div", { class: "row edit-foot" }, save, button(t("edit.cancel"), () => (board?.highlight(null), done(null)), "quiet")),
  );
}

/** Where it lies: by the phone's position, or drawn on the map. */
function whereLine({ board }: MapScreen, layer: Collection, set: (shape: GeoJSON.Geometry) => void): HTMLElement {
  const said = h("p", { class: "note", role: "status" }, t("create.where.none"));
  const sketch = SKETCHES[layer.liangtian.geometry ?? ""] ?? "Point";
  const take = (shape: GeoJSON.Geometry, text: string): void => {
    set(shape);
    board?.highlight(shape);
    board?.fit(shape);
    said.textContent = text;
  };
  const draw = async (): Promise<void> => {
    const shape = await board?.draw(sketch);
    if (!shape) return;
    const text = shape.type === "Point" ? spot(shape.coordinates) : t("create.where.drawn");
    take(shape, text);
  };
  const locate = (): void => {
    said.textContent = t("create.where.asking");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const at = [coords.longitude, coords.latitude];
        take({ type: "Point", coordinates: at }, `${spot(at)} · ${t("create.where.accuracy", { metres: Math.ceil(coords.accuracy) })}`);
      },
      () => (said.textContent = t("create.where.refused")),
      { enableHighAccuracy: true, timeout: 20_000, maximumAge: 5000 },
    );
  };
  // Browsers tell a position to pages from a secure origin only.
  const here = sketch === "Point" && window.isSecureContext && "geolocation" in navigator;
  return h(
    "div",
    { class: "field" },
    h("span", { class: "label" }, t("create.where")),
    h("div", { class: "row" }, here && button(t("create.where.here"), locate, "", { "data-action": "locate" }), board && button(t(sketch === "Point" ? "create.where.tap" : "create.where.draw"), () => void draw())),
    said,
  );
}

function spot([lon = 0, lat = 0]: number[]): string {
  return `${lon.toFixed(6)}°E ${lat.toFixed(6)}°N`;
}
