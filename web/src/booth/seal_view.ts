/** The seal of a vote, as the letter has it too. */

import { seal } from "../ballot/manifest.ts";
import type { Contest } from "./contest.ts";
import { el } from "./element.ts";
import type { Words } from "./words.ts";

export function sealLine(words: Words, contest: Contest): HTMLElement {
  return el(
    "p",
    { class: "seal-line" },
    `${words.say("seal-label")}: `,
    el("span", { class: "hash seal", translate: "no" }, seal(contest.setup)),
    el("span", { class: "hint" }, words.say("seal-hint")),
  );
}
