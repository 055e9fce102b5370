import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { deriveCredential, derive, parseCode, wrongGroups } from "../src/ballot/credential.ts";
import { parseElection } from "../src/ballot/election.ts";
import { readBallot, verifyBallot } from "../src/ballot/encrypted_ballot.ts";
import { parseOpened, prepareBallot, verifyOpened } from "../src/ballot/prepared_ballot.ts";
import { rehearse } from "../src/ballot/rehearsal.ts";
import { utf8 } from "../src/crypto/bytes.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { prepareTables } from "../src/crypto/group.ts";
import { drawing, load } from "./vectors.ts";

const known = load("vectors/spec/web-ballot-vectors.json");
const election = parseElection(known.election);
await prepareTables(election.publicKey);
const CODE: string = known.ballots[0].code;

for (const one of known.ballots) {
  test(`the ballot ${one.commitment} is Python's to the byte, cast or opened, and both check`, async () => {
    const credential = await deriveCredential(one.code, election.uuid);
    assert.equal(credential.publicText, one.credential);
    const steps: number[] = [];
    const make = () => prepareBallot(election, one.choices, credential, { randomness: drawing(one.seed), onProgress: (done) => steps.push(done) });
    const ballot = await make();
    assert.equal(ballot.commitment, one.commitment);
    assert.equal(steps.at(-1), steps.length);
    const cast = ballot.sign();
    assert.equal(cast.text, one.cast);
    for (const again of [() => ballot.sign(), () => ballot.open()]) assert.throws(again, { code: "ballot-spent" });
    const read = readBallot(utf8(cast.text));
    assert.equal(read.tracker, cast.tracker);
    verifyBallot(read, election, (listed) => listed === one.credential);

    const tested = await make();
    const file = tested.open();
    assert.equal(file, one.opened);
    assert.throws(() => tested.sign(), { code: "ballot-spent" });
    const opened = parseOpened(utf8(file));
    assert.equal(opened.commitment, one.commitment);
    verifyOpened(opened, election);
  });
}

test("an opened ballot that says another choice, number or election is found out", () => {
  const value = JSON.parse(known.ballots[0].opened);
  const changed = (change: (value: any) => void): Uint8Array => {
    const copy = structuredClone(value);
    change(copy);
    return utf8(JSON.stringify(copy).replaceAll("\x7f", "\\u007f"));
  };
  const cases: [string, (value: any) => void][] = [
    ["opened-differs", (one) => one.choices[0].reverse() && (one.choices[0] = [1, 0, 0])],
    ["opened-differs", (one) => (one.randomness[3][0] = "5")],
    ["wrong-election", (one) => (one.election = "5bVecheWebTesu")],
    ["choices", (one) => (one.choices[0] = [1, 1, 0])],
    ["opened-malformed", (one) => one.randomness.pop()],
    ["opened-malformed", (one) => (one.veche = "opened/2")],
  ];
  for (const [code, change] of cases) {
    assert.throws(() => verifyOpened(parseOpened(changed(change)), election), { code });
  }
});

test("a vote of nobody is made for any question, of nothing of the voter, and no longer than she chooses", async () => {
  const drawn = mock.method(crypto, "getRandomValues");
  for (const question of [...election.questions, { text: "?", answers: ["a"], minimum: 0, maximum: 1, blank: false }]) {
    await rehearse({ ...election, questions: [question] }, new AbortController().signal);
  }
  const whole = drawn.mock.callCount();
  const pressed = new AbortController();
  const pressing = rehearse(election, pressed.signal);
  pressed.abort();
  await pressing;
  await rehearse(election, pressed.signal);
  assert.ok(drawn.mock.callCount() - whole < 40 && whole > 100, `${whole} and ${drawn.mock.callCount()}`);
  drawn.mock.restore();
});

test("choices that are no legal vote are not encrypted", async () => {
  const credential = await deriveCredential(CODE, election.uuid);
  const legal = known.ballots[0].choices;
  for (const [question, marks] of [[0, [1, 1, 0]], [0, [0, 0, 0]], [0, [1, 0]], [0, [2, 0, 0]], [1, [1, 1, 0, 0, 0]], [1, [0, 1, 1, 1, 0]], [2, [0, 0, 0, 0, 0]]] as const) {
    const wrong = legal.map((one: number[], at: number) => (at === question ? marks : one));
    await assert.rejects(prepareBallot(election, wrong, credential), { code: "choices" });
  }
  await assert.rejects(prepareBallot(election, legal.slice(1), credential), { code: "choices" });
});

const mutated = load("vectors/belenios/ballots-mutated-1.json");
const asked = parseElection(typeof mutated.election === "string" ? mutated.election : JSON.stringify(mutated.election));
const listed = new Set((typeof mutated.public_credentials === "string" ? JSON.parse(mutated.public_credentials) : mutated.public_credentials).map((line: string) => line.split(",")[0]));
for (const one of mutated.cases) {
  test(`changed ballot ${one.id}: ${one.expect}`, () => {
    const check = () => verifyBallot(readBallot(utf8(one.ballot)), asked, (credential) => listed.has(credential));
    if (one.expect === "accept") check();
    else assert.throws(check, ElectionError);
  });
}

test("a code may be typed with blanks, dashes and Cyrillic look-alikes anywhere", () => {
  const bare = CODE.replaceAll("-", "");
  for (const typed of [bare, ` ${CODE}\n`, [...bare].join(" "), [...bare].join("\u2014"), [...bare].join("\u00a0\u200b"), bare.replaceAll("A", "А").replaceAll("x", "х").replaceAll("c", "с")]) {
    assert.equal(parseCode(typed), CODE);
  }
  assert.deepEqual(wrongGroups(CODE), []);
});

test("a code that cannot be one is refused, says where, and is not shown", () => {
  const bare = CODE.replaceAll("-", "");
  for (const [typed, words] of [[bare.slice(1), "22 characters"], [`${bare}1`, "22 characters"], [`0${bare.slice(1)}`, "character 1"], [`${bare.slice(1)}в`, "Cyrillic"], ["1".repeat(500), "500"], [`${bare.slice(1)}é`, "only Latin"]] as const) {
    assert.throws(() => parseCode(typed), (error: unknown) => error instanceof ElectionError && error.code === "code-malformed" && error.message.includes(words) && !error.message.includes(bare.slice(2, 12)));
  }
});

test("a mistyped character is found in its group", () => {
  CODE.split("-").forEach((group, at, all) => {
    const other = group[0] === "2" ? "3" : "2";
    assert.deepEqual(wrongGroups(all.with(at, other + group.slice(1)).join("-")), [at + 1]);
  });
});

test("the credential of belenios-tool 3 is derived", () => {
  const vector = load("vectors/spec/belenios-vectors.json").find((one: { name: string }) => one.name === "credential 3.x");
  assert.equal(derive(vector.credential, vector.uuid).toString(), vector.mod_q);
});
