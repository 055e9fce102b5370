/**
 * What stays on this device while a vote is not finished: the marks, or the encrypted ballot that was sent and has no answer yet;
 * then the receipt, until the voter is done with it.
 *
 * It lies in the session storage of this one tab, ends with it, and never holds the code or a secret key. The banner
 * "not cast yet" reads it on every page.
 */

import { sha256Hex, utf8 } from "../crypto/bytes.ts";
import type { Contest } from "./contest.ts";
import { type Kept, keep } from "./storage.ts";
import type { Marks } from "./voting.ts";

const DRAFT = "veche/draft/";
const PENDING = "veche/pending/";
const RECEIPT = "veche/receipt/";

/** A vote that was begun. `voter`: whose marks they are, as `voterOf` says it. */
export interface Draft {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly marks: Marks;
  readonly voter: string;
}

/** What tells the voters of one tab apart: the hash of the public credential. */
export function voterOf(credential: string): string {
  return sha256Hex(utf8(`veche/draft|${credential}`));
}

/** A signed ballot on its way: its text is what everybody will read in the record; made under this Setup hash and fingerprint. */
export interface Pending {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly text: string;
  readonly tracker: string;
  readonly setup: string;
  readonly fingerprint: string;
}

/** The receipt that is shown: `note` is the box's word in base64. `linked`: the voter's code had come in an address. */
export interface Receipt {
  readonly uuid: string;
  readonly campaign: string;
  readonly setup: string;
  readonly fingerprint: string;
  readonly tracker: string;
  readonly note: string;
  readonly linked: boolean;
}

/** Whether this is the election for which the ballot was made: only the same one's box can answer for it. */
export function isOfElection(pending: Pick<Pending, "uuid" | "setup" | "fingerprint">, contest: Contest): boolean {
  return pending.uuid === contest.uuid && pending.setup === contest.setup && pending.fingerprint === contest.fingerprint;
}

export class DraftBox {
  readonly #storage: Kept;

  constructor(storage: Kept) {
    this.#storage = storage;
  }

  keepDraft(draft: Draft): void {
    this.#keep(DRAFT + draft.uuid, draft);
  }

  /** The draft of this voter. What somebody else has marked in this tab is forgotten and shown to nobody. */
  draft(uuid: string, voter: string): Draft | null {
    const found = this.#read<Draft>(DRAFT + uuid);
    if (found === null || found.voter === voter) return found;
    this.forgetDraft(uuid);
    return null;
  }

  forgetDraft(uuid: string): void {
    this.#storage.removeItem(DRAFT + uuid);
  }

  /** The voter is done with this campaign, null: with all. */
  forgetDrafts(campaign: string | null): void {
    const mine = this.#all<Draft>(DRAFT).filter((one) => campaign === null || one.campaign === campaign);
    for (const { uuid } of mine) this.forgetDraft(uuid);
  }

  keepPending(pending: Pending): void {
    this.#keep(PENDING + pending.uuid, pending);
  }

  /** The ballots whose fate is not known, of this campaign or of all. */
  pending(campaign: string | null = null): Pending[] {
    return this.#all<Pending>(PENDING).filter((one) => campaign === null || one.campaign === campaign);
  }

  forgetPending(uuid: string): void {
    this.#storage.removeItem(PENDING + uuid);
  }

  /** In place of the one before: a page shows one receipt. */
  keepReceipt(receipt: Receipt): void {
    this.forgetReceipts(receipt.campaign);
    this.#keep(RECEIPT + receipt.uuid, receipt);
  }

  /** The receipt of this campaign, null: of any. */
  receipt(campaign: string | null): Receipt | null {
    return this.#receipts(campaign)[0] ?? null;
  }

  forgetReceipts(campaign: string | null): void {
    for (const { uuid } of this.#receipts(campaign)) this.#storage.removeItem(RECEIPT + uuid);
  }

  #receipts(campaign: string | null): Receipt[] {
    return this.#all<Receipt>(RECEIPT).filter((one) => campaign === null || one.campaign === campaign);
  }

  /** Contests that were begun and are not known to be cast. */
  begun(): (Draft | Pending)[] {
    const pending = this.pending();
    const sent = new Set(pending.map((one) => one.uuid));
    return [...pending, ...this.#all<Draft>(DRAFT).filter((one) => !sent.has(one.uuid))];
  }

  #keep(key: string, value: Draft | Pending | Receipt): void {
    keep(this.#storage, key, JSON.stringify(value));
  }

  #read<Value>(key: string): Value | null {
    try {
      const found = this.#storage.getItem(key);
      return found === null ? null : (JSON.parse(found) as Value);
    } catch {
      return null;
    }
  }

  #all<Value>(prefix: string): Value[] {
    const keys = Array.from({ length: this.#storage.length }, (_, at) => this.#storage.key(at));
    const mine = keys.filter((key): key is string => key !== null && key.startsWith(prefix)).sort();
    return mine.map((key) => this.#read<Value>(key)).filter((one): one is Value & {} => one !== null);
  }
}
