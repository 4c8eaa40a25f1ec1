import { describe, expect, it } from "vitest";
import { countText, isAggregate, parts, sizeText } from "../src/map/aggregate";
import { classColors } from "../src/map/palette";

const classes = classColors([
  { const: "0101", title: "水田", "x-color": "#112233" },
  { const: "0103", title: "旱地" },
  { const: "0102", title: "水浇地" },
]);
const cell = { aggregate: true, count: 1234, area_m2: 2_000_000, area_m2_0103: 500_000, area_m2_0101: 1_400_000, area_m2_null: 100_000 };

describe("a cell of a low zoom", () => {
  it("is told from a feature that has a count of its own", () => {
    expect(isAggregate(cell)).toBe(true);
    expect(isAggregate({ count: 3, area_m2: 5 })).toBe(false);
  });

  it("says how many and how much, areas in mu", () => {
    expect(countText(cell)).toContain("1,234");
    expect(sizeText(cell)).toContain("3,000");
    expect(sizeText({ aggregate: true, count: 2 })).toBe("");
    expect(sizeText({ length_m: 12_500 })).toContain("12.5");
  });

  it("tells its parts in the order of the legend, without class last", () => {
    const found = parts(cell, classes);
    expect(found.map(({ title }) => title).slice(0, 2)).toEqual(["水田", "旱地"]);
    expect(found).toHaveLength(3);
    expect(found[0]?.color).toBe("#112233");
    expect(found[2]?.color).toBeNull();
    expect(found[0]?.text).toContain("2,100");
    expect(parts({ count: 3, count_0101: 3 }, classes)).toMatchObject([{ title: "水田", text: "3" }]);
  });
});
