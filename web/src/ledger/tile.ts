/**
 * The log as files: tiles of hashes and bundles of entries (C2SP tlog-tiles 0.1), and proofs made from them. docs/protocol.md
 * section 12.4.
 *
 * A tile is believed only so far as a signed root confirms it: what is computed here ends in a proof that is checked against it.
 */

import { Inconsistent, Malformed } from "../crypto/errors.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  HASH_BYTES,
  leafHash,
  makeConsistency,
  makeInclusion,
  type NodeHashes,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";

export const WIDTH = 256;

/** Gives the bytes at a path below the log's address; undefined when nothing is there. */
export type TileStore = (path: string) => Promise<Uint8Array | undefined>;

/** Where tile `number` of `level` with `width` hashes stands below the log's address. */
export function tilePath(level: number, number: number, width: number = WIDTH): string {
  return `tile/${level}/${pathOf(number, width)}`;
}

/** Where bundle `number` with `width` entries stands below the log's address. */
export function bundlePath(number: number, width: number = WIDTH): string {
  return `tile/entries/${pathOf(number, width)}`;
}

/** The hashes of a tile of this width. Throws Malformed `tile-malformed`. */
export function parseTile(data: Uint8Array, width: number): Uint8Array[] {
  if (data.length !== width * HASH_BYTES) {
    throw new Malformed("tile-malformed", `a tile of ${data.length} bytes, expected ${width * HASH_BYTES}`);
  }
  return Array.from({ length: width }, (_, at) => data.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** The `width` entries of a bundle. Throws Malformed `bundle-malformed`: one is cut short, or there are more or fewer. */
export function parseBundle(data: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < data.length && entries.length < width) {
    const start = at + 2;
    const end = start + (data[at] ?? 0) * 256 + (data[at + 1] ?? 0);
    if (start > data.length || end > data.length) {
      throw new Malformed("bundle-malformed", `a bundle of entries ends inside its entry ${entries.length}`);
    }
    entries.push(data.slice(start, end));
    at = end;
  }
  if (entries.length !== width || at !== data.length) {
    throw new Malformed("bundle-malformed", `a bundle of entries has ${at < data.length ? "more" : "fewer"} than ${width} entries`);
  }
  return entries;
}

/** The text of entry `index` of a log of `size` entries, which nothing has confirmed yet. Asks for one bundle and nothing else. */
export async function readEntry(store: TileStore, index: number, size: number): Promise<Uint8Array> {
  const number = Math.floor(index / WIDTH);
  const width = Math.min(WIDTH, size - number * WIDTH);
  if (!(index >= 0 && index < size)) throw missing(`entry ${index} of ${size}`);
  const [data, found] = await readFull(store, (wide) => bundlePath(number, wide), width);
  return parseBundle(data, found)[index % WIDTH] as Uint8Array;
}

/** The hashes of a log of `size` entries, from its tiles, each asked for once. */
export function tileHashes(store: TileStore, size: number): NodeHashes {
  const kept = new Map<string, Promise<Uint8Array[]>>();
  const hashes = (row: number, number: number): Promise<Uint8Array[]> => {
    const width = Math.min(WIDTH, Math.floor(size / WIDTH ** row) - number * WIDTH);
    const name = `${row}/${number}`;
    const found = kept.get(name) ?? readTile(store, row, number, width);
    kept.set(name, found);
    return found;
  };
  return async (level, index) => {
    const row = Math.floor(level / 8);
    const count = 2 ** (level % 8);
    const first = index * count;
    const tile = await hashes(row, Math.floor(first / WIDTH));
    let found = tile.slice(first % WIDTH, (first % WIDTH) + count);
    if (found.length !== count) throw missing(`subtree ${index} of height ${level}`);
    while (found.length > 1) {
      found = Array.from({ length: found.length / 2 }, (_, at) => nodeHash(found[2 * at] as Uint8Array, found[2 * at + 1] as Uint8Array));
    }
    return found[0] as Uint8Array;
  };
}

/**
 * The proof that `entry` is number `index` of the log, which leads to the checkpoint's root. Throws InvalidProof `inclusion-wrong`
 * when the tiles do not, Inconsistent `tile-missing`, Malformed `tile-malformed`.
 */
export async function provenInclusion(store: TileStore, checkpoint: Checkpoint, index: number, entry: Uint8Array): Promise<Uint8Array[]> {
  const proof = await makeInclusion(tileHashes(store, checkpoint.size), index, checkpoint.size);
  verifyInclusion(leafHash(entry), index, checkpoint.size, proof, checkpoint.root);
  return proof;
}

/** The proof that `older` is the beginning of `newer`, from the tiles of `newer`. Throws InvalidProof `consistency-wrong`. */
export async function provenConsistency(store: TileStore, older: Checkpoint, newer: Checkpoint): Promise<Uint8Array[]> {
  const proof = await makeConsistency(tileHashes(store, newer.size), older.size, newer.size);
  verifyConsistency(older.size, newer.size, older.root, newer.root, proof);
  return proof;
}

async function readTile(store: TileStore, level: number, number: number, width: number): Promise<Uint8Array[]> {
  if (width < 1) throw missing(tilePath(level, number));
  const [data, found] = await readFull(store, (wide) => tilePath(level, number, wide), width);
  return parseTile(data, found).slice(0, width);
}

/** Where a partial tile or bundle is gone, the full one is read and cut. */
async function readFull(store: TileStore, path: (width: number) => string, width: number): Promise<[Uint8Array, number]> {
  for (const wanted of new Set([width, WIDTH])) {
    const data = await store(path(wanted));
    if (data !== undefined) return [data, wanted];
  }
  throw missing(path(width));
}

function missing(what: string): Inconsistent {
  return new Inconsistent("tile-missing", `${what} is not there, though a checkpoint promises it`);
}

function pathOf(number: number, width: number): string {
  if (!(Number.isSafeInteger(number) && number >= 0 && width >= 1 && width <= WIDTH)) {
    throw new Malformed("tile-path", `there is no tile or bundle ${number} of width ${width}`);
  }
  const groups: string[] = [];
  let rest = number;
  do {
    groups.unshift(`${groups.length > 0 ? "x" : ""}${String(rest % 1000).padStart(3, "0")}`);
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.join("/") + (width === WIDTH ? "" : `.p/${width}`);
}
