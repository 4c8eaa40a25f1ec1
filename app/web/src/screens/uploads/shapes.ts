/** What an upload shows on the map: candidates of its place, its rows, its faults, what it meets. */
import type { App } from "../../app/context";
import type { Hit } from "../../map/board";
import type { Candidate, Fault, PreviewRow, Upload } from "./answers";
import { COLORS, SEVERITY } from "./words";

type Shapes = GeoJSON.FeatureCollection;
/** Rows drawn at once; the list has them all. */
const PAGE = 2500;
const MOST_DRAWN = 5000;
const PLACE = "#4477aa";

export class UploadShapes {
  /** Whether there are more rows than are drawn. */
  cut = false;
  private asked = 0;
  private gone = false;

  constructor(private readonly app: App) {
    app.board?.thematic(false);
  }

  onClick(run: (hit: { row: number | null; fault: number | null; candidate: number | null }) => void): void {
    this.app.board?.onClick((hit: Hit) => {
      const of = (overlay: string): Record<string, unknown> | undefined =>
        hit.overlays.find((one) => one.overlay === overlay)?.properties;
      const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
      run({
        row: number(of("rows")?._row),
        fault: number(of("faults")?.index),
        candidate: number(of("places")?.rank),
      });
    });
  }

  /** Outlines of what the numbers of the file may mean; `chosen` stands out. */
  places(candidates: readonly Candidate[], chosen: number | null): void {
    const shown = candidates.map((candidate, rank) => ({ candidate, rank })).filter(({ candidate }) => candidate.outline.length > 2);
    const feature = ({ candidate, rank }: (typeof shown)[number]): GeoJSON.Feature => ({
      type: "Feature",
      properties: { rank, label: String(rank + 1), state: rank === chosen ? "chosen" : "other" },
      geometry: { type: "Polygon", coordinates: [candidate.outline] },
    });
    const colors = { chosen: SEVERITY.error, other: PLACE };
    this.overlay("places", collection(shown.map(feature)), {
      color: PLACE, by: { property: "state", colors }, fill: 0.18, width: 2.5, label: "label",
    });
  }

  fitTo(candidate: Candidate): void {
    if (candidate.extent) this.app.board?.fit(wider(candidate.extent));
  }

  /** The rows of the file by their status, some thousands of them. */
  async rows(upload: Upload): Promise<void> {
    const mine = ++this.asked;
    const features: PreviewRow[] = [];
    let after: number | null = 0;
    while (after !== null && features.length < MOST_DRAWN) {
      const page: { features: PreviewRow[]; next: number | null } = await this.app.api.get("/uploads/{upload_id}/preview", {
        path: { upload_id: upload.id },
        query: { after, limit: PAGE },
      });
      if (mine !== this.asked || this.gone) return;
      features.push(...page.features);
      after = page.next;
    }
    this.cut = after !== null;
    this.overlay("rows", collection(features.filter((one): one is PreviewRow & GeoJSON.Feature => one.geometry !== null)), {
      color: COLORS.valid, by: { property: "_status", colors: COLORS }, fill: 0.3, width: 1.5,
    });
  }

  faults(found: readonly { fault: Fault; geometry: GeoJSON.Geometry | null; index: number }[]): void {
    const features = found.flatMap(({ fault, geometry, index }): GeoJSON.Feature[] =>
      geometry ? [{ type: "Feature", geometry, properties: { index, severity: fault.severity } }] : [],
    );
    this.overlay("faults", collection(features), {
      color: SEVERITY.warning, by: { property: "severity", colors: SEVERITY }, fill: 0.15, width: 2,
    });
  }

  /** A stored shape beside that of the file, dashed. */
  other(geometry: GeoJSON.Geometry | null): void {
    const features: GeoJSON.Feature[] = geometry ? [{ type: "Feature", properties: {}, geometry }] : [];
    this.overlay("other", collection(features), { color: COLORS.absent, fill: 0.12, width: 2, dash: [3, 2] });
  }

  /** Marks a shape and shows it whole. */
  show(geometry: GeoJSON.Geometry | null): void {
    this.app.board?.highlight(geometry);
    if (geometry) this.app.board?.fit(geometry);
  }

  fit(upload: Upload): void {
    const extent = upload.report?.crs?.extent;
    if (extent) this.app.board?.fit(wider(extent));
  }

  clear(): void {
    this.asked += 1;
    for (const name of ["places", "rows", "faults", "other"]) this.app.board?.overlay(name).remove();
    this.app.board?.highlight(null);
  }

  close(): void {
    this.gone = true;
    this.clear();
  }

  private overlay(name: string, shapes: Shapes, look: Parameters<ReturnType<NonNullable<App["board"]>["overlay"]>["shapes"]>[1]): void {
    if (this.gone) return;
    const overlay = this.app.board?.overlay(name);
    if (shapes.features.length) overlay?.shapes(shapes, look);
    else overlay?.remove();
  }
}

function collection(features: GeoJSON.Feature[]): Shapes {
  return { type: "FeatureCollection", features };
}

/** A little room around a box, so that a few plots are seen among their neighbours. */
function wider([west, south, east, north]: readonly [number, number, number, number]): [number, number, number, number] {
  const [x, y] = [Math.max((east - west) * 0.1, 0.002), Math.max((north - south) * 0.1, 0.002)];
  return [west - x, south - y, east + x, north + y];
}
