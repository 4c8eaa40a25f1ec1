/** Who is signed in: by the session that the browser keeps as a cookie, or by a token of this tab. */
import { type Me, type Role, ROLES } from "../api/answers";
import type { Api } from "../api/client";
import { Signal } from "./signal";

export class Session extends Signal<Me | null> {
  constructor(private readonly api: Api) {
    super(null);
  }

  /** Asks the service. While it cannot be reached, things stay as they are. */
  async look(): Promise<void> {
    const me = await this.api.get("/auth/me").catch(() => undefined);
    if (me) this.set(me.role === null ? null : me);
  }

  /** Whether to offer what needs this role; the service decides in the end. */
  may(role: Role): boolean {
    const mine = this.get()?.role;
    return ROLES.findIndex((one) => one === mine) >= ROLES.indexOf(role);
  }

  /** Throws what the service refuses it with. */
  async enter(name: string, password: string): Promise<void> {
    this.api.setToken(null);
    const me = await this.api.post<"/auth/login", Me>("/auth/login", { json: { name, password } });
    this.set(me);
  }

  /** A token goes before any session, until the tab is closed. */
  async lend(token: string): Promise<void> {
    this.api.setToken(token);
    this.set(await this.api.get("/auth/me"));
  }

  async leave(): Promise<void> {
    this.api.setToken(null);
    this.set(null);
    await this.api.post("/auth/logout");
  }
}
