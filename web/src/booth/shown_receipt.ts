/**
 * The receipt that the booth shows: kept in its tab, so that the page shows it again when it is loaded anew or in another language,
 * and watched until the log has the ballot.
 *
 * What was kept is believed no more than an answer of the server: it is verified again. The voter's code is no part of it.
 */

import { base64, fromBase64 } from "../crypto/bytes.ts";
import { ElectionError } from "../crypto/errors.ts";
import { type Accepted, checkNote, watchLog } from "./acceptance.ts";
import type { Said } from "./code_entry.ts";
import { type Contest, type Page, readSealed, type Sealed, Unreachable } from "./contest.ts";
import { type DraftBox, isOfElection, type Receipt } from "./draft.ts";

/** The accepted ballot, with the box's word verified. Throws ElectionError when it is not the box's word for this ballot. */
export function acceptedOf(note: Uint8Array, sealed: Sealed, tracker: string): Accepted {
  return { sealed, note, said: checkNote(note, sealed, tracker), tracker, logged: null };
}

/**
 * Why a kept receipt is not shown. Only of one that was `changed` nothing is worth keeping: that the server shows no record, or
 * another one than was sealed, takes nothing from the box's word.
 */
export type NotShown = "changed" | "unread" | "differs";

/** The accepted ballot that a kept receipt is of, verified as when it was accepted; or why it is not shown. */
export async function restored(
  receipt: Receipt,
  contests: readonly Contest[],
  sealing: (contest: Contest) => Promise<Sealed> = readSealed,
): Promise<Accepted | NotShown> {
  if (typeof receipt.note !== "string" || typeof receipt.tracker !== "string") return "changed";
  const contest = contests.find((one) => isOfElection(receipt, one));
  if (contest === undefined) return "differs";
  let sealed: Sealed;
  try {
    sealed = await sealing(contest);
  } catch (error) {
    if (error instanceof Unreachable) return "unread";
    if (error instanceof ElectionError) return "differs";
    throw error;
  }
  try {
    return acceptedOf(fromBase64(receipt.note), sealed, receipt.tracker);
  } catch (error) {
    if (error instanceof ElectionError) return "changed";
    throw error;
  }
}

/** A receipt that holds, and whether its voter's code had come in an address. */
export interface KeptReceipt {
  readonly accepted: Accepted;
  readonly linked: boolean;
}

export class ShownReceipt {
  accepted: Accepted | null = null;
  readonly #drafts: DraftBox;
  readonly #draw: () => void;

  constructor(drafts: DraftBox, draw: () => void) {
    this.#drafts = drafts;
    this.#draw = draw;
  }

  /** What the tab has kept, or what to say where it is not shown; null where nothing is worth keeping. */
  async kept({ campaign, contests }: Page): Promise<KeptReceipt | Said | null> {
    const receipt = this.#drafts.receipt(campaign);
    if (receipt === null) return null;
    const found = await restored(receipt, contests);
    if (typeof found !== "string") return { accepted: found, linked: receipt.linked };
    if (found !== "changed") return { key: `receipt-${found}`, values: {} };
    this.forget(campaign);
    return null;
  }

  /** Shows and keeps it. `linked`: whether the voter's code came in an address, which she is told at the end. */
  show(accepted: Accepted, linked: boolean): void {
    const { note, tracker, sealed } = accepted;
    const { uuid, campaign, setup, fingerprint } = sealed.contest;
    this.#drafts.keepReceipt({ uuid, campaign, setup, fingerprint, tracker, note: base64(note), linked });
    this.accepted = accepted;
  }

  /** Draws it again with whatever the log shows of it, as long as it is shown. */
  watch(): void {
    const { accepted } = this;
    if (accepted === null) return;
    void watchLog(accepted, (logged) => {
      if (this.accepted?.tracker !== accepted.tracker) return false;
      this.accepted = { ...this.accepted, logged };
      this.#draw();
      return true;
    });
  }

  /** It is not shown any more; the tab keeps it for the same page when that is loaded anew. */
  hide(): void {
    this.accepted = null;
  }

  /** Nothing of it is left, of this campaign or of all. */
  forget(campaign: string | null): void {
    this.hide();
    this.#drafts.forgetReceipts(campaign);
  }
}
