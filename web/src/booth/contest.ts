/** A contest as the page names it, and its election as it was sealed: what the server sends is checked against the Setup hash. */

import { type Election, parseElection } from "../ballot/election.ts";
import { fromBase64, sha256Hex, utf8 } from "../crypto/bytes.ts";
import { array, type Json, type JsonObject, object, parse, text } from "../crypto/canonical_json.ts";
import { Inconsistent } from "../crypto/errors.ts";

/** What the page says of a contest. Nothing of it is believed but through the Setup hash, which the voter compares as the seal. */
export interface Contest {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly state: string;
  readonly opens_at: number;
  readonly closes_at: number;
  readonly zone: string;
  readonly fingerprint: string;
  readonly setup: string;
  /** The exact texts of the Setup event and of the setup data that it names. */
  readonly setup_event: string;
  readonly setup_data: string;
  readonly bucket_digits: number;
}

/** What a voter's page brings along: `base` is the server's address, `prefix` the language in addresses, such as `/ru`. */
export interface Page {
  readonly base: string;
  readonly prefix: string;
  readonly campaign: string | null;
  readonly contests: readonly Contest[];
}

export interface LogKeys {
  readonly origin: string;
  readonly keys: readonly string[];
  readonly box: string;
  readonly policy: string;
  readonly period: number;
}

/** An election under its Setup hash. `projects` has per question the project of each option, with its cost where it has one. */
export interface Sealed {
  readonly contest: Contest;
  readonly election: Election;
  readonly log: LogKeys | null;
  readonly projects: readonly (readonly Project[])[];
  readonly currency: string | null;
}

export interface Project {
  readonly title: string;
  readonly cost: number | null;
}

/** Reads one public text of the server: its bytes. Throws when there is none. */
export type Read = (address: string) => Promise<Uint8Array>;

export class Unreachable extends Error {}

/** Reads without cookie or referrer. Throws Unreachable when no answer came that is one. */
export const read: Read = async (address) => {
  let response: Response;
  try {
    response = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", redirect: "error", signal: AbortSignal.timeout(30_000) });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Unreachable(address);
  }
  throw new Unreachable(`${address}: ${response.status}`);
};

export function recordAddress(uuid: string): string {
  return `/observer/elections/${uuid}`;
}

/** The seal as letters have it: the first 80 bits of the Setup hash in base32, `XXXX-XXXX-XXXX-XXXX`. */
export function seal(setup: string): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...setup.slice(0, 20)].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  const found = Array.from({ length: 16 }, (_, at) => letters[Number.parseInt(bits.slice(5 * at, 5 * at + 5), 2)]).join("");
  return [0, 4, 8, 12].map((start) => found.slice(start, start + 4)).join("-");
}

/**
 * The election and the keys of its log and box, all of them under the Setup hash that the seal shows: hash by hash from the Setup
 * event down to the questions and the manifest. Throws Unreachable, or Inconsistent `setup-differs` naming what does not fit.
 */
export async function readSealed(contest: Contest, reading: Read = read): Promise<Sealed> {
  const digest = electionDigest(contest);
  const [raw, manifest] = await Promise.all([
    reading(`${recordAddress(contest.uuid)}/data/${digest.slice(0, 2)}/${digest}`),
    reading(`${recordAddress(contest.uuid)}/manifest.json`),
  ]);
  verifyHash("election", raw, digest);
  const election = parseElection(raw);
  if (election.uuid !== contest.uuid || election.fingerprint !== contest.fingerprint) throw differs("fingerprint");
  const named = /manifest=sha256:([0-9a-f]{64})$/.exec(election.description)?.[1];
  if (named === undefined) return { contest, election, log: null, projects: [], currency: null };
  verifyHash("manifest", manifest, named);
  return { contest, election, ...readManifest(object(parse(manifest))) };
}

/** The election's digest, as the Setup event says through its setup data. */
function electionDigest(contest: Contest): string {
  const event = utf8(contest.setup_event);
  verifyHash("Setup event", event, contest.setup);
  const data = utf8(contest.setup_data);
  verifyHash("setup data", data, text(object(parse(event)).payload));
  const digest = text(object(parse(data)).election);
  // The page's fingerprint is the same hash in base64.
  if (digest !== hexOf(contest.fingerprint)) throw differs("fingerprint");
  return digest;
}

function readManifest(manifest: JsonObject): Pick<Sealed, "log" | "projects" | "currency"> {
  const allocation = "allocation" in manifest ? object(manifest.allocation) : {};
  return {
    log: "log" in manifest ? readLog(object(manifest.log)) : null,
    projects: array(manifest.options).map((row) => array(row).map(readProject)),
    currency: typeof allocation.currency === "string" ? allocation.currency : null,
  };
}

function readLog(log: JsonObject): LogKeys {
  return {
    origin: text(log.origin),
    keys: array(log.keys).map((key) => text(key)),
    box: text(log.box),
    policy: text(log.policy),
    period: Number(log.period),
  };
}

function readProject(one: Json): Project {
  const project = object(one);
  return { title: text(project.title), cost: typeof project.cost === "number" ? project.cost : null };
}

function verifyHash(what: string, data: Uint8Array, expected: string): void {
  if (sha256Hex(data) !== expected) throw differs(what);
}

function differs(what: string): Inconsistent {
  return new Inconsistent("setup-differs", `the ${what} is not the one under this election's Setup hash`);
}

function hexOf(compact: string): string {
  return Array.from(fromBase64(`${compact}=`), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
