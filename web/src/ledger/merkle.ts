/**
 * The Merkle tree of RFC 6962, section 2.1. docs/protocol.md section 12.1. It knows bytes, not ballots.
 *
 * Sizes and indexes are whole numbers up to 2^53; a log that says more is refused before it comes here.
 */

import { sameBytes, sha256 } from "../crypto/bytes.ts";
import { InvalidProof, Malformed } from "../crypto/errors.ts";

export const HASH_BYTES = 32;
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;
export const EMPTY_ROOT = sha256();
/** No proof over at most 2^63 - 1 leaves is longer. */
export const MAX_PROOF = 63;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** H(0x00, entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(LEAF, entry);
}

/** H(0x01, left, right). The other first byte keeps a leaf from being read as a node. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** Gives the root over the leaves from index·2^level up to (index + 1)·2^level, wherever hashes are kept. */
export type NodeHashes = (level: number, index: number) => Promise<Uint8Array>;

/** The root over complete subtrees that stand beside each other, the largest first; of none, the root of the empty tree. */
export function fold(hashes: readonly Uint8Array[]): Uint8Array {
  const last = hashes.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return hashes.slice(0, -1).reduceRight((root, left) => nodeHash(left, root), last);
}

/** The root over the leaves from `start` up to `end`; `start` is a multiple of the power of two that covers them. */
export async function subtreeRoot(nodes: NodeHashes, start: number, end: number): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const count = largestPower(end - at);
    hashes.push(await nodes(Math.round(Math.log2(count)), at / count));
    at += count;
  }
  return fold(hashes);
}

/** The path from the leaf's sibling up to a child of the root (RFC 6962, 2.1.1), for 0 ≤ index < size. */
export async function makeInclusion(nodes: NodeHashes, index: number, size: number): Promise<Uint8Array[]> {
  if (!(index >= 0 && index < size)) throw new Malformed("proof-range", `there is no leaf ${index} among ${size}`);
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      proof.push(await subtreeRoot(nodes, middle, end));
      end = middle;
    } else {
      proof.push(await subtreeRoot(nodes, start, middle));
      start = middle;
    }
  }
  return proof.reverse();
}

/** That the tree of `old` leaves is the beginning of that of `size` (RFC 6962, 2.1.2), for 0 ≤ old ≤ size. */
export async function makeConsistency(nodes: NodeHashes, old: number, size: number): Promise<Uint8Array[]> {
  if (!(old >= 0 && old <= size)) throw new Malformed("proof-range", `a tree of ${old} leaves is no beginning of one of ${size}`);
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (old > 0 && old < end) {
    const middle = start + split(end - start);
    if (old <= middle) {
      proof.push(await subtreeRoot(nodes, middle, end));
      end = middle;
    } else {
      proof.push(await subtreeRoot(nodes, start, middle));
      start = middle;
    }
  }
  // What is left is the old tree's last complete subtree; the verifier holds it already when it is the whole old tree.
  if (start > 0) proof.push(await subtreeRoot(nodes, start, end));
  return proof.reverse();
}

/**
 * Check that `leaf` (a leaf hash) is number `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2). Throws
 * InvalidProof `inclusion-wrong`.
 */
export function verifyInclusion(leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array): void {
  const wrong = (what: string): InvalidProof => new InvalidProof("inclusion-wrong", `the proof that entry ${index} is among ${size} ${what}`);
  if (!(index >= 0 && index < size && size <= MAX_SIZE)) {
    throw new InvalidProof("inclusion-wrong", `there is no leaf ${index} in a log of ${size} entries`);
  }
  let [place, last, found] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) throw wrong("has too many hashes");
    if (isOdd(place) || place === last) {
      found = nodeHash(sibling, found);
      [place, last] = upToOdd(place, last);
    } else {
      found = nodeHash(found, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw wrong("has too few hashes");
  if (!sameBytes(found, root)) throw wrong("leads to another root");
}

/**
 * Check that the tree of `old` leaves is the beginning of that of `size` leaves (RFC 9162, 2.1.4.2). Throws InvalidProof
 * `consistency-wrong`. Nothing, the tree of size 0, is the beginning of every tree.
 */
export function verifyConsistency(
  old: number,
  size: number,
  oldRoot: Uint8Array,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  const wrong = (what: string): InvalidProof => new InvalidProof("consistency-wrong", `the proof from ${old} to ${size} entries ${what}`);
  if (!(old >= 0 && old <= size && size <= MAX_SIZE)) {
    throw new InvalidProof("consistency-wrong", `a log of ${old} entries is no beginning of one of ${size}`);
  }
  if (old === 0 || old === size) {
    const same = sameBytes(oldRoot, old === 0 ? EMPTY_ROOT : root) && (size > 0 || sameBytes(root, EMPTY_ROOT));
    if (proof.length > 0 || !same) throw wrong("is not needed, but roots differ or hashes are there");
    return;
  }
  // A tree of a power of two is itself a node of the newer tree, so its root need not be sent.
  const path = largestPower(old) === old ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) throw wrong("has too few hashes");
  let [place, last] = [old - 1, size - 1];
  while (isOdd(place)) [place, last] = [half(place), half(last)];
  let [before, after] = [first, first];
  for (const sibling of path) {
    if (last === 0) throw wrong("has too many hashes");
    if (isOdd(place) || place === last) {
      [before, after] = [nodeHash(sibling, before), nodeHash(sibling, after)];
      [place, last] = upToOdd(place, last);
    } else {
      after = nodeHash(after, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last !== 0) throw wrong("has too few hashes");
  if (!sameBytes(before, oldRoot)) throw wrong("does not begin with the older log's root");
  if (!sameBytes(after, root)) throw wrong("leads to another root");
}

/** Go up while the node has no sibling on its right. */
function upToOdd(place: number, last: number): [number, number] {
  while (place !== 0 && !isOdd(place)) [place, last] = [half(place), half(last)];
  return [place, last];
}

/** The largest power of two below `size`, which is at least 2. */
function split(size: number): number {
  return largestPower(size - 1);
}

/** The largest power of two up to `value`, which is at least 1. Not by a rounded logarithm. */
function largestPower(value: number): number {
  let power = 1;
  while (power * 2 <= value) power *= 2;
  return power;
}

// Not >> and &, which cut to 32 bits.
function half(value: number): number {
  return Math.floor(value / 2);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}
