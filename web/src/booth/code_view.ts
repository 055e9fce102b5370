/** The field for the code, as booth and "My ballots" have it. */

import type { Said } from "./code_entry.ts";
import { acts, el, link, paragraph } from "./element.ts";
import { HELP_AFTER } from "./voting.ts";
import type { Words } from "./words.ts";

export interface CodeForm {
  readonly words: Words;
  readonly prefix: string;
  /** What is wrong with the last code. */
  readonly said: Said | null;
  readonly wrong: number;
  readonly enter: (typed: string) => void;
}

/** What is said beside the field, and not of what was typed into it. */
const NO_MISTAKE: ReadonlySet<string> = new Set(["code-rested", "receipt-unread", "receipt-differs"]);

/** What was typed last: who made one slip, or has no network, corrects that and does not type 22 characters anew. */
let tried = "";

/** The form; its field is emptied as soon as the code is taken, comes back only with what is wrong, and no browser keeps it. */
export function codeForm({ words, prefix, said, wrong, enter }: CodeForm): Node[] {
  if (said === null || said.key === "code-rested") tried = "";
  const mistake = said === null ? null : el("span", { class: "mistake", id: "code-mistake" }, words.say(said.key, said.values));
  const input = el("input", {
    id: "code",
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    autocorrect: "off",
    spellcheck: "false",
    inputmode: "text",
    maxlength: "400",
    "aria-describedby": said === null ? "code-hint" : "code-mistake code-hint",
    "aria-invalid": said === null || NO_MISTAKE.has(said.key) ? undefined : "true",
  });
  // Not as an attribute: those are copied with the page.
  input.value = tried;
  const form = el(
    "form",
    { novalidate: true },
    el(
      "div",
      { class: "field" },
      el("label", { for: "code" }, words.say("code-label")),
      mistake,
      input,
      el("span", { class: "hint", id: "code-hint" }, words.say("code-hint")),
    ),
    acts(el("button", { type: "submit" }, words.say("code-go"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tried = input.value;
    input.value = "";
    enter(tried);
  });
  return [wrong >= HELP_AFTER ? helpWithCode(words, prefix) : null, form, paragraph(words.say("code-stays"), "small quiet")].filter(
    (one): one is NonNullable<typeof one> => one !== null,
  );
}

function helpWithCode(words: Words, prefix: string): Node {
  const lines = ["code-help-free", "code-help-link", "code-help-vote", "code-help-lost"] as const;
  return el(
    "section",
    { class: "caution", "aria-labelledby": "code-help" },
    el("h2", { id: "code-help" }, words.say("code-help-title")),
    el("ul", {}, ...lines.map((line) => el("li", {}, words.say(line)))),
    el("p", {}, link(words.say("code-help-page"), `${prefix}/help`)),
  );
}
