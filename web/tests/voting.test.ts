// The booth's screens: whatever happens, in whatever order, a ballot is cast once or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Unreachable } from "../src/booth/contest.ts";
import { isInRecord } from "../src/booth/sending.ts";
import { BEGIN, type Doubt, type Event, HELP_AFTER, mayRest, next, type Screen, waitBefore } from "../src/booth/voting.ts";

const UUID = "4mEtPtsNhR4Pz8";
const marks = [[0, 1]] as const;

const EVENTS: readonly Event[] = [
  { it: "code-typed" },
  { it: "code-malformed", detail: "code-length" },
  { it: "code-not-listed", groups: [2] },
  { it: "unreachable" },
  { it: "listed", only: null },
  { it: "listed", only: UUID },
  { it: "contest-picked", uuid: UUID },
  { it: "contest-read" },
  { it: "contest-unreadable", why: "offline" },
  { it: "contest-unreadable", why: "false-record" },
  { it: "reviewed", marks },
  { it: "changed" },
  { it: "encryption-began", total: 3 },
  { it: "encryption-went-on", done: 1, total: 3 },
  { it: "encryption-ended", commitment: "h" },
  { it: "opened-for-test" },
  { it: "cast-clicked" },
  { it: "another-was-cast" },
  { it: "sent" },
  { it: "sent-before", uuid: UUID },
  { it: "fate-unknown", doubt: "offline", wait: 2 },
  { it: "fate-unknown", doubt: "ended-out", wait: 2 },
  { it: "set-aside", listed: true },
  { it: "set-aside", listed: false },
  { it: "sent-again" },
  { it: "refused", code: "not-open" },
  { it: "acknowledged" },
  { it: "receipt-kept", uuid: UUID },
  { it: "left" },
  { it: "rested" },
];

function after(...events: readonly Event[]): Screen {
  return events.reduce(next, BEGIN);
}

const TO_ENCRYPTED: readonly Event[] = [
  { it: "code-typed" },
  { it: "listed", only: UUID },
  { it: "contest-read" },
  { it: "reviewed", marks },
  { it: "encryption-began", total: 3 },
  { it: "encryption-ended", commitment: "h" },
];

const TO_CLICKED: readonly Event[] = [...TO_ENCRYPTED, { it: "cast-clicked" }];

/** Every screen that any events lead to, found by trying all of them everywhere. */
function reachable(): Screen[] {
  const found = new Map<string, Screen>([[nameOf(BEGIN), BEGIN]]);
  for (const screen of found.values()) {
    for (const event of EVENTS) {
      const then = next(screen, event);
      if (!found.has(nameOf(then))) found.set(nameOf(then), then);
    }
  }
  return [...found.values()];
}

/** Counters apart, which may grow for ever. */
function nameOf(screen: Screen): string {
  return JSON.stringify(screen, (key, value: unknown) => (["wrong", "attempt", "done"].includes(key) ? 0 : value));
}

test("a voter gets from her code to an acknowledgement", () => {
  assert.deepEqual(after(...TO_ENCRYPTED), { at: "encrypted", uuid: UUID, marks, commitment: "h" });
  assert.deepEqual(after(...TO_CLICKED, { it: "sent" }, { it: "acknowledged" }), { at: "accepted", uuid: UUID });
});

test("from a ballot that is on its way only its fate leads on: the same bytes, a refusal, or the acknowledgement", () => {
  const leads = new Set<string>();
  for (const screen of reachable().filter(({ at }) => at === "sending" || at === "unsure")) {
    for (const event of EVENTS) {
      const then = next(screen, event);
      if (then.at !== screen.at) leads.add(`${screen.at} ${event.it} ${then.at}`);
    }
  }
  assert.deepEqual([...leads].sort(), [
    "sending acknowledged accepted",
    "sending fate-unknown unsure",
    "sending refused refused",
    "unsure sent-again sending",
    "unsure set-aside code",
    "unsure set-aside contests",
  ]);
});

test("only after the end of voting is a ballot set aside for other contests, and its own contest leads back to it", () => {
  const before: readonly Event[] = [{ it: "sent-before", uuid: UUID }, { it: "sent-again" }];
  const unsure = (doubt: Doubt): Screen => after(...before, { it: "fate-unknown", doubt, wait: 2 });
  for (const doubt of ["ended", "ended-in", "ended-out"] as const) {
    const aside = next(unsure(doubt), { it: "set-aside", listed: true });
    assert.deepEqual(aside, { at: "contests" });
    assert.equal(next(aside, { it: "sent-before", uuid: UUID }).at, "unsure");
  }
  for (const doubt of ["offline", "slow", "busy", "rate-limited", "strange", "false-answer", "interrupted"] as const) {
    assert.equal(next(unsure(doubt), { it: "set-aside", listed: true }).at, "unsure");
  }
});

test("of a ballot that came too late the record is asked, and without an answer nothing is said", async () => {
  const answering = (status: number | null) => async (address: string): Promise<Uint8Array> => {
    if (status === 200) return new Uint8Array();
    throw new Unreachable(address, status);
  };
  for (const [status, found] of [[200, true], [404, false], [503, null], [null, null]] as const) {
    assert.equal(await isInRecord(UUID, "0".repeat(64), answering(status)), found);
  }
});

test("a ballot is sent only after the click on it, and a second click sends nothing", () => {
  for (const screen of reachable()) {
    if (next(screen, { it: "sent" }).at !== "sending" || screen.at === "sending") continue;
    assert.equal(screen.at, "checking");
  }
  const checking = after(...TO_CLICKED);
  assert.equal(next(checking, { it: "cast-clicked" }), checking);
  const sending = next(checking, { it: "sent" });
  for (const again of [{ it: "cast-clicked" }, { it: "sent" }] as const) assert.equal(next(sending, again), sending);
});

test("between the click and the sending nobody changes, leaves or tests, so that the ballot is cast as it stood at the click", () => {
  const checking = after(...TO_CLICKED);
  assert.deepEqual(checking, { at: "checking", uuid: UUID, marks, commitment: "h" });
  const leads = EVENTS.filter((event) => next(checking, event) !== checking).map(({ it }) => it);
  assert.deepEqual(leads, ["another-was-cast", "sent", "rested"]);
});

test("an opened ballot is never cast: only marking anew leads on", () => {
  const tested = after(...TO_ENCRYPTED, { it: "opened-for-test" });
  assert.equal(tested.at, "tested");
  for (const event of EVENTS) {
    const then = next(tested, event);
    assert.ok(["tested", "choosing", "opening", "contests", "code"].includes(then.at), `${event.it} ${then.at}`);
  }
});

test("a ballot that came in from elsewhere is told before another one is cast", () => {
  const told = after(...TO_CLICKED, { it: "another-was-cast" });
  assert.equal(told.at, "overtaken");
  assert.equal(next(told, { it: "sent" }), told);
  assert.equal(next(next(told, { it: "cast-clicked" }), { it: "sent" }).at, "sending");
  assert.equal(next(told, { it: "left" }).at, "contests");
  assert.equal(next(told, { it: "opened-for-test" }).at, "tested");
});

test("wrong codes are counted, lead to help, and never to a lock", () => {
  let screen: Screen = BEGIN;
  for (let wrong = 1; wrong <= 2 * HELP_AFTER; wrong += 1) {
    screen = next(next(screen, { it: "code-typed" }), { it: "code-not-listed", groups: [] });
    assert.equal(screen.at === "code" && screen.wrong, wrong);
  }
  assert.equal(after({ it: "code-typed" }, { it: "unreachable" }).at, "code");
  assert.equal(next(next(screen, { it: "code-typed" }), { it: "listed", only: null }).at, "contests");
});

test("a page that was left with a ballot on its way begins with that ballot", () => {
  const screen = after({ it: "sent-before", uuid: UUID });
  assert.deepEqual(screen, { at: "unsure", uuid: UUID, attempt: 1, doubt: "interrupted", wait: 0 });
  assert.equal(next(next(screen, { it: "sent-again" }), { it: "acknowledged" }).at, "accepted");
});

test("a receipt that was kept is shown before a code is given, and in place of nothing else", () => {
  const kept = { it: "receipt-kept", uuid: UUID } as const;
  assert.deepEqual(after(kept), { at: "accepted", uuid: UUID });
  for (const screen of reachable().filter(({ at }) => at !== "code")) assert.equal(next(screen, kept), screen);
});

test("after a rest the code is asked for again, but not while a ballot's fate is open", () => {
  for (const screen of reachable()) {
    const then = next(screen, { it: "rested" });
    if (mayRest(screen)) assert.equal(then.at, "code", screen.at);
    else assert.equal(then, screen);
  }
});

test("every screen is reached, and only these", () => {
  const reached = new Set(reachable().map(({ at }) => at));
  assert.deepEqual([...reached].sort(), [
    "accepted", "checking", "choosing", "code", "contests", "encrypted", "encrypting", "looking", "opening", "overtaken", "refused", "reviewing",
    "sending", "tested", "unreadable", "unsure",
  ]);
});

test("attempts become rarer, obey the server, and never wait longer than a minute", () => {
  assert.deepEqual([1, 2, 3, 9].map((attempt) => waitBefore(attempt, 0)), [2, 4, 8, 60]);
  assert.equal(waitBefore(1, 20), 20);
  assert.equal(waitBefore(1, 4000), 60);
});
