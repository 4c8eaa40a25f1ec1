import { describe, expect, it } from "vitest";
import { amount, goal, measureOf } from "../src/screens/figures/amounts";
import { visible } from "../src/screens/figures/answer-table";
import { cellText, digitsOf, isNumber } from "../src/screens/figures/cells";
import { isRequired, kindOf, titleOf } from "../src/screens/figures/parameters";
import { grouped } from "../src/screens/figures/question-charts";

describe("figures of targets", () => {
  it("stay in the unit that was set while 亩 is chosen", () => {
    const farmland = measureOf("wan_mu", "mu", "zh");
    expect(farmland.unit).toBe("unit.wan.mu");
    expect([amount(32.96379, farmland, "zh"), goal(761, farmland, "zh")]).toEqual(["32.96", "761"]);
    const green = measureOf("wan_m2", "mu", "zh");
    expect([goal(41.6, green, "zh"), green.unit]).toEqual(["41.6", "unit.wan.m2"]);
  });

  it("follow another unit", () => {
    expect(goal(761, measureOf("wan_mu", "ha", "zh"), "zh")).toBe("50.73");
    expect(goal(761, measureOf("wan_mu", "mu", "en"), "en")).toBe("7,610");
    expect(amount(41.6, measureOf("wan_m2", "ha", "en"), "en")).toBe("0.04");
    expect(amount(400, measureOf("km", "ha", "zh"), "zh")).toBe("400.0");
    expect(amount(213, measureOf("count", "mu", "zh"), "zh")).toBe("213");
  });
});

describe("parameters of questions", () => {
  it("are typed by their schemas", () => {
    expect(kindOf({ anyOf: [{ type: "string", format: "date" }, { type: "null" }], default: null }).type).toBe("date");
    expect(kindOf({ type: "integer", minimum: 1 })).toEqual({ type: "number", minimum: 1, maximum: undefined, whole: true });
    expect(kindOf({ type: "string" }).type).toBe("text");
  });

  it("are wanted where they have no default", () => {
    expect(isRequired({ type: "string" })).toBe(true);
    expect(isRequired({ type: "string", default: null })).toBe(false);
    expect(titleOf("县(市、区)代码 / County code.")).toBe("县(市、区)代码");
  });
});

describe("cells of answers", () => {
  const mu = { name: "area_mu", title: "面积", unit: "mu" };

  it("show areas in the chosen unit, codes by their titles, blanks as a dash", () => {
    expect(cellText(1500, mu, {}, "mu", 0)).toBe("1,500");
    expect(cellText(1500, mu, {}, "ha", 1)).toBe("100.0");
    expect(cellText("220882", { name: "county", title: "县", codelist: "county" }, { county: { "220882": "大安市" } }, "mu", 0)).toBe("大安市");
    expect(cellText(null, mu, {}, "mu", 0)).toBe("–");
    expect(cellText(2024, { name: "year", title: "年度" }, {}, "mu", 0)).toBe("2024");
    expect(cellText("non_farm", { name: "change", title: "变化" }, {}, "mu", 0)).toBe("非农化");
  });

  it("have the same decimals in every row", () => {
    expect(digitsOf(mu, [1, 2])).toBe(0);
    expect(digitsOf(mu, [1.5, 99])).toBe(2);
    expect(digitsOf(mu, [1.5, 99_000])).toBe(0);
    expect(isNumber({ name: "year", title: "" }, [{ year: 2024 }])).toBe(false);
  });

  it("name rows in the language of the page only", () => {
    const names = ["item", "title_zh", "title_en", "area_mu"].map((name) => ({ name, title: name }));
    expect(visible(names).map(({ name }) => name)).toEqual(["title_zh", "area_mu"]);
  });
});

it("rows of one name are added up", () => {
  const rows = [{ county: "a", n: 1 }, { county: "b", n: 2 }, { county: "a", n: 3 }];
  expect(grouped(rows, (row) => String(row.county), ["n"])).toEqual([{ name: "a", values: [4] }, { name: "b", values: [2] }]);
});
