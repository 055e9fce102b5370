/** election.json: what is asked, under which key. docs/protocol.md sections 4.1 and 4.2; the same rules as ballot/election.py. */

import { sha256Hex, utf8 } from "../crypto/bytes.ts";
import { array, boolean, integer, type Json, type JsonObject, object, parse, text } from "../crypto/canonical_json.ts";
import { Malformed, Unsupported } from "../crypto/errors.ts";
import { Point } from "../crypto/group.ts";
import { compact, GROUP } from "../crypto/version1.ts";

export const MAX_BYTES = 1_000_000;
const MAX_QUESTIONS = 100;
const MAX_ANSWERS = 1000;

const UUID = /^[1-9A-HJ-NP-Za-km-z]{14,64}$/;
const REQUIRED = ["version", "description", "name", "group", "public_key", "questions", "uuid"];
const OPTIONAL = ["administrator", "credential_authority", "language"];
const ASKED = ["answers", "min", "max", "question"];
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["NonHomomorphic", "a question that needs a mixnet"],
  ["Lists", "a question with lists of candidates"],
]);

/** A homomorphic question: each answer gets 0 or 1, `minimum` ≤ sum ≤ `maximum`, or the blank vote where allowed. */
export interface Question {
  readonly text: string;
  readonly answers: readonly string[];
  readonly minimum: number;
  readonly maximum: number;
  readonly blank: boolean;
}

/** An election as its bytes say it. `fingerprint` has 43 characters, `digest` is the same SHA-256 in hex. */
export interface Election {
  readonly raw: Uint8Array;
  readonly uuid: string;
  readonly name: string;
  readonly description: string;
  readonly publicKey: Point;
  readonly questions: readonly Question[];
  readonly fingerprint: string;
  readonly digest: string;
}

/** How many ciphertexts an answer has: one per answer, and one before them for the blank vote. */
export function ciphertextsOf(question: Question): number {
  return question.answers.length + (question.blank ? 1 : 0);
}

/** Whether this is an election's identifier: at least 14 base58 characters. */
export function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

/**
 * The election in these bytes (or this exact text). Throws Malformed `election-malformed` or `question-limits`, or Unsupported.
 *
 * The bytes are law once hashed: hand in what the server sent, never what was printed again.
 */
export function parseElection(source: Uint8Array | string): Election {
  const raw = typeof source === "string" ? utf8(source) : source;
  try {
    const value = object(parse(raw, MAX_BYTES));
    refuseUnsupported(value);
    const odd = [
      ...REQUIRED.filter((name) => !(name in value)),
      ...Object.keys(value).filter((name) => !REQUIRED.includes(name) && !OPTIONAL.includes(name)),
    ];
    if (odd.length > 0) throw new Malformed("wrong-fields", `fields missing or unknown: ${odd.join(", ").slice(0, 80)}`);
    return election(raw, value);
  } catch (error) {
    if (error instanceof Malformed && error.code !== "question-limits") {
      throw new Malformed("election-malformed", `election.json: ${error.message}`);
    }
    throw error;
  }
}

function election(raw: Uint8Array, value: JsonObject): Election {
  if (!isUuid(value.uuid)) throw new Malformed("wrong-type", "uuid is at least 14 base58 characters");
  const asked = array(value.questions);
  if (asked.length < 1 || asked.length > MAX_QUESTIONS) {
    throw new Malformed("wrong-length", `${asked.length} questions where 1 to ${MAX_QUESTIONS} are allowed`);
  }
  for (const name of ["administrator", "credential_authority"]) if (name in value) text(value[name]);
  if ("language" in value) checkLanguage(value.language);
  return {
    raw,
    uuid: value.uuid,
    name: text(value.name),
    description: text(value.description),
    publicKey: Point.parse(value.public_key),
    questions: asked.map((one, at) => question(one, at + 1)),
    fingerprint: compact(raw),
    digest: sha256Hex(raw),
  };
}

/** The form that belenios-tool 3.3 writes: `["fr","ltr"]`. */
function checkLanguage(value: Json | undefined): void {
  const [language, direction] = array(value, 2);
  if (typeof language !== "string" || (direction !== "ltr" && direction !== "rtl")) {
    throw new Malformed("wrong-type", "language names a language and the direction of its script, ltr or rtl");
  }
}

/** Before anything else is read: what belongs to another protocol is not called malformed. */
function refuseUnsupported(value: JsonObject): void {
  const version = integer(value.version, Number.MIN_SAFE_INTEGER);
  if (version !== 1) {
    throw new Unsupported("unsupported-version", `protocol version ${version} is not supported; this program checks version 1`);
  }
  const group = text(value.group);
  if (group !== GROUP) {
    throw new Unsupported(
      "unsupported-group",
      `unsupported group "${group.slice(0, 40)}"; this program checks elections in the group "${GROUP}"`,
    );
  }
  array(value.questions).forEach((one, at) => {
    const kind = typeof one === "object" && one !== null && !Array.isArray(one) ? (one as JsonObject).type : undefined;
    const what = typeof kind === "string" ? ELSEWHERE.get(kind) : undefined;
    if (what !== undefined) {
      throw new Unsupported("unsupported-question", `question ${at + 1} is ${what} (${String(kind)}): not supported yet`);
    }
  });
}

function question(one: Json, number: number): Question {
  const value = object(one);
  const names = Object.keys(value);
  if (ASKED.some((name) => !(name in value)) || names.some((name) => !ASKED.includes(name) && name !== "blank")) {
    throw new Malformed("wrong-fields", `question ${number}: answers, min, max, question and at most blank were expected`);
  }
  const found: Question = {
    text: text(value.question),
    answers: array(value.answers).map(text),
    minimum: integer(value.min, Number.MIN_SAFE_INTEGER),
    maximum: integer(value.max, Number.MIN_SAFE_INTEGER),
    blank: "blank" in value ? boolean(value.blank) : false,
  };
  verifyLimits(found, number);
  return found;
}

/** Check 0 ≤ min ≤ max ≤ answers, at least one answer. Throws Malformed; a wider range would let a ballot count twice. */
function verifyLimits({ minimum, maximum, answers }: Question, number: number): void {
  const count = answers.length;
  if (count < 1 || count > MAX_ANSWERS || minimum < 0 || minimum > maximum || maximum > count) {
    throw new Malformed(
      "question-limits",
      `question ${number}: min ${minimum}, max ${maximum}, answers ${count}; 0 ≤ min ≤ max ≤ answers and 1 ≤ answers`,
    );
  }
}
