// The trustee's page against a board that lies: takePart is all that stands between the server and the key.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lineOf, makeCertificate, parseCertificate } from "../src/crypto/certificate.ts";
import { commit, type Committed, takePlace } from "../src/crypto/ceremony.ts";
import { keysOf, randomSeed } from "../src/crypto/channel.ts";
import type { TrusteeRoom } from "../src/crypto/key_file.ts";
import type { Terms } from "../src/crypto/run_file.ts";
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
