/** What a trustee is told when something does not go on: each refusal in words of the page's language. */

import { acts, button, type Child, el, paragraph } from "../booth/element.ts";
import type { Key, Words } from "../booth/words.ts";
import { Blamed, ElectionError } from "../crypto/errors.ts";
import { type Ending, ServerRefused, Silent } from "./server.ts";

/** Codes that mean the same to a trustee. */
const SAME: Readonly<Record<string, string>> = {
  "own-commitment": "not-my-certificate",
  "own-reveal": "not-my-certificate",
  "ceremony-file": "not-my-certificate",
  "ceremony-reveal": "split-view",
  "certificate-context": "other-terms",
  "no-ceremony": "not-found",
  "seed-malformed": "key-malformed",
  "wrong-step": "key-malformed",
};

/** The sentence of this refusal; `names`: of the trustees, as far as they are known. Anything but a refusal is thrown on. */
export function sentenceOf(words: Words, error: unknown, names: readonly string[] = []): string {
  if (error instanceof Silent) return words.say("offline");
  if (!(error instanceof ElectionError)) throw error;
  const key = `refused-${SAME[error.code] ?? error.code}`;
  const place = error instanceof Blamed ? error.place : 0;
  if (isKey(words, key)) return words.say(key, { who: names[place - 1] ?? "", place });
  // What has no words of its own was refused by the server, or found wrong here in what the server shows.
  return words.say(error instanceof ServerRefused ? "refused" : "refused-wrong", { what: error.code });
}

/** Whether there are words under this key, which was made of a code: words that are not there are their key. */
function isKey(words: Words, key: string): key is Key {
  return words.say(key as Key) !== key;
}

export function refusal(text: string, ...more: readonly Child[]): HTMLElement {
  return el("div", { class: "refusal", role: "alert", id: "refusal" }, paragraph(text), ...more);
}

/** How a run ended without a key, and what that means for who has a place in the next one, and for who was named. */
export function endedPart(words: Words, { code, named }: Ending, seated: boolean): Child[] {
  const key = `ended-${code.startsWith("no-") ? "silent" : code}`;
  const how = words.say(isKey(words, key) ? key : "ended-other", { who: words.list(named), num: named.length });
  return [refusal(`${words.say("ended")} ${how}`), paragraph(words.say(seated ? "ended-next" : "ended-named"))];
}

/** The commands that do on this trustee's computer what is too much for a page. */
export function byProgram(words: Words, campaign: string, uuid: string): HTMLElement {
  const commands = [
    `veche trustee open-key veche-trustee-${campaign}-N.json --private my-key`,
    `veche trustee share --server-file invitation --private my-key --election ${uuid}`,
  ];
  return el("div", { id: "by-program" }, el("pre", {}, el("code", {}, commands.join("\n"))), paragraph(words.say("by-program"), "hint"));
}

/** The way back to what is to be done now. */
export function backTo(words: Words, home: () => unknown): HTMLElement {
  return acts(button(words.say("back"), home, "plain"));
}
