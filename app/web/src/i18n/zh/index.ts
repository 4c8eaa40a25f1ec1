import { app } from "./app";
import { account } from "./account";
import { edit } from "./edit";
import { map } from "./map";
import { uploads } from "./uploads";
import { figures } from "./figures";
import { soil } from "./soil";

/** Every text of the page in Chinese; one file a screen. */
export const zh = { ...app, ...map, ...edit, ...account, ...uploads, ...figures, ...soil } as const;
