/** The files on their way: how far each is, and what can be done with it. */
import type { App } from "../../app/context";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { type Child, fill, h } from "../../ui/dom";
import { percent } from "../../ui/format";
import { progress } from "../../ui/progress";
import { reasonOf } from "../../ui/states";
import { type Transfer, transfers } from "./transfers";
import { size } from "./words";

interface Row {
  element: HTMLElement;
  update: () => void;
}

export class TransferRows {
  readonly element = h("ul", { class: "transfers" });
  private rows = new Map<Transfer, Row>();
  private readonly end: () => void;

  constructor(private readonly app: App) {
    this.end = transfers.on((transfer) => {
      if (!transfer) return this.list();
      this.rows.get(transfer)?.update();
      if (transfer.state === "done") this.arrived(transfer);
    });
    this.list();
  }

  close(): void {
    this.end();
  }

  private list(): void {
    const before = this.rows;
    this.rows = new Map(transfers.all.map((transfer) => [transfer, before.get(transfer) ?? this.row(transfer)]));
    fill(this.element, ...[...this.rows.values()].map((row) => row.element));
  }

  /** A single file is followed to its report; of several each is left to be chosen. */
  private arrived(transfer: Transfer): void {
    const alone = transfers.all.length === 1;
    transfers.drop(transfer);
    if (alone) this.app.go("uploads", [String(transfer.upload)]);
  }

  private row(transfer: Transfer): Row {
    const bar = progress(transfer.parcel.name);
    const actions = h("div", { class: "row end" });
    const element = h(
      "li",
      { class: "transfer" },
      h("span", { class: "upload-name" }, transfer.parcel.name),
      bar.element,
      actions,
    );
    let state = "";
    const update = (): void => {
      bar.set(transfer.fraction, words(transfer));
      element.dataset.state = transfer.state;
      if (state === transfer.state) return;
      state = transfer.state;
      bar.element.hidden = false;
      fill(actions, ...this.actions(transfer));
    };
    update();
    return { element, update };
  }

  private actions(transfer: Transfer): Child[] {
    const cancel = button(t("uploads.cancel"), () => transfers.drop(transfer), "quiet");
    switch (transfer.state) {
      case "sending":
        return [cancel, button(t("uploads.pause"), () => transfer.pause())];
      case "paused":
        return [cancel, button(t("uploads.resume"), () => transfer.resume(), "primary")];
      case "waiting":
      case "failed":
        return [cancel, button(t("state.retry"), () => transfer.resume(), "primary")];
      case "known": {
        const { upload } = transfer;
        const open = (): void => {
          transfers.drop(transfer);
          this.app.go("uploads", [String(upload)]);
        };
        return [
          button(t("uploads.close"), () => transfers.drop(transfer), "quiet"),
          button(t("uploads.anew"), () => transfer.again()),
          button(t("uploads.open"), open, "primary"),
        ];
      }
      default:
        return [cancel];
    }
  }
}

function words(transfer: Transfer): string {
  const sent = { share: percent(transfer.fraction, language()), size: size(transfer.bytes) };
  switch (transfer.state) {
    case "failed":
      return reasonOf(transfer.error);
    case "known":
      return t("uploads.known", { number: transfer.upload ?? 0 });
    default:
      return t(`uploads.transfer.${transfer.state}`, sent);
  }
}
