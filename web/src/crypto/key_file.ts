/** A trustee's key file `trustee-key/1`: seed, state of the ceremony and journal under a passphrase. docs/protocol.md section 6.10. */

import { scryptAsync } from "@noble/hashes/scrypt.js";

import { fromHex, hex, utf8 } from "./bytes.ts";
import { encode, fields, integer, type Json, object, parseCanonical, text } from "./canonical_json.ts";
import { type State, type Sharing, parseState, stateJson } from "./ceremony.ts";
import { keysOf, malformedAs } from "./channel.ts";
import { Malformed, Refused, Unsupported } from "./errors.ts";
import type { Randomness } from "./scalar.ts";

const MAX_BYTES = 16 * 1024 * 1024;
/** N of scrypt, with r = 8 and p = 1: 64 MiB and about a second. */
export const COST = 2 ** 16;
const HEADER = ["veche", "campaign", "n", "salt", "nonce", "data"] as const;

/** What a trustee keeps. `seen` is the state before a finished one; `complaint` and `journal` are kept as JSON and text. */
export interface TrusteeRoom {
  readonly campaign: string;
  readonly seed: string;
  readonly certificate: string;
  readonly state: State | undefined;
  readonly seen: Sharing | undefined;
  readonly complaint: Json;
  readonly journal: string | undefined;
}

/** A passphrase that was stretched once, with its salt: each saving takes a fresh nonce. */
export interface Lock {
  readonly salt: Uint8Array;
  readonly cost: number;
  readonly key: CryptoKey;
}

/** Stretches a passphrase, giving the page time to draw. */
export async function makeLock(passphrase: string, salt: Uint8Array, cost: number = COST): Promise<Lock> {
  // One letter й may be typed as one sign or as two, by the keyboard: both are the same passphrase.
  const raw = await scryptAsync(utf8(passphrase.normalize("NFC")), salt, { N: cost, r: 8, p: 1, dkLen: 32, maxmem: 2 ** 31 });
  const key = await crypto.subtle.importKey("raw", new Uint8Array(raw), "AES-GCM", false, ["encrypt", "decrypt"]);
  raw.fill(0);
  return { salt, cost, key };
}

/** The file of this room. Everything but the secret part is bound to it. */
export async function sealRoom(room: TrusteeRoom, lock: Lock, randomness: Randomness): Promise<Uint8Array> {
  const nonce = randomness(12);
  const header = { veche: "trustee-key/1", campaign: room.campaign, n: lock.cost, salt: hex(lock.salt), nonce: hex(nonce) };
  const options = { name: "AES-GCM", iv: new Uint8Array(nonce), additionalData: new Uint8Array(encode(header)) };
  const data = await crypto.subtle.encrypt(options, lock.key, new Uint8Array(encode(roomJson(room))));
  return encode({ ...header, data: hex(new Uint8Array(data)) });
}

/** The room in a file, and the lock to save it with. Throws Malformed `key-malformed`, Unsupported `key-version`, Refused `wrong-passphrase`. */
export async function openRoom(raw: Uint8Array, passphrase: string): Promise<{ readonly room: TrusteeRoom; readonly lock: Lock }> {
  const { header, campaign, cost, salt, nonce, data } = malformedAs("key-malformed", () => readHeader(raw));
  const lock = await makeLock(passphrase, salt, cost);
  let inside: ArrayBuffer;
  try {
    const options = { name: "AES-GCM", iv: nonce, additionalData: new Uint8Array(encode(header)) };
    inside = await crypto.subtle.decrypt(options, lock.key, data);
  } catch {
    throw new Refused("wrong-passphrase", "the passphrase does not open this file, or the file was changed");
  }
  return { room: malformedAs("key-malformed", () => parseRoom(campaign, parseCanonical(new Uint8Array(inside), MAX_BYTES))), lock };
}

function readHeader(raw: Uint8Array) {
  const value = object(parseCanonical(raw, MAX_BYTES));
  if (typeof value.veche === "string" && /^trustee-key\/[0-9]{1,4}$/.test(value.veche) && value.veche !== "trustee-key/1") {
    throw new Unsupported("key-version", "this key file was written by another version of Veche");
  }
  const found = fields(value, HEADER);
  const { data: _, ...header } = found;
  const cost = integer(found.n, 2 ** 10, 2 ** 20);
  const [salt, nonce, data] = [found.salt, found.nonce, found.data].map((one) => new Uint8Array(fromHex(text(one)))) as [
    Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>,
  ];
  if (found.veche !== "trustee-key/1" || (cost & (cost - 1)) !== 0 || salt.length !== 32 || nonce.length !== 12) {
    throw new Malformed("wrong-type", "not a trustee's key file");
  }
  return { header, campaign: text(found.campaign), cost, salt, nonce, data };
}

function roomJson({ seed, certificate, state, seen, complaint, journal }: TrusteeRoom): Json {
  return {
    seed,
    certificate,
    state: state === undefined ? null : stateJson(state),
    seen: seen === undefined ? null : stateJson(seen),
    complaint,
    journal: journal ?? null,
  };
}

function parseRoom(campaign: string, value: Json): TrusteeRoom {
  const found = fields(value, ["seed", "certificate", "state", "seen", "complaint", "journal"]);
  keysOf(text(found.seed));
  const seen = found.seen === null ? undefined : parseState(found.seen);
  if (seen !== undefined && seen.step !== "sharing") throw new Malformed("wrong-step", "the state before the last one was expected");
  return {
    campaign,
    seed: text(found.seed),
    certificate: text(found.certificate),
    state: found.state === null ? undefined : parseState(found.state),
    seen,
    complaint: found.complaint,
    journal: found.journal === null ? undefined : text(found.journal),
  };
}
