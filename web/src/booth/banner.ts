/** "Not cast yet: …" above every page, until what was begun in this tab is cast. */

import { DraftBox } from "./draft.ts";
import { el, link } from "./element.ts";
import type { Words } from "./words.ts";

/** Shows or hides the banner. `here` is the campaign whose booth this page is: it needs no link to itself. */
export function showBanner(words: Words, prefix: string, drafts: DraftBox, here: string | null = null): void {
  const banner = document.getElementById("not-cast");
  if (banner === null) return;
  const begun = drafts.begun();
  banner.hidden = begun.length === 0;
  const campaigns = [...new Set(begun.map((one) => one.campaign))].filter((campaign) => campaign !== here);
  const names = words.list(begun.map((one) => words.say("not-cast-name", { title: words.title(one.title) })));
  banner.replaceChildren(
    ...(begun.length === 0 ? [] : [el("p", {}, words.say("not-cast", { names }))]),
    ...campaigns.map((campaign) => el("p", {}, link(words.say("not-cast-go"), `${prefix}/vote/${encodeURIComponent(campaign)}`))),
  );
}
