/** The page `/trustee/{campaign}#TOKEN`: the ceremony, drills, roll-call and shares of one trustee. */

import { acts, button, byId, type Child, el, pageData, paragraph } from "../booth/element.ts";
import { takeFragment } from "../booth/fragment.ts";
import { Stage, type View } from "../booth/stage.ts";
import { deviceStorage, keep, tabStorage } from "../booth/storage.ts";
import { type Key, type Values, Words } from "../booth/words.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { ElectionError } from "../crypto/errors.ts";
import { makeLock } from "../crypto/key_file.ts";
import type { Terms } from "../crypto/run_file.ts";
import { systemRandomness } from "../crypto/scalar.ts";
import { prepareDrill, prepareShare, type Ready, tallyOf, verifyPresent } from "./answers.ts";
import { compareView } from "./compare_view.ts";
import { field, form, keyFields, LEAST_PASSPHRASE, openChosen, type Opened, savingView, valueOf } from "./key_view.ts";
import { MOST_BALLOTS } from "./record.ts";
import { backTo, byProgram, endedPart, refusal, sentenceOf } from "./refusals.ts";
import { type Contest, type Hall, Silent, type Standing, TrusteeServer } from "./server.ts";
import { newRoom, type Step, takePart, termsOf } from "./taking_part.ts";

interface Page {
  readonly campaign: string;
  readonly prefix: string;
}

const EVERY = 3000;
const OVER: ReadonlySet<string> = new Set(["ceremony-ended", "ceremony-over", "not-allowed"]);
const STEPS = ["certificate", "commitment", "reveal", "share", "key"] as const;

const page = pageData("page") as Page;
const messages = pageData("messages") as Record<string, string>;
const words = new Words(messages, document.documentElement.lang);
const stage = new Stage(byId("app"), byId("said"));
const STORED = `veche-trustee-${page.campaign}`;

// The invitation stays in this tab, so that a reload does not lose it; it opens no key.
const fragment = takeFragment();
const tab = tabStorage();
if (fragment !== null) keep(tab, STORED, fragment);
const token = fragment ?? tab.getItem(STORED);
const server = new TrusteeServer(page.campaign, token ?? "");
let turn = 0;

addEventListener("hashchange", () => location.reload());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
void home();

/** Shows a screen; whatever an older one still does may not replace it. */
function show(view: View, fresh = true): number {
  stage.show(view, fresh);
  if (fresh) turn += 1;
  return turn;
}

/** Says below the form what was refused; `more` stands after it. */
function refuse(error: unknown, ...more: readonly Child[]): void {
  document.getElementById("refusal")?.remove();
  document.getElementById("progress")?.remove();
  const saved = document.getElementById("saved");
  if (saved instanceof HTMLButtonElement) saved.disabled = false;
  byId("app").append(refusal(typeof error === "string" ? error : sentenceOf(words, error), ...more));
}

async function home(done?: string): Promise<void> {
  if (token === null) {
    show({ title: words.say("title"), body: [refusal(words.say("no-invitation"))] });
    return;
  }
  try {
    const standing = await server.standing();
    const hall = standing.ceremony && standing.place !== undefined ? await server.hall() : undefined;
    markRehearsal(standing);
    const good = done === undefined ? null : el("p", { class: "good" }, done);
    const look = [paragraph(words.say("look-again"), "hint"), acts(button(words.say("again"), () => home(), "second", "again"))];
    show({ title: words.say("title"), body: [good, ...ceremonyPart(standing, hall), ...contestPart(standing), ...look] });
  } catch (error) {
    const again = button(words.say("again"), () => home());
    show({ title: words.say("title"), body: [refusal(sentenceOf(words, error)), acts(again)] });
  }
}

function markRehearsal({ rehearsal }: Standing): void {
  if (!rehearsal || document.body.classList.contains("rehearsing")) return;
  document.body.classList.add("rehearsing");
  byId("main").before(el("aside", { class: "rehearsal" }, words.say("rehearsal")));
}

function ceremonyPart({ ending, ceremony, place }: Standing, hall: Hall | undefined): Child[] {
  const heading = el("h2", {}, words.say("ceremony-title"));
  if (ending !== undefined) return [heading, ...endedPart(words, ending, place !== undefined)];
  if (hall === undefined) return [heading, paragraph(words.say(ceremony ? "refused-not-allowed" : "ceremony-none"))];
  const script = el("a", { href: `${page.prefix}/trustee/${page.campaign}/script` }, words.say("script-link"));
  const begun = hall.names.has(`certificate-${hall.place}.json`);
  const open = button(words.say("ceremony-open"), () => openForCeremony(), "second", "open-ceremony");
  if (hall.status === "finished") return [heading, paragraph(words.say("ceremony-finished")), acts(open), el("p", {}, script)];
  const make = button(words.say("ceremony-make"), () => void makeKey(), "", "make-key");
  return [heading, paragraph(words.say(begun ? "ceremony-begun" : "ceremony-begin")), acts(begun ? null : make, open), el("p", {}, script)];
}

function contestPart({ contests, ceremony, place }: Standing): Child[] {
  // Whoever has no place in the ceremony has no key, and nothing to do in a vote.
  if (ceremony && place === undefined) return [];
  const heading = el("h2", {}, words.say("contests-title"));
  if (contests.length === 0) return [heading, paragraph(words.say("contests-none"))];
  return [heading, el("ul", { class: "cards" }, ...contests.map((one) => el("li", {}, el("h3", {}, words.title(one.title)), ...todo(one, contests))))];
}

function needsDrill({ state, keys, drilled }: Contest): boolean {
  return state === "draft" && keys && !drilled;
}

function needsAnswer({ state, present }: Contest): boolean {
  return state === "sealed" && !present;
}

/** Drill and roll-call are done for all contests that wait for them: with thirty districts nobody types a passphrase thirty times. */
function todo(contest: Contest, all: readonly Contest[]): Child[] {
  if (needsDrill(contest)) {
    return [paragraph(words.say("todo-drill")), acts(button(words.say("drill-go"), () => drill(all.filter(needsDrill))))];
  }
  if (contest.state === "sealed") {
    const said = paragraph(words.say(contest.present ? "todo-present" : "todo-roll-call"));
    return contest.present ? [said] : [said, acts(button(words.say("roll-call-go"), () => rollCall(all.filter(needsAnswer))))];
  }
  if (contest.state === "decrypting" && contest.share === "none" && contest.ballots > MOST_BALLOTS) {
    const many = words.say("todo-share-many", { num: contest.ballots, most: MOST_BALLOTS });
    return [paragraph(words.say("todo-share")), paragraph(many), byProgram(words, page.campaign, contest.election)];
  }
  if (contest.state === "decrypting" && contest.share === "none") {
    return [paragraph(words.say("todo-share")), acts(button(words.say("share-go"), () => share(contest)))];
  }
  const key = contest.share === "given" ? "todo-share-given" : contest.share === "refused" ? "todo-share-refused" : "todo-nothing";
  return [paragraph(words.say(key))];
}

async function makeKey(): Promise<void> {
  let terms: Terms;
  let hall: Hall;
  try {
    [terms, hall] = [await termsOf(server), await server.hall()];
  } catch (error) {
    refuse(error);
    return;
  }
  const names = terms.names.map((name, at) => el("li", {}, name, at + 1 === hall.place ? ` – ${words.say("you")}` : ""));
  const agreed = el("label", { class: "choice" }, el("input", { type: "checkbox", id: "agreed" }), words.say("make-agreed"));
  show({
    title: words.say("make-title"),
    body: [
      paragraph(words.say("make-who", { threshold: terms.threshold, size: terms.size })),
      el("ol", {}, ...names),
      form(words, words.say("make-go"), () => madeKey(terms, hall.place),
        agreed,
        field("passphrase", words.say("new-passphrase"), words.say("new-passphrase-hint"), { type: "password", autocomplete: "new-password" }),
        field("again", words.say("again-passphrase"), "", { type: "password", autocomplete: "new-password" }),
      ),
      backTo(words, () => home()),
    ],
  });
}

async function madeKey(terms: Terms, place: number): Promise<void> {
  const agreed = document.getElementById("agreed");
  const passphrase = valueOf("passphrase");
  if (!(agreed instanceof HTMLInputElement) || !agreed.checked) return refuse(words.say("make-not-agreed"));
  if (passphrase.length < LEAST_PASSPHRASE) return refuse(words.say("passphrase-short", { least: LEAST_PASSPHRASE }));
  if (passphrase !== valueOf("again")) return refuse(words.say("passphrase-differs"));
  try {
    const room = newRoom(page.campaign, terms, place, systemRandomness);
    const lock = await makeLock(passphrase, systemRandomness(32));
    await saveThen({ room, lock, number: 0 }, "save-seed", (saved) => void ceremony(saved, terms, undefined));
  } catch (error) {
    refuse(error);
  }
}

function openForCeremony(): void {
  show({
    title: words.say("open-title"),
    body: [
      form(words, words.say("open-go"), async () => {
        try {
          const opened = await openChosen();
          if (opened === null) return refuse(words.say("no-file"));
          verifyCampaign(opened);
          await ceremony(opened, await termsOf(server), undefined);
        } catch (error) {
          refuse(error);
        }
      }, ...keyFields(words)),
      backTo(words, () => home()),
    ],
  });
}

function verifyCampaign({ room }: Opened): void {
  if (room.campaign !== page.campaign) throw new ElectionError("other-campaign", room.campaign);
}

/** Check that the file is of this trustee's own place: what another one's key makes would leave in the wrong name. */
async function verifyMyPlace({ room }: Opened): Promise<void> {
  const { place } = await server.standing();
  if (parseCertificate(room.certificate).context.index !== place) throw new ElectionError("other-terms", "this is another trustee's file");
}

/**
 * Takes part until a person is needed, and asks the board again every few seconds while others are waited for. `compared`: the hash
 * of all certificates that was read aloud, if that is done.
 */
async function ceremony(opened: Opened, terms: Terms, compared: string | undefined): Promise<void> {
  let shown = turn;
  let said = "";
  for (;;) {
    let step: Step | undefined;
    let trouble = "";
    try {
      step = await takePart(server, opened.room, terms, compared, systemRandomness);
    } catch (error) {
      // The run has ended, and perhaps it took this trustee's place: the first screen says how, and by whose fault.
      if (error instanceof ElectionError && OVER.has(error.code)) return home();
      trouble = error instanceof Silent ? words.say("offline-asking") : sentenceOf(words, error, terms.names);
      if (!(error instanceof Silent)) {
        show({ title: words.say("ceremony-title"), body: [refusal(trouble), backTo(words, () => home())] });
        return;
      }
    }
    if (shown !== turn) return;
    if (step !== undefined && step.kind !== "wait") return arrived(step, opened, terms);
    const now = JSON.stringify(step) + trouble;
    if (now !== said) shown = show(waitingView(step, terms, trouble), said === "");
    said = now;
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    if (shown !== turn) return;
  }
}

async function arrived(step: Exclude<Step, { kind: "wait" }>, opened: Opened, terms: Terms): Promise<void> {
  switch (step.kind) {
    case "compare":
      show(compare(step, opened, terms));
      return;
    case "save":
      await saveThen({ ...opened, room: step.room }, `save-${step.why}`, (saved) => void ceremony(saved, terms, undefined), dealer(step.dealer, terms));
      return;
    case "complained":
      show({ title: words.say("ceremony-title"), body: [refusal(words.say("complained", dealer(step.dealer, terms))), backTo(words, () => home())] });
      return;
    case "done":
      await home(words.say("ceremony-done"));
  }
}

function dealer(place: number | undefined, { names }: Terms): Values {
  return place === undefined ? {} : { who: names[place - 1] ?? "", place };
}

function waitingView(step: Step | undefined, terms: Terms, trouble: string): View {
  const at = step?.kind === "wait" ? STEPS.indexOf(step.what) : -1;
  const who = step?.kind === "wait" ? words.list(step.places.map((place) => `${terms.names[place - 1] ?? ""} (${place})`)) : "";
  const list = STEPS.map((what, k) =>
    el("li", k === at ? { "aria-current": "step" } : {}, words.say(`step-${what}`), k === at ? paragraph(words.say("waiting-for", { who })) : null),
  );
  return {
    title: words.say("ceremony-title"),
    body: [trouble === "" ? null : refusal(trouble), el("ol", { class: "steps" }, ...list), paragraph(words.say("waiting-leave"), "hint")],
    said: trouble || words.say("waiting-for", { who }),
  };
}

function compare(step: Extract<Step, { kind: "compare" }>, opened: Opened, terms: Terms): View {
  const place = parseCertificate(opened.room.certificate).context.index;
  return compareView(words, step, terms.names, place, {
    same: () => ceremony(opened, terms, step.hash),
    refuse,
    stop: () => show({ title: words.say("compare-title"), body: [refusal(words.say("compare-stop"))] }),
  });
}

async function saveThen(opened: Opened, why: Key | string, next: (saved: Opened) => void, values: Values = {}): Promise<void> {
  show(await savingView(words, opened, words.say(why as Key, values), next, why === "save-complained"));
}

/** A form that opens the key file anew and does one thing with it for these contests. */
function withKey(contests: readonly Contest[], title: Key, explained: Key, go: Key, act: (opened: Opened) => Promise<void>, ...more: readonly Child[]): void {
  show({
    title: words.say(title),
    body: [
      ...contests.map((one) => el("p", {}, el("strong", {}, words.title(one.title)))),
      paragraph(words.say(explained)),
      form(words, words.say(go), async () => {
        document.getElementById("refusal")?.remove();
        try {
          const opened = await openChosen();
          if (opened === null) return refuse(words.say("no-file"));
          verifyCampaign(opened);
          await verifyMyPlace(opened);
          await act(opened);
        } catch (error) {
          const many = error instanceof ElectionError && error.code === "too-many-ballots";
          refuse(error, many && byProgram(words, page.campaign, contests[0]?.election ?? ""));
        }
      }, ...more, ...keyFields(words)),
      backTo(words, () => home()),
    ],
  });
}

/** What is ready leaves after the file is saved; without a change in the file, at once. */
async function leave(opened: Opened, ready: Pick<Ready, "room" | "changed">, why: Key, send: () => Promise<void>, done: string): Promise<void> {
  const go = async (): Promise<void> => {
    try {
      await send();
      await home(done);
    } catch (error) {
      refuse(error);
    }
  };
  if (!ready.changed) return go();
  await saveThen({ ...opened, room: ready.room }, why, () => void go());
}

function drill(contests: readonly Contest[]): void {
  withKey(contests, "drill-title", "drill-explain", "drill-go", async (opened) => {
    const left: { readonly election: string; readonly content: Uint8Array }[] = [];
    let { room } = opened;
    let changed = false;
    for (const { election } of contests) {
      const ready = await prepareDrill(server, room, election, systemRandomness);
      left.push({ election, content: ready.content });
      ({ room } = ready);
      changed ||= ready.changed;
    }
    const send = async (): Promise<void> => {
      for (let next = left[0]; next !== undefined; next = left[0]) {
        await server.handInDrill(next.election, next.content);
        left.shift();
      }
    };
    await leave(opened, { room, changed }, "save-drill", send, words.say("drill-done"));
  });
}

function rollCall(contests: readonly Contest[]): void {
  withKey(contests, "roll-call-title", "roll-call-explain", "roll-call-go", async ({ room }) => {
    for (const { election } of contests) {
      await verifyPresent(server, room, election);
      await server.answerRollCall(election);
    }
    await home(words.say("roll-call-done"));
  });
}

function share(contest: Contest): void {
  const uuid = contest.election;
  const typed = [
    field("setup", words.say("setup-label"), words.say("setup-hint"), { type: "text", autocomplete: "off", spellcheck: "false" }),
    field("end", words.say("end-label"), words.say("end-hint"), { type: "text", autocomplete: "off", spellcheck: "false" }),
  ];
  withKey([contest], "share-title", "share-explain", "share-go", async (opened) => {
    const known = { setup: valueOf("setup"), end: valueOf("end") };
    const device = deviceStorage();
    const remembered = device.getItem(`veche-tally-${uuid}`);
    const ready = await prepareShare(server, opened.room, uuid, known, remembered, showProgress, systemRandomness);
    const send = async (): Promise<void> => {
      // A second memory beside the key file's journal, for who chooses an older file.
      keep(device, `veche-tally-${uuid}`, tallyOf(ready.room, uuid));
      await server.handInShare(uuid, ready.content);
    };
    await leave(opened, ready, "save-share", send, words.say("share-done", { voters: ready.voters } satisfies Values));
  }, paragraph(words.say("share-limits"), "hint"), ...typed);
}

function showProgress(done: number, all: number): void {
  let bar = document.getElementById("progress");
  if (bar === null) {
    bar = el("progress", { id: "progress", max: String(all), "aria-label": words.say("share-progress") });
    byId("app").append(bar);
    stage.say(words.say("share-progress"));
  }
  bar.setAttribute("value", String(done));
}
