// Every way in which a cast can go wrong, and what it says about the ballot.

import assert from "node:assert/strict";
import { test } from "node:test";

import { type Answer, attempt, judge, type Post, settled } from "../src/booth/sending.ts";

const encoder = new TextEncoder();

function answer(status: number, body: unknown = "", retryAfter: string | null = null): Answer {
  return { status, retryAfter, body: encoder.encode(typeof body === "string" ? body : JSON.stringify(body)) };
}

const refuse = (): void => {
  throw new Error("not the box's word");
};

test("only an answer that names what is wrong is taken for a refusal", () => {
  for (const code of ["malformed", "too-large", "unknown-credential", "not-issued", "invalid-signature", "invalid-proof", "wrong-election", "not-open"]) {
    assert.deepEqual(judge(answer(400, { code })), { is: "refused", code });
  }
  // The same words with a server's failure, or with a code that nobody knows, settle nothing.
  assert.equal(judge(answer(500, { code: "not-open" })).is, "unknown");
  assert.equal(judge(answer(404, { code: "not-found" })).is, "unknown");
});

test("what is no answer of the box leaves the fate open and says why", () => {
  const doubts = [
    [answer(503, { code: "busy" }, "7"), "busy", 7],
    [answer(502, "<html>"), "busy", 0],
    [answer(504), "busy", 0],
    [answer(429, { code: "rate-limited" }, "30"), "rate-limited", 30],
    [answer(408, { code: "too-slow" }), "slow", 0],
    [answer(403, "<html>please sign in"), "strange", 0],
    [answer(500, { code: "our-fault" }), "strange", 0],
    [answer(503, "", "Wed, 21 Oct 2026"), "busy", 0],
    [answer(200, "x".repeat(200_000)), "strange", 0],
  ] as const;
  for (const [given, doubt, wait] of doubts) assert.deepEqual(judge(given), { is: "unknown", doubt, wait }, String(given.status));
});

test("that voting is not open now says nothing of an attempt before, whose answer was lost", () => {
  const closed = judge(answer(409, { code: "not-open" }));
  assert.deepEqual(settled(closed, 1), { is: "refused", code: "not-open" });
  assert.deepEqual(settled(closed, 2), { is: "unknown", doubt: "ended", wait: 0 });
  const faulty = judge(answer(400, { code: "invalid-proof" }));
  assert.equal(settled(faulty, 2), faulty);
  const taken = judge(answer(201, "note"));
  assert.equal(settled(taken, 2), taken);
});

test("no answer, and one that comes too late, leave the fate open", async () => {
  const offline: Post = async () => {
    throw new TypeError("Failed to fetch");
  };
  const late: Post = async () => {
    throw new DOMException("too late", "TimeoutError");
  };
  assert.deepEqual(await attempt(offline, "/", "ballot", () => {}), { is: "unknown", doubt: "offline", wait: 0 });
  assert.deepEqual(await attempt(late, "/", "ballot", () => {}), { is: "unknown", doubt: "slow", wait: 0 });
});

test("an acknowledgement is believed only after it was verified", async () => {
  const sent: string[] = [];
  const taken: Post = async (_, ballot) => {
    sent.push(ballot);
    return answer(201, "note");
  };
  assert.equal((await attempt(taken, "/", "ballot", () => {})).is, "taken");
  assert.deepEqual(await attempt(taken, "/", "ballot", refuse), { is: "unknown", doubt: "false-answer", wait: 0 });
  assert.deepEqual(sent, ["ballot", "ballot"]);
});
