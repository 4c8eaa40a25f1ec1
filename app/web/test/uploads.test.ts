import { describe, expect, it } from "vitest";
import { Draft } from "../src/screens/uploads/draft";
import { packed, parcels } from "../src/screens/uploads/pack";

const file = (name: string, content = name): File => new File([content], name, { lastModified: 1 });

describe("picked files", () => {
  it("of one shapefile travel together, whatever the case of their names", () => {
    const found = parcels(["地块.SHP", "地块.shx", "地块.dbf", "地块.shp.xml", "a.kml", "表.dbf"].map((name) => file(name)));
    expect(found.map(({ name, files, missing }) => [name, files.length, missing])).toEqual([
      ["地块.zip", 4, []],
      ["a.kml", 1, []],
      ["表.dbf", 1, []],
    ]);
  });

  it("tell which parts are missing", () => {
    expect(parcels([file("a.shp"), file("a.prj")])[0]?.missing).toEqual([".shx", ".dbf"]);
    expect(parcels([file("b.prj")])[0]?.missing).toEqual([".shp", ".shx", ".dbf"]);
  });

  it("become the same archive each time, whatever their order", async () => {
    const files = [file("一.shp"), file("一.dbf", "d".repeat(1000))];
    const bytes = async (list: File[]): Promise<Uint8Array> => new Uint8Array(await (await packed(list, () => undefined)).arrayBuffer());
    const first = await bytes(files);
    expect(first.slice(0, 2)).toEqual(new Uint8Array([0x50, 0x4b]));
    expect(await bytes([...files].reverse())).toEqual(first);
    expect(await packed([files[0]!], () => undefined)).toBe(files[0]);
  });
});

describe("a draft of decisions", () => {
  it("keeps what differs from what was sent", () => {
    const draft = new Draft({ crs: "EPSG:4490", mapping: { A: "code" } });
    draft.decide({ crs: "EPSG:4529" });
    draft.map("B", "code", ["A"]);
    expect(draft.get()).toEqual({ crs: "EPSG:4529", mapping: { A: null, B: "code" } });
    draft.decide({ crs: "EPSG:4490", swap_xy: null });
    draft.entry("constants", "stage", "reserve");
    expect(draft.size).toBe(2);
    draft.entry("constants", "stage", undefined);
    expect(draft.get()).toEqual({ mapping: { A: null, B: "code" } });
    expect(draft.now("crs")).toBe("EPSG:4490");
  });
});
