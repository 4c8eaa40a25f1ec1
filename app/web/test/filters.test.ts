import { describe, expect, it } from "vitest";
import { type Condition, cqlOf, decodeFilter, encodeFilter, tell } from "../src/app/filters";
import { classesOf, step, themesOf } from "../src/map/theme";

const schema = {
  properties: {
    stage: { title: "阶段", type: "string", oneOf: [{ const: "a", title: "甲" }] },
    name: { title: "名称", type: "string" },
    year: { title: "年度", type: "integer", minimum: 1990, maximum: 2100 },
    grade: { title: "等级", type: "integer", minimum: 1, maximum: 10 },
    pilot: { title: "试点", type: "boolean" },
    on: { title: "日期", type: "string", format: "date" },
    big: { title: "面积", type: "number" },
  },
};

describe("conditions", () => {
  it.each<[Condition, string]>([
    [{ field: "stage", op: "in", values: ["a", "it's"] }, "stage IN ('a', 'it''s')"],
    [{ field: "year", op: "min", values: ["2023"] }, "year >= 2023"],
    [{ field: "big", op: "max", values: ["1e3; DROP"] }, "big <= 0"],
    [{ field: "name", op: "has", values: ["50%_\\'"] }, "CASEI(name) LIKE CASEI('%50\\%\\_\\\\''%')"],
    [{ field: "pilot", op: "in", values: ["true"] }, "(pilot = TRUE)"],
    [{ field: "on", op: "min", values: ["2024-01-01"] }, "on >= DATE('2024-01-01')"],
    [{ field: "name", op: "blank", values: [] }, "name IS NULL"],
    [{ field: "gone", op: "in", values: ["1"] }, ""],
    [{ field: "name", op: "has", values: [""] }, ""],
  ])("are CQL2: %j", (condition, cql) => {
    expect(cqlOf([condition], schema)).toBe(cql);
    if (condition.values[0] !== "") expect(decodeFilter(encodeFilter("parcels", [condition]))).toEqual(["parcels", [condition]]);
  });

  it("hold together", () => {
    const both: Condition[] = [{ field: "stage", op: "in", values: ["a"] }, { field: "year", op: "max", values: ["2024"] }];
    expect(cqlOf(both, schema)).toBe("stage IN ('a') AND year <= 2024");
    expect(cqlOf(undefined, schema)).toBe("");
  });

  it("are told in words", () => {
    const words = { blank: "未填", yes: "是", no: "否", and: "、" };
    expect(tell({ field: "stage", op: "in", values: ["a", "x"] }, schema, words)).toBe("阶段 = 甲、x");
    expect(tell({ field: "pilot", op: "in", values: ["false"] }, schema, words)).toBe("试点 = 否");
    expect(tell({ field: "year", op: "min", values: ["2023"] }, schema, words)).toBe("年度 ≥ 2023");
  });
});

describe("themes", () => {
  it("are code lists, yes and no, years and grades", () => {
    expect(themesOf(schema).map(([field]) => field)).toEqual(["stage", "year", "grade", "pilot"]);
  });

  it("go from light to dark through the values that occur, in their order", () => {
    const classes = classesOf(schema.properties.year, ["2024", "2022", "x", "2023"]);
    expect(classes.map(({ code }) => code)).toEqual(["2022", "2023", "2024"]);
    const lightness = [0, 0.2, 0.5, 0.8, 1].map((share) => parseInt(step(share).slice(1, 3), 16));
    expect([...lightness].sort((a, b) => b - a)).toEqual(lightness);
  });
});
