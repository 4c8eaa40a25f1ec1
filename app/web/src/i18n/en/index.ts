import { app } from "./app";
import { account } from "./account";
import { edit } from "./edit";
import { map } from "./map";
import { uploads } from "./uploads";
import { figures } from "./figures";
import { soil } from "./soil";
import type { zh } from "../zh";

/** Every text of the page in English; the compiler checks that none is missing. */
export const en: Record<keyof typeof zh, string> = { ...app, ...map, ...edit, ...account, ...uploads, ...figures, ...soil };
