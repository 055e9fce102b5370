/** The page `/vote/{campaign}#CODE`. */

import { Booth } from "./booth.ts";
import { showBanner } from "./banner.ts";
import { brokenView, isAtWork } from "./broken_view.ts";
import { codeInFragment } from "./code_entry.ts";
import type { Page } from "./contest.ts";
import { DraftBox } from "./draft.ts";
import { byId, pageData } from "./element.ts";
import { beginAnewWithCode, takeAlong, takeGiven } from "./fragment.ts";
import { Stage } from "./stage.ts";
import { tabStorage } from "./storage.ts";
import { goOn, viewOf } from "./views.ts";
import type { Screen } from "./voting.ts";
import { Words } from "./words.ts";

const given = takeGiven();

const page = pageData("page") as Page;
const words = new Words(pageData("messages") as Record<string, string>, document.documentElement.lang);
const drafts = new DraftBox(tabStorage());
const stage = new Stage(byId("app"), byId("said"));

const booth = new Booth(page, drafts, (before: Screen) => {
  if (before !== booth.screen && goOn(words, booth, before)) return;
  showBanner(words, page.prefix, drafts, page.campaign);
  stage.show(viewOf(words, booth), before.at !== booth.screen.at);
});

for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => booth.touched(), { passive: true });
addEventListener("online", () => void booth.sendAgain());
addEventListener("unhandledrejection", () => {
  if (isAtWork(booth.screen)) stage.show(brokenView(words, booth), true);
});
beginAnewWithCode();
takeAlong(() => ({ fragment: booth.fragment, linked: booth.linked }));
addEventListener("pageshow", (event) => {
  // A page that comes back from the browser's memory has no keys any more.
  if (event.persisted) location.reload();
});
addEventListener("pagehide", () => booth.forget());
addEventListener("beforeunload", (event) => {
  if (["checking", "sending", "unsure"].includes(booth.screen.at)) event.preventDefault();
});

void booth.begin(codeInFragment(given?.fragment ?? ""), given?.linked ?? false);
