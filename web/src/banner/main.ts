/** On pages that have no other script: what the voter began in this tab and has not cast yet. */

import { showBanner } from "../booth/banner.ts";
import { DraftBox } from "../booth/draft.ts";
import { pageData } from "../booth/element.ts";
import { tabStorage } from "../booth/storage.ts";
import { Words } from "../booth/words.ts";

const language = document.documentElement.lang;
const words = new Words(pageData("messages") as Record<string, string>, language);
const prefix = location.pathname.startsWith(`/${language}/`) ? `/${language}` : "";
showBanner(words, prefix, new DraftBox(tabStorage()));
