/** Where the voter stands in each contest, with every ballot of her code. */

import { el, paragraph } from "./element.ts";
import { type CastBallot, type Doubtful, isDoubtful, isEnded, isTrouble, type Stage, type Standing, stageOf } from "./standing.ts";
import { extensionText } from "./seal_view.ts";
import { compactTracker } from "../ballot/tracker.ts";
import type { Key, Words } from "./words.ts";

/** What belongs behind one ballot of the list. */
type Each = (standing: Standing, ballot: CastBallot) => readonly (Node | string)[];

/** A card per contest; `further` are the buttons and links that belong below it. */
export function standingCards(
  words: Words,
  standings: readonly Standing[],
  begun: ReadonlySet<string>,
  further: (standing: Standing, stage: Stage) => readonly Node[],
  each: Each = () => [],
): Node {
  return el(
    "ul",
    { class: "cards" },
    ...standings.map((standing) => {
      const stage = stageOf(standing, begun);
      if (isDoubtful(stage)) return doubtfulCard(words, standing, stage, further(standing, stage));
      return el(
        "li",
        {},
        el("h2", {}, words.title(standing.contest.title)),
        el("p", {}, stateLabel(words, stage), " ", rehearsalLabel(words, standing.contest), " ", whenOf(words, standing, stage)),
        ...extensionOf(words, standing, stage),
        stage === "not-issued" ? paragraph(words.say("contest-not-issued")) : null,
        ...ballotsOf(words, standing, each),
        ...further(standing, stage),
      );
    }),
  );
}

/** Nothing that the server says of this contest is a fact here: its name stands as what the server calls it, no time, no ballot. */
function doubtfulCard(words: Words, { contest }: Standing, stage: Doubtful, below: readonly Node[]): Node {
  return el(
    "li",
    {},
    el("h2", {}, words.say(`contest-${stage}-title`)),
    el("p", {}, stateLabel(words, stage), " ", words.say("contest-named", { title: words.title(contest.title) })),
    stage === "differs" ? paragraph(words.say("unreadable-false"), "refusal") : paragraph(words.say("contest-unread"), "caution"),
    ...below,
  );
}

/** A later end than the sealed one, where a vote has not ended, is told as the server's word. */
function extensionOf(words: Words, { sealed }: Standing, stage: Stage): Node[] {
  if (stage === "closed" || isEnded(stage) || isTrouble(sealed)) return [];
  const said = extensionText(words, sealed);
  return said === "" ? [] : [paragraph(said, "small")];
}

function whenOf(words: Words, { contest }: Standing, stage: Stage): string {
  if (stage === "closed" || isEnded(stage)) return "";
  if (stage === "not-yet") return words.say("contest-from", { time: words.moment(contest.opens_at, contest.zone) });
  return words.say("contest-until", { time: words.moment(contest.closes_at, contest.zone) });
}

function ballotsOf(words: Words, standing: Standing, each: Each): Node[] {
  const { ballots, contest } = standing;
  if (ballots.length === 0) return contest.state === "sealed" ? [] : [paragraph(words.say("ballots-none"))];
  const last = ballots.length - 1;
  const voting = ["open", "suspended"].includes(contest.state);
  const rows = ballots.map((ballot, at) => {
    const fate = at < last ? "ballot-replaced" : fateOfLast(contest.state);
    const event = words.say("ballot-event", { height: ballot.height });
    return el(
      "li",
      {},
      el("code", {}, compactTracker(ballot.tracker)),
      ` ${event}: ${words.say(fate)} `,
      ...each(standing, ballot),
    );
  });
  const notYours = words.say(voting ? "ballots-not-yours" : "ballots-not-yours-closed");
  const unchecked = paragraph(words.say("ballots-unchecked"), "small");
  return [paragraph(words.say("ballots-all")), el("ul", {}, ...rows), unchecked, paragraph(notYours, "small")];
}

/** What is said of the last ballot of a code in a contest of this state. */
export function fateOfLast(state: string): Key {
  if (isEnded(state)) return `ballot-${state}`;
  return ["open", "suspended"].includes(state) ? "ballot-counts-so-far" : "ballot-counts";
}

function stateLabel(words: Words, stage: Stage): HTMLElement {
  return el("span", { class: `state state-${cssOf(stage)}` }, words.say(`stage-${stage}`));
}

/** On a page that is no rehearsal as a whole: this vote does not count. */
function rehearsalLabel(words: Words, { rehearsal }: Standing["contest"]): HTMLElement | null {
  const said = document.body.classList.contains("rehearsing");
  return rehearsal && !said ? el("span", { class: "state state-rehearsal" }, words.say("rehearsal-mark")) : null;
}

function cssOf(stage: Stage): string {
  if (stage === "to-do" || stage === "cast") return "open";
  if (stage === "differs") return "cancelled";
  if (stage === "unread") return "suspended";
  return stage === "in-progress" || stage === "paused" ? "suspended" : stage;
}
