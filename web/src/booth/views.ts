/** For every screen of `voting.ts` what the voter sees. */

import type { Booth } from "./booth.ts";
import { codeForm } from "./code_view.ts";
import { chooseView } from "./choose_view.ts";
import { acts, button, el, link, paragraph } from "./element.ts";
import { checkingView, refusedView, sendingView, testedView, unsureView } from "./outcome_view.ts";
import { acceptedView, voteButton } from "./receipt_view.ts";
import { encryptedView, encryptingView, reviewView } from "./review_view.ts";
import type { View } from "./stage.ts";
import { askAgain, readSince, type Standing } from "./standing.ts";
import { standingCards } from "./standing_view.ts";
import type { Screen } from "./voting.ts";
import type { Words } from "./words.ts";

export function viewOf(words: Words, booth: Booth): View {
  const { screen } = booth;
  switch (screen.at) {
    case "code":
      return codeView(words, booth, screen);
    case "looking":
      return { title: words.say("title-code"), body: [paragraph(words.say("code-looking"))], said: words.say("code-looking") };
    case "contests":
      return contestsView(words, booth);
    case "opening":
      return { title: words.say("title-opening"), body: [] };
    case "unreadable":
      return unreadableView(words, booth, screen);
    case "sending":
      return sendingView(words, booth, screen);
    case "unsure":
      return unsureView(words, booth, screen);
    case "refused":
      return refusedView(words, booth, screen);
    default:
      return ballotView(words, booth, screen);
  }
}

/** Screens about a ballot whose contest was read. */
function ballotView(words: Words, booth: Booth, screen: Screen): View {
  const { sealed, accepted } = booth;
  if (sealed === null) throw new Error(`no contest was read before the screen ${screen.at}`);
  switch (screen.at) {
    case "reviewing":
      return reviewView(words, booth, sealed, screen.marks);
    case "encrypting":
      return encryptingView(words, screen);
    case "encrypted":
    case "overtaken":
      return encryptedView(words, booth, sealed, screen);
    case "checking":
      return checkingView(words, sealed);
    case "tested":
      return testedView(words, booth, sealed, screen);
    case "accepted":
      if (accepted !== null) return acceptedView(words, booth, accepted);
      break;
    default:
  }
  return chooseView(words, booth, sealed);
}

/** Where only a figure changed, the page is not drawn anew: true when that was enough. */
export function goOn(_: Words, booth: Booth, before: Screen): boolean {
  const { screen } = booth;
  if (before.at !== "encrypting" || screen.at !== "encrypting") return false;
  const bar = document.getElementById("progress");
  if (!(bar instanceof HTMLProgressElement)) return false;
  bar.max = screen.total;
  bar.value = screen.done;
  return true;
}

function codeView(words: Words, booth: Booth, { wrong }: Screen & { at: "code" }): View {
  const { said, page } = booth;
  const form = codeForm({ words, prefix: page.prefix, said, wrong, enter: (typed) => void booth.enter(typed) });
  return {
    title: words.say("title-code"),
    body: [...finishedNote(words, booth), ...form, el("p", {}, link(words.say("code-my"), `${page.prefix}/my`))],
    ...(said === null ? {} : { said: words.say(said.key, said.values), focus: "code" }),
  };
}

/** What a page can forget it has forgotten; what only the voter can make her browser forget is said. */
function finishedNote(words: Words, { finished, linked }: Booth): Node[] {
  if (!finished) return [];
  return [paragraph(words.say("finished"), "good"), ...(linked ? [paragraph(words.say("finished-linked"), "caution")] : [])];
}

function contestsView(words: Words, booth: Booth): View {
  const begun = new Set(booth.drafts.begun().map((one) => one.uuid));
  const { prefix } = booth.page;
  const cards = standingCards(words, booth.standings.map(readSince), begun, (standing, stage) => {
    if (["to-do", "in-progress", "cast"].includes(stage)) return [acts(voteButton(words, booth, standing, begun))];
    if (stage === "differs") return [];
    if (stage === "unread") return [acts(button(words.say("try-again"), () => lookAgain(booth, standing), "second"))];
    const label = words.say("contests-watch", { title: words.title(standing.contest.title) });
    return [acts(link(label, `${prefix}/observe/${standing.contest.uuid}`))];
  });
  return {
    title: words.say("title-contests"),
    body: [cards, acts(button(words.say("finish"), () => booth.finish(), "second"))],
  };
}

/** The list with the answer about a contest that could not be read before. */
async function lookAgain(booth: Booth, standing: Standing): Promise<void> {
  const now = await askAgain(standing);
  booth.standings = booth.standings.flatMap((one) => (one.contest === standing.contest ? (now ?? []) : one));
  booth.draw();
}

function unreadableView(words: Words, booth: Booth, { uuid, why }: Screen & { at: "unreadable" }): View {
  const said = words.say(why === "false-record" ? "unreadable-false" : `unreadable-${why}`);
  return {
    title: words.say("title-unreadable"),
    body: [
      paragraph(said, why === "offline" ? "caution" : "refusal"),
      acts(
        why === "offline" ? button(words.say("try-again"), () => void booth.pick(uuid)) : null,
        button(words.say("contests-all"), () => booth.leave(), "second"),
      ),
    ],
    said,
  };
}
