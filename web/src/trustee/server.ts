/** What a trustee's page asks of its server, by the bearer token of the invitation. The server only carries messages. */

import { utf8, utf8Text } from "../crypto/bytes.ts";
import { array, fields, integer, type Json, object, parse, text } from "../crypto/canonical_json.ts";
import { Malformed, Refused } from "../crypto/errors.ts";
import { isUuid } from "../ballot/election.ts";

/** The newest run: this trustee's place, what is on the board, and how the run ended. */
export interface Hall {
  readonly run: number;
  readonly status: string;
  readonly place: number;
  readonly names: ReadonlySet<string>;
  readonly ended: string | undefined;
}

/** A contest as the server tells it. Nothing is decided by it but what to ask for next. */
export interface Contest {
  readonly election: string;
  readonly title: Readonly<Record<string, string>>;
  readonly state: string;
  /** How many ballots the record holds. */
  readonly ballots: number;
  readonly keys: boolean;
  readonly drilled: boolean;
  readonly present: boolean;
  readonly share: string;
}

/** How a run ended without a key: its code (docs/protocol.md section 6.7), and the names of those whom it names. */
export interface Ending {
  readonly code: string;
  readonly named: readonly string[];
}

/** `place`: this trustee's in the ceremony, if it has one. `ceremony`: one has begun. */
export interface Standing {
  readonly rehearsal: boolean;
  readonly place: number | undefined;
  readonly ceremony: boolean;
  readonly ending: Ending | undefined;
  readonly contests: readonly Contest[];
}

/** No answer came: everything may be asked again. */
export class Silent extends Error {}

/** The server did not do what was asked. What this page finds wrong by itself is a Refused of another kind. */
export class ServerRefused extends Refused {}

export class TrusteeServer {
  readonly #root: string;
  readonly #token: string;

  constructor(campaign: string, token: string) {
    this.#root = `/api/trustee/${campaign}`;
    this.#token = token;
  }

  async standing(): Promise<Standing> {
    const found = object(parse(await this.#file("")));
    return {
      rehearsal: found.rehearsal === true,
      place: found.place === null ? undefined : integer(found.place, 1),
      ceremony: found.ceremony !== null,
      ending: found.ceremony === null ? undefined : endingOf(object(found.ceremony).ended),
      contests: array(found.contests).map(contestOf),
    };
  }

  async hall(): Promise<Hall> {
    const found = fields(parse(await this.#file("/ceremony")), ["run", "status", "place", "names", "ended"]);
    return {
      run: integer(found.run, 1),
      status: text(found.status),
      place: integer(found.place, 1),
      names: new Set(array(found.names).map(text)),
      ended: found.ended === null ? undefined : text(found.ended).slice(0, 500),
    };
  }

  async message(name: string): Promise<string> {
    return utf8Text(await this.#file(`/ceremony/messages/${name}`));
  }

  /** The message stands on the board; the same again changes nothing. */
  async put(name: string, content: string): Promise<void> {
    await this.#ask("PUT", `${this.#root}/ceremony/messages/${name}`, utf8(content));
  }

  /** trustees.json and run file of the finished ceremony. */
  async outcome(): Promise<readonly [Uint8Array, Uint8Array]> {
    return [await this.#file("/ceremony/trustees.json"), await this.#file("/ceremony/run.json")];
  }

  /** manifest.json and trustees.json of a contest. */
  async drillFiles(uuid: string): Promise<readonly [Uint8Array, Uint8Array]> {
    return [await this.#file(`/elections/${uuid}/manifest.json`), await this.#file(`/elections/${uuid}/trustees.json`)];
  }

  async handInDrill(uuid: string, drill: Uint8Array): Promise<void> {
    await this.#ask("PUT", `${this.#root}/elections/${uuid}/drill`, drill);
  }

  async answerRollCall(uuid: string): Promise<void> {
    await this.#ask("POST", `${this.#root}/elections/${uuid}/roll-call`, new Uint8Array());
  }

  async handInShare(uuid: string, delivery: Uint8Array): Promise<void> {
    await this.#ask("POST", `${this.#root}/elections/${uuid}/shares`, delivery);
  }

  /** A file of the public record, which everybody reads: without the token. */
  async record(uuid: string, name: string): Promise<Uint8Array> {
    return asked("GET", `/observer/elections/${uuid}/${name}`, undefined, undefined);
  }

  async #file(path: string): Promise<Uint8Array> {
    return this.#ask("GET", this.#root + path);
  }

  async #ask(method: string, address: string, body?: Uint8Array): Promise<Uint8Array> {
    return asked(method, address, this.#token, body);
  }
}

async function asked(method: string, address: string, token: string | undefined, body: Uint8Array | undefined): Promise<Uint8Array> {
  let response: Response;
  let content: Uint8Array;
  try {
    response = await fetch(address, {
      method,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      cache: "no-store",
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      signal: AbortSignal.timeout(120_000),
    });
    content = new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Silent("the server does not answer");
  }
  if (response.ok) return content;
  if (response.status >= 500 || response.status === 429) throw new Silent("the server does not answer as it should");
  throw problemOf(content);
}

function problemOf(content: Uint8Array): ServerRefused {
  try {
    const found = object(parse(content, 100_000));
    return new ServerRefused(text(found.code), typeof found.detail === "string" ? found.detail : text(found.code));
  } catch {
    return new ServerRefused("server-malformed", "the server's answer cannot be understood");
  }
}

function endingOf(value: Json | undefined): Ending | undefined {
  if (value === undefined) return undefined;
  const { code, named } = fields(value, ["code", "named"]);
  return { code: text(code), named: array(named).map(text) };
}

function contestOf(value: Json): Contest {
  const found = object(value);
  if (!isUuid(found.election)) throw new Malformed("server-malformed", "the server names no election");
  const title = Object.entries(object(found.title)).map(([language, words]) => [language, text(words)] as const);
  return {
    election: found.election,
    title: Object.fromEntries(title),
    state: text(found.state),
    ballots: integer(found.ballots),
    keys: found.keys === true,
    drilled: found.drilled === true,
    present: found.present === true,
    share: text(found.share),
  };
}
