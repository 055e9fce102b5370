/** What a trustee's key has answered for: one tally per election, one manifest per contest. docs/protocol.md sections 6.9 and 7.6. */

import type { Manifest } from "../ballot/manifest.ts";
import { utf8 } from "../crypto/bytes.ts";
import { array, dumps, fields, integer, parseCanonical, text } from "../crypto/canonical_json.ts";
import { malformedAs } from "../crypto/channel.ts";
import { Malformed, Refused } from "../crypto/errors.ts";

/** The key passed the drill for this manifest. Hashes are SHA-256 in hex. */
export interface Answered {
  readonly campaign: string;
  readonly contest: string;
  readonly uuid: string;
  readonly manifest: string;
  readonly trustees: string;
  readonly owner: number;
  readonly drill: string;
}

/** The share that left for election `uuid`, and the very bytes. */
export interface Delivered {
  readonly uuid: string;
  readonly setup: string;
  readonly tally: string;
  readonly owner: number;
  readonly delivery: string;
}

export interface Journal {
  readonly answered: readonly Answered[];
  readonly delivered: readonly Delivered[];
}

const ANSWERED = ["campaign", "contest", "uuid", "manifest", "trustees", "owner", "drill"] as const;
const DELIVERED = ["uuid", "setup", "tally", "owner", "delivery"] as const;

/** The journal of a key file, empty at first. Throws Malformed `journal-malformed`. */
export function parseJournal(written: string | undefined): Journal {
  if (written === undefined) return { answered: [], delivered: [] };
  return malformedAs("journal-malformed", () => {
    const found = fields(parseCanonical(utf8(written)), ["veche", "answered", "delivered"]);
    if (found.veche !== "trustee-journal/1") throw new Malformed("wrong-type", "not a trustee's journal");
    return {
      answered: array(found.answered).map((value) => {
        const { campaign, contest, uuid, manifest, trustees, owner, drill } = fields(value, ANSWERED);
        return {
          campaign: text(campaign), contest: text(contest), uuid: text(uuid), manifest: text(manifest), trustees: text(trustees),
          owner: integer(owner, 1), drill: text(drill),
        };
      }),
      delivered: array(found.delivered).map((value) => {
        const { uuid, setup, tally, owner, delivery } = fields(value, DELIVERED);
        return { uuid: text(uuid), setup: text(setup), tally: text(tally), owner: integer(owner, 1), delivery: text(delivery) };
      }),
    };
  });
}

export function journalText({ answered, delivered }: Journal): string {
  return dumps({ veche: "trustee-journal/1", answered: answered.map((one) => ({ ...one })), delivered: delivered.map((one) => ({ ...one })) });
}

/** The newest answer for this campaign and contest. Rehearsals do not count. */
export function answeredFor({ answered }: Journal, { campaign, contest, rehearsal }: Manifest): Answered | undefined {
  return rehearsal ? undefined : answered.filter((one) => one.campaign === campaign && one.contest === contest).at(-1);
}

/**
 * Check that this key has answered for no other manifest of this contest. The page shows no cancelled record: for a second manifest
 * there is the program. Throws Refused `another-manifest`.
 */
export function verifyManifestFree(journal: Journal, manifest: Manifest): void {
  const before = answeredFor(journal, manifest);
  if (before !== undefined && before.manifest !== manifest.digest) {
    throw new Refused("another-manifest", `your key has answered for another manifest of this contest (election ${before.uuid})`);
  }
}
