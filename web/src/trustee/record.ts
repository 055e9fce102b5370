/**
 * The record of an election as a trustee judges it before a share leaves: the chain from Setup to the encrypted total, keys, list,
 * manifest, every ballot with all its proofs, and the total added up again. docs/protocol.md sections 7.6 and 9.
 */

import { type Election, parseElection } from "../ballot/election.ts";
import { readBallot, verifyBallot } from "../ballot/encrypted_ballot.ts";
import { type Manifest, parseManifest, seal, verifyManifest } from "../ballot/manifest.ts";
import { addBallot, emptyTally, encodeTally, type Tally } from "../ballot/tally.ts";
import { readTrustees, type Trustees } from "../ballot/trustees.ts";
import { sameBytes, sha256Hex } from "../crypto/bytes.ts";
import { array, digest, fields, parseCanonical, text } from "../crypto/canonical_json.ts";
import { Inconsistent, Malformed, Refused } from "../crypto/errors.ts";
import { pause, Point, prepareTables } from "../crypto/group.ts";
import { type Link, readArchive } from "../ledger/archive.ts";
import { plain } from "./typed_hash.ts";

export const MOST_BALLOTS = 5000;

/** A closed and tallied record whose chain and Setup are good. Hashes of events in hex. */
export interface ClosedRecord {
  readonly election: Election;
  readonly manifest: Manifest;
  readonly trustees: Trustees;
  readonly weights: ReadonlyMap<string, number>;
  readonly ballots: readonly Uint8Array[];
  readonly setup: string;
  readonly end: string;
  readonly tallyEvent: string;
  readonly tally: Uint8Array;
}

/** The record of these bytes. Throws Refused `not-decrypting` unless it waits for shares, and whatever is wrong with it. */
export function readRecord(archive: Uint8Array, manifestJson: Uint8Array, uuid: string): ClosedRecord {
  const links = readArchive(archive);
  const setup = links[0];
  const end = links.find(({ event }) => event.type === "EndBallots");
  const tallied = links.find(({ event }) => event.type === "EncryptedTally");
  if (setup === undefined || end === undefined || tallied === undefined || links.at(-1)?.event.type === "Result") {
    throw new Refused("not-decrypting", "this record does not wait for shares: the vote must have ended, and its total be encrypted");
  }
  const [tally, sized] = tallied.records;
  if (tally === undefined || sized === undefined || tallied.records.length !== 2) throw broken("the encrypted total");
  const found = fields(parseCanonical(sized), ["num_tallied", "total_weight", "encrypted_tally"]);
  if (digest(found.encrypted_tally) !== sha256Hex(tally)) throw broken("the size of the encrypted total");
  return {
    ...sealedOf(setup, manifestJson, uuid),
    ballots: links.filter(({ event }) => event.type === "Ballot").map(ballotOf),
    setup: setup.event.digest,
    end: end.event.digest,
    tallyEvent: tallied.event.digest,
    tally,
  };
}

/**
 * Check that what a person brought from elsewhere is this record: Setup by its hash or seal, EndBallots by its whole hash. Throws
 * Refused `not-confirmed-setup`, `not-confirmed-end`.
 */
export function verifyConfirmed(record: Pick<ClosedRecord, "setup" | "end">, setup: string, end: string): void {
  const wanted = plain(setup);
  if (wanted !== record.setup && wanted !== plain(seal(record.setup))) {
    throw new Refused("not-confirmed-setup", `this record's Setup has the seal ${seal(record.setup)}, not the one you gave`);
  }
  if (plain(end) !== record.end) {
    throw new Refused("not-confirmed-end", `this record's EndBallots is ${record.end}, not the hash you gave`);
  }
}

/**
 * Check level strict, the manifest's minimum, and that a page may do this work. Throws Refused `level-belenios`, `too-few-ballots`,
 * `too-many-ballots`.
 */
export function verifyEnough({ ballots, weights, manifest }: ClosedRecord): number {
  if (manifest.level !== "strict") {
    throw new Refused("level-belenios", "this election has level belenios, which the page does not accept; the program does when told so");
  }
  if (ballots.length > MOST_BALLOTS) {
    throw new Refused("too-many-ballots", `${ballots.length} ballots are more than a page should check; the program does it`);
  }
  const voters = [...counted(ballots).keys()].filter((one) => (weights.get(one) ?? 0) > 0).length;
  if (voters < manifest.minimumBallots) {
    throw new Refused("too-few-ballots", `${voters} people voted, and at least ${manifest.minimumBallots} are needed`);
  }
  return voters;
}

/** The total, every ballot checked and added up here, and found to be the published one, byte for byte. Throws ElectionError. */
export async function recomputeTally(record: ClosedRecord, progress: (done: number, all: number) => void): Promise<Tally> {
  const { election, ballots, weights } = record;
  await prepareTables(election.publicKey);
  const seen = new Set<string>();
  const last = counted(ballots);
  let tally = emptyTally(election);
  for (const [at, raw] of ballots.entries()) {
    const ballot = readBallot(raw);
    if (seen.has(ballot.tracker)) throw new Inconsistent("ballot-twice", "the record holds one ballot twice");
    seen.add(ballot.tracker);
    verifyBallot(ballot, election, (credential) => weights.has(credential));
    if (last.get(ballot.credential) === at) {
      const rows = ballot.answers.map(({ choices }) =>
        choices.map(({ alpha, beta }) => ({ alpha: Point.parse(alpha), beta: Point.parse(beta) })),
      );
      tally = addBallot(tally, rows, weights.get(ballot.credential) ?? 0);
    }
    progress(at + 1, ballots.length);
    await pause();
  }
  if (!sameBytes(encodeTally(tally), record.tally)) {
    throw new Inconsistent("encrypted-tally", "the encrypted total of this record is not the sum of its ballots: nothing is decrypted");
  }
  return tally;
}

/** Which ballot of each credential counts: its last one. */
function counted(ballots: readonly Uint8Array[]): ReadonlyMap<string, number> {
  return new Map(ballots.map((raw, at) => [readBallot(raw).credential, at] as const));
}

function sealedOf({ records }: Link, manifestJson: Uint8Array, uuid: string) {
  const [electionJson, trusteesJson, credentials] = records;
  const data = records.at(-1);
  if (electionJson === undefined || trusteesJson === undefined || credentials === undefined || records.length !== 4 || data === undefined) {
    throw broken("Setup");
  }
  const named = fields(parseCanonical(data), ["election", "trustees", "credentials"]);
  const hashes = [electionJson, trusteesJson, credentials].map(sha256Hex);
  if ([named.election, named.trustees, named.credentials].some((one, at) => one !== hashes[at])) throw broken("Setup");
  const election = parseElection(electionJson);
  const trustees = readTrustees(trusteesJson);
  const manifest = parseManifest(manifestJson);
  verifyManifest(manifest, election);
  if (election.uuid !== uuid) throw new Inconsistent("other-election", "the server shows the record of another election");
  if (!trustees.electionKey.equals(election.publicKey)) {
    throw new Inconsistent("election-key", "the election's public key is not the sum of the trustees' keys");
  }
  return { election, trustees, manifest, weights: weightsOf(credentials) };
}

function weightsOf(raw: Uint8Array): ReadonlyMap<string, number> {
  const lines = array(parseCanonical(raw)).map(text);
  const weights = new Map<string, number>();
  for (const line of lines) {
    const found = /^([0-9a-f]{64})(?:,(0|[1-9][0-9]{0,14}))?$/.exec(line);
    const credential = found?.[1];
    if (credential === undefined || weights.has(credential)) throw new Malformed("credentials-malformed", "the list of credentials is damaged");
    weights.set(credential, Number(found?.[2] ?? "1"));
  }
  return weights;
}

function ballotOf({ records }: Link): Uint8Array {
  const [ballot] = records;
  if (ballot === undefined || records.length !== 1) throw broken("a ballot");
  return ballot;
}

function broken(what: string): Malformed {
  return new Malformed("record-malformed", `${what} is not written as it must be`);
}
