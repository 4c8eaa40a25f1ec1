import type { app as zh } from "../zh/app";

/** Texts of the frame and of what all screens share, in English; the compiler checks that none is missing. */
export const app: Record<keyof typeof zh, string> = {
  "app.name": "Liangtian",
  "app.subtitle": "Saline land and farmland of Baicheng on one map",
  "app.title": "Liangtian: saline land and farmland of Baicheng",
  "app.skip": "Skip to the panels",

  "header.language": "中文",
  "header.language.hint": "切换到中文",
  "header.theme": "Switch light and dark",
  "header.docs": "API",
  "header.signIn": "Sign in",
  "header.signOut": "Sign out",

  "unit.mu": "mu",
  "unit.ha": "ha",
  "unit.m2": "m²",
  "unit.m": "m",
  "unit.km": "km",
  "unit.wan.mu": "×10⁴ mu",
  "unit.wan.ha": "×10⁴ ha",
  "unit.wan.m2": "×10⁴ m²",
  "unit.k.mu": "thousand mu",
  "unit.k.ha": "thousand ha",
  "unit.k.m2": "thousand m²",

  "state.loading": "Loading…",
  "state.retry": "Try again",
  "state.failed": "The data could not be read",
  "state.offline": "The service cannot be reached",
  "state.offline.hint": "Check the network, or ask the administrator whether the service is running.",
  "state.server.hint": "The service has a problem (code {code}). Try again later; if it comes back, give the code to the administrator.",
  "state.forbidden": "Not allowed",
  "state.forbidden.hint": "This account may not see these data. Ask the administrator.",
  "state.signIn": "Sign-in needed",
  "state.signIn.hint": "These data are open to signed-in users only.",

  "signIn.title": "Sign in",
  "signIn.text": "Paste the access token that the administrator gave you. It stays in this browser tab only and goes when the tab is closed.",
  "signIn.token": "Access token",
  "signIn.submit": "Sign in",
  "signIn.cancel": "Cancel",
  "signIn.wrong": "The token is wrong or has expired. Check it and paste it again.",

  "nav.label": "Screens",
  "nav.map": "Map",
  "nav.uploads": "Uploads",
  "nav.figures": "Figures",
  "nav.soil": "Soil",

  "state.screen": "This screen did not open",
  "state.screen.hint": "The network may be gone, or the service was just updated. Please load the page again.",
  "state.reload": "Load again",
};
