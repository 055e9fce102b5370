/** One link of the Belenios hash chain, read. docs/protocol.md section 9.1. */

import { sha256Hex, utf8 } from "../crypto/bytes.ts";
import { digest, fields, integer, parseCanonical, text } from "../crypto/canonical_json.ts";
import { Malformed } from "../crypto/errors.ts";

export const MAX_ENTRY_BYTES = 65_535;

const TYPES = [
  "Setup", "Ballot", "EndBallots", "EncryptedTally", "Shuffle", "EndShuffles", "PartialDecryption", "Result",
] as const;
const WITHOUT_PAYLOAD: readonly string[] = ["EndBallots", "EndShuffles"];

export type EventType = (typeof TYPES)[number];

/** An event: SHA-256 of the event before (absent for the first), height, type, SHA-256 of what it brings, and its own. */
export interface Event {
  readonly parent: string | undefined;
  readonly height: number;
  readonly type: EventType;
  readonly payload: string | undefined;
  readonly digest: string;
}

/** Whether the entry with this text is a link of the chain; every other entry is an annex. */
export function isEventText(entry: Uint8Array): boolean {
  return ['{"parent"', '{"height"'].some((beginning) => utf8(beginning).every((byte, at) => byte === entry[at]));
}

/** The event of its exact text. Throws Malformed `event-malformed` for any other bytes. */
export function parseEvent(entry: Uint8Array): Event {
  try {
    const found = fields(parseCanonical(entry, MAX_ENTRY_BYTES), ["parent", "height", "type", "payload"], ["parent", "payload"]);
    const type = TYPES.find((one) => one === text(found.type));
    if (type === undefined) throw new Malformed("wrong-type", `an event's type is one of ${TYPES.join(", ")}`);
    if ((found.payload === undefined) !== WITHOUT_PAYLOAD.includes(type)) {
      throw new Malformed("wrong-fields", `a ${type} event has ${found.payload === undefined ? "a" : "no"} payload`);
    }
    return {
      parent: found.parent === undefined ? undefined : digest(found.parent),
      height: integer(found.height),
      type,
      payload: found.payload === undefined ? undefined : digest(found.payload),
      digest: sha256Hex(entry),
    };
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed("event-malformed", `an event's text: ${error.message}`);
    throw error;
  }
}
