/**
 * The next step of the ceremony, from what this trustee keeps and what is on the board. docs/protocol.md sections 6.5 to 6.8.
 *
 * Each step gives what must be saved before it may be shown. The shares follow from the saved state and the board.
 */

import { hex } from "../crypto/bytes.ts";
import { dumps, fields, type Json, text } from "../crypto/canonical_json.ts";
import {
  checkReveals, commit, type Committed, commitmentOf, finish, type Finished, reveal, type Revealed, type Sharing, takePlace, verifyOutcome,
} from "../crypto/ceremony.ts";
import { type Certificate, fingerprintOf, lineOf, listHash, makeCertificate, parseCertificate } from "../crypto/certificate.ts";
import { jsonOf, keysOf, randomSeed } from "../crypto/channel.ts";
import { type Complaint, complaintJson } from "../crypto/complaint.ts";
import { ElectionError, Inconsistent, Refused } from "../crypto/errors.ts";
import type { TrusteeRoom } from "../crypto/key_file.ts";
import { verificationKeyJson } from "../crypto/pedersen.ts";
import { proofJson } from "../crypto/proof.ts";
import { parseReveal, revealJson } from "../crypto/reveal.ts";
import { parseTerms, type Terms, verifyRun } from "../crypto/run_file.ts";
import type { Randomness } from "../crypto/scalar.ts";
import { readTrustees } from "../ballot/trustees.ts";
import type { Hall, TrusteeServer } from "./server.ts";

export type Step =
  /** Others are waited for: whose certificate, commitment, part, share or key is missing. */
  | { readonly kind: "wait"; readonly what: "certificate" | "commitment" | "reveal" | "share" | "key"; readonly places: readonly number[] }
  /** All certificates are there: their fingerprints are compared by people before anything is chosen. */
  | { readonly kind: "compare"; readonly fingerprints: readonly string[]; readonly hash: string }
  /** This must be saved; then the step is taken again, which shows it. `dealer`: of the bad share, after a complaint. */
  | { readonly kind: "save"; readonly room: TrusteeRoom; readonly why: "committed" | "revealed" | "finished" | "complained"; readonly dealer?: number }
  | { readonly kind: "complained"; readonly dealer: number }
  | { readonly kind: "done" };

/** A state in which the ceremony goes on. */
type Kept = Committed | Revealed | Sharing;

/** What a step asks of the server. Whatever it answers may be a lie. */
export type Board = Pick<TrusteeServer, "hall" | "message" | "put" | "outcome">;

/** A new room: seed and certificate for this place. Nothing is shown yet. */
export function newRoom(campaign: string, terms: Terms, place: number, randomness: Randomness): TrusteeRoom {
  const seed = randomSeed(randomness);
  const context = { size: terms.size, threshold: terms.threshold, index: place };
  const certificate = lineOf(makeCertificate(keysOf(seed), context, randomness));
  return { campaign, seed, certificate, state: undefined, seen: undefined, complaint: null, journal: undefined };
}

export async function termsOf(server: Board): Promise<Terms> {
  return parseTerms(jsonOf(await server.message("terms.json")));
}

/**
 * Everything that can be done now is done, and what comes next is told. `compared`: the hash that a person has compared with the
 * others; nothing is chosen for other certificates than those. Throws Refused `old-file` when the board knows a later step of this
 * trustee than the file, `another-run` when the file is of a run before, or whatever a step finds wrong.
 */
export async function takePart(
  server: Board, room: TrusteeRoom, terms: Terms, compared: string | undefined, randomness: Randomness,
): Promise<Step> {
  const hall = await server.hall();
  const own = parseCertificate(room.certificate);
  const index = own.context.index;
  verifySeat(hall, own, terms);
  await verifySameRun(server, room, hall, index);
  verifyNewest(room, hall, index);
  if (room.complaint !== null) return complained(server, room.complaint, index);
  const { state } = room;
  if (state?.step === "finished") return outcome(server, room, state, hall, terms);
  await showCertificate(server, room, index);
  const certificates = await gather(server, terms, index, "certificate");
  if (!isComplete(certificates)) return certificates;
  if (state === undefined) return choose(room, certificates.texts.map(parseCertificate), terms, compared, randomness);
  if (dumps(certificates.texts) !== dumps(committedOf(state).place.certificates.map(lineOf))) {
    throw new Inconsistent("split-view", "the server shows other certificates than those that your part was chosen for");
  }
  return goOn(server, room, state, terms, randomness);
}

function verifySeat(hall: Hall, own: Certificate, terms: Terms): void {
  if (hall.status === "ended") throw new Refused("ceremony-ended", hall.ended ?? "this run of the ceremony ended without a key");
  const { index, size, threshold } = own.context;
  if (hall.place !== index || size !== terms.size || threshold !== terms.threshold) {
    throw new Inconsistent("other-terms", "this key file was made for another place, or for another ceremony");
  }
}

/** Check that the run on the board is the one that this file took part in. A seed is used in one run only. Throws Refused `another-run`. */
async function verifySameRun(server: Board, room: TrusteeRoom, { names }: Hall, index: number): Promise<void> {
  const name = `certificate-${index}.json`;
  // A file with a seed alone may be the first to show its certificate.
  if (!names.has(name) && room.state === undefined && room.complaint === null) return;
  if (!names.has(name) || (await server.message(name)) !== room.certificate) {
    throw new Refused("another-run", "this key file belongs to another run of the ceremony: its certificate is not on the board");
  }
}

/** The certificate is on the board. Throws Refused `another-run` when the server knows its keys from a run that ended. */
async function showCertificate(server: Board, room: TrusteeRoom, index: number): Promise<void> {
  try {
    await server.put(`certificate-${index}.json`, room.certificate);
  } catch (error) {
    if (!(error instanceof ElectionError) || error.code !== "ceremony-trustees") throw error;
    throw new Refused("another-run", "this key file belongs to a run of the ceremony that has ended: its seed is used up");
  }
}

function verifyNewest(room: TrusteeRoom, { names }: Hall, index: number): void {
  const later = room.complaint === null && [...names].some((name) => name.startsWith(`complaint-${index}-`));
  const beyond =
    (room.state === undefined && names.has(`commitment-${index}.json`)) ||
    (room.state?.step === "committed" && names.has(`reveal-${index}.json`)) ||
    (room.state?.step !== "finished" && names.has(`key-${index}.json`));
  if (later || beyond) throw new Refused("old-file", "this key file is of before: your place has gone further on the board");
}

async function choose(
  room: TrusteeRoom, certificates: readonly Certificate[], terms: Terms, compared: string | undefined, randomness: Randomness,
): Promise<Step> {
  const own = parseCertificate(room.certificate);
  const { index } = own.context;
  if (lineOf(certificates[index - 1] as Certificate) !== room.certificate) {
    throw new Inconsistent("not-my-certificate", "the certificate at your place is not the one you made");
  }
  const keys = keysOf(room.seed);
  const place = takePlace(keys, certificates, terms.size, terms.threshold, index);
  const hash = hex(listHash(certificates));
  if (compared === undefined) return { kind: "compare", fingerprints: certificates.map(fingerprintOf), hash };
  if (hash !== compared) throw new Inconsistent("split-view", "the server shows other certificates than those that you compared");
  return { kind: "save", room: { ...room, state: await commit(keys, place, randomness) }, why: "committed" };
}

function committedOf(state: Kept): Committed {
  if (state.step === "committed") return state;
  return state.step === "revealed" ? state.committed : state.revealed.committed;
}

async function goOn(server: Board, room: TrusteeRoom, state: Kept, terms: Terms, randomness: Randomness): Promise<Step> {
  if (state.step === "committed") return promise(server, room, state, terms, randomness);
  const revealed = state.step === "revealed" ? state : state.revealed;
  const { place, secrets } = committedOf(state);
  const { index } = place;
  await server.put(`reveal-${index}.json`, dumps(revealJson(revealed.reveal)));
  const sharing = state.step === "sharing" ? state : await checked(server, state, terms);
  if ("kind" in sharing) return sharing;
  const present = (await server.hall()).names;
  for (const [at, message] of secrets.entries()) {
    const name = `share-${index}-${at + 1}.json`;
    if (at + 1 !== index && !present.has(name)) await server.put(name, message);
  }
  const shares = await gather(server, terms, index, "share");
  if (!isComplete(shares)) return shares;
  const messages = shares.texts.map((one, at) => (at + 1 === index ? (secrets[at] as string) : one));
  const outcome = await finish(keysOf(room.seed), sharing, messages, terms.names[index - 1] || undefined, randomness);
  if (!("step" in outcome)) return { kind: "save", room: { ...room, complaint: complaintJson(outcome) }, why: "complained", dealer: outcome.dealer };
  return { kind: "save", room: { ...room, state: outcome, seen: sharing }, why: "finished" };
}

/**
 * The commitment is shown. With all of them there, the reveal is signed over these, and kept before it is shown: a server that could
 * show other commitments after this trustee's reveal would let a dealer choose after it.
 */
async function promise(server: Board, room: TrusteeRoom, state: Committed, terms: Terms, randomness: Randomness): Promise<Step> {
  const { index } = state.place;
  await server.put(`commitment-${index}.json`, dumps({ commitment: commitmentOf(state) }));
  const commitments = await gather(server, terms, index, "commitment");
  if (!isComplete(commitments)) return commitments;
  const shown = commitments.texts.map((one) => text(fields(jsonOf(one), ["commitment"]).commitment));
  return { kind: "save", room: { ...room, state: reveal(keysOf(room.seed), state, shown, randomness) }, why: "revealed" };
}

/** All reveals, found good against the commitments that were kept; what the board shows as commitments now does not matter. */
async function checked(server: Board, state: Revealed, terms: Terms): Promise<Sharing | Step> {
  const reveals = await gather(server, terms, state.committed.place.index, "reveal");
  return isComplete(reveals) ? checkReveals(state, reveals.texts.map((one) => parseReveal(jsonOf(one)))) : reveals;
}

async function outcome(server: Board, room: TrusteeRoom, state: Finished, hall: Hall, terms: Terms): Promise<Step> {
  const { index } = state.place;
  if (hall.status !== "finished") {
    const key: Json = { verification_key: verificationKeyJson(state.verificationKey), group_signature: proofJson(state.groupSignature) };
    await server.put(`key-${index}.json`, dumps(key));
    if ((await server.hall()).status !== "finished") {
      const { names } = await server.hall();
      return { kind: "wait", what: "key", places: placesOf(terms).filter((place) => !names.has(`key-${place}.json`)) };
    }
  }
  const [trustees, run] = await server.outcome();
  verifyMine(trustees, state);
  verifyRun(run, trustees, state, room.seen);
  return { kind: "done" };
}

/** Check that trustees.json holds the group of this trustee's own ceremony. Throws Inconsistent `other-group`. */
export function verifyMine(trusteesJson: Uint8Array, state: Finished): void {
  const lines = dumps(state.place.certificates.map(lineOf));
  const group = readTrustees(trusteesJson).groups.find((one) => dumps(one.certificates.map(lineOf)) === lines);
  if (group === undefined) throw new Inconsistent("other-group", "these keys were not made in your ceremony");
  verifyOutcome(state, group);
}

async function complained(server: Board, complaint: Json, index: number): Promise<Step> {
  const { dealer } = complaint as unknown as Complaint;
  await server.put(`complaint-${index}-${dealer}.json`, dumps(complaint));
  return { kind: "complained", dealer };
}

interface Complete {
  readonly texts: readonly string[];
}

function isComplete(found: Complete | Step): found is Complete {
  return "texts" in found;
}

/** The texts of all trustees, in order (of shares: those for `index`, its own left empty), or whom to wait for. */
async function gather(
  server: Board, terms: Terms, index: number, what: "certificate" | "commitment" | "reveal" | "share",
): Promise<Complete | Step> {
  const nameOf = (place: number): string => (what === "share" ? `share-${place}-${index}.json` : `${what}-${place}.json`);
  const wanted = placesOf(terms).filter((place) => what !== "share" || place !== index);
  const { names } = await server.hall();
  const missing = wanted.filter((place) => !names.has(nameOf(place)));
  if (missing.length > 0) return { kind: "wait", what, places: missing };
  const texts: string[] = [];
  for (const place of placesOf(terms)) texts.push(wanted.includes(place) ? await server.message(nameOf(place)) : "");
  return { texts };
}

function placesOf({ size }: Terms): number[] {
  return Array.from({ length: size }, (_, at) => at + 1);
}
