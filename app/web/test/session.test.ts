import { expect, it } from "vitest";
import type { Me } from "../src/api/answers";
import type { Api } from "../src/api/client";
import { Session } from "../src/app/session";

it("offers what a role may do, and nothing to strangers", () => {
  const session = new Session({} as Api);
  expect(session.may("viewer")).toBe(false);
  session.set({ role: "agronomist" } as unknown as Me);
  expect(["viewer", "field", "agronomist", "manager", "admin"].map((role) => session.may(role as "viewer"))).toEqual([true, true, true, false, false]);
});
