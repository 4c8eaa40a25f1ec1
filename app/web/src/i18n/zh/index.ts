import { app } from "./app";
import { map } from "./map";
import { uploads } from "./uploads";
import { figures } from "./figures";
import { soil } from "./soil";

/** Every text of the page in Chinese; one file a screen. */
export const zh = { ...app, ...map, ...uploads, ...figures, ...soil } as const;
