/** The seal of a vote, as the letter has it too. */

import { seal } from "../ballot/manifest.ts";
import type { Contest, Sealed } from "./contest.ts";
import { el } from "./element.ts";
import type { Words } from "./words.ts";

/** Until when one may vote; a later end than the sealed one is told as the server's word. */
export function endText(words: Words, { contest, manifest }: Sealed, key: "choose-until" | "receipt-again"): string {
  const { closes_at, zone } = contest;
  const said = words.say(key, { time: words.moment(closes_at, zone) });
  if (closes_at === manifest.closesAt) return said;
  return `${said} ${words.say("extended", { time: words.moment(manifest.closesAt, manifest.zone) })}`;
}

export function sealLine(words: Words, contest: Contest): HTMLElement {
  return el(
    "p",
    { class: "seal-line" },
    `${words.say("seal-label")}: `,
    el("span", { class: "hash seal", translate: "no" }, seal(contest.setup)),
    el("span", { class: "hint" }, words.say("seal-hint")),
  );
}
