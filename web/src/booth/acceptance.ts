/** What is known of a ballot after it was accepted: the box's word at once, then its place in the signed log. */

import { type Acknowledgement, verifyAcknowledgement } from "../ballot/acknowledgement.ts";
import { sha256Hex, utf8 } from "../crypto/bytes.ts";
import { ElectionError, Inconsistent, Refused } from "../crypto/errors.ts";
import type { Log } from "../ballot/manifest.ts";
import { type Policy, policyOfManifest } from "../ledger/policy.ts";
import { type Logged, parseReceipt, SUFFIX, verifyBallotLogged, verifyReceipt } from "../ledger/receipt.ts";
import { type Read, read, recordAddress, type Sealed, Unreachable } from "./contest.ts";

/** A place in the log that was proven, or what is wrong with the proof that came; or none came although it is time. */
export type Shown =
  | {
      readonly is: "logged";
      readonly index: number;
      readonly size: number;
      readonly witnesses: readonly string[];
      readonly quorum: boolean;
      readonly receipt: Uint8Array;
    }
  | { readonly is: "false"; readonly problem: string; readonly receipt: Uint8Array }
  | { readonly is: "overdue" };

/** An accepted ballot: `note` is the box's verified word, `logged` what the log has shown so far. */
export interface Accepted {
  readonly sealed: Sealed;
  readonly note: Uint8Array;
  readonly said: Acknowledgement;
  readonly tracker: string;
  readonly logged: Shown | null;
}

/** The box's word for this ballot, verified with the key that the sealed manifest names. Throws ElectionError. */
export function checkNote(note: Uint8Array, { contest, election, manifest }: Sealed, tracker: string): Acknowledgement {
  if (manifest.log === undefined) throw new Refused("no-box", "this election names no ballot box that signs");
  return verifyAcknowledgement(note, manifest.log.box, { fingerprint: election.fingerprint, setup: contest.setup, tracker });
}

/**
 * Check that the log's entry is the very event that the box has signed. Throws Inconsistent `acknowledgement-broken`: the note and
 * the log then show together that the box has broken its word.
 */
export function checkEvent(said: LoggedEvent, found: LoggedEvent): void {
  if (found.height === said.height && found.event === said.event) return;
  throw new Inconsistent(
    "acknowledgement-broken",
    `the box signed event ${said.height} (${said.event.slice(0, 16)}…); in the log it is event ${found.height} ` +
      `(${found.event.slice(0, 16)}…)`,
  );
}

/** What the sealed manifest says of log and witnesses; where it names no policy, the log's own signature is enough. */
export function policyOf(log: Log): Policy {
  return policyOfManifest({ ...log, policy: log.policy === "" ? "quorum none\n" : log.policy });
}

/** What was found, and whether the quorum stands behind it. */
export interface Confirmed<Found> {
  readonly logged: Found;
  readonly quorum: boolean;
}

/** The event that an entry is: its height and the hash of its text. */
export interface LoggedEvent {
  readonly height: number;
  readonly event: string;
}

/** What a receipt shows, and whether enough witnesses stand behind it. Throws ElectionError when it does not hold. */
export function checkReceipt(receipt: Uint8Array, log: Log, tracker: string): Confirmed<Logged & LoggedEvent> {
  const parsed = parseReceipt(receipt);
  const policy = policyOf(log);
  const { logged, quorum } = withQuorum(policy, (one) => verifyReceipt(parsed, one));
  const height = verifyBallotLogged(logged, tracker);
  return { logged: { ...logged, height, event: sha256Hex(logged.entry) }, quorum };
}

/** Checks by the policy, and where only witnesses are missing by the log's signature alone, saying so. */
export function withQuorum<Found>(policy: Policy, check: (policy: Policy) => Found): Confirmed<Found> {
  try {
    return { logged: check(policy), quorum: true };
  } catch (error) {
    // Of a kind that no browser can check (ML-DSA), or not there yet: either way they count for nothing here.
    if (!(error instanceof ElectionError) || !["quorum-missing", "ml-dsa-missing"].includes(error.code)) throw error;
    return { logged: check({ ...policy, quorum: undefined }), quorum: false };
  }
}

/** The names of the witnesses that cosigned. */
export function witnessesOf(logged: Pick<Logged, "confirmation">): string[] {
  return logged.confirmation.witnesses.map(({ name }) => name);
}

/** Periods of the log, and seconds at the least, after which a ballot should have been in it. */
const OVERDUE_PERIODS = 3;
const OVERDUE_SECONDS = 120;

const LONGEST_PAUSE = 300;

/** Waits so many seconds. */
export type Pause = (seconds: number) => Promise<unknown>;

const pause: Pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

/**
 * Looks for the receipt until it is there and enough witnesses confirm it, or `tell` says that nobody waits any more; more and more
 * rarely, at last every five minutes. A receipt that does not come in time is told once as overdue.
 */
export async function watchLog(
  accepted: Accepted,
  tell: (shown: Shown) => boolean,
  reading: Read = read,
  wait: Pause = pause,
): Promise<void> {
  const { contest, manifest } = accepted.sealed;
  const { log } = manifest;
  if (log === undefined) return;
  const patience = Math.max(OVERDUE_SECONDS, OVERDUE_PERIODS * log.period);
  let [waited, said] = [0, false];
  for (let look = 0; ; look += 1) {
    const shown = await lookOnce(accepted, log, `${recordAddress(contest.uuid)}/ballots/${accepted.tracker}${SUFFIX}`, reading);
    if (shown !== null && !tell(shown)) return;
    if (shown?.is === "false" || (shown?.is === "logged" && shown.quorum)) return;
    said ||= shown !== null;
    if (!said && waited > patience) {
      said = true;
      if (!tell({ is: "overdue" })) return;
    }
    const seconds = Math.min(LONGEST_PAUSE, Math.max(3, log.period / 4) * (1 + look / 8));
    waited += seconds;
    await wait(seconds);
  }
}

async function lookOnce(accepted: Accepted, log: Log, address: string, reading: Read): Promise<Shown | null> {
  let receipt: Uint8Array;
  try {
    receipt = await reading(address);
  } catch (error) {
    if (error instanceof Unreachable) return null;
    throw error;
  }
  try {
    const { logged, quorum } = checkReceipt(receipt, log, accepted.tracker);
    checkEvent(accepted.said, logged);
    return { is: "logged", index: logged.index, size: logged.size, witnesses: witnessesOf(logged), quorum, receipt };
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
    return { is: "false", problem: error.message, receipt };
  }
}

/** What the paper's QR code holds: the note, and where it is known the number of the entry. docs/protocol.md section 12.5. */
export function paperText({ note, logged }: Pick<Accepted, "note" | "logged">): Uint8Array {
  const index = logged?.is === "logged" ? utf8(`index ${logged.index}\n`) : new Uint8Array();
  return new Uint8Array([...note, ...index]);
}
