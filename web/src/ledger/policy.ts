/**
 * A trust policy: which logs and witnesses a reader believes, and how many must agree. docs/protocol.md section 12.6; C2SP
 * tlog-policy. Signatures of witnesses with an ML-DSA key cannot be checked in a browser: they count for nothing, and are named.
 */

import { utf8, utf8Text } from "../crypto/bytes.ts";
import { ElectionError, InvalidSignature, Malformed, Refused, Unsupported } from "../crypto/errors.ts";
import { ML_DSA_44, parseVerifierKey, type VerifierKey } from "../crypto/signed_note.ts";
import { type SignedCheckpoint, verifyLines } from "./checkpoint.ts";
import { COSIGNER_KINDS, type Cosignature, LOG_KINDS, verifyKey } from "./cosignature.ts";

const MAX_BYTES = 4_000_000;
const MAX_COMPONENTS = 1000;
const NONE = "none";
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;

/** A cosigner. `name` is what this policy calls it, and nothing else. */
export interface Witness {
  readonly name: string;
  readonly key: VerifierKey;
  readonly url: string | undefined;
}

/** Counts as one voice when at least `threshold` of its members do. */
export interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

/** `quorum` is the witness or group that must have cosigned; undefined: nobody need. Members stand before their group. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly Witness[];
  readonly groups: readonly Group[];
  readonly quorum: string | undefined;
}

/** What a checkpoint has behind it: `unchecked` are witnesses whose signature is there but cannot be checked in a browser. */
export interface Confirmation {
  readonly logs: readonly Cosignature[];
  readonly witnesses: readonly { readonly name: string; readonly time: bigint }[];
  readonly unchecked: readonly string[];
  readonly quorum: boolean;
}

/**
 * Check that a log of the policy signed the checkpoint, and that the quorum cosigned it. Throws InvalidSignature `note-signature`
 * (a known key's line is wrong: all is refused) and `checkpoint-unsigned`; Refused `checkpoint-origin` and `quorum-missing`;
 * Unsupported `ml-dsa-missing` when the quorum is there only with signatures that no browser can check.
 */
export function verifyPolicy(policy: Policy, signed: SignedCheckpoint): Confirmation {
  const { origin } = signed.checkpoint;
  const logKeys = policy.logs.filter((key) => key.name === origin);
  if (logKeys.length === 0) {
    const known = [...new Set(policy.logs.map((key) => key.name.slice(0, 80)))].join(", ") || "none";
    throw new Refused("checkpoint-origin", `the policy knows no log ${origin.slice(0, 80)}; the logs it knows: ${known.slice(0, 400)}`);
  }
  const found = new Map(verifyLines(signed, [...logKeys, ...policy.witnesses.map(({ key }) => key)]).map((one) => [one.key, one]));
  const logs = logKeys.flatMap((key) => found.get(key) ?? []);
  if (logs.length === 0) {
    throw new InvalidSignature("checkpoint-unsigned", `no key that the policy has for ${origin.slice(0, 80)} signed this checkpoint`);
  }
  const witnesses = policy.witnesses.flatMap(({ name, key }) => {
    const one = found.get(key);
    return one === undefined ? [] : [{ name, time: one.time }];
  });
  const unchecked = policy.witnesses
    .filter(({ key }) => key.kind === ML_DSA_44 && signed.note.lines.some((line) => line.name === key.name && line.id === key.id))
    .map(({ name }) => name);
  verifyQuorum(policy, witnesses.map(({ name }) => name), unchecked);
  return { logs, witnesses, unchecked, quorum: policy.quorum !== undefined };
}

/**
 * The policy that an election's manifest states: its witnesses and quorum, with the log keys of the manifest itself. Log lines in
 * the policy's text may repeat these keys. Throws Malformed `policy-malformed`.
 */
export function policyOfManifest(log: { readonly origin: string; readonly keys: readonly VerifierKey[]; readonly policy: string }): Policy {
  const policy = parsePolicy(utf8(log.policy));
  if (policy.logs.some((known) => log.keys.every((key) => key.text !== known.text))) {
    throw malformed("the manifest's policy names a log key that the manifest does not have");
  }
  const own = log.keys.filter((key) => key.name === log.origin && LOG_KINDS.includes(key.kind));
  return { ...policy, logs: verifiedLogs(own) };
}

/** The policy in a file, whose last line ends in a newline. Throws Malformed `policy-malformed` with the number of the line. */
export function parsePolicy(data: Uint8Array): Policy {
  let text = "";
  try {
    text = data.length > MAX_BYTES ? "" : utf8Text(data);
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
  }
  if (CONTROL.test(text) || !text.endsWith("\n")) {
    throw malformed("a policy is a text without control characters, its last line ends in a newline");
  }
  const reading = new Reading();
  text.split("\n").forEach((line, at) => {
    const items = line.split(/[ \t]+/).filter((item) => item !== "");
    if (items.length === 0 || items[0]?.startsWith("#")) return;
    try {
      reading.read(items);
    } catch (error) {
      if (error instanceof ElectionError) throw malformed(`line ${at + 1} of the policy: ${error.message}`);
      throw error;
    }
  });
  return reading.policy();
}

/** What the lines up to some line have defined. */
class Reading {
  #logs: VerifierKey[] = [];
  readonly #witnesses: Witness[] = [];
  readonly #groups: Group[] = [];
  readonly #quorum: string[] = [];
  readonly #names = new Set<string>();
  readonly #members = new Set<string>();

  read([word, ...rest]: string[]): void {
    const [name = "", second = ""] = rest;
    if (word === "log" && rest.length >= 1 && rest.length <= 2) this.#logs = verifiedLogs([...this.#logs, parseVerifierKey(name)]);
    else if (word === "witness" && rest.length >= 2 && rest.length <= 3) this.#addWitness(name, parseVerifierKey(second), rest[2]);
    else if (word === "group" && rest.length >= 3) this.#addGroup(name, second, rest.slice(2));
    else if (word === "quorum" && rest.length === 1) this.#addQuorum(name);
    else throw malformed(`${(word ?? "").slice(0, 40)} with ${rest.length} items is no log, witness, group or quorum`);
    if (this.#logs.length + this.#names.size > MAX_COMPONENTS) throw malformed(`more than ${MAX_COMPONENTS} logs, witnesses and groups`);
  }

  policy(): Policy {
    const [quorum] = this.#quorum;
    if (quorum === undefined) throw malformed("the policy has no quorum line");
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: quorum === NONE ? undefined : quorum };
  }

  #addWitness(name: string, key: VerifierKey, url: string | undefined): void {
    verifyKey(key, COSIGNER_KINDS, "the witness");
    if (this.#witnesses.some((other) => String(other.key.key) === String(key.key))) {
      throw malformed(`the key of ${name.slice(0, 80)} is that of another witness: one could count twice`);
    }
    this.#define(name);
    this.#witnesses.push({ name, key, url });
  }

  #addGroup(name: string, written: string, members: string[]): void {
    for (const member of members) {
      this.#verifyDefined(member);
      if (this.#members.has(member)) throw malformed(`${member.slice(0, 80)} is a member twice: one could count twice`);
      this.#members.add(member);
    }
    const threshold = written === "any" ? 1 : written === "all" ? members.length : Number(written);
    if (written !== "any" && written !== "all" && (!/^[1-9][0-9]{0,3}$/.test(written) || threshold > members.length)) {
      throw malformed(`${name.slice(0, 80)} needs ${written.slice(0, 20)}: any, all or 1 to ${members.length}`);
    }
    this.#define(name);
    this.#groups.push({ name, threshold, members });
  }

  #addQuorum(name: string): void {
    if (this.#quorum.length > 0) throw malformed("a second quorum");
    if (name !== NONE) this.#verifyDefined(name);
    this.#quorum.push(name);
  }

  #define(name: string): void {
    if (name === NONE || this.#names.has(name)) throw malformed(`the name ${name.slice(0, 80)} is taken`);
    this.#names.add(name);
  }

  #verifyDefined(name: string): void {
    if (!this.#names.has(name)) throw malformed(`${name.slice(0, 80)} is no witness or group of a line before`);
  }
}

function verifiedLogs(keys: readonly VerifierKey[]): VerifierKey[] {
  for (const key of keys) verifyKey(key, LOG_KINDS, "the log");
  if (new Set(keys.map((key) => String(key.key))).size !== keys.length) throw malformed("one public key stands in two log lines");
  return [...keys];
}

function verifyQuorum(policy: Policy, cosigned: readonly string[], unchecked: readonly string[]): void {
  if (policy.quorum === undefined || agreed(policy, cosigned).has(policy.quorum)) return;
  if (agreed(policy, [...cosigned, ...unchecked]).has(policy.quorum)) {
    throw new Unsupported(
      "ml-dsa-missing",
      `the quorum needs ${unchecked.join(", ").slice(0, 200)}, whose kind of signature no browser can check: check this elsewhere`,
    );
  }
  const missing = policy.witnesses.filter(({ name }) => !cosigned.includes(name)).map(({ name }) => name.slice(0, 80));
  throw new Refused(
    "quorum-missing",
    `the quorum ${policy.quorum.slice(0, 80)} has not cosigned: ${cosigned.length} of ${policy.witnesses.length} witnesses did; ` +
      `missing: ${missing.join(", ").slice(0, 600)}`,
  );
}

/** The witnesses and groups that agree when these witnesses do. */
function agreed(policy: Policy, witnesses: readonly string[]): Set<string> {
  const found = new Set(witnesses);
  // Members stand before their group, so one pass is enough.
  for (const group of policy.groups) {
    if (group.members.filter((member) => found.has(member)).length >= group.threshold) found.add(group.name);
  }
  return found;
}

function malformed(message: string): Malformed {
  return new Malformed("policy-malformed", message);
}
