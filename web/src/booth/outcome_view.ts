/** What became of a ballot that was opened, sent, refused or not answered: each in words that say what happened and what to do. */

import { utf8 } from "../crypto/bytes.ts";
import type { Booth } from "./booth.ts";
import { recordAddress, type Sealed } from "./contest.ts";
import type { Pending } from "./draft.ts";
import { acts, button, el, paragraph, save } from "./element.ts";
import { fingerprint } from "./review_view.ts";
import type { View } from "./stage.ts";
import { maySetAside, type Screen } from "./voting.ts";
import type { Words } from "./words.ts";

const OPENED = "opened-ballot.json";

export function testedView(words: Words, booth: Booth, sealed: Sealed, screen: Screen & { at: "tested" }): View {
  const { page, opened } = booth;
  const { uuid } = sealed.contest;
  const [before, after] = words.say("tested-step-check", { address: "\u0000" }).split("\u0000");
  const command = `veche voter check-opened ${OPENED} --election ${recordOf(booth, uuid)}`;
  return {
    title: words.say("title-tested"),
    body: [
      paragraph(words.say("tested-explain"), "caution"),
      el(
        "ol",
        { class: "steps" },
        el(
          "li",
          {},
          words.say("tested-step-save"),
          acts(button(words.say("tested-save"), () => opened !== null && save(OPENED, opened, "application/json"))),
        ),
        el(
          "li",
          {},
          before ?? "",
          el("code", {}, `${page.base}${page.prefix}/track/${uuid}`),
          after ?? "",
          fingerprint(words.say("encrypted-commitment"), screen.commitment),
          el("p", {}, words.say("tested-step-command")),
          el("pre", {}, el("code", {}, command)),
        ),
      ),
      acts(button(words.say("tested-vote"), () => booth.change())),
    ],
  };
}

/** Clicked and not sent yet: there is nothing to press. */
export function checkingView(words: Words, sealed: Sealed): View {
  return {
    title: words.say("title-sending"),
    body: [paragraph(words.title(sealed.contest.title), "quiet"), paragraph(words.say("sending-stay"))],
    said: words.say("sending-stay"),
  };
}

export function sendingView(words: Words, booth: Booth, { attempt }: Screen & { at: "sending" }): View {
  return {
    title: words.say("title-sending"),
    body: [
      paragraph(booth.pending === null ? "" : words.title(booth.pending.title), "quiet"),
      paragraph(words.say("sending-stay")),
      attempt > 1 ? paragraph(words.say("sending-attempt", { attempt })) : null,
    ],
    said: words.say("sending-stay"),
  };
}

export function unsureView(words: Words, booth: Booth, screen: Screen & { at: "unsure" }): View {
  const { pending } = booth;
  const { doubt, wait } = screen;
  return {
    title: words.say(doubt === "ended-out" ? "title-ended-out" : "title-unsure"),
    body: [
      paragraph(pending === null ? "" : words.title(pending.title), "quiet"),
      paragraph(words.say(`unsure-${doubt}`), "caution"),
      ...(maySetAside(screen) ? asidePart(words, booth) : []),
      paragraph(words.say("unsure-same")),
      paragraph(words.count("unsure-wait", wait), "small"),
      acts(button(words.say("unsure-now"), () => void booth.sendAgain())),
      el(
        "details",
        {},
        el("summary", {}, words.say("unsure-else")),
        ...(pending === null ? [] : keepPart(words, pending)),
        pending === null
          ? null
          : el("pre", {}, el("code", {}, `veche voter send ballot.json --election ${recordOf(booth, pending.uuid)}`)),
      ),
    ],
    said: words.say(`unsure-${doubt}`),
  };
}

function asidePart(words: Words, booth: Booth): Node[] {
  return [acts(button(words.say("unsure-aside"), () => booth.setAside())), paragraph(words.say("unsure-kept"), "small")];
}

/** The encrypted ballot, for the voter to keep, and by which name it would stand in the record. */
function keepPart(words: Words, { tracker, text }: Pending): Node[] {
  const keep = (): void => save("ballot.json", utf8(text), "application/json");
  const named = el("p", {}, `${words.say("tracker")}: `, el("code", {}, tracker));
  return [named, acts(button(words.say("unsure-save"), keep, "second"))];
}

export function refusedView(words: Words, booth: Booth, screen: Screen & { at: "refused" }): View {
  const { code, uuid } = screen;
  const known = code === "not-open" || code === "not-issued" ? words.say(`refused-${code}`) : words.say("refused-other", { code });
  const keys = booth.standings.length > 0;
  return {
    title: words.say("title-refused"),
    body: [
      el("div", { class: "refusal" }, paragraph(words.say("refused-said")), paragraph(known)),
      acts(
        keys
          ? button(words.say("refused-again"), () => void booth.pick(uuid))
          : button(words.say("others-code"), () => booth.finish()),
        keys ? button(words.say("contests-all"), () => booth.leave(), "second") : null,
      ),
      ...(booth.refused === null ? [] : [paragraph(words.say("refused-keep"), "note"), ...keepPart(words, booth.refused)]),
    ],
  };
}

function recordOf(booth: Booth, uuid: string): string {
  return `${booth.page.base}${recordAddress(uuid)}`;
}
