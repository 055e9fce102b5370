// The trustee's page against a board that lies: takePart is all that stands between the server and the key.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dumps } from "../src/crypto/canonical_json.ts";
import { lineOf, makeCertificate, parseCertificate } from "../src/crypto/certificate.ts";
import { commit, commitmentOf, type Committed, reveal, takePlace } from "../src/crypto/ceremony.ts";
import { keysOf, randomSeed } from "../src/crypto/channel.ts";
import { Blamed, Inconsistent } from "../src/crypto/errors.ts";
import type { TrusteeRoom } from "../src/crypto/key_file.ts";
import { revealJson } from "../src/crypto/reveal.ts";
import type { Terms } from "../src/crypto/run_file.ts";
import { type ClosedRecord, MOST_BALLOTS, verifyEnough } from "../src/trustee/record.ts";
import type { Hall } from "../src/trustee/server.ts";
import { type Board, newRoom, type Step, takePart } from "../src/trustee/taking_part.ts";
import { drawing } from "./vectors.ts";

const TERMS: Terms = { size: 3, threshold: 2, deadlines: [100, 200, 300], names: ["T1", "T2", "T3"] };

/** The board of trustee 1. A test changes what it shows as a server can. */
class LyingBoard implements Board {
  readonly shown = new Map<string, string>();
  readonly sent: string[] = [];
  readonly hidden = new Set<string>();

  async hall(): Promise<Hall> {
    const names = new Set([...this.shown.keys()].filter((name) => !this.hidden.has(name)));
    return { run: 1, status: "running", place: 1, names, ended: undefined };
  }

  async message(name: string): Promise<string> {
    return this.shown.get(name) ?? assert.fail(name);
  }

  async put(name: string, content: string): Promise<void> {
    this.sent.push(name);
    this.shown.set(name, content);
  }

  async outcome(): Promise<never> {
    return assert.fail("nothing is published yet");
  }
}

/** A dealer beside trustee 1, who may choose its part as often as it likes. */
class Dealer {
  readonly keys;
  readonly certificate: string;

  constructor(readonly place: number, seed: string) {
    this.keys = keysOf(randomSeed(drawing(seed)));
    this.certificate = lineOf(makeCertificate(this.keys, { size: 3, threshold: 2, index: place }, drawing(`${seed} certificate`)));
  }

  async choose(certificates: readonly string[], seed: string): Promise<Committed> {
    const place = takePlace(this.keys, certificates.map(parseCertificate), 3, 2, this.place);
    return commit(this.keys, place, drawing(seed));
  }
}

function showCertificates(board: LyingBoard, dealers: readonly Dealer[]): void {
  for (const one of dealers) board.shown.set(`certificate-${one.place}.json`, one.certificate);
}

function saved(step: Step): TrusteeRoom {
  assert.ok(step.kind === "save", step.kind);
  return step.room;
}

async function compared(board: LyingBoard, room: TrusteeRoom): Promise<string> {
  const step = await takePart(board, room, TERMS, undefined, drawing("compare"));
  assert.ok(step.kind === "compare");
  return step.hash;
}

function begun() {
  const board = new LyingBoard();
  const room = newRoom("town", TERMS, 1, drawing("first"));
  const dealers = [new Dealer(2, "second"), new Dealer(3, "third")];
  showCertificates(board, dealers);
  return { board, room, dealers };
}

test("nothing is chosen for other certificates than those that people compared", async () => {
  const { board, room } = begun();
  const hash = await compared(board, room);
  const honest = new Map(board.shown);
  showCertificates(board, [new Dealer(2, "server's second"), new Dealer(3, "server's third")]);
  await assert.rejects(takePart(board, room, TERMS, hash, drawing("choose")), { code: "split-view" });
  assert.deepEqual(board.sent.filter((name) => !name.startsWith("certificate")), []);
  honest.forEach((content, name) => board.shown.set(name, content));
  assert.equal(saved(await takePart(board, room, TERMS, hash, drawing("choose"))).state?.step, "committed");
});

/** Trustee 1 has seen all commitments and shown its reveal; both dealers have chosen. */
async function revealedTo() {
  const { board, room, dealers } = begun();
  const committed = saved(await takePart(board, room, TERMS, await compared(board, room), drawing("choose")));
  assert.equal((await takePart(board, committed, TERMS, undefined, drawing("wait"))).kind, "wait");
  const certificates = [room.certificate, ...dealers.map((one) => one.certificate)];
  const parts = await Promise.all(dealers.map((one) => one.choose(certificates, `part ${one.place}`)));
  for (const one of parts) board.shown.set(`commitment-${one.place.index}.json`, dumps({ commitment: commitmentOf(one) }));
  const before = board.sent.length;
  const revealed = saved(await takePart(board, committed, TERMS, undefined, drawing("reveal")));
  assert.equal(board.sent.slice(before).some((name) => name.startsWith("reveal")), false);
  assert.deepEqual(await takePart(board, revealed, TERMS, undefined, drawing("show")), { kind: "wait", what: "reveal", places: [2, 3] });
  return { board, committed, revealed, dealers, certificates, parts };
}

function showReveals(board: LyingBoard, dealers: readonly Dealer[], parts: readonly Committed[], own: string): void {
  const commitments = [own, ...parts.map(commitmentOf)];
  parts.forEach((part, at) => {
    const made = reveal((dealers[at] as Dealer).keys, part, commitments, drawing(`reveal ${at}`));
    board.shown.set(`reveal-${part.place.index}.json`, dumps(revealJson(made.reveal)));
  });
}

test("a dealer who commits anew after this trustee's reveal gets no share", async () => {
  const { board, committed, revealed, dealers, certificates, parts } = await revealedTo();
  const shown = board.shown.get("reveal-1.json");
  const [second, third] = [await (dealers[0] as Dealer).choose(certificates, "chosen after the reveal"), parts[1] as Committed];
  board.shown.set("commitment-2.json", dumps({ commitment: commitmentOf(second) }));
  const own = JSON.parse(board.shown.get("commitment-1.json") ?? "").commitment;
  showReveals(board, dealers, [second, third], own);
  for (const place of [1, 2, 3]) board.hidden.add(`reveal-${place}.json`);
  assert.equal((await takePart(board, revealed, TERMS, undefined, drawing("again"))).kind, "wait");
  board.hidden.clear();
  await assert.rejects(takePart(board, revealed, TERMS, undefined, drawing("again")), { code: "split-view" });
  assert.equal(board.shown.get("reveal-1.json"), shown, "one reveal, and never another one");
  assert.equal(board.sent.some((name) => name.startsWith("share")), false);
  await assert.rejects(takePart(board, committed, TERMS, undefined, drawing("old")), { code: "old-file" });
});

test("a part that is not the promised one is known by its trustee, and no share goes out", async () => {
  const { board, revealed, dealers, parts } = await revealedTo();
  showReveals(board, dealers, parts, JSON.parse(board.shown.get("commitment-1.json") ?? "").commitment);
  // The signature does not cover the lot: only the commitment speaks against another one.
  const shown = JSON.parse(board.shown.get("reveal-3.json") ?? "");
  board.shown.set("reveal-3.json", dumps({ ...shown, lot: "5".repeat(64) }));
  await assert.rejects(takePart(board, revealed, TERMS, undefined, drawing("deal")), (error) => error instanceof Blamed && error.place === 3);
  assert.equal(board.sent.some((name) => name.startsWith("share")), false);
});

test("an honest board gets the shares, and a file that holds all reveals asks for them no more", async () => {
  const { board, revealed, dealers, parts } = await revealedTo();
  showReveals(board, dealers, parts, JSON.parse(board.shown.get("commitment-1.json") ?? "").commitment);
  const waits = { kind: "wait", what: "share", places: [2, 3] };
  assert.deepEqual(await takePart(board, revealed, TERMS, undefined, drawing("deal")), waits);
  assert.deepEqual(board.sent.filter((name) => name.startsWith("share")), ["share-1-2.json", "share-1-3.json"]);
  for (const { place, secrets } of parts) board.shown.set(`share-${place.index}-1.json`, secrets[0] as string);
  const finished = saved(await takePart(board, revealed, TERMS, undefined, drawing("finish")));
  assert.equal(finished.state?.step, "finished");
  const sharing = { ...revealed, state: finished.seen };
  for (const place of [2, 3]) board.hidden.add(`reveal-${place}.json`);
  assert.equal(saved(await takePart(board, sharing, TERMS, undefined, drawing("finish"))).state?.step, "finished");
});

test("a file of a run before shows nothing in the next one of the same size", async () => {
  const { board, room } = begun();
  const committed = saved(await takePart(board, room, TERMS, await compared(board, room), drawing("choose")));
  const complained = { ...room, complaint: { dealer: 2, complainant: 1, message: "{}" } };
  const seat = newRoom("town", TERMS, 1, drawing("the next run"));
  for (const own of [undefined, seat.certificate]) {
    const next = new LyingBoard();
    showCertificates(next, [new Dealer(2, "next second"), new Dealer(3, "next third")]);
    if (own !== undefined) next.shown.set("certificate-1.json", own);
    for (const old of own === undefined ? [committed, complained] : [committed, complained, room]) {
      await assert.rejects(takePart(next, old, TERMS, undefined, drawing("old")), { code: "another-run" });
    }
    assert.deepEqual(next.sent, []);
  }
});

test("a seed that the server knows from a run that ended is told apart from every other refusal", async () => {
  const { board, room } = begun();
  const used = { code: "ceremony-trustees", what: "another-run" };
  const wrong = { code: "certificate-signature", what: "certificate-signature" };
  for (const { code, what } of [used, wrong]) {
    board.put = async () => {
      throw new Inconsistent(code, "refused");
    };
    await assert.rejects(takePart(board, room, TERMS, undefined, drawing("old")), { code: what });
  }
});

test("one ballot more than a page checks is refused before any is looked at", () => {
  const record = { manifest: { level: "strict", minimumBallots: 1 }, weights: new Map() };
  const holding = (number: number) => ({ ...record, ballots: new Array(number).fill(new Uint8Array()) }) as unknown as ClosedRecord;
  assert.throws(() => verifyEnough(holding(MOST_BALLOTS + 1)), { code: "too-many-ballots" });
  assert.throws(() => verifyEnough(holding(MOST_BALLOTS)), { code: "ballot-malformed" });
  assert.equal(MOST_BALLOTS, 5000);
});

test("a part goes out among no other certificates than it was chosen for", async () => {
  const { board, room } = begun();
  const committed = saved(await takePart(board, room, TERMS, await compared(board, room), drawing("choose")));
  showCertificates(board, [new Dealer(3, "server's third")]);
  await assert.rejects(takePart(board, committed, TERMS, undefined, drawing("show")), { code: "split-view" });
  assert.deepEqual(board.sent.filter((name) => !name.startsWith("certificate")), []);
});
