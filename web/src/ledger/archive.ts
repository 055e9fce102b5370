/** The archive `UUID.bel`, read whole: records in order, each named by its hash, and the chain of its events. docs/protocol.md 8.1. */

import { sha256Hex, utf8Text } from "../crypto/bytes.ts";
import { Inconsistent, Malformed } from "../crypto/errors.ts";
import { type Event, parseEvent } from "./event.ts";

const BLOCK = 512;
const ORDER: Readonly<Record<string, readonly string[]>> = {
  "": ["Setup"],
  Setup: ["Ballot", "EndBallots"],
  Ballot: ["Ballot", "EndBallots"],
  EndBallots: ["EncryptedTally"],
  EncryptedTally: ["PartialDecryption"],
  PartialDecryption: ["PartialDecryption", "Result"],
  Result: [],
};

/** An event and the data records that stand before it, in order. */
export interface Link {
  readonly event: Event;
  readonly records: readonly Uint8Array[];
}

/**
 * The links of the chain. Each record's name is its hash, each event follows the one before and names the last record before it.
 * Throws Malformed `archive-malformed` or Inconsistent `chain-broken`.
 */
export function readArchive(data: Uint8Array): Link[] {
  const links: Link[] = [];
  let records: Uint8Array[] = [];
  for (const [number, { name, content }] of [...recordsOf(data)].entries()) {
    if (number === 0) {
      if (name !== "BELENIOS") throw new Malformed("archive-malformed", "the archive does not begin with BELENIOS");
      continue;
    }
    const found = /^([0-9a-f]{64})\.(data|event)\.json$/.exec(name);
    if (found === null || found[1] !== sha256Hex(content)) {
      throw new Inconsistent("chain-broken", `record ${number} of the archive is not what its name says`);
    }
    if (found[2] === "data") {
      records.push(content);
      continue;
    }
    const event = parseEvent(content);
    verifyFollows(links.at(-1)?.event, event, records);
    links.push({ event, records });
    records = [];
  }
  return links;
}

function verifyFollows(before: Event | undefined, event: Event, records: readonly Uint8Array[]): void {
  const last = records.at(-1);
  const follows =
    event.height === (before === undefined ? 0 : before.height + 1) &&
    event.parent === before?.digest &&
    event.payload === (last === undefined ? undefined : sha256Hex(last)) &&
    (ORDER[before?.type ?? ""] ?? []).includes(event.type);
  if (!follows) throw new Inconsistent("chain-broken", `event ${event.height} (${event.type}) does not follow the one before it`);
}

function* recordsOf(data: Uint8Array): Generator<{ name: string; content: Uint8Array }> {
  let at = 0;
  while (at < data.length) {
    const header = data.subarray(at, at + BLOCK);
    const size = Number.parseInt(asciiOf(header.subarray(124, 135)), 8);
    const end = at + BLOCK + size;
    if (header.length !== BLOCK || !Number.isSafeInteger(size) || end > data.length) {
      throw new Malformed("archive-malformed", `the archive is cut short or damaged at byte ${at}`);
    }
    yield { name: asciiOf(header.subarray(0, 100)).replace(/\0+$/, ""), content: data.subarray(at + BLOCK, end) };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

function asciiOf(bytes: Uint8Array): string {
  return utf8Text(bytes);
}
