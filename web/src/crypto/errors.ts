/** The one tree of refusals, as crypto/errors.py has it: a stable code for programs and a sentence for people, never a secret. */

export class ElectionError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The bytes are not the one encoding of a value of the expected type. */
export class Malformed extends ElectionError {}

/** A proof, of zero knowledge or of a place in the log, does not hold for the statement it stands beside. */
export class InvalidProof extends ElectionError {}

/** A signature was not made by the key that should have made it. */
export class InvalidSignature extends ElectionError {}

/** Two statements of the public record cannot both be true. */
export class Inconsistent extends ElectionError {}

/** A statement that only this trustee can have made, and that cannot be true. */
export class Blamed extends Inconsistent {
  readonly place: number;

  constructor(code: string, message: string, place: number) {
    super(code, message);
    this.place = place;
  }
}

/** Well-formed, but not allowed now or not allowed here. */
export class Refused extends ElectionError {}

/** Legal elsewhere, but this program cannot check it: neither accepted nor refuted. */
export class Unsupported extends ElectionError {}
