/** The manifest: what is promised about an election before it is sealed, and the line that binds it. docs/protocol.md section 4.5. */

import { fromHex, sha256Hex } from "../crypto/bytes.ts";
import { array, boolean, digest, fields, integer, type Json, object, parseCanonical, text } from "../crypto/canonical_json.ts";
import { Inconsistent, Malformed } from "../crypto/errors.ts";
import { ED25519, parseVerifierKey, type VerifierKey } from "../crypto/signed_note.ts";
import { type Election, isUuid } from "./election.ts";

const MAX_BYTES = 1_000_000;
const FIELDS = [
  "veche", "campaign", "contest", "uuid", "rehearsal", "level", "title", "opens_at", "closes_at", "zone", "extension",
  "minimum_ballots", "electorate", "eligibility", "appeal_days", "registrar", "log", "allocation", "options",
] as const;
const MAY_BE_ABSENT = ["extension", "registrar", "log", "allocation"] as const;
const ID = /^[A-Za-z0-9._-]{1,64}$/;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** One answer of a question: `cost` in minor units, `text` a SHA-256 in hex. */
export interface Option {
  readonly project: string;
  readonly title: string;
  readonly cost: number | undefined;
  readonly text: string | undefined;
}

/** The public log: its verifier keys (the first is Ed25519 and named `origin`), the box's key, seconds between checkpoints. */
export interface Log {
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
  readonly box: VerifierKey;
  readonly period: number;
  readonly policy: string;
}

/** The manifest's content, as far as a voter's browser needs it. Times are seconds since 1970; `until`: the latest end by extension. */
export interface Manifest {
  readonly digest: string;
  readonly campaign: string;
  readonly contest: string;
  readonly uuid: string;
  readonly rehearsal: boolean;
  readonly level: "strict" | "belenios";
  readonly title: Readonly<Record<string, string>>;
  readonly opensAt: number;
  readonly closesAt: number;
  readonly until: number;
  readonly zone: string;
  readonly minimumBallots: number;
  readonly electorate: number;
  readonly log: Log | undefined;
  readonly currency: string | undefined;
  readonly options: readonly (readonly Option[])[];
}

/** The Setup hash as people compare it aloud: its first 80 bits in base32, `XXXX-XXXX-XXXX-XXXX`. */
export function seal(setupHash: string): string {
  const bits = [...fromHex(setupHash).slice(0, 10)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => BASE32[Number.parseInt(five, 2)] as string).join("");
  return (letters.match(/.{4}/g) ?? []).join("-");
}

/** The manifest in `raw`. Throws Malformed `manifest-malformed` or `manifest-keys`. */
export function parseManifest(raw: Uint8Array): Manifest {
  try {
    return read(raw);
  } catch (error) {
    if (error instanceof Malformed && error.code !== "manifest-keys") {
      throw new Malformed("manifest-malformed", `manifest.json: ${error.message}`);
    }
    throw error;
  }
}

/**
 * Check that the election's description names exactly this manifest, and both speak of the same election and answers. Throws
 * Malformed `manifest-line`; Inconsistent `manifest-hash`, `manifest-level`, `manifest-election` or `manifest-options`.
 */
export function verifyManifest(manifest: Manifest, election: Election): void {
  const lines = election.description.split("\n");
  const line = /^veche:1 level=(strict|belenios) manifest=sha256:([0-9a-f]{64})$/.exec(lines.at(-1) ?? "");
  if (line === null || lines.slice(0, -1).some((one) => one.startsWith("veche:"))) {
    throw new Malformed("manifest-line", "the description must end in exactly one line veche:1 level=… manifest=sha256:HEX");
  }
  if (line[2] !== manifest.digest) {
    throw new Inconsistent("manifest-hash", `manifest.json has SHA-256 ${manifest.digest.slice(0, 16)}…, the election names another`);
  }
  if (line[1] !== manifest.level) throw new Inconsistent("manifest-level", `the election is of level ${line[1]}, the manifest is not`);
  if (manifest.uuid !== election.uuid) throw new Inconsistent("manifest-election", `the manifest is of election ${manifest.uuid}`);
  const same =
    manifest.options.length === election.questions.length &&
    election.questions.every(({ answers }, at) => {
      const options = manifest.options[at] ?? [];
      return options.length === answers.length && answers.every((answer, place) => options[place]?.title === answer);
    });
  if (!same) throw new Inconsistent("manifest-options", "the manifest's options are not the election's answers");
}

function read(raw: Uint8Array): Manifest {
  const found = fields(parseCanonical(raw, MAX_BYTES), FIELDS, MAY_BE_ABSENT);
  if (found.veche !== "manifest/1") throw new Malformed("wrong-type", "veche must be manifest/1");
  if (!isUuid(found.uuid)) throw new Malformed("wrong-type", "uuid is at least 14 base58 characters");
  const { level } = found;
  if (level !== "strict" && level !== "belenios") throw new Malformed("wrong-type", "level is strict or belenios");
  return {
    digest: sha256Hex(raw),
    campaign: named(found.campaign),
    contest: named(found.contest),
    uuid: found.uuid,
    rehearsal: boolean(found.rehearsal),
    level,
    title: Object.fromEntries(Object.entries(object(found.title)).map(([language, title]) => [language, text(title)])),
    opensAt: integer(found.opens_at),
    closesAt: integer(found.closes_at),
    until: integer(found.extension === undefined ? found.closes_at : fields(found.extension, ["until"]).until),
    zone: text(found.zone),
    minimumBallots: integer(found.minimum_ballots),
    electorate: integer(found.electorate),
    log: found.log === undefined ? undefined : readLog(found.log),
    currency: found.allocation === undefined ? undefined : text(object(found.allocation).currency),
    options: array(found.options).map((question) => array(question).map(readOption)),
  };
}

function readOption(value: Json): Option {
  const found = fields(value, ["project", "title", "cost", "text"], ["cost", "text"]);
  return {
    project: named(found.project),
    title: text(found.title),
    cost: found.cost === undefined ? undefined : integer(found.cost),
    text: found.text === undefined ? undefined : digest(found.text),
  };
}

function readLog(value: Json): Log {
  const found = fields(value, ["origin", "keys", "box", "period", "policy"]);
  const origin = text(found.origin);
  const keys = array(found.keys).map((key) => readKey("log", key));
  const box = readKey("box", found.box);
  if (keys[0]?.kind !== ED25519 || keys[0].name !== origin) {
    throw new Malformed("manifest-keys", "the first log key is an Ed25519 key named as the log");
  }
  if (box.kind !== ED25519 || box.name !== `${origin}/box`) {
    throw new Malformed("manifest-keys", `the box key must be an Ed25519 key named ${origin.slice(0, 80)}/box`);
  }
  if (new Set([...keys, box].map(({ key }) => String(key))).size !== keys.length + 1) {
    throw new Malformed("manifest-keys", "one public key stands in two places; log and box have different keys");
  }
  return { origin, keys, box, period: integer(found.period, 1), policy: text(found.policy) };
}

function readKey(role: string, written: Json): VerifierKey {
  const vkey = text(written);
  try {
    return parseVerifierKey(vkey);
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed("manifest-keys", `the ${role} key: ${error.message}`);
    throw error;
  }
}

function named(value: Json): string {
  if (!ID.test(text(value))) throw new Malformed("wrong-type", "a name of letters, digits, dots and dashes was expected");
  return text(value);
}
