/** Photos of a feature: small ones in a row, the whole one on a click, and a place to add some. */
import type { Photo } from "../../../api/answers";
import { onceKey } from "../../../api/once";
import type { FeatureRef } from "../../../app/state";
import { language, t } from "../../../i18n";
import { button } from "../../../ui/button";
import { openDialog } from "../../../ui/dialog";
import { fill, h } from "../../../ui/dom";
import { date } from "../../../ui/format";
import { progress } from "../../../ui/progress";
import type { MapScreen } from "..";
import { addPhoto } from "./service";

export const PHOTO_TYPES = "image/jpeg,image/png,image/webp";

type Ref = FeatureRef & Record<string, string | number>;

export function photoSection(ref: Ref, may: boolean, screen: MapScreen): HTMLElement {
  const { api } = screen;
  const root = h("section", { class: "photos", "aria-label": t("photo.title") });
  const load = async (): Promise<void> => {
    try {
      const { photos } = await api.get("/collections/{layer}/items/{fid}/photos", { path: ref });
      render(photos);
    } catch (error) {
      screen.report(error);
    }
  };
  const add = async (files: FileList): Promise<void> => {
    const bar = progress(t("photo.sending"));
    root.append(bar.element);
    const all = [...files];
    try {
      for (const [index, file] of all.entries()) {
        bar.set(index / all.length, t("photo.sent", { done: index, count: all.length }));
        await addPhoto(api, ref, file, onceKey());
      }
    } catch (error) {
      screen.report(error);
    } finally {
      bar.element.remove();
      await load();
    }
  };
  const render = (photos: Photo[]): void => {
    const chosen = (event: Event): void => {
      const { files } = event.target as HTMLInputElement;
      if (files?.length) void add(files);
    };
    fill(
      root,
      photos.length > 0 && h("p", { class: "label" }, t("photo.title")),
      h("div", { class: "photo-row" }, ...photos.map((photo) => thumbnail(photo, may, screen, () => void load()))),
      may && h("label", { class: "button quiet" }, t("photo.add"), h("input", { type: "file", class: "visually-hidden", accept: PHOTO_TYPES, multiple: true, onchange: chosen })),
    );
  };
  void load();
  return root;
}

function thumbnail(photo: Photo, may: boolean, screen: MapScreen, changed: () => void): HTMLElement {
  const said = `${photo.author} · ${date(photo.created_at, language(), true)}`;
  const picture = h("img", { alt: t("photo.of", { said }), width: 96, height: 72 });
  void show(picture, photo.id, "small", screen);
  const open = (): void => {
    const large = h("img", { class: "photo-large", alt: t("photo.of", { said }) });
    void show(large, photo.id, "full", screen);
    const remove = async (): Promise<void> => {
      try {
        await screen.api.delete("/photos/{number}", { path: { number: photo.id } });
        dialog.close();
        changed();
      } catch (error) {
        screen.report(error);
      }
    };
    const dialog = openDialog(said, [
      large,
      h("div", { class: "row end" }, may && button(t("photo.remove"), () => void remove(), "danger"), button(t("photo.close"), () => dialog.close(), "primary")),
    ]);
    dialog.element.classList.add("photo-dialog");
  };
  return h("button", { type: "button", class: "photo", title: said, onclick: open }, picture);
}

/** By the client, as a plain address could not carry the token. */
async function show(picture: HTMLImageElement, number: number, size: "small" | "full", { api, report }: MapScreen): Promise<void> {
  try {
    const response = await api.raw("get", "/photos/{number}", { path: { number }, query: { size }, headers: { Accept: "image/*" } });
    const url = URL.createObjectURL(await response.blob());
    picture.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    picture.src = url;
  } catch (error) {
    report(error);
  }
}
