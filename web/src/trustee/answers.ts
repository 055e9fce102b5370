/** Drill, roll-call and share, with the key from its file just read. docs/protocol.md sections 6.8 and 7.6. */

import { parseManifest } from "../ballot/manifest.ts";
import { makeDelivery } from "../ballot/share.ts";
import { readTrustees, type Trustees } from "../ballot/trustees.ts";
import { sha256, sha256Hex, utf8, utf8Text } from "../crypto/bytes.ts";
import { type Finished, openDecryptionKey } from "../crypto/ceremony.ts";
import { keysOf } from "../crypto/channel.ts";
import { encodeDrill, makeDrill } from "../crypto/drill.ts";
import { Inconsistent, Refused } from "../crypto/errors.ts";
import { G, type Point } from "../crypto/group.ts";
import type { TrusteeRoom } from "../crypto/key_file.ts";
import type { Randomness, Scalar } from "../crypto/scalar.ts";
import { answeredFor, type Journal, journalText, parseJournal, verifyManifestFree } from "./journal.ts";
import { readRecord, recomputeTally, verifyConfirmed, verifyEnough } from "./record.ts";
import type { TrusteeServer } from "./server.ts";
import { verifyMine } from "./taking_part.ts";

/** What is ready to leave: `room` must be saved first, when it is another one than before. */
export interface Ready {
  readonly content: Uint8Array;
  readonly room: TrusteeRoom;
  readonly changed: boolean;
  readonly voters: number;
}

interface OpenedKey {
  readonly secret: Scalar;
  readonly key: Point;
  readonly finished: Finished;
  readonly journal: Journal;
}

/** The drill of this contest's manifest and keys. Throws Refused or Inconsistent; then nothing was made. */
export async function prepareDrill(server: TrusteeServer, room: TrusteeRoom, uuid: string, randomness: Randomness): Promise<Ready> {
  const mine = await openKey(room);
  const [manifestJson, trusteesJson] = await server.drillFiles(uuid);
  const manifest = parseManifest(manifestJson);
  if (manifest.uuid !== uuid || manifest.campaign !== room.campaign) {
    throw new Inconsistent("other-manifest", "the server shows the manifest of another election: nothing was made");
  }
  const owner = ownerOf(mine, readTrustees(trusteesJson));
  verifyManifestFree(mine.journal, manifest);
  const trustees = sha256Hex(trusteesJson);
  const before = answeredFor(mine.journal, manifest);
  if (before !== undefined) {
    if (before.trustees !== trustees || before.owner !== owner || before.drill === "") {
      throw new Refused("drilled-before", "your key has passed the drill for this manifest with another trustees.json");
    }
    return { content: utf8(before.drill), room, changed: false, voters: 0 };
  }
  const statement = { uuid, manifest: sha256(manifestJson), trustees: sha256(trusteesJson), owner };
  const content = encodeDrill(uuid, owner, makeDrill(mine.secret, mine.key, statement, randomness));
  if (manifest.rehearsal) return { content, room, changed: false, voters: 0 };
  const { campaign, contest } = manifest;
  const answered = { campaign, contest, uuid, manifest: manifest.digest, trustees, owner, drill: utf8Text(content) };
  const journal = { ...mine.journal, answered: [...mine.journal.answered, answered] };
  return { content, room: { ...room, journal: journalText(journal) }, changed: true, voters: 0 };
}

/** Check that the key of this file is one of the sealed contest's. Throws Refused or Inconsistent. */
export async function verifyPresent(server: TrusteeServer, room: TrusteeRoom, uuid: string): Promise<void> {
  const mine = await openKey(room);
  const [, trusteesJson] = await server.drillFiles(uuid);
  ownerOf(mine, readTrustees(trusteesJson));
}

/** What a person brought from elsewhere. */
export interface Known {
  readonly setup: string;
  readonly end: string;
}

/**
 * The share for the total that was recomputed here from the public record, once and never for another one. `remembered`: the total
 * of this election that this browser gave a share for before. Throws as the checks of docs/protocol.md 7.6; then nothing was made.
 */
export async function prepareShare(
  server: TrusteeServer, room: TrusteeRoom, uuid: string, known: Known, remembered: string | null,
  progress: (done: number, all: number) => void, randomness: Randomness,
): Promise<Ready> {
  const mine = await openKey(room);
  const [archive, manifestJson] = [await server.record(uuid, "archive.bel"), await server.record(uuid, "manifest.json")];
  const record = readRecord(archive, manifestJson, uuid);
  verifyConfirmed(record, known.setup, known.end);
  const owner = ownerOf(mine, record.trustees);
  const before = mine.journal.delivered.find((one) => one.uuid === uuid);
  const other = before !== undefined && (before.setup !== record.setup || before.tally !== record.tallyEvent || before.owner !== owner);
  if (other || (remembered !== null && remembered !== record.tallyEvent)) {
    throw new Refused("second-tally", "your key has given a share for another total of this election; for a second one it gives none");
  }
  const voters = verifyEnough(record);
  if (before !== undefined) return { content: utf8(before.delivery), room, changed: false, voters };
  verifyManifestFree(mine.journal, record.manifest);
  if (!record.manifest.rehearsal && answeredFor(mine.journal, record.manifest) === undefined) {
    throw new Refused("journal-missing", "this key file knows nothing of the drill for this election: choose the newest one");
  }
  const tally = await recomputeTally(record, progress);
  const place = { uuid, fingerprint: record.election.fingerprint, setup: record.setup, encryptedTally: record.tallyEvent };
  const content = makeDelivery(mine.secret, mine.key, owner, tally, place, randomness);
  const delivered = { uuid, setup: record.setup, tally: record.tallyEvent, owner, delivery: utf8Text(content) };
  const journal = { ...mine.journal, delivered: [...mine.journal.delivered, delivered] };
  return { content, room: { ...room, journal: journalText(journal) }, changed: true, voters };
}

/** The total that a delivery of ours speaks of, as this browser remembers it. */
export function tallyOf(room: TrusteeRoom, uuid: string): string {
  return parseJournal(room.journal).delivered.find((one) => one.uuid === uuid)?.tally ?? "";
}

async function openKey(room: TrusteeRoom): Promise<OpenedKey> {
  if (room.state?.step !== "finished") throw new Refused("old-file", "this key file is of before: the ceremony was not over then");
  const secret = await openDecryptionKey(keysOf(room.seed), room.state.decryptionKey);
  return { secret, key: G.multiply(secret), finished: room.state, journal: parseJournal(room.journal) };
}

/** This trustee's number among these keys, which are those of its own ceremony. Throws Refused `other-trustees` or Inconsistent. */
function ownerOf({ key, finished }: OpenedKey, trustees: Trustees): number {
  verifyMine(trustees.raw, finished);
  const at = trustees.keys.findIndex((one) => one.equals(key));
  if (at < 0) throw new Refused("other-trustees", "your key is not among the trustees of this record");
  return at + 1;
}
