/** The seal of a vote, as the letter has it too. */

import { seal } from "../ballot/manifest.ts";
import type { Contest, Sealed } from "./contest.ts";
import { el } from "./element.ts";
import type { Words } from "./words.ts";

/** Until when one may vote; a later end than the sealed one is told as the server's word. */
export function endText(words: Words, sealed: Sealed, key: "choose-until" | "receipt-again"): string {
  const { closes_at, zone } = sealed.contest;
  return `${words.say(key, { time: words.moment(closes_at, zone) })} ${extensionText(words, sealed)}`.trimEnd();
}

/** That the end is later than the sealed one, as the server's word; nothing where it is not. */
export function extensionText(words: Words, { contest, manifest }: Sealed): string {
  if (contest.closes_at === manifest.closesAt) return "";
  return words.say("extended", { time: words.moment(manifest.closesAt, manifest.zone) });
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
