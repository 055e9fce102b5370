// A receipt is kept in its tab, comes back as what it was, and is dropped or not shown when it does not hold any more.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseAcknowledgement } from "../src/ballot/acknowledgement.ts";
import type { Accepted } from "../src/booth/acceptance.ts";
import { type Contest, type Page, type Sealed, Unreachable } from "../src/booth/contest.ts";
import { DraftBox, type Receipt } from "../src/booth/draft.ts";
import { acceptedOf, restored, ShownReceipt } from "../src/booth/shown_receipt.ts";
import { base64, utf8 } from "../src/crypto/bytes.ts";
import { Inconsistent } from "../src/crypto/errors.ts";
import { parseVerifierKey } from "../src/crypto/signed_note.ts";
import { load } from "./vectors.ts";
import { memory } from "./memory.ts";

const { vkey, note: text, refused } = load("vectors/spec/veche-record-vectors.json").acknowledgement;
const said = parseAcknowledgement(text, vkey);
const contest = { uuid: "town-1", campaign: "town", setup: said.setup, fingerprint: said.fingerprint } as Contest;
const sealed = {
  contest,
  election: { fingerprint: said.fingerprint },
  manifest: { log: { box: parseVerifierKey(vkey) } },
} as unknown as Sealed;
const sealing = async (): Promise<Sealed> => sealed;
const page = (contests: readonly Contest[]): Page => ({ base: "", prefix: "/en", campaign: "town", contests });

function box(): DraftBox {
  return new DraftBox(memory());
}

/** A receipt as a page has kept it. */
function keptIn(drafts: DraftBox): Receipt {
  new ShownReceipt(drafts, () => undefined).show(acceptedOf(utf8(text), sealed, said.tracker), true);
  const found = drafts.receipt("town");
  assert.ok(found !== null);
  return found;
}

test("a receipt that was shown comes back with tracker and signed note until it is put away, in its campaign alone", async () => {
  const drafts = box();
  const found = (await restored(keptIn(drafts), [contest], sealing)) as Accepted;
  assert.deepEqual([found.tracker, found.note, found.said], [said.tracker, utf8(text), said]);
  assert.ok(keptIn(drafts).linked && drafts.begun().length === 0);
  // The next one takes its place.
  drafts.keepReceipt({ ...keptIn(drafts), uuid: "town-2" });
  assert.deepEqual(drafts.receipt("town")?.uuid, "town-2");
  assert.equal(drafts.receipt("elsewhere"), null);
  drafts.forgetReceipts("elsewhere");
  const shown = new ShownReceipt(drafts, () => undefined);
  shown.hide();
  assert.ok(drafts.receipt("town") !== null);
  shown.forget("town");
  assert.equal(drafts.receipt(null), null);
});

test("a receipt that was changed is dropped, and one is never shown with another ballot or for another vote", async () => {
  const drafts = box();
  const kept = keptIn(drafts);
  const signed = refused.map((one: { note: string }) => ({ note: base64(utf8(one.note)) }));
  assert.ok(signed.length > 0);
  const notes = [{ note: "?" }, { note: base64(utf8(`${text} `)) }, { note: 7 }];
  for (const change of [...signed, ...notes, { tracker: "0".repeat(64) }, { tracker: null }]) {
    assert.equal(await restored({ ...kept, ...change } as Receipt, [contest], sealing), "changed", JSON.stringify(change));
  }
  drafts.keepReceipt({ ...kept, tracker: 7 } as unknown as Receipt);
  assert.equal(await new ShownReceipt(drafts, () => undefined).kept(page([contest])), null);
  assert.equal(drafts.receipt(null), null);
});

test("a server that shows no record, or another vote than was sealed, takes nothing from the receipt that is kept", async () => {
  const drafts = box();
  const kept = keptIn(drafts);
  const failing = (error: Error) => async (): Promise<Sealed> => {
    throw error;
  };
  assert.equal(await restored(kept, [contest], failing(new Unreachable("/"))), "unread");
  assert.equal(await restored(kept, [contest], failing(new Inconsistent("setup-differs", "another one"))), "differs");
  const shown = new ShownReceipt(drafts, () => undefined);
  for (const contests of [[], [{ ...contest, setup: "0".repeat(64) }], [{ ...contest, fingerprint: "A".repeat(43) }]]) {
    assert.deepEqual(await shown.kept(page(contests)), { key: "receipt-differs", values: {} });
  }
  assert.deepEqual(drafts.receipt("town"), kept);
});
