/**
 * A voter's receipt: the `.tlog-proof` file that anybody checks offline. docs/protocol.md section 12.5; C2SP tlog-proof v1.
 *
 * Log and witnesses come from the reader's own policy, never from the file.
 */

import { base64, concat, fromBase64, utf8, utf8Text } from "../crypto/bytes.ts";
import { Inconsistent, Malformed, Refused } from "../crypto/errors.ts";
import { MAX_BYTES as MAX_CHECKPOINT_BYTES, parseSigned, type SignedCheckpoint } from "./checkpoint.ts";
import { isEventText, MAX_ENTRY_BYTES, parseEvent } from "./event.ts";
import { HASH_BYTES, leafHash, MAX_PROOF, verifyInclusion } from "./merkle.ts";
import { type Confirmation, type Policy, verifyPolicy } from "./policy.ts";

export const FIRST_LINE = "c2sp.org/tlog-proof@v1";
export const SUFFIX = ".tlog-proof";
const MAX_BYTES = MAX_CHECKPOINT_BYTES + 100_000;

/** Entry `index` is in the log of the checkpoint, as `proof` shows for its leaf hash. `extra` is whatever the file says. */
export interface Receipt {
  readonly index: number;
  readonly proof: readonly Uint8Array[];
  readonly signed: SignedCheckpoint;
  readonly extra: Uint8Array | undefined;
}

/** What a verified receipt says: `entry` is number `index` of the log `origin`, which had `size` entries then. */
export interface Logged {
  readonly origin: string;
  readonly index: number;
  readonly size: number;
  readonly entry: Uint8Array;
  readonly confirmation: Confirmation;
}

/** The file for an entry with its text; it is checked to be right, signatures apart. Throws InvalidProof `inclusion-wrong`. */
export function makeReceipt(entry: Uint8Array, index: number, proof: readonly Uint8Array[], checkpoint: Uint8Array): Uint8Array {
  const { checkpoint: known } = parseSigned(checkpoint);
  verifyInclusion(leafHash(entry), index, known.size, proof, known.root);
  const lines = [FIRST_LINE, `extra ${base64(entry)}`, `index ${index}`, ...proof.map(base64), ""];
  return concat(utf8(lines.map((line) => `${line}\n`).join("")), checkpoint);
}

/** The receipt in a file; nothing is verified yet. Throws Malformed `receipt-malformed`, or as `parseSigned`. */
export function parseReceipt(data: Uint8Array): Receipt {
  const split = data.findIndex((byte, at) => byte === 10 && data[at + 1] === 10);
  if (data.length > MAX_BYTES || split < 0) throw malformed("a receipt is some lines, an empty line, and a checkpoint");
  if (data.slice(0, split).some((byte) => byte > 127)) throw malformed("the lines of a receipt are ASCII");
  const [first, ...lines] = utf8Text(data.slice(0, split)).split("\n");
  if (first !== FIRST_LINE) throw malformed(`a receipt begins with the line ${FIRST_LINE}`);
  const extra = lines[0]?.startsWith("extra ") ? bytesOf((lines.shift() as string).slice(6)) : undefined;
  const index = lines[0]?.startsWith("index ") ? (lines.shift() as string).slice(6) : "";
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(index) || !Number.isSafeInteger(Number(index))) {
    throw malformed("a receipt says the index of its entry, a number without leading zeros");
  }
  const proof = lines.map(bytesOf);
  if (proof.length > MAX_PROOF || proof.some((one) => one.length !== HASH_BYTES)) {
    throw malformed(`a receipt has at most ${MAX_PROOF} hashes of ${HASH_BYTES} bytes`);
  }
  if (extra !== undefined && extra.length > MAX_ENTRY_BYTES) {
    throw malformed(`${extra.length} further bytes; an entry has at most ${MAX_ENTRY_BYTES}`);
  }
  return { index: Number(index), proof, signed: parseSigned(data.slice(split + 2)), extra };
}

/**
 * Check that the log had the entry, offline: log and quorum by the policy, then the proof; what is now certain.
 *
 * The entry is the reader's own text of it, or else the file's `extra`. Throws as `verifyPolicy`; InvalidProof `inclusion-wrong`;
 * Refused `receipt-entry` when there is no text of the entry.
 */
export function verifyReceipt(receipt: Receipt, policy: Policy, entry: Uint8Array | undefined = receipt.extra): Logged {
  const confirmation = verifyPolicy(policy, receipt.signed);
  if (entry === undefined) {
    throw new Refused("receipt-entry", "this receipt does not carry the text of its entry: it must be given beside it");
  }
  const { origin, size, root } = receipt.signed.checkpoint;
  verifyInclusion(leafHash(entry), receipt.index, size, receipt.proof, root);
  return { origin, index: receipt.index, size, entry, confirmation };
}

/**
 * Check that the entry is the event by which the ballot `tracker` (SHA-256 in hex) joined the chain; the event's height. Throws
 * Inconsistent `receipt-ballot`.
 */
export function verifyBallotLogged(logged: Pick<Logged, "origin" | "index" | "entry">, tracker: string): number {
  const event = isEventText(logged.entry) ? parseEvent(logged.entry) : undefined;
  if (event?.type !== "Ballot" || event.payload !== tracker) {
    throw new Inconsistent(
      "receipt-ballot",
      `entry ${logged.index} of ${logged.origin.slice(0, 100)} is not the ballot ${tracker.slice(0, 16)}…`,
    );
  }
  return event.height;
}

function bytesOf(line: string): Uint8Array {
  try {
    return fromBase64(line);
  } catch (error) {
    if (error instanceof Malformed) throw malformed("a line of the receipt is not strict base64");
    throw error;
  }
}

function malformed(message: string): Malformed {
  return new Malformed("receipt-malformed", message);
}
