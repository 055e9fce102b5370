/** The page `/track/{uuid}`: a receipt, a tracker or an opened ballot is checked here, in the voter's own browser. */

import type { Acknowledgement } from "../ballot/acknowledgement.ts";
import type { Log } from "../ballot/manifest.ts";
import { parseOpened, verifyOpened } from "../ballot/prepared_ballot.ts";
import { compactTracker } from "../ballot/tracker.ts";
import { showBanner } from "../booth/banner.ts";
import { type Page, readSealed, type Sealed, Unreachable } from "../booth/contest.ts";
import { DraftBox } from "../booth/draft.ts";
import { acts, button, byId, el, link, pageData, paragraph } from "../booth/element.ts";
import { beginAnewOnFragment, keepFragment } from "../booth/fragment.ts";
import { choiceList, fingerprint } from "../booth/review_view.ts";
import { sealLine } from "../booth/seal_view.ts";
import { parseFragment, type Sought } from "../booth/sought.ts";
import { Stage } from "../booth/stage.ts";
import { tabStorage } from "../booth/storage.ts";
import type { Marks } from "../booth/voting.ts";
import { isEnded } from "../booth/standing.ts";
import { type Key, Words } from "../booth/words.ts";
import { utf8 } from "../crypto/bytes.ts";
import { ElectionError } from "../crypto/errors.ts";
import { acknowledged, askServer, checkOwnReceipt, checkPaper, checkPlace, type Found, type Waiting } from "./checking.ts";
import { type Given, recognise } from "./found.ts";

const MOST = 500_000;

const page = pageData("page") as Page;
const words = new Words(pageData("messages") as Record<string, string>, document.documentElement.lang);
const stage = new Stage(byId("app"), byId("said"));
const [contest] = page.contests;

showBanner(words, page.prefix, new DraftBox(tabStorage()));
beginAnewOnFragment();
keepFragment();
begin(parseFragment(location.hash));

/** A tracker in the address is no secret of the page's: it stays there, so that the page can be kept and shown. */
function begin(sought: Sought | null): void {
  if (sought === null) ask(null);
  else void check({ is: "tracker", ...sought });
}

function ask(mistake: "track-empty" | "track-unreadable" | null): void {
  const quiet = { spellcheck: "false", autocomplete: "off" };
  const pasted = el("textarea", { id: "given", rows: "3", ...quiet, "aria-describedby": "given-hint" });
  const file = el("input", { id: "file", type: "file", "aria-describedby": "file-hint" });
  if (mistake !== null) pasted.setAttribute("aria-invalid", "true");
  file.addEventListener("change", () => void take(file.files?.[0], ""));
  const form = el(
    "form",
    { novalidate: true },
    el(
      "div",
      { class: "field" },
      el("label", { for: "given" }, words.say("track-label")),
      mistake === null ? null : el("span", { class: "mistake" }, words.say(mistake)),
      pasted,
      el("span", { class: "hint", id: "given-hint" }, words.say("track-hint")),
    ),
    el(
      "div",
      { class: "field" },
      el("label", { for: "file" }, words.say("track-file")),
      file,
      el("span", { class: "hint", id: "file-hint" }, words.say("track-file-hint")),
    ),
    acts(el("button", { type: "submit" }, words.say("track-go"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void take(file.files?.[0], pasted.value);
  });
  const said = mistake === null ? {} : { said: words.say(mistake), focus: "given" };
  stage.show({ title: words.say("track-title"), body: [...heading(), form], ...said }, mistake === null);
}

async function take(file: File | undefined, pasted: string): Promise<void> {
  if (pasted.trim() === "" && file === undefined) {
    ask("track-empty");
    return;
  }
  const data = pasted.trim() === "" && file !== undefined ? new Uint8Array(await file.slice(0, MOST).arrayBuffer()) : utf8(pasted);
  const given = recognise(data);
  if (given === null) ask("track-unreadable");
  else await check(given);
}

async function check(given: Given): Promise<void> {
  if (contest === undefined) {
    stage.show({ title: words.say("track-title"), body: [paragraph(words.say("track-no-log"), "note")] }, true);
    return;
  }
  stage.show({ title: words.say("track-checking"), body: heading(), said: words.say("track-checking") }, true);
  try {
    const sealed = await readSealed(contest);
    if (given.is === "opened") showOpened(sealed, given.data);
    else if (sealed.manifest.log === undefined) failed(words.say("track-no-log"));
    else await checkInLog(sealed, sealed.manifest.log, given);
  } catch (error) {
    if (error instanceof Unreachable) unreachable(given, error);
    else if (error instanceof ElectionError) refused(error);
    else throw error;
  }
}

async function checkInLog(sealed: Sealed, log: Log, given: Exclude<Given, { is: "opened" }>): Promise<void> {
  if (given.is === "receipt") show(sealed, log, await checkOwnReceipt(sealed, log, given.data));
  else if (given.index === null) {
    if (given.is === "tracker") askFirst(sealed, log, given.tracker, null);
    else {
      const said = acknowledged(sealed, log, given.note);
      askFirst(sealed, log, said.tracker, said);
    }
  } else if (given.is === "tracker") show(sealed, log, await checkPlace(sealed, log, given.tracker, given.index));
  else show(sealed, log, await checkPaper(sealed, log, given.note, given.index));
}

/** Nothing is sent that names the ballot before the voter says so. */
function askFirst(sealed: Sealed, log: Log, tracker: string, said: Acknowledgement | null): void {
  const go = async (): Promise<void> => {
    stage.show({ title: words.say("track-checking"), body: heading(), said: words.say("track-checking") }, true);
    try {
      const found = await askServer(sealed, log, tracker, said);
      if (found === null) failed(words.say("track-missing"));
      else show(sealed, log, found);
    } catch (error) {
      if (error instanceof Unreachable) failed(words.say("track-offline"));
      else if (error instanceof ElectionError) failed(error.message);
      else throw error;
    }
  };
  const body = [
    ...heading(),
    trackerLine(tracker),
    said === null ? null : paragraph(words.say("track-checked-box", { height: said.height }), "good"),
    paragraph(words.say("track-bare")),
    paragraph(words.say("track-asked-not"), "note"),
    acts(button(words.say("track-ask"), go), another()),
  ];
  stage.show({ title: words.say("track-title"), body }, true);
}

function show(sealed: Sealed, log: Log, found: Found | Waiting): void {
  if (!("index" in found)) {
    const title = words.say(found.acknowledged ? "track-waiting" : "track-not-shown");
    const how = words.say(found.acknowledged ? "track-waiting-how" : "track-not-shown-how", { period: log.period });
    const body = [...heading(), trackerLine(found.tracker), paragraph(how, found.acknowledged ? "note" : "caution"), acts(another())];
    stage.show({ title, body, said: title }, true);
    return;
  }
  const title = words.say("track-good");
  stage.show(
    {
      title,
      body: [
        ...heading(),
        trackerLine(found.tracker),
        el("div", { class: "good" }, el("ul", {}, ...checkedLines(log, found).map((line) => el("li", {}, line)))),
        replacedPart(found, sealed.contest.state),
        paragraph(words.say("track-not-from-here"), "small"),
        acts(another(), link(words.say("track-my"), `${page.prefix}/my`, "button second")),
        sealLine(words, sealed.contest),
      ],
      said: title,
    },
    true,
  );
}

function checkedLines(log: Log, found: Found): string[] {
  const names = words.list(found.witnesses);
  const witnesses = found.witnesses.length > 0 ? words.count("track-witnesses", found.witnesses.length, { names }) : null;
  const lines = [
    found.acknowledged ? words.say("track-checked-box", { height: found.height }) : null,
    found.receiptSize === null ? null : words.say("track-checked-receipt", { size: found.receiptSize }),
    found.receiptSize === null ? null : words.say("track-checked-grown"),
    words.say("track-checked-signature"),
    words.say("track-checked-inclusion", { index: found.index, size: found.size }),
    words.say("track-checked-ballot"),
    witnesses,
    found.quorum ? null : words.say("track-quorum-missing"),
    witnesses === null && log.policy === "" ? words.say("track-no-witness") : null,
  ];
  return lines.filter((line): line is string => line !== null);
}

function replacedPart({ replaced }: Found, state: string): Node {
  if (replaced === null) return paragraph(words.say("track-replaced-unknown"), "small");
  // Nothing proves it: it is worth no more than who says so.
  if (replaced === "last") return paragraph(words.say(lastOf(state)), "note");
  return paragraph(words.say("track-replaced", { height: replaced.height }), "caution");
}

function lastOf(state: string): Key {
  if (isEnded(state)) return `track-last-${state}`;
  return ["open", "suspended", "sealed"].includes(state) ? "track-last" : "track-last-closed";
}

/** An opened ballot is made again here, choice by choice, on a device that did not make it. */
function showOpened(sealed: Sealed, data: Uint8Array): void {
  const opened = parseOpened(data);
  verifyOpened(opened, sealed.election);
  const title = words.say("track-opened");
  const body = [
    ...heading(),
    fingerprint(words.say("track-opened-compare"), opened.commitment),
    paragraph(words.say("track-opened-choice")),
    choiceList(words, sealed, opened.choices as Marks),
    paragraph(words.say("track-opened-not-cast"), "caution"),
    acts(another()),
  ];
  stage.show({ title, body, said: title }, true);
}

/** Where the log itself was changed, what the voter has is evidence of it. */
function refused({ code, message }: ElectionError): void {
  if (code === "log-changed") failed(words.say("track-changed-how"), words.say("track-changed"), message);
  else if (code === "log-shorter") failed(words.say("track-shorter"), words.say("track-bad"), message);
  else failed(message);
}

function failed(sentence: string, title = words.say("track-bad"), exactly = ""): void {
  const body = [...heading(), paragraph(sentence, "refusal"), exactly === "" ? null : paragraph(exactly, "small quiet"), acts(another())];
  stage.show({ title, body, said: `${title}. ${sentence}` }, true);
}

function unreachable(given: Given, error: Unreachable): void {
  const said = words.say(error.status === 404 ? "track-no-log" : "track-offline");
  const body = [...heading(), paragraph(said, "caution"), acts(button(words.say("try-again"), () => check(given)), another())];
  stage.show({ title: words.say("track-title"), body, said }, true);
}

function heading(): Node[] {
  return contest === undefined ? [] : [paragraph(words.say("track-of", { title: words.title(contest.title) }), "quiet")];
}

function trackerLine(tracker: string): Node {
  return el("p", {}, `${words.say("tracker")}: `, el("code", { id: "tracker", translate: "no" }, compactTracker(tracker)));
}

function another(): Node {
  return button(words.say("track-again"), () => {
    history.replaceState(null, "", location.pathname + location.search);
    ask(null);
  }, "second");
}
