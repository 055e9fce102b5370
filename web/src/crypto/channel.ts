/**
 * Private, signed messages between trustees. docs/protocol.md section 6.4; the same as crypto/channel.py, with cipher gcm only:
 * a browser's own cryptography has no AES-CCM, and our ceremonies use gcm.
 */

import { fromHex, hex, sha256, utf8 } from "./bytes.ts";
import { dumps, fields, type Json, parseCanonical, text } from "./canonical_json.ts";
import { Inconsistent, Malformed, Refused, Unsupported } from "./errors.ts";
import { G, Point } from "./group.ts";
import { parseProof, type Proof, proofJson } from "./proof.ts";
import { fromWideDigest, randomScalar, type Randomness, type Scalar } from "./scalar.ts";
import { signVersion1, verifyVersion1 } from "./schnorr.ts";
import { messagePrefix } from "./version1.ts";

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const SEED_LENGTH = 22;
const SEED = new RegExp(`^[${BASE58}]{${SEED_LENGTH}}$`);

/** A uniform seed of 22 base58 characters, from which both keys of a trustee follow. Throws Refused `randomness-failed`. */
export function randomSeed(randomness: Randomness): string {
  const fresh = randomness(64);
  // Bytes of 232 and more are left out: 256 is no multiple of 58, and low digits would be likelier.
  const digits = [...fresh].filter((byte) => byte < 232).map((byte) => BASE58[byte % 58]);
  if (fresh.every((byte) => byte === 0) || digits.length < SEED_LENGTH) {
    throw new Refused("randomness-failed", "the random generator does not work; no seed was made");
  }
  return digits.slice(0, SEED_LENGTH).join("");
}

/** A trustee's keys for one ceremony: verification = signing·G, encryption = decryption·G. */
export interface TrusteeKeys {
  readonly signing: Scalar;
  readonly decryption: Scalar;
  readonly verification: Point;
  readonly encryption: Point;
}

/** The keys of a seed. Throws Malformed `seed-malformed` without showing it. */
export function keysOf(seed: string): TrusteeKeys {
  if (!SEED.test(seed)) throw new Malformed("seed-malformed", `a trustee's seed is ${SEED_LENGTH} base58 characters`);
  const [signing, decryption] = ["sk|", "dk|"].map((prefix) => fromWideDigest(sha256(utf8(prefix + seed)))) as [Scalar, Scalar];
  return { signing, decryption, verification: G.multiply(signing), encryption: G.multiply(decryption) };
}

/** A text with a signature of version 1 over exactly its bytes: `{"message":M,"signature":{…}}`. */
export interface SignedMessage {
  readonly message: string;
  readonly signature: Proof;
}

export function signMessage(secret: Scalar, message: string, randomness: Randomness): SignedMessage {
  return { message, signature: signVersion1(secret, messagePrefix(message), randomness) };
}

/** The message of strict JSON. Throws Malformed; the signature is not checked here. */
export function parseSigned(value: Json): SignedMessage {
  const found = fields(value, ["message", "signature"]);
  return { message: text(found.message), signature: parseProof(found.signature) };
}

export function signedJson({ message, signature }: SignedMessage): Json {
  return { message, signature: proofJson(signature) };
}

/** Check that the owner of `key` signed exactly this text. Throws InvalidSignature. */
export function verifyMessage(signed: SignedMessage, key: Point): void {
  verifyVersion1(signed.signature, messagePrefix(signed.message), key);
}

/** The value of a text in the one canonical form. Throws Malformed. */
export function jsonOf(message: string): Json {
  return parseCanonical(utf8(message));
}

/** An encrypted message: alpha = r·G, beta = r·recipient + K, K random; the key of `data` comes from K. */
export interface Envelope {
  readonly alpha: Point;
  readonly beta: Point;
  readonly data: Uint8Array;
}

/** The envelope of a text that is exactly what this program writes. Throws Malformed `message-malformed` or `message-point`. */
export function parseEnvelope(message: string): Envelope {
  const [alpha, beta, data] = malformedAs("message-malformed", () => {
    const found = fields(jsonOf(message), ["algorithm", "alpha", "beta", "data"]);
    if (found.algorithm !== "AES-GCM") throw new Malformed("cipher-unknown", "an encrypted message of this ceremony was expected");
    return [text(found.alpha), text(found.beta), fromHex(text(found.data))] as const;
  });
  return malformedAs("message-point", () => ({ alpha: Point.parse(alpha), beta: Point.parse(beta), data }));
}

/** `message` readable by the owner of `recipient` only, as text; r and K are fresh. */
export async function encrypt(recipient: Point, message: string, randomness: Randomness): Promise<string> {
  const r = randomScalar(randomness);
  const point = G.multiply(randomScalar(randomness));
  const alpha = G.multiply(r);
  const { key, iv } = await keyAndIv(point, alpha, "encrypt");
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, solid(utf8(message)));
  const beta = recipient.multiply(r).add(point);
  return dumps({ algorithm: "AES-GCM", alpha: alpha.text(), beta: beta.text(), data: hex(new Uint8Array(data)) });
}

/** K = beta − dk·alpha: the point that opens this envelope, and no other one. */
export function keyPoint(envelope: Envelope, decryption: Scalar): Point {
  return envelope.beta.subtract(envelope.alpha.multiply(decryption));
}

/** The bytes inside, opened with K. Throws Malformed `tag-wrong`. */
export async function openWith(envelope: Envelope, point: Point): Promise<Uint8Array> {
  const { key, iv } = await keyAndIv(point, envelope.alpha, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, solid(envelope.data)));
  } catch {
    throw new Malformed("tag-wrong", "the message cannot be opened: its authentication tag is wrong");
  }
}

/** The message that `sender` signed for `recipient`, from the opened bytes. Throws with the codes of crypto/channel.py. */
export function readOpened(plaintext: Uint8Array, sender: Point, recipient: Point): string {
  const signed = malformedAs("text-malformed", () => parseSigned(parseCanonical(plaintext)));
  verifyMessage(signed, sender);
  const [named, message] = malformedAs("text-malformed", () => {
    const found = fields(jsonOf(signed.message), ["recipient", "message"]);
    return [text(found.recipient), text(found.message)] as const;
  });
  // Without this a dealer could pass another dealer's words on as its own to a third trustee.
  if (named !== recipient.text()) throw new Inconsistent("recipient-wrong", "the message was signed for somebody else");
  return message;
}

/** The text to hand over: `message` signed by the sender for `recipient`, then encrypted to `recipient`. */
export async function send(sender: TrusteeKeys, recipient: Point, message: string, randomness: Randomness): Promise<string> {
  const addressed = dumps({ recipient: recipient.text(), message });
  return encrypt(recipient, dumps(signedJson(signMessage(sender.signing, addressed, randomness))), randomness);
}

/** What `sender` signed for this recipient, from an encrypted text. */
export async function receive(recipient: TrusteeKeys, sender: Point, message: string): Promise<string> {
  const envelope = parseEnvelope(message);
  return readOpened(await openWith(envelope, keyPoint(envelope, recipient.decryption)), sender, recipient.encryption);
}

/** Check that the ceremony's cipher is the one that a browser has. Throws Unsupported `cipher-unknown`. */
export function verifyCipher(cipher: Json): void {
  if (cipher !== "gcm") {
    throw new Unsupported("cipher-unknown", "this ceremony uses a cipher that a browser does not have: take part with the program");
  }
}

export function malformedAs<Value>(code: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(code, error.message);
    throw error;
  }
}

/** Key and nonce, 32 bytes each. The key belongs to one message: the nonce need not be random. */
async function keyAndIv(point: Point, alpha: Point, use: KeyUsage): Promise<{ key: CryptoKey; iv: Uint8Array<ArrayBuffer> }> {
  const raw = solid(sha256(utf8(`key|${point.text()}`)));
  return { key: await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]), iv: solid(sha256(utf8(`iv|${alpha.text()}`))) };
}

function solid(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data);
}

