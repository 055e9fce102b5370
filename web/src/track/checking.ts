/**
 * A ballot is found in the log, in this browser, from what the server serves to everybody: checkpoint, one bundle, hashes.
 *
 * With an index nothing names the ballot that is sought: a bundle has 256 entries, and its hashes are asked for as whole tiles.
 */

import { type Acknowledgement, parseAcknowledgement } from "../ballot/acknowledgement.ts";
import type { Log } from "../ballot/manifest.ts";
import { sha256Hex } from "../crypto/bytes.ts";
import { Inconsistent, InvalidProof } from "../crypto/errors.ts";
import { checkEvent, checkNote, checkReceipt, policyOf, withQuorum, witnessesOf } from "../booth/acceptance.ts";
import { type Read, read, recordAddress, type Sealed, Unreachable } from "../booth/contest.ts";
import { integer, object, parse } from "../crypto/canonical_json.ts";
import { type Checkpoint, parseSigned } from "../ledger/checkpoint.ts";
import { parseEvent } from "../ledger/event.ts";
import { type Confirmation, verifyPolicy } from "../ledger/policy.ts";
import { parseReceipt, SUFFIX, verifyBallotLogged } from "../ledger/receipt.ts";
import { provenConsistency, provenInclusion, readEntry, tileHashes, type TileStore, WIDTH } from "../ledger/tile.ts";

/**
 * A ballot that is in the log: entry `index` of `size`, event `height` with the hash `event`. `receiptSize`: what the voter's own
 * receipt showed.
 */
export interface Found {
  readonly tracker: string;
  readonly height: number;
  readonly event: string;
  readonly index: number;
  readonly size: number;
  readonly witnesses: readonly string[];
  readonly quorum: boolean;
  readonly receiptSize: number | null;
  /** Whether the box's signature was verified too. */
  readonly acknowledged: boolean;
  /** Null where asking would have named the ballot. */
  readonly replaced: { readonly height: number } | "last" | null;
}

/** No signed checkpoint covers it. `acknowledged`: the box's signature was verified; else nothing shows that the ballot was taken. */
export interface Waiting {
  readonly tracker: string;
  readonly acknowledged: boolean;
}

/**
 * The log's own entry at this place, proven under its newest checkpoint, is this ballot; where the voter has an `older` checkpoint,
 * that log begins with the whole of it. Throws ElectionError or Unreachable.
 */
export async function checkPlace(
  sealed: Sealed,
  log: Log,
  tracker: string,
  index: number,
  reading: Read = read,
  older: Checkpoint | null = null,
): Promise<Found | Waiting> {
  const address = recordAddress(sealed.contest.uuid);
  const signed = parseSigned(await reading(`${address}/checkpoint`));
  const { logged, quorum } = withQuorum(policyOf(log), (policy) => {
    const confirmation: Confirmation = verifyPolicy(policy, signed);
    return { confirmation };
  });
  const { checkpoint } = signed;
  const store = storeAt(address, reading);
  if (older !== null) await verifyGrown(store, index, older, checkpoint);
  if (checkpoint.size <= index) return { tracker, acknowledged: false };
  const entry = await readEntry(store, index, checkpoint.size);
  await provenInclusion(store, checkpoint, index, entry);
  const height = verifyBallotLogged({ origin: checkpoint.origin, index, entry }, tracker);
  const { size } = checkpoint;
  const shown = { tracker, height, event: sha256Hex(entry), index, size, quorum, witnesses: witnessesOf(logged) };
  return { ...shown, receiptSize: null, acknowledged: false, replaced: null };
}

/**
 * Check that nothing of the log was changed or taken away since the older checkpoint. Throws Inconsistent `log-changed`, where two
 * signed checkpoints show it together, or `log-shorter`, which an old copy of the log is too.
 */
async function verifyGrown(store: TileStore, index: number, older: Checkpoint, newer: Checkpoint): Promise<void> {
  const both = `${older.size} entries then, ${newer.size} entries now`;
  if (newer.size < older.size) throw new Inconsistent("log-shorter", both);
  await readNeighbours(store, index, newer.size);
  try {
    await provenConsistency(store, older, newer);
  } catch (error) {
    if (error instanceof InvalidProof) throw new Inconsistent("log-changed", `${both}: ${error.message}`);
    throw error;
  }
}

/**
 * Asks for the tile of the entry and for the one after it. In one of the two the checkpoint of a fresh receipt ends: which one it is
 * would tell the few last entries of a bundle from its other 250.
 */
async function readNeighbours(store: TileStore, index: number, size: number): Promise<void> {
  const hash = tileHashes(store, size);
  const first = index - (index % WIDTH);
  for (const at of [first, first + WIDTH]) if (at < size) await hash(0, at);
}

/** The receipt holds by itself, and today's log has only grown since and still has its entry. Throws as `checkPlace`. */
export async function checkOwnReceipt(sealed: Sealed, log: Log, data: Uint8Array, reading: Read = read): Promise<Found | Waiting> {
  const tracker = trackerOf(data);
  const { logged } = checkReceipt(data, log, tracker);
  const { checkpoint } = parseReceipt(data).signed;
  const found = await checkPlace(sealed, log, tracker, logged.index, reading, checkpoint);
  return "index" in found ? { ...found, receiptSize: logged.size } : found;
}

/** The box's word, verified; then the place in the log where the paper names it. Throws as `checkPlace`. */
export async function checkPaper(sealed: Sealed, log: Log, note: Uint8Array, index: number, reading: Read = read): Promise<Found | Waiting> {
  const said = acknowledged(sealed, log, note);
  const found = await checkPlace(sealed, log, said.tracker, index, reading);
  if ("index" in found) checkEvent(said, found);
  return { ...found, acknowledged: true };
}

/** What the box has signed. Throws ElectionError when it is not the box's word for this election. */
export function acknowledged(sealed: Sealed, log: Log, note: Uint8Array): Acknowledgement {
  const { tracker } = parseAcknowledgement(note, log.box);
  return checkNote(note, sealed, tracker);
}

/**
 * Asks the server where this ballot stands: the one question that names it. Null when the record has none of this tracker. The
 * receipt that comes is checked like a voter's own, and against what the box has said where that is known.
 */
export async function askServer(
  sealed: Sealed,
  log: Log,
  tracker: string,
  said: Acknowledgement | null,
  reading: Read = read,
): Promise<Found | Waiting | null> {
  const address = `${recordAddress(sealed.contest.uuid)}/ballots/${tracker}`;
  let replaced: Found["replaced"];
  try {
    const value = object(parse(await reading(address)));
    replaced = value.replaced === true ? { height: integer(object(value.replaced_by).height) } : "last";
  } catch (error) {
    if (error instanceof Unreachable && error.status === 404) return null;
    throw error;
  }
  let receipt: Uint8Array;
  try {
    receipt = await reading(`${address}${SUFFIX}`);
  } catch (error) {
    if (error instanceof Unreachable && error.status === 404) return { tracker, acknowledged: said !== null };
    throw error;
  }
  const { logged, quorum } = checkReceipt(receipt, log, tracker);
  if (said !== null) checkEvent(said, logged);
  return {
    tracker,
    height: logged.height,
    event: logged.event,
    index: logged.index,
    size: logged.size,
    witnesses: witnessesOf(logged),
    quorum,
    receiptSize: null,
    acknowledged: said !== null,
    replaced,
  };
}

/** The ballot that a receipt is of, as its own text says; nothing is verified yet. */
function trackerOf(data: Uint8Array): string {
  const { extra } = parseReceipt(data);
  const event = extra === undefined ? undefined : parseEvent(extra);
  if (event?.payload === undefined || event.payload === null) throw new Inconsistent("receipt-ballot", "this receipt is of no ballot");
  return event.payload;
}

/** Each path is read once: what is asked for twice would say for which proofs. */
function storeAt(address: string, reading: Read): TileStore {
  const kept = new Map<string, ReturnType<TileStore>>();
  const readOnce: TileStore = async (path) => {
    try {
      return await reading(`${address}/${path}`);
    } catch (error) {
      if (error instanceof Unreachable && error.status === 404) return undefined;
      throw error;
    }
  };
  return (path) => {
    const found = kept.get(path) ?? readOnce(path);
    kept.set(path, found);
    return found;
  };
}
