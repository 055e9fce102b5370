// A contest whose ballots nobody would take is told before a voter chooses anything in it.

import assert from "node:assert/strict";
import { test } from "node:test";

import english from "../messages/en.json";
import russian from "../../service/locale/ru/scripts.json";
import { longestBallot, verifyBallotLength } from "../src/ballot/ballot_length.ts";
import type { Question } from "../src/ballot/election.ts";
import { next } from "../src/booth/voting.ts";
import { Malformed } from "../src/crypto/errors.ts";

function asking(maximum: number, blank = false): Question[] {
  return [{ text: "Which?", answers: Array.from({ length: 100 }, () => "a"), minimum: 0, maximum, blank }];
}

test("what would be refused when it is cast is refused before the choice, by the figure that the server has", () => {
  const uuid = "4hVecheTestB22";
  verifyBallotLength(uuid, asking(70));
  // The same figure in tests/ballot/test_ballot_length.py.
  assert.equal(longestBallot(uuid, asking(71)), 65_576);
  assert.throws(
    () => verifyBallotLength(uuid, asking(71)),
    (error) => error instanceof Malformed && error.code === "ballot-too-long",
  );
  assert.ok(longestBallot(uuid, asking(70, true)) > longestBallot(uuid, asking(70)) + 1000);
});

test("the screen that says so comes in the place of the choice", () => {
  const screen = next({ at: "opening", uuid: "4hVecheTestB22" }, { it: "contest-unreadable", why: "too-long" });
  assert.deepEqual(screen, { at: "unreadable", uuid: "4hVecheTestB22", why: "too-long" });
  for (const messages of [english, russian]) assert.ok("unreadable-too-long" in messages.booth);
});
