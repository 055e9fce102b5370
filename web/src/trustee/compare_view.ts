/**
 * The screen on which trustees compare all certificates before anything is chosen for them.
 *
 * The first trustee reads the hash of all aloud, the others type what they hear; then the second reads it to the first. So nobody goes
 * on who has only looked at the own screen: whether two screens show the same is what the server must not be believed.
 */

import { acts, button, el, paragraph } from "../booth/element.ts";
import type { View } from "../booth/stage.ts";
import type { Words } from "../booth/words.ts";
import { field, form, valueOf } from "./key_view.ts";
import type { Step } from "./taking_part.ts";
import { compareHeard, grouped } from "./typed_hash.ts";

type Compare = Extract<Step, { kind: "compare" }>;

/** What follows: all is the same, what was typed is not, or a person has said that something differs. */
export interface Outcomes {
  readonly same: () => Promise<void>;
  readonly refuse: (sentence: string) => void;
  readonly stop: () => void;
}

/** `names`: of all trustees; `place`: this one's, from 1. */
export function compareView(words: Words, { fingerprints, hash }: Compare, names: readonly string[], place: number, next: Outcomes): View {
  const first = place === 1;
  const who = (first ? names[1] : names[0]) ?? "";
  // Each has the whole line: it is read aloud from both ends.
  const rows = fingerprints.flatMap((one, at) => [el("dt", {}, names[at] ?? ""), el("dd", {}, el("code", {}, grouped(one)))]);
  const mine = el("details", { open: first }, el("summary", {}, words.say("compare-mine")),
    el("p", { id: "certificates-hash" }, el("code", {}, grouped(hash))));
  return {
    title: words.say("compare-title"),
    body: [
      paragraph(words.say("compare-how")),
      el("h2", {}, words.say("compare-table")),
      el("dl", {}, ...rows),
      el("h2", {}, words.say("compare-all")),
      paragraph(words.say(first ? "compare-read" : "compare-hear", { who })),
      mine,
      form(words, words.say("compare-same"), async () => {
        const wrong = misheard(words, hash, valueOf("heard"), who);
        if (wrong === "") await next.same();
        else next.refuse(wrong);
      }, field("heard", words.say("compare-label", { who }), words.say("compare-hint"), TYPED)),
      acts(button(words.say("compare-other"), next.stop, "danger")),
    ],
  };
}

/** What a person types by ear, and no program completes or corrects. */
const TYPED = { type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false" };

/** What is wrong with the hash that was typed, and what to do; empty when it is the same. */
function misheard(words: Words, hash: string, typed: string, who: string): string {
  const heard = compareHeard(hash, typed);
  switch (heard.kind) {
    case "same":
      return "";
    case "nothing":
      return words.say("compare-nothing", { who });
    case "unfit":
      return words.say("compare-unfit", { found: heard.found });
    case "other":
      return words.say("compare-differs", { groups: words.list(heard.groups.map(String)) });
  }
}
