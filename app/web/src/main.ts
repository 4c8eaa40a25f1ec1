/** Puts the page together: state, map, screens. Wiring only. */
import { Api } from "./api/client";
import { initialState, persist } from "./app/address";
import { Catalogue } from "./app/catalog";
import type { App, Catalog } from "./app/context";
import { headerBar } from "./app/header";
import { bottomBar } from "./app/navigation";
import { Session } from "./app/session";
import { Shell } from "./app/shell";
import { SignIn } from "./app/sign-in";
import { Signal } from "./app/signal";
import { Store } from "./app/state";
import { followTheme } from "./app/theme";
import { setLanguage, t } from "./i18n";
import { storedBase } from "./map/base";
import { MapFrame } from "./map/frame";
import type { MapLayer } from "./map/style";
import { reasonOf } from "./ui/states";
import { Toasts } from "./ui/toast";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";
import "./styles/layout.css";
import "./styles/map.css";

const store = new Store(initialState(location.hash, window.matchMedia("(max-width: 760px)").matches));
setLanguage(store.get().lang);
const api = new Api();
const session = new Session(api);
const toasts = new Toasts();
const shell = new Shell(document.querySelector("#app") ?? document.body, () => frame.view?.resized());
document.body.append(toasts.element);
const frame = new MapFrame(shell.map, api, store, (status) => {
  if (status === 401) api.unauthorized(api.token);
  else toasts.show(t("map.tilesFailed"), "failed");
});

const offers = api.get("/").then(({ liangtian }) => liangtian);
offers.then(({ tianditu }) => tianditu && frame.view?.base(storedBase()), () => undefined);

const app: App = {
  api,
  session,
  store,
  catalog: new Signal<Catalog>({ state: "loading" }),
  layers: new Signal<MapLayer[]>([]),
  offers,
  present: (layer, field) => catalogue.present(layer, field),
  board: frame.view,
  go: (screen, path = [], params = {}) => store.set({ screen, path, params }),
  reload: () => void catalogue.load(),
  refresh: () => void catalogue.load(true),
  signIn: () => signIn.open(),
  toast: (text, kind) => toasts.show(text, kind),
  report: (error) => toasts.show(reasonOf(error), "failed"),
};
const catalogue = new Catalogue(api, store, app.catalog, app.layers, frame.view);
const signIn = new SignIn(session, () => app.reload());
api.onUnauthorized = (refused) => {
  if (session.get()) session.set(null);
  signIn.open(refused);
};
session.on(() => headerBar(shell.header, app));

function texts(): void {
  setLanguage(store.get().lang);
  headerBar(shell.header, app);
  bottomBar(shell.bar, app);
  frame.texts();
}

texts();
persist(store);
followTheme(store, (dark) => {
  frame.view?.setDark(dark);
  headerBar(shell.header, app);
});
store.on(["screen"], texts);
store.on(["screen", "path", "params"], () => void shell.show(app));
store.on(["lang"], () => {
  texts();
  void shell.show(app);
  void catalogue.load(true);
});
void shell.show(app);
void catalogue.load();
void session.look();
