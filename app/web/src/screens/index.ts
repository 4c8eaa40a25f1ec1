/** The screens by name; each is loaded when it is first wanted. */
import type { Layout, Open } from "../app/context";
import type { ScreenName } from "../app/state";

interface ScreenModule {
  open: Open;
  layout: Layout;
}

export const SCREENS_BY_NAME: Record<ScreenName, () => Promise<ScreenModule>> = {
  map: () => import("./map"),
  uploads: () => import("./uploads"),
  figures: () => import("./figures"),
  soil: () => import("./soil"),
  account: () => import("./account"),
};
