/**
 * Making a ballot, and opening one for checking. docs/protocol.md sections 5.1 to 5.7.
 *
 * The device encrypts and shows the commitment (`signature.hash`) before it learns whether the voter will cast or test. A prepared
 * ballot is then signed or opened, never both: an opened ballot has no signature, so it can never be cast (attack E3).
 */

import { hex, sha256, utf8 } from "../crypto/bytes.ts";
import { array, dumps, encode, fields, integer, type Json, type JsonObject, parseCanonical, text } from "../crypto/canonical_json.ts";
import { type Opening, proveDisjunction } from "../crypto/disjunction.ts";
import { type Ciphertext, encrypt } from "../crypto/elgamal.ts";
import { ElectionError, Inconsistent, Malformed, Refused } from "../crypto/errors.ts";
import { pause, Point } from "../crypto/group.ts";
import { proofJson } from "../crypto/proof.ts";
import { parseScalar, type Randomness, randomScalar, reduce, type Scalar, systemRandomness } from "../crypto/scalar.ts";
import { signVersion1 } from "../crypto/schnorr.ts";
import { ballotContext, ballotSignaturePrefix, compact } from "../crypto/version1.ts";
import type { Credential } from "./credential.ts";
import { ciphertextsOf, type Election, type Question } from "./election.ts";
import { type AnswerClaim, answerClaims } from "./encrypted_ballot.ts";

const MAX_BYTES = 262_144;

/** Per question the marks, 0 or 1, the blank vote first where the question has one. */
export type Choices = readonly (readonly number[])[];

/** How far the encryption is: `done` of `all` proofs. */
export type Progress = (done: number, all: number) => void;

export interface Preparing {
  readonly onProgress?: Progress;
  /** Tests only: everything else takes the browser's own generator. */
  readonly randomness?: Randomness;
  /** Once it is aborted, nothing more is made: its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** An encrypted ballot that is not signed yet. `commitment` may be shown; the choices are secret until opened. */
export class PreparedBallot {
  /** 43 characters: the hash of the unsigned ballot, which will be `signature.hash` if it is cast. */
  readonly commitment: string;
  readonly #election: Election;
  readonly #value: JsonObject;
  readonly #choices: Choices;
  readonly #randomness: Randomness;
  #secrets: readonly (readonly Scalar[])[];
  #credential: Credential | undefined;

  constructor(election: Election, value: JsonObject, choices: Choices, secrets: Scalar[][], credential: Credential, randomness: Randomness) {
    this.commitment = compact(encode(value));
    this.#election = election;
    this.#value = value;
    this.#choices = choices;
    this.#secrets = secrets;
    this.#credential = credential;
    this.#randomness = randomness;
  }

  /** The ballot's exact text, ready to be cast, with its tracker. Throws Refused `ballot-spent` when it was signed or opened before. */
  sign(): { readonly text: string; readonly tracker: string } {
    const { secret } = this.#spend();
    this.#secrets = [];
    const proof = signVersion1(secret, ballotSignaturePrefix(this.commitment), this.#randomness);
    const written = dumps({ ...this.#value, signature: { hash: this.commitment, proof: proofJson(proof) } });
    return { text: written, tracker: hex(sha256(utf8(written))) };
  }

  /** The text of the file `opened/1`, for checking elsewhere. Such a ballot can never be signed afterwards. */
  open(): string {
    this.#spend();
    return dumps({
      veche: "opened/1",
      election: this.#election.uuid,
      ballot: dumps(this.#value),
      choices: this.#choices,
      randomness: this.#secrets.map((row) => row.map(String)),
    });
  }

  #spend(): Credential {
    const credential = this.#credential;
    if (credential === undefined) {
      throw new Refused("ballot-spent", "this ballot was already signed or opened; encrypt a new one");
    }
    this.#credential = undefined;
    return credential;
  }
}

/**
 * Encrypt `choices` to the election's key for `credential`; the browser can draw between two options. Throws Refused `choices`
 * when they are no legal vote. Quick only after `prepareTables(election.publicKey)`.
 */
export async function prepareBallot(
  election: Election,
  choices: Choices,
  credential: Credential,
  { onProgress = () => {}, randomness = systemRandomness, signal }: Preparing = {},
): Promise<PreparedBallot> {
  verifyChoices(election, choices);
  const context = ballotContext(election.fingerprint, credential.point);
  const all = election.questions.reduce((sum, question) => sum + ciphertextsOf(question) + (question.blank ? 2 : 1), 0);
  let done = 0;
  const step = async (): Promise<void> => {
    done += 1;
    onProgress(done, all);
    await pause();
    signal?.throwIfAborted();
  };
  const answers: Json[] = [];
  const secrets: Scalar[][] = [];
  for (const [at, question] of election.questions.entries()) {
    const made = await answer(election.publicKey, question, (choices[at] ?? []) as (0 | 1)[], context, at + 1, randomness, step);
    answers.push(made.answer);
    secrets.push(made.secrets);
  }
  const value = {
    election_uuid: election.uuid,
    election_hash: election.fingerprint,
    credential: credential.point.text(),
    answers,
  };
  return new PreparedBallot(election, value, choices.map((marks) => [...marks]), secrets, credential, randomness);
}

/** Check that the marks are a legal vote. Throws Refused `choices` naming the question. */
export function verifyChoices(election: Election, choices: Choices): void {
  if (choices.length !== election.questions.length) {
    throw new Refused("choices", `${choices.length} answers to ${election.questions.length} questions`);
  }
  election.questions.forEach((question, at) => {
    const marks = choices[at] ?? [];
    const asked = `question ${at + 1} ("${question.text.slice(0, 60)}")`;
    if (marks.length !== ciphertextsOf(question) || marks.some((mark) => mark !== 0 && mark !== 1)) {
      throw new Refused("choices", `${asked} takes ${ciphertextsOf(question)} marks of 0 or 1`);
    }
    const chosen = sum(question.blank ? marks.slice(1) : marks);
    if (question.blank && marks[0] === 1) {
      if (chosen > 0) throw new Refused("choices", `${asked}: a blank vote marks nothing else`);
    } else if (chosen < question.minimum || chosen > question.maximum) {
      throw new Refused("choices", `${asked} takes ${question.minimum} to ${question.maximum} marks`);
    }
  });
}

async function answer(
  key: Point,
  question: Question,
  marks: readonly (0 | 1)[],
  context: string,
  number: number,
  randomness: Randomness,
  step: () => Promise<void>,
): Promise<{ answer: Json; secrets: Scalar[] }> {
  const secrets = marks.map(() => randomScalar(randomness));
  const choices: Ciphertext[] = [];
  for (const [at, mark] of marks.entries()) {
    choices.push(encrypt(mark, key, secrets[at] as Scalar));
    if (at % 4 === 3) await pause();
  }
  Point.encodeAll(choices.flatMap(({ alpha, beta }) => [alpha, beta]));
  const individual: Json[] = [];
  const named: Record<"blank" | "overall", Json> = { blank: null, overall: null };
  for (const claim of answerClaims(choices, question, context, number)) {
    const { holds, openings } = truth(claim, question, marks, secrets);
    const proof = proveDisjunction(key, claim.statement, holds, openings, randomness).map(proofJson);
    if (claim.kind === "individual") individual.push(proof);
    else named[claim.kind] = proof;
    await step();
  }
  const made: JsonObject = {
    choices: choices.map(({ alpha, beta }) => ({ alpha: alpha.text(), beta: beta.text() })),
    individual_proofs: individual,
    overall_proof: named.overall,
  };
  return { answer: question.blank ? { ...made, blank_proof: named.blank } : made, secrets };
}

/** Which part of a claim holds, and how each of its ciphertexts was made. */
function truth(
  { kind, choice, statement }: AnswerClaim,
  question: Question,
  marks: readonly (0 | 1)[],
  secrets: readonly Scalar[],
): { holds: number; openings: Opening[] } {
  const same = (opening: Opening): Opening[] => statement.values.map(() => opening);
  if (kind === "individual") {
    const m = marks[choice] as number;
    return { holds: m, openings: same({ m, r: secrets[choice] as Scalar }) };
  }
  if (!question.blank) {
    const m = sum(marks);
    return { holds: m - question.minimum, openings: same({ m, r: total(secrets) }) };
  }
  const blank: Opening = { m: marks[0] as number, r: secrets[0] as Scalar };
  const rest: Opening = { m: sum(marks.slice(1)), r: total(secrets.slice(1)) };
  // Of the blank proof, part 0 says "the blank is not marked" and part 1 "nothing else is marked"; of the overall proof, part 0
  // says "the blank is marked" and the others how many marks there are.
  if (kind === "blank") return { holds: blank.m, openings: [blank, rest] };
  return { holds: blank.m === 1 ? 0 : 1 + rest.m - question.minimum, openings: [blank, ...same(rest).slice(1)] };
}

/** An unsigned ballot with what is said to be inside, as read from a file `opened/1`: nothing is verified yet. */
export interface OpenedBallot {
  readonly election: string;
  readonly unsigned: Uint8Array;
  readonly choices: Choices;
  readonly randomness: readonly (readonly string[])[];
  /** What the first device showed before it was told to open. */
  readonly commitment: string;
}

/** The opened ballot in a file. Throws Malformed `opened-malformed`. */
export function parseOpened(raw: Uint8Array): OpenedBallot {
  return readingOpened(() => {
    const value = fields(parseCanonical(raw, MAX_BYTES), ["veche", "election", "ballot", "choices", "randomness"]);
    if (value.veche !== "opened/1") throw new Malformed("wrong-type", "not an opened ballot");
    const unsigned = utf8(text(value.ballot));
    return {
      election: text(value.election),
      unsigned,
      choices: array(value.choices).map((marks) => array(marks).map((mark) => integer(mark, 0, 1))),
      randomness: array(value.randomness).map((row) => array(row).map(text)),
      commitment: compact(unsigned),
    };
  });
}

/**
 * Check that the unsigned ballot encrypts exactly the stated choices: each ciphertext is made again and compared. Throws
 * Inconsistent `opened-differs` naming the question, Refused `wrong-election`, Malformed `opened-malformed`.
 */
export function verifyOpened(opened: OpenedBallot, election: Election): void {
  if (opened.election !== election.uuid) throw otherElection(election);
  verifyChoices(election, opened.choices);
  readingOpened(() => {
    const value = fields(parseCanonical(opened.unsigned, MAX_BYTES), ["election_uuid", "election_hash", "credential", "answers"]);
    if (value.election_uuid !== election.uuid || value.election_hash !== election.fingerprint) throw otherElection(election);
    const answers = array(value.answers, election.questions.length);
    array(opened.randomness, election.questions.length);
    answers.forEach((one, at) => verifyAnswer(one, opened.choices[at] ?? [], opened.randomness[at] ?? [], election, at + 1));
  });
}

function verifyAnswer(one: Json, marks: readonly number[], scalars: readonly string[], election: Election, number: number): void {
  const names = ["choices", "individual_proofs", "overall_proof", "blank_proof"] as const;
  const found = array(fields(one, names, ["blank_proof"]).choices, marks.length);
  array(scalars, marks.length);
  found.forEach((choice, place) => {
    const expected = encrypt(marks[place] as 0 | 1, election.publicKey, parseScalar(scalars[place]));
    if (dumps(choice) !== dumps({ alpha: expected.alpha.text(), beta: expected.beta.text() })) {
      throw new Inconsistent("opened-differs", `opened ballot: question ${number} does not encrypt the choice it states`);
    }
  });
}

function readingOpened<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed("opened-malformed", `opened ballot: ${error.message}`);
    throw error;
  }
}

function otherElection(election: Election): ElectionError {
  return new Refused("wrong-election", `opened ballot: made for another election than ${election.uuid}`);
}

function sum(marks: readonly number[]): number {
  return marks.reduce((all, mark) => all + mark, 0);
}

function total(secrets: readonly Scalar[]): Scalar {
  return reduce(secrets.reduce((all, one) => all + one, 0n));
}

