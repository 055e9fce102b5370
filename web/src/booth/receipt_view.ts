/** The receipt: sent, accepted, in the public log, counted; what the voter keeps, and what else there is to vote on. */

import { utf8Text } from "../crypto/bytes.ts";
import type { Log } from "../ballot/manifest.ts";
import { compactTracker } from "../ballot/tracker.ts";
import { type Accepted, paperText } from "./acceptance.ts";
import type { Booth } from "./booth.ts";
import { acts, button, el, link, paragraph, save } from "./element.ts";
import { qrCode } from "./qr_code.ts";
import { endText, sealLine } from "./seal_view.ts";
import { soughtFragment } from "./sought.ts";
import type { View } from "./stage.ts";
import { isDoubtful, type Standing, stageOf } from "./standing.ts";
import type { Key, Words } from "./words.ts";

const MOST_IN_PRINT = 700;

export function acceptedView(words: Words, booth: Booth, accepted: Accepted): View {
  const { contest } = accepted.sealed;
  const title = words.say("title-accepted");
  return {
    title,
    body: [
      paragraph(words.title(contest.title), "quiet"),
      el("ol", { class: "cards", id: "steps" }, ...steps(words, accepted)),
      ...receipt(words, booth, accepted),
      paragraph(endText(words, accepted.sealed, "receipt-again"), "note"),
      ...others(words, booth, contest.uuid),
    ],
    said: accepted.logged?.is === "logged" ? words.say("step-log") : title,
  };
}

function steps(words: Words, { sealed, said, logged }: Accepted): Node[] {
  const { contest, manifest } = sealed;
  const time = words.moment(said.time, contest.zone);
  const proven = logged?.is === "logged";
  return [
    step(words, true, words.say("step-sent"), words.say("step-sent-how")),
    step(words, true, words.say("step-accepted"), words.say("step-accepted-how", { height: said.height, time })),
    step(words, proven, logTitle(words, logged), logText(words, logged, manifest.log)),
    step(words, false, words.say("step-counted"), words.say("step-counted-later")),
  ];
}

function logTitle(words: Words, logged: Accepted["logged"]): string {
  if (logged?.is !== "logged" || logged.witnesses.length === 0) return words.say("step-log");
  return words.count("step-confirmed", logged.witnesses.length);
}

function logText(words: Words, logged: Accepted["logged"], log: Log | undefined): string {
  if (logged === null) return words.say("step-log-waiting", { period: log?.period ?? 0 });
  if (logged.is === "overdue") return words.say("step-log-overdue");
  if (logged.is === "false") return words.say("step-log-false", { problem: logged.problem });
  const where = words.say("step-log-done", { index: logged.index });
  const without = missingWitnesses(logged, log?.policy ?? "");
  return without === null ? where : `${where} ${words.say(without)}`;
}

/** What is said of witnesses that are not there: that the sealed vote has none, or that some of its own are missing. */
export function missingWitnesses({ quorum }: { readonly quorum: boolean }, policy: string): Key | null {
  if (!quorum) return "step-quorum-missing";
  return policy === "" ? "step-no-witness" : null;
}

function step(words: Words, done: boolean, title: string, text: string): Node {
  const state = el("span", { class: done ? "state state-open" : "state" }, words.say(done ? "state-done" : "state-waiting"));
  return el("li", {}, el("h2", {}, title, " ", state), paragraph(text));
}

function receipt(words: Words, booth: Booth, accepted: Accepted): Node[] {
  const { page } = booth;
  const { contest } = accepted.sealed;
  const index = accepted.logged?.is === "logged" ? accepted.logged.index : null;
  const place = `${page.prefix}/track/${contest.uuid}${soughtFragment({ tracker: accepted.tracker, index })}`;
  return [
    el("h2", {}, words.say("receipt-title")),
    paragraph(words.say("receipt-not-choice")),
    el("p", {}, `${words.say("tracker")}: `, el("code", { id: "tracker", translate: "no" }, compactTracker(accepted.tracker))),
    qrCode(page.base + place, words.say("receipt-qr")),
    sealLine(words, contest),
    acts(
      button(words.say("receipt-save"), () => saveReceipt(accepted)),
      accepted.logged?.is === "logged" ? button(words.say("receipt-save-note"), () => saveNote(accepted), "second") : null,
      button(words.say("receipt-print"), () => print(), "second"),
      trackLink(words, place),
    ),
    paperPart(words, accepted),
  ];
}

/** In a tab of its own: the receipt stays open. */
function trackLink(words: Words, place: string): HTMLAnchorElement {
  const made = link(words.say("receipt-track"), place, "button second");
  made.target = "_blank";
  made.rel = "noopener";
  return made;
}

/** The receipt of the log when it is there; else the box's word. */
function saveReceipt(accepted: Accepted): void {
  if (accepted.logged?.is === "logged") save(`${nameOf(accepted)}.tlog-proof`, accepted.logged.receipt, "text/plain");
  else saveNote(accepted);
}

/** The box's word, which no receipt of the log carries: with it a box that breaks its word can be shown to have done so. */
function saveNote(accepted: Accepted): void {
  save(`${nameOf(accepted)}.ack`, accepted.note, "text/plain");
}

function nameOf({ tracker }: Accepted): string {
  return `veche-${tracker.slice(0, 16)}`;
}

function paperPart(words: Words, accepted: Accepted): Node {
  const text = utf8Text(paperText(accepted));
  return el(
    "details",
    {},
    el("summary", {}, words.say("receipt-paper")),
    text.length < MOST_IN_PRINT ? qrCode(text, words.say("receipt-paper-qr")) : null,
    el("pre", {}, el("code", {}, text)),
  );
}

function others(words: Words, booth: Booth, uuid: string): Node[] {
  if (booth.standings.length === 0) {
    return [
      el("h2", {}, words.say("others-title")),
      paragraph(words.say("others-unknown")),
      acts(
        button(words.say("others-code"), () => booth.askCode(), "second"),
        button(words.say("finish"), () => booth.finish(), "second"),
      ),
    ];
  }
  const begun = new Set(booth.drafts.begun().map((one) => one.uuid));
  const stages = booth.standings.filter(({ contest }) => contest.uuid !== uuid).map((one) => [one, stageOf(one, begun)] as const);
  const open = stages.filter(([, stage]) => ["to-do", "in-progress"].includes(stage)).map(([one]) => one);
  // Of a vote that could not be read, or is not the sealed one, the list speaks: here it is not passed over as one that is done.
  const doubtful = stages.some(([, stage]) => isDoubtful(stage));
  const buttons = open.map((one) => acts(voteButton(words, booth, one, begun)));
  return [
    ...(booth.standings.length > 1 ? [el("h2", {}, words.say("others-title"))] : []),
    ...(open.length > 0 || doubtful ? buttons : [paragraph(words.say("others-none"), "good")]),
    acts(
      button(words.say("finish"), () => booth.finish(), "second"),
      booth.standings.length > 1 ? button(words.say("contests-all"), () => booth.leave(), "plain") : null,
    ),
  ];
}

/** The one click that leads to a contest. */
export function voteButton(words: Words, booth: Booth, standing: Standing, begun: ReadonlySet<string>): Node {
  const { contest } = standing;
  const keys: Readonly<Record<string, Key>> = { "in-progress": "contests-go-on", cast: "contests-again" };
  const stage = stageOf(standing, begun);
  const label = words.say(keys[stage] ?? "contests-vote", { title: words.title(contest.title) });
  return button(label, () => void booth.pick(contest.uuid), stage === "cast" ? "second" : "");
}
