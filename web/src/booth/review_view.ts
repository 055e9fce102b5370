/** From the review to the encrypted ballot: what the voter sees before anything is sent. */

import type { Booth } from "./booth.ts";
import type { Sealed } from "./contest.ts";
import { acts, button, el, paragraph } from "./element.ts";
import { qrCode } from "./qr_code.ts";
import { sealLine } from "./seal_view.ts";
import type { View } from "./stage.ts";
import type { Marks, Screen } from "./voting.ts";
import type { Words } from "./words.ts";

type EncryptedScreen = Screen & { at: "encrypted" | "overtaken" };

/** What these marks choose, question by question. */
export function choiceList(words: Words, { election }: Pick<Sealed, "election">, marks: Marks): HTMLElement {
  const rows = election.questions.flatMap((question, at) => {
    const row = marks[at] ?? [];
    const names = question.blank ? [words.say("blank-vote"), ...question.answers] : question.answers;
    const chosen = names.filter((_, place) => row[place] === 1);
    const shown = chosen.length === 0 ? [words.say("no-mark")] : chosen;
    return [el("dt", {}, question.text), ...shown.map((name) => el("dd", {}, name))];
  });
  return el("dl", { class: "note" }, ...rows);
}

export function reviewView(words: Words, booth: Booth, sealed: Sealed, marks: Marks): View {
  return {
    title: words.say("title-reviewing"),
    body: [
      paragraph(words.title(sealed.contest.title), "quiet"),
      choiceList(words, sealed, marks),
      paragraph(words.say("review-explain")),
      acts(
        button(words.say("review-encrypt"), () => void booth.encrypt()),
        button(words.say("review-change"), () => booth.change(), "second"),
      ),
      sealLine(words, sealed.contest),
    ],
  };
}

export function encryptingView(words: Words, { done, total }: Screen & { at: "encrypting" }): View {
  return {
    title: words.say("title-encrypting"),
    body: [
      el("label", { for: "progress" }, words.say("encrypting-progress")),
      el("progress", { id: "progress", value: String(done), max: String(total) }),
    ],
  };
}

export function encryptedView(words: Words, booth: Booth, sealed: Sealed, screen: EncryptedScreen): View {
  const overtaken = screen.at === "overtaken";
  const tracker = booth.standing(screen.uuid)?.ballots.at(-1)?.tracker ?? "";
  return {
    title: words.say(overtaken ? "title-overtaken" : "title-encrypted"),
    body: [
      paragraph(words.title(sealed.contest.title), "quiet"),
      overtaken
        ? paragraph(words.say("overtaken-explain", { tracker: tracker.slice(0, 16) }), "caution")
        : el("p", {}, el("strong", {}, words.say("encrypted-not-cast"))),
      ...commitment(words, screen.commitment),
      acts(
        castButton(words.say(overtaken ? "overtaken-cast" : "cast"), booth),
        overtaken
          ? button(words.say("overtaken-leave"), () => booth.leave(), "second")
          : button(words.say("cast-change"), () => booth.change(), "second"),
      ),
      overtaken ? null : testPart(words, booth),
    ],
  };
}

/** A ballot's commitment in 43 characters, below a sentence. */
export function fingerprint(sentence: string, text: string): HTMLElement {
  return el("p", {}, sentence, el("br"), el("code", { id: "commitment", translate: "no" }, text));
}

/** What binds the device: shown before it knows whether the voter will cast or test (docs/protocol.md section 5.7). */
function commitment(words: Words, text: string): Node[] {
  const why = paragraph(words.say("encrypted-why"), "small");
  const details = el("details", {}, el("summary", {}, words.say("encrypted-show-qr")), why);
  // Drawing the code takes longer than encrypting: only whoever wants to see it waits for it.
  details.addEventListener("toggle", () => why.before(qrCode(text, words.say("encrypted-commitment-qr"))), { once: true });
  return [fingerprint(words.say("encrypted-commitment"), text), details];
}

function castButton(label: string, booth: Booth): HTMLButtonElement {
  const made = button(label, () => {
    made.setAttribute("aria-disabled", "true");
    void booth.cast();
  });
  made.id = "cast";
  return made;
}

function testPart(words: Words, booth: Booth): Node {
  return el(
    "details",
    {},
    el("summary", {}, words.say("test")),
    paragraph(words.say("test-explain")),
    acts(button(words.say("test"), () => booth.test(), "second")),
  );
}
