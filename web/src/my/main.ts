/** The page `/my`: where a voter stands in each vote, and every ballot that was ever cast with her code. */

import { wrongGroups } from "../ballot/credential.ts";
import { showBanner } from "../booth/banner.ts";
import { codeInFragment, readCode, type Said } from "../booth/code_entry.ts";
import { codeForm } from "../booth/code_view.ts";
import { type Page, Unreachable } from "../booth/contest.ts";
import { DraftBox } from "../booth/draft.ts";
import { acts, button, byId, el, link, pageData, paragraph } from "../booth/element.ts";
import { soughtFragment } from "../booth/sought.ts";
import { Stage, type View } from "../booth/stage.ts";
import { type Standing, type Stage as StageOf, standings } from "../booth/standing.ts";
import { standingCards } from "../booth/standing_view.ts";
import { tabStorage } from "../booth/storage.ts";
import { beginAnewWithCode, handOver, takeAlong, takeGiven } from "../booth/fragment.ts";
import { Words } from "../booth/words.ts";
import { ElectionError } from "../crypto/errors.ts";

const REST_MINUTES = 15;

const page = pageData("page") as Page;
const words = new Words(pageData("messages") as Record<string, string>, document.documentElement.lang);
const drafts = new DraftBox(tabStorage());
const stage = new Stage(byId("app"), byId("said"));
const campaigns = [...new Set(page.contests.map(({ campaign }) => campaign))];

let campaign = campaigns.at(-1) ?? "";
let wrong = 0;
/** The code whose ballots are shown. */
let shownFor = "";
let rest: ReturnType<typeof setTimeout> | undefined;

const given = takeGiven();
const found = codeInFragment(given?.fragment ?? "");
/** Whether a code came in an address, which the browser's history may have kept. */
const linked = given?.linked ?? false;
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, touched, { passive: true });
beginAnewWithCode();
takeAlong(() => ({ fragment: shownFor, linked }));
addEventListener("pageshow", (event) => {
  // A page that comes back from the browser's memory shows nobody's ballots.
  if (event.persisted) location.reload();
});
showBanner(words, page.prefix, drafts);
if (found === null) ask(null);
else void look(found.code);

function ask(said: Said | null): void {
  shownFor = "";
  const fresh = document.getElementById("code") === null;
  stage.show(askView(said), fresh);
}

function askView(said: Said | null): View {
  if (campaigns.length === 0) return { title: words.say("my-title"), body: [paragraph(words.say("my-none"))] };
  const body = [
    paragraph(words.say("my-explain")),
    campaigns.length > 1 ? campaignField() : null,
    ...codeForm({ words, prefix: page.prefix, said, wrong, enter: (typed) => void look(typed) }),
    paragraph(words.say("my-bucket"), "small quiet"),
  ];
  return { title: words.say("my-title"), body, ...(said === null ? {} : { said: words.say(said.key, said.values), focus: "code" }) };
}

function campaignField(): Node {
  const select = el("select", { id: "campaign" }, ...campaigns.map((name) => el("option", { value: name }, titlesOf(name))));
  select.value = campaign;
  select.addEventListener("change", () => {
    campaign = select.value;
  });
  return el("div", { class: "field" }, el("label", { for: "campaign" }, words.say("my-campaign")), select);
}

/** A campaign is known to people by its first votes. */
function titlesOf(name: string): string {
  const contests = page.contests.filter((one) => one.campaign === name);
  const titles = contests.map(({ title }) => words.title(title));
  const known = titles.length > 2 ? `${titles.slice(0, 2).join(", ")} …` : titles.join(", ");
  return contests[0]?.rehearsal === true ? `${words.say("rehearsal-mark")}: ${known}` : known;
}

async function look(typed: string): Promise<void> {
  const read = readCode(typed);
  if ("said" in read) {
    wrong += 1;
    ask(read.said);
    return;
  }
  stage.show({ title: words.say("my-title"), body: [paragraph(words.say("code-looking"))], said: words.say("code-looking") }, true);
  try {
    const mine = await standings(read.code, page.contests.filter((one) => one.campaign === campaign));
    if (mine.length > 0) show(mine, read.code);
    else notListed(wrongGroups(read.code));
  } catch (error) {
    if (error instanceof Unreachable) ask({ key: "code-offline", values: {} });
    else if (error instanceof ElectionError) ask({ key: "code-false-answer", values: {} });
    else throw error;
  }
}

function notListed(groups: readonly number[]): void {
  wrong += 1;
  ask(groups.length > 0 ? { key: "code-unknown-group", values: { groups: groups.join(", ") } } : { key: "code-unknown", values: {} });
}

function show(mine: readonly Standing[], code: string): void {
  wrong = 0;
  shownFor = code;
  touched();
  const begun = new Set(drafts.begun().map(({ uuid }) => uuid));
  const cards = standingCards(
    words,
    mine,
    begun,
    (standing, at) => further(standing, at, code),
    ({ contest }, { tracker }) => [
      link(words.say("my-find"), `${page.prefix}/track/${contest.uuid}${soughtFragment({ tracker, index: null })}`, "button plain"),
    ],
  );
  const body = [
    cards,
    linked ? paragraph(words.say("finished-linked"), "small") : null,
    acts(button(words.say("my-another"), () => ask(null), "second")),
  ];
  stage.show({ title: words.say("my-title"), body }, true);
}

function further({ contest }: Standing, at: StageOf, code: string): Node[] {
  if (at === "unread") return [acts(button(words.say("try-again"), () => look(code), "second"))];
  if (at !== "to-do" && at !== "in-progress" && at !== "cast") return [];
  const key = at === "to-do" ? "my-vote" : at === "cast" ? "my-again" : "my-go-on";
  const go = (): void => {
    // Not in the address: the browser's history keeps those.
    handOver({ fragment: `${code}/${contest.uuid}`, linked });
    location.assign(`${page.prefix}/vote/${encodeURIComponent(contest.campaign)}`);
  };
  return [acts(button(words.say(key), go, at === "cast" ? "second" : ""))];
}

/** After some time without a touch nobody's ballots are shown any more. */
function touched(): void {
  clearTimeout(rest);
  rest = setTimeout(() => {
    if (document.getElementById("code") === null) ask({ key: "code-rested", values: {} });
  }, REST_MINUTES * 60_000);
}
