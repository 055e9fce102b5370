/** The page has made a mistake where the voter waits and has nothing to press: words say what became of her ballot. */

import type { Booth } from "./booth.ts";
import { acts, button, paragraph } from "./element.ts";
import type { View } from "./stage.ts";
import type { Screen } from "./voting.ts";
import type { Words } from "./words.ts";

/** Whether this screen offers nothing to press, because the page is at work. */
export function isAtWork(screen: Screen): boolean {
  return ["looking", "opening", "encrypting", "checking", "sending"].includes(screen.at);
}

/** A ballot that is on its way is sent again by the page when it is loaded anew; else nothing has left it. */
export function brokenView(words: Words, booth: Booth): View {
  const said = words.say(booth.pending === null ? "broken-not-sent" : "broken-sent");
  return {
    title: words.say("title-broken"),
    body: [paragraph(said, "refusal"), acts(button(words.say("broken-load"), () => location.reload()))],
    said,
  };
}
