/** The strong decryption proof and the signed delivery of a share. docs/protocol.md section 7.3. */

import type { EqualityClaim } from "./equality.ts";
import type { Point } from "./group.ts";
import type { Proof } from "./proof.ts";
import { transcript } from "./transcript.ts";

/** What a share speaks of: hashes are 32 raw bytes; `payload` is the event's, which fixes factors and Belenios proofs. */
export interface ShareStatement {
  readonly setup: Uint8Array;
  readonly tally: Uint8Array;
  readonly owner: number;
  readonly payload: Uint8Array;
}

/** The claim that every factor is x·alpha for the x behind `key`, in this election, tally and place. */
export function shareClaim(statement: ShareStatement, key: Point, bases: readonly Point[], factors: readonly Point[]): EqualityClaim {
  const { setup, tally, owner, payload } = statement;
  return { context: transcript("veche/v1/share", setup, tally, owner, payload), key, bases, factors };
}

/** The message a trustee signs when it hands over share and strong proof, so that nobody can frame it with another. */
export function deliveryMessage({ setup, tally, owner, payload }: ShareStatement, proof: Proof): Uint8Array {
  return transcript("veche/v1/share-delivery", setup, tally, owner, payload, proof.challenge, proof.response);
}
