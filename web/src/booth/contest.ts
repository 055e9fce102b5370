/** A contest as the page names it, and its election as it was sealed: what the server sends is checked against the Setup hash. */

import { type Election, parseElection } from "../ballot/election.ts";
import { type Manifest, parseManifest, verifyManifest } from "../ballot/manifest.ts";
import { fromBase64, hex, sha256Hex, utf8 } from "../crypto/bytes.ts";
import { object, parse, text } from "../crypto/canonical_json.ts";
import { Inconsistent } from "../crypto/errors.ts";

/** What the page says of a contest. Nothing of it is believed but through the Setup hash, which the voter compares as the seal. */
export interface Contest {
  readonly uuid: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly state: string;
  readonly rehearsal: boolean;
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

/** An election under its Setup hash, with what its manifest promises. */
export interface Sealed {
  readonly contest: Contest;
  readonly election: Election;
  readonly manifest: Manifest;
}

/** Reads one public text of the server: its bytes. Throws when there is none. */
export type Read = (address: string) => Promise<Uint8Array>;

/** No answer came, or none that is one; `status` where there was an answer. */
export class Unreachable extends Error {
  readonly status: number | null;

  constructor(address: string, status: number | null = null) {
    super(`${address} cannot be read`);
    this.status = status;
  }
}

/** Reads without cookie or referrer. Throws Unreachable when no answer came that is one. */
export const read: Read = async (address) => {
  let response: Response;
  try {
    response = await fetch(address, {
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      signal: AbortSignal.timeout(30_000),
    });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Unreachable(address);
  }
  throw new Unreachable(address, response.status);
};

export function recordAddress(uuid: string): string {
  return `/observer/elections/${uuid}`;
}

/** What this page has read of a contest already: it is sealed, and stays as it is. */
const sealings = new WeakMap<Contest, Sealed>();

/**
 * The election and the keys of its log and box, all of them under the Setup hash that the seal shows: hash by hash from the Setup
 * event down to the questions and the manifest. Read once for each contest of the page. Throws Unreachable; Inconsistent
 * `setup-differs` naming what does not fit; and whatever is wrong with election and manifest themselves.
 */
export async function readSealed(contest: Contest, reading: Read = read): Promise<Sealed> {
  const before = readBefore(contest);
  if (before !== undefined) return before;
  const digest = electionDigest(contest);
  const [raw, manifest] = await Promise.all([
    reading(`${recordAddress(contest.uuid)}/data/${digest.slice(0, 2)}/${digest}`),
    reading(`${recordAddress(contest.uuid)}/manifest.json`),
  ]);
  verifyHash("election", raw, digest);
  const election = parseElection(raw);
  if (election.uuid !== contest.uuid || election.fingerprint !== contest.fingerprint) throw differs("fingerprint");
  const found = parseManifest(manifest);
  verifyManifest(found, election);
  verifyContest(contest, found);
  const sealed = { contest, election, manifest: found };
  sealings.set(contest, sealed);
  return sealed;
}

/** What `readSealed` has found of this contest before. */
export function readBefore(contest: Contest): Sealed | undefined {
  return sealings.get(contest);
}

/**
 * Check that the page says of the contest what was sealed: title, zone, times, campaign, whether it counts. Only an extension that the manifest allows
 * may have made the end later; that there was one is still the server's word. Throws Inconsistent `setup-differs`.
 */
export function verifyContest(contest: Contest, manifest: Manifest): void {
  const { opensAt, closesAt, until } = manifest;
  if (written(contest.title) !== written(manifest.title)) throw differs("title");
  if (contest.campaign !== manifest.campaign) throw differs("campaign");
  if (contest.rehearsal !== manifest.rehearsal) throw differs("word whether this is a rehearsal");
  if (contest.zone !== manifest.zone) throw differs("zone");
  if (contest.opens_at !== opensAt) throw differs("beginning of voting");
  if (!(contest.closes_at >= closesAt && contest.closes_at <= Math.max(closesAt, until))) throw differs("end of voting");
}

function written(title: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(title).sort());
}

const texts = new Map<string, Promise<string>>();

/**
 * The description of an option, by its SHA-256 in the manifest. Those of all options are asked for together, so that the server does
 * not learn which one a voter reads. Throws Unreachable, Inconsistent `setup-differs`.
 */
export function readText({ contest, manifest }: Sealed, sha256: string, reading: Read = read): Promise<string> {
  for (const { text: name } of manifest.options.flat()) {
    if (name !== undefined && !texts.has(name)) texts.set(name, textOf(contest.uuid, name, reading));
  }
  return texts.get(sha256) ?? textOf(contest.uuid, sha256, reading);
}

async function textOf(uuid: string, name: string, reading: Read): Promise<string> {
  try {
    const raw = await reading(`${recordAddress(uuid)}/data/${name.slice(0, 2)}/${name}`);
    verifyHash("description of an option", raw, name);
    return new TextDecoder().decode(raw);
  } catch (error) {
    texts.delete(name);
    throw error;
  }
}

/** The election's digest, as the Setup event says through its setup data. */
function electionDigest(contest: Contest): string {
  const event = utf8(contest.setup_event);
  verifyHash("Setup event", event, contest.setup);
  const data = utf8(contest.setup_data);
  verifyHash("setup data", data, text(object(parse(event)).payload));
  const digest = text(object(parse(data)).election);
  // The page's fingerprint is the same hash in base64.
  if (digest !== hex(fromBase64(`${contest.fingerprint}=`))) throw differs("fingerprint");
  return digest;
}

function verifyHash(what: string, data: Uint8Array, expected: string): void {
  if (sha256Hex(data) !== expected) throw differs(what);
}

function differs(what: string): Inconsistent {
  return new Inconsistent("setup-differs", `the ${what} is not the one under this election's Setup hash`);
}
