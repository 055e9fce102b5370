/**
 * What stays on this device while a vote is not finished: the marks, or the encrypted ballot that was sent and has no answer yet.
 *
 * It lies in the session storage of this one tab, ends with it, and never holds the code or a secret key. The banner
 * "not cast yet" reads it on every page.
 */

import type { Marks } from "./voting.ts";

const DRAFT = "veche/draft/";
const PENDING = "veche/pending/";

/** A vote that was begun. */
export interface Draft {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly marks: Marks;
}

/** A signed ballot on its way: its text is what everybody will read in the record. */
export interface Pending {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly text: string;
  readonly tracker: string;
}

export class DraftBox {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  keepDraft(draft: Draft): void {
    this.#keep(DRAFT + draft.uuid, draft);
  }

  draft(uuid: string): Draft | null {
    return this.#read<Draft>(DRAFT + uuid);
  }

  forgetDraft(uuid: string): void {
    this.#storage.removeItem(DRAFT + uuid);
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

  /** Contests that were begun and are not known to be cast. */
  begun(): (Draft | Pending)[] {
    const pending = this.pending();
    const sent = new Set(pending.map((one) => one.uuid));
    return [...pending, ...this.#all<Draft>(DRAFT).filter((one) => !sent.has(one.uuid))];
  }

  #keep(key: string, value: Draft | Pending): void {
    try {
      this.#storage.setItem(key, JSON.stringify(value));
    } catch {
      // Storage is full or forbidden: the page works all the same, and only a reload would lose the draft.
    }
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
