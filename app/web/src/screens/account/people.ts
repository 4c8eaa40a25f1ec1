/** People: who may do what. One opens a person, or adds somebody. */
import { type Role, ROLES } from "../../api/answers";
import type { App } from "../../app/context";
import { t } from "../../i18n";
import { button, iconButton } from "../../ui/button";
import { chip } from "../../ui/card";
import { confirm } from "../../ui/dialog";
import { type Child, fill, h } from "../../ui/dom";
import { checkbox, field, select } from "../../ui/field";
import { failed, loading, reasonOf } from "../../ui/states";
import { table } from "../../ui/table";
import type { Person } from "./answers";
import { tellOnce } from "./secret";
import { tokenSection } from "./tokens";

type Told = Person & { password?: string };

export function peoplePage(root: HTMLElement, app: App, name: string): void {
  if (name) void personPage(root, app, name);
  else void listPage(root, app);
}

async function listPage(root: HTMLElement, app: App): Promise<void> {
  fill(root, loading());
  try {
    const [{ people }, counties] = await Promise.all([app.api.get("/people"), countyNames(app)]);
    fill(
      root,
      table(
        t("account.people"),
        [
          { title: t("people.name"), cell: ({ name }) => name },
          { title: t("account.role"), cell: ({ role }) => t(`role.${role}`) },
          { title: t("people.counties"), cell: ({ counties: codes }) => countyText(codes, counties) },
          { title: "", cell: ({ disabled }) => disabled && chip(t("people.out"), "warn") },
        ],
        people,
        { onRow: (person) => app.go("account", ["people", person.name]) },
      ),
      addSection(app, counties),
    );
  } catch (error) {
    fill(root, failed(error, app, () => void listPage(root, app)));
  }
}

function addSection(app: App, counties: Map<string, string>): HTMLElement {
  const name = h("input", { type: "text", name: "name", required: true, maxlength: 80, autocomplete: "off" });
  let role: Role = "field";
  const chosen = new Set<string>();
  const fault = h("p", { class: "error", role: "alert" });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    fill(fault);
    try {
      const made = await app.api.post<"/people", Told>("/people", { json: { name: name.value.trim(), role, counties: [...chosen] } });
      if (made.password) tellOnce(t("people.password", { name: made.name }), made.password);
      app.go("account", ["people", made.name]);
    } catch (error) {
      fill(fault, reasonOf(error));
    }
  };
  return h(
    "section",
    { class: "card" },
    h("h3", {}, t("people.add")),
    h(
      "form",
      { class: "account-form", onsubmit: (event) => void submit(event) },
      field(t("people.name"), name), roleSelect(role, (next) => (role = next)),
      button(t("people.add"), () => undefined, "primary", { type: "submit" }),
    ),
    countyBoxes(counties, chosen, () => undefined),
    fault,
  );
}

async function personPage(root: HTMLElement, app: App, name: string): Promise<void> {
  fill(root, loading());
  try {
    const [person, counties] = await Promise.all([app.api.get("/people/{name}", { path: { name } }), countyNames(app)]);
    const again = (): void => void personPage(root, app, name);
    const change = async (json: Record<string, unknown>): Promise<void> => {
      try {
        const told = await app.api.patch<"/people/{name}", Told>("/people/{name}", { path: { name }, json });
        if (told.password) tellOnce(t("people.password", { name }), told.password);
        else app.toast(t("edit.saved"));
      } catch (error) {
        app.report(error);
      }
      again();
    };
    const chosen = new Set(person.counties ?? []);
    const out = async (): Promise<void> => {
      const sure = person.disabled || (await confirm(t("people.lock.title", { name }), t("people.lock.hint"), { yes: t("people.lock"), no: t("edit.cancel"), kind: "danger" }));
      if (sure) await change({ disabled: !person.disabled });
    };
    fill(
      root,
      h("div", { class: "person-head" }, iconButton("back", t("people.back"), () => app.go("account", ["people"])), h("h3", {}, name), person.disabled && chip(t("people.out"), "warn")),
      h(
        "section",
        { class: "card" },
        roleSelect(person.role, (role) => void change({ role })),
        countyBoxes(counties, chosen, () => void change({ counties: [...chosen] })),
        h("div", { class: "row" }, button(t("people.reset"), () => void change({ new_password: true })), button(t(person.disabled ? "people.unlock" : "people.lock"), () => void out(), person.disabled ? "" : "danger")),
      ),
      tokenSection(app, {
        list: async () => (await app.api.get("/people/{name}", { path: { name } })).tokens,
        make: (json) => app.api.post("/people/{name}/tokens", { path: { name }, json }),
        revoke: (token_id) => app.api.delete("/people/{name}/tokens/{token_id}", { path: { name, token_id } }),
      }),
    );
  } catch (error) {
    fill(root, failed(error, app, () => void personPage(root, app, name)));
  }
}

function roleSelect(role: Role, run: (role: Role) => void): HTMLElement {
  return select(t("account.role"), role, ROLES.map((one) => [one, t(`role.${one}`)]), (next) => run(next as Role), { name: "role" });
}

/** None ticked: all counties. */
function countyBoxes(counties: Map<string, string>, chosen: Set<string>, run: () => void): HTMLElement {
  const box = ([code, title]: [string, string]): Child =>
    checkbox(title, chosen.has(code), (on) => {
      if (on) chosen.add(code);
      else chosen.delete(code);
      run();
    });
  return h("fieldset", { class: "counties" }, h("legend", { class: "label" }, t("people.counties.hint")), ...[...counties].map(box));
}

async function countyNames(app: App): Promise<Map<string, string>> {
  const { collections } = await app.api.get("/collections");
  const layer = collections.find(({ liangtian }) => liangtian.county_field !== null);
  if (!layer) return new Map();
  const { properties } = await app.api.schema(layer.id);
  return new Map(properties[layer.liangtian.county_field ?? ""]?.oneOf?.map((code) => [code.const, code.title]) ?? []);
}

function countyText(codes: string[] | null, names: Map<string, string>): string {
  return codes?.map((code) => names.get(code) ?? code).join(" · ") ?? t("people.counties.all");
}
