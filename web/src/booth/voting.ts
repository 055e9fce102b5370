/**
 * What the booth shows and what may follow: one pure function, `next`, from a screen and an event to the next screen.
 *
 * An event that a screen does not know changes nothing: a second click on *Cast* finds no button, whatever the page looks like.
 * Four rules live here and nowhere else:
 * - once a ballot was sent, the voter gets back to choosing in its contest only when its fate is known; until then the same bytes are
 *   sent again. After the end of voting she may set it aside for other contests: it is kept, and its contest leads back to it;
 * - between the click on *Cast* and the sending the voter can neither change, leave nor test: what is sent is what she clicked on;
 * - a ballot that was opened for a test is never cast;
 * - wrong codes lead to help, never to a lock.
 */

/** Marks per question: 0 or 1, the blank vote first where the question has one. */
export type Marks = readonly (readonly (0 | 1)[])[];

/** Why no code was accepted, or why the code is asked for again. `groups`: the groups of the code where the slip probably is. */
export type CodeTrouble =
  | { readonly why: "malformed"; readonly detail: string }
  | { readonly why: "not-listed"; readonly groups: readonly number[] }
  | { readonly why: "offline" }
  | { readonly why: "rested" };

/** Why it is not known whether the box has the ballot. */
export type Doubt = Ended | "offline" | "slow" | "busy" | "rate-limited" | "strange" | "false-answer" | "interrupted";

/** Voting is not open now, and an attempt before may have been in time: the record says that it was, that it was not, or nothing. */
export type Ended = "ended" | "ended-in" | "ended-out";

export type Screen =
  | { readonly at: "code"; readonly wrong: number; readonly trouble?: CodeTrouble }
  | { readonly at: "looking"; readonly wrong: number }
  | { readonly at: "contests" }
  | { readonly at: "opening"; readonly uuid: string }
  | { readonly at: "unreadable"; readonly uuid: string; readonly why: "offline" | "false-record" | "too-long" }
  | { readonly at: "choosing"; readonly uuid: string }
  | { readonly at: "reviewing"; readonly uuid: string; readonly marks: Marks }
  | { readonly at: "encrypting"; readonly uuid: string; readonly marks: Marks; readonly done: number; readonly total: number }
  | { readonly at: "encrypted"; readonly uuid: string; readonly marks: Marks; readonly commitment: string }
  | { readonly at: "tested"; readonly uuid: string; readonly commitment: string }
  | { readonly at: "overtaken"; readonly uuid: string; readonly marks: Marks; readonly commitment: string }
  | { readonly at: "checking"; readonly uuid: string; readonly marks: Marks; readonly commitment: string }
  | { readonly at: "sending"; readonly uuid: string; readonly attempt: number }
  | { readonly at: "unsure"; readonly uuid: string; readonly attempt: number; readonly doubt: Doubt; readonly wait: number }
  | { readonly at: "refused"; readonly uuid: string; readonly code: string }
  | { readonly at: "accepted"; readonly uuid: string };

export type Event =
  | { readonly it: "code-typed" }
  | { readonly it: "code-malformed"; readonly detail: string }
  | { readonly it: "code-not-listed"; readonly groups: readonly number[] }
  | { readonly it: "unreachable" }
  | { readonly it: "listed"; readonly only: string | null }
  | { readonly it: "contest-picked"; readonly uuid: string }
  | { readonly it: "contest-read" }
  | { readonly it: "contest-unreadable"; readonly why: "offline" | "false-record" | "too-long" }
  | { readonly it: "reviewed"; readonly marks: Marks }
  | { readonly it: "changed" }
  | { readonly it: "encryption-began"; readonly total: number }
  | { readonly it: "encryption-went-on"; readonly done: number; readonly total: number }
  | { readonly it: "encryption-ended"; readonly commitment: string }
  | { readonly it: "opened-for-test" }
  | { readonly it: "cast-clicked" }
  | { readonly it: "another-was-cast" }
  | { readonly it: "sent" }
  | { readonly it: "sent-before"; readonly uuid: string }
  | { readonly it: "fate-unknown"; readonly doubt: Doubt; readonly wait: number }
  | { readonly it: "sent-again" }
  /** Of a ballot after the end of voting; `listed`: whether the page still knows the voter's other contests. */
  | { readonly it: "set-aside"; readonly listed: boolean }
  | { readonly it: "refused"; readonly code: string }
  | { readonly it: "acknowledged" }
  /** The page was loaded anew, and the tab has kept the receipt. */
  | { readonly it: "receipt-kept"; readonly uuid: string }
  | { readonly it: "left" }
  | { readonly it: "rested" };

export const BEGIN: Screen = { at: "code", wrong: 0 };

/** From here on wrong codes are answered with what else can be done. */
export const HELP_AFTER = 5;

const LONGEST_WAIT = 60;

export function next(screen: Screen, event: Event): Screen {
  switch (screen.at) {
    case "code":
    case "looking":
      return withoutCode(screen, event);
    case "sending":
    case "unsure":
      return underWay(screen, event);
    case "encrypting":
    case "encrypted":
    case "overtaken":
      return encrypted(screen, event);
    case "checking":
      return beforeSending(screen, event);
    default:
      return withCode(screen, event);
  }
}

/** Whether the page may forget the voter's keys: never while a ballot's fate is open, and nothing is left to forget before a code. */
export function mayRest(screen: Screen): boolean {
  return !["code", "looking", "sending", "unsure", "encrypting"].includes(screen.at);
}

/** Whether the voter may leave this ballot for her other contests: waiting does not help it any more. */
export function maySetAside(screen: Screen): boolean {
  return screen.at === "unsure" && isEnded(screen.doubt);
}

function isEnded(doubt: Doubt): doubt is Ended {
  return doubt === "ended" || doubt === "ended-in" || doubt === "ended-out";
}

/** Seconds until the same ballot is sent once more by itself: what the server asks for, else longer with every attempt. */
export function waitBefore(attempt: number, asked: number): number {
  return Math.min(LONGEST_WAIT, Math.max(asked, 2 ** Math.min(attempt, 6)));
}

function withoutCode(screen: Screen & { at: "code" | "looking" }, event: Event): Screen {
  const wrong = screen.wrong;
  switch (event.it) {
    case "code-typed":
      return { at: "looking", wrong };
    case "code-malformed":
      return { at: "code", wrong: wrong + 1, trouble: { why: "malformed", detail: event.detail } };
    case "code-not-listed":
      return { at: "code", wrong: wrong + 1, trouble: { why: "not-listed", groups: event.groups } };
    case "unreachable":
      return { at: "code", wrong, trouble: { why: "offline" } };
    case "listed":
      if (screen.at !== "looking") return screen;
      return event.only === null ? { at: "contests" } : { at: "opening", uuid: event.only };
    case "sent-before":
      return interrupted(event.uuid);
    case "receipt-kept":
      return screen.at === "code" ? { at: "accepted", uuid: event.uuid } : screen;
    default:
      return screen;
  }
}

/** A ballot that was sent before and left without an answer. */
function interrupted(uuid: string): Screen {
  return { at: "unsure", uuid, attempt: 1, doubt: "interrupted", wait: 0 };
}

function withCode(screen: Screen, event: Event): Screen {
  if (event.it === "rested") return { at: "code", wrong: 0, trouble: { why: "rested" } };
  if (event.it === "left") return { at: "contests" };
  switch (screen.at) {
    case "contests":
    case "refused":
    case "accepted":
    case "tested":
    case "unreadable":
      if (event.it === "sent-before" && screen.at === "contests") return interrupted(event.uuid);
      if (event.it === "contest-picked") return { at: "opening", uuid: event.uuid };
      return screen.at === "tested" && event.it === "changed" ? { at: "choosing", uuid: screen.uuid } : screen;
    case "opening":
      if (event.it === "contest-read") return { at: "choosing", uuid: screen.uuid };
      return event.it === "contest-unreadable" ? { at: "unreadable", uuid: screen.uuid, why: event.why } : screen;
    case "choosing":
      return event.it === "reviewed" ? { at: "reviewing", uuid: screen.uuid, marks: event.marks } : screen;
    case "reviewing":
      if (event.it === "changed") return { at: "choosing", uuid: screen.uuid };
      if (event.it !== "encryption-began") return screen;
      return { at: "encrypting", uuid: screen.uuid, marks: screen.marks, done: 0, total: event.total };
    default:
      return screen;
  }
}

function encrypted(screen: Screen & { at: "encrypting" | "encrypted" | "overtaken" }, event: Event): Screen {
  const { uuid, marks } = screen;
  if (screen.at === "encrypting") {
    if (event.it === "encryption-went-on") return { ...screen, done: event.done, total: event.total };
    return event.it === "encryption-ended" ? { at: "encrypted", uuid, marks, commitment: event.commitment } : screen;
  }
  switch (event.it) {
    case "cast-clicked":
      return { at: "checking", uuid, marks, commitment: screen.commitment };
    case "opened-for-test":
      return { at: "tested", uuid, commitment: screen.commitment };
    case "changed":
      return { at: "choosing", uuid };
    case "left":
    case "rested":
      return withCode(screen, event);
    default:
      return screen;
  }
}

/** The voter has clicked, and the page looks whether another ballot came in before it sends this one. */
function beforeSending(screen: Screen & { at: "checking" }, event: Event): Screen {
  const { uuid, marks, commitment } = screen;
  switch (event.it) {
    case "sent":
      return { at: "sending", uuid, attempt: 1 };
    case "another-was-cast":
      return { at: "overtaken", uuid, marks, commitment };
    case "rested":
      return withCode(screen, event);
    default:
      return screen;
  }
}

function underWay(screen: Screen & { at: "sending" | "unsure" }, event: Event): Screen {
  const { uuid, attempt } = screen;
  switch (event.it) {
    case "fate-unknown":
      return screen.at === "sending" ? { at: "unsure", uuid, attempt, doubt: event.doubt, wait: event.wait } : screen;
    case "sent-again":
      return screen.at === "unsure" ? { at: "sending", uuid, attempt: attempt + 1 } : screen;
    case "set-aside":
      if (!maySetAside(screen)) return screen;
      return event.listed ? { at: "contests" } : { at: "code", wrong: 0 };
    case "refused":
      return screen.at === "sending" ? { at: "refused", uuid, code: event.code } : screen;
    case "acknowledged":
      return screen.at === "sending" ? { at: "accepted", uuid } : screen;
    default:
      return screen;
  }
}
