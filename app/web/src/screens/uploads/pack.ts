/** Files as they were picked become files to send: the parts of a shapefile travel as one archive. */
import { Zip, ZipDeflate } from "fflate";

const PARTS = [".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qpj", ".qix", ".shp.xml"];
const NEEDED = [".shp", ".shx", ".dbf"];

export interface Parcel {
  name: string;
  files: File[];
  /** Parts without which the service cannot read it. */
  missing: string[];
}

/** What belongs together, in the order of picking. */
export function parcels(files: readonly File[]): Parcel[] {
  const found = new Map<string, Parcel>();
  const shapes = new Set(files.map((file) => split(file.name)).filter(([, part]) => part === ".shp").map(([stem]) => stem));
  for (const file of files) {
    const [stem, part] = split(file.name);
    // A .dbf alone is a table of its own.
    const whole = part === "" || (part === ".dbf" && !shapes.has(stem));
    const key = whole ? `file:${file.name}` : `shape:${stem}`;
    const parcel = found.get(key) ?? { name: whole ? file.name : `${file.name.slice(0, stem.length)}.zip`, files: [], missing: [] };
    parcel.files.push(file);
    found.set(key, parcel);
  }
  for (const [key, parcel] of found) {
    if (!key.startsWith("shape:")) continue;
    const parts = parcel.files.map((file) => split(file.name)[1]);
    parcel.missing = NEEDED.filter((part) => !parts.includes(part));
  }
  return [...found.values()];
}

/** Lower-case stem, and the part of a shapefile that the name says ("" for any other file). */
function split(name: string): [stem: string, part: string] {
  const lower = name.toLowerCase();
  const part = PARTS.filter((one) => lower.endsWith(one)).at(-1) ?? "";
  return [part ? lower.slice(0, -part.length) : lower, part];
}

/** One file as it is, several as a zip; the same files give the same bytes. */
export async function packed(files: readonly File[], told: (fraction: number) => void): Promise<Blob> {
  const [only] = files;
  if (only && files.length === 1) return only;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const total = files.reduce((sum, file) => sum + file.size, 0);
  let read = 0;
  await new Promise<void>((resolve, reject) => {
    const zip = new Zip((error, chunk, last) => {
      if (error) return reject(error);
      chunks.push(chunk as Uint8Array<ArrayBuffer>);
      if (last) resolve();
    });
    const run = async (): Promise<void> => {
      for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const entry = new ZipDeflate(file.name, { level: 6 });
        entry.mtime = new Date(1980, 0, 1);
        zip.add(entry);
        const reader = file.stream().getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          entry.push(value);
          told((read += value.length) / total);
        }
        entry.push(new Uint8Array(0), true);
      }
      zip.end();
    };
    run().catch(reject);
  });
  return new Blob(chunks, { type: "application/zip" });
}
