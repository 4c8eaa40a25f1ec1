/** Two maps over each other, the upper one cut at a bar that the reader moves. */
import { Map as MapLibre, type StyleSpecification } from "maplibre-gl";
import { t } from "../i18n";
import { h } from "../ui/dom";

const STEP = 0.02;

export class Swipe {
  private readonly upper: MapLibre;
  private readonly place = h("div", { class: "swipe-map", "aria-hidden": "true" });
  private readonly bar: HTMLElement;
  private readonly names = [h("span", { class: "swipe-name left" }), h("span", { class: "swipe-name right" })] as const;
  private share = 0.5;

  constructor(private readonly lower: MapLibre, root: HTMLElement, style: StyleSpecification, headers: () => Record<string, string>) {
    this.bar = h("div", {
      class: "swipe-bar", role: "slider", tabindex: 0, "aria-label": t("swipe.bar"), "aria-valuemin": 0, "aria-valuemax": 100,
      onpointerdown: (event) => this.drag(event as PointerEvent),
      onkeydown: (event) => this.key(event as KeyboardEvent),
    });
    root.append(this.place, ...this.names, this.bar);
    this.upper = new MapLibre({
      container: this.place,
      style,
      center: lower.getCenter(),
      zoom: lower.getZoom(),
      interactive: false,
      attributionControl: false,
      fadeDuration: 0,
      transformRequest: (url) => ({ url, headers: headers() }),
    });
    lower.on("move", this.follow);
    lower.on("resize", this.follow);
    this.follow();
    this.move(0.5);
  }

  show(style: StyleSpecification, left: string, right: string): void {
    this.upper.setStyle(style, { diff: true });
    this.names[0].textContent = left;
    this.names[1].textContent = right;
  }

  remove(): void {
    this.lower.off("move", this.follow);
    this.lower.off("resize", this.follow);
    this.upper.remove();
    for (const part of [this.place, this.bar, ...this.names]) part.remove();
  }

  private readonly follow = (): void => {
    const { lower, upper } = this;
    upper.resize();
    upper.jumpTo({ center: lower.getCenter(), zoom: lower.getZoom(), padding: lower.getPadding() });
  };

  private move(share: number): void {
    this.share = Math.min(Math.max(share, 0), 1);
    const percent = `${this.share * 100}%`;
    this.place.style.setProperty("clip-path", `inset(0 ${(1 - this.share) * 100}% 0 0)`);
    this.bar.style.setProperty("left", percent);
    this.bar.setAttribute("aria-valuenow", String(Math.round(this.share * 100)));
  }

  private drag(event: PointerEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.bar.focus();
    this.bar.setPointerCapture(event.pointerId);
    const box = this.place.getBoundingClientRect();
    const follow = (moved: PointerEvent): void => this.move((moved.clientX - box.left) / box.width);
    this.bar.addEventListener("pointermove", follow);
    const end = (): void => this.bar.removeEventListener("pointermove", follow);
    this.bar.addEventListener("pointerup", end, { once: true });
    this.bar.addEventListener("pointercancel", end, { once: true });
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.move(this.share + step);
  }
}
