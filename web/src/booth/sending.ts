/** A ballot goes to the box, and its acknowledgement is believed only after it was verified. docs/protocol.md section 8.7. */

import { type Read, read, recordAddress, Unreachable } from "./contest.ts";
import type { Doubt } from "./voting.ts";

/** Seconds that one attempt may take. */
export const PATIENCE = 30;

const MOST = 100_000;

/** Codes by which the server says that the box has looked at the ballot and did not take it, nor had it before; it signs none. */
const SETTLED: ReadonlySet<string> = new Set([
  "malformed", "media-type", "too-large", "unknown-credential", "not-issued", "invalid-signature", "invalid-proof", "wrong-election",
  "not-open", "no-election",
]);

export type Fate =
  | { readonly is: "taken"; readonly note: Uint8Array }
  | { readonly is: "refused"; readonly code: string }
  | { readonly is: "unknown"; readonly doubt: Doubt; readonly wait: number };

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Uint8Array;
}

/** How a ballot is posted; an error that it throws means that no answer came. */
export type Post = (address: string, ballot: string) => Promise<Answer>;

/** What an answer says about the ballot. What is no answer of the box, whatever its status, says nothing. */
export function judge(answer: Answer): Fate {
  if (answer.body.length > MOST) return { is: "unknown", doubt: "strange", wait: 0 };
  if (answer.status === 200 || answer.status === 201) return { is: "taken", note: answer.body };
  const code = problemCode(answer.body);
  if (answer.status >= 400 && answer.status < 500 && SETTLED.has(code)) return { is: "refused", code };
  const wait = seconds(answer.retryAfter);
  if (answer.status === 429) return { is: "unknown", doubt: "rate-limited", wait };
  if (answer.status === 408) return { is: "unknown", doubt: "slow", wait };
  return { is: "unknown", doubt: [502, 503, 504].includes(answer.status) ? "busy" : "strange", wait };
}

/**
 * What this attempt leaves of the ballot's fate. That voting is not open now says nothing of an attempt before it, whose answer did
 * not come: that one may have been in time.
 */
export function settled(fate: Fate, attempt: number): Fate {
  if (attempt > 1 && fate.is === "refused" && fate.code === "not-open") return { is: "unknown", doubt: "ended", wait: 0 };
  return fate;
}

/** One attempt: the ballot's fate, with `note` verified by `check`, which throws when the note is not the box's word for this ballot. */
export async function attempt(post: Post, address: string, ballot: string, check: (note: Uint8Array) => void): Promise<Fate> {
  let fate: Fate;
  try {
    fate = judge(await post(address, ballot));
  } catch (error) {
    return { is: "unknown", doubt: isTimeout(error) ? "slow" : "offline", wait: 0 };
  }
  if (fate.is !== "taken") return fate;
  try {
    check(fate.note);
    return fate;
  } catch {
    // A page of a hotel's network, or a server that lies: either way nobody has promised anything.
    return { is: "unknown", doubt: "false-answer", wait: 0 };
  }
}

/** Whether the record, as the server shows it, has this ballot; null when it does not say. */
export async function isInRecord(uuid: string, tracker: string, reading: Read = read): Promise<boolean | null> {
  try {
    await reading(`${recordAddress(uuid)}/ballots/${tracker}`);
    return true;
  } catch (error) {
    if (error instanceof Unreachable) return error.status === 404 ? false : null;
    throw error;
  }
}

/** Posts without cookie, cache or referrer: nothing joins the ballot to a session. */
export const post: Post = async (address, ballot) => {
  const response = await fetch(address, {
    method: "POST",
    body: ballot,
    headers: { "Content-Type": "application/json" },
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(PATIENCE * 1000),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get("Retry-After"),
    body: new Uint8Array(await response.arrayBuffer()),
  };
};

/** Two windows of one browser take turns; where the browser has no such turns, the record still shows every ballot. */
export async function oneAtATime(name: string, act: () => Promise<void>): Promise<void> {
  if ("locks" in navigator) await navigator.locks.request(name, act);
  else await act();
}

function problemCode(body: Uint8Array): string {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    const code = typeof value === "object" && value !== null && "code" in value ? value.code : "";
    return typeof code === "string" ? code : "";
  } catch {
    return "";
  }
}

function seconds(written: string | null): number {
  return written !== null && /^[0-9]{1,5}$/.test(written) ? Number(written) : 0;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}
