/**
 * Names and passwords of HTTP's basic authentication (RFC 7617), against bcrypt hashes. bcrypt is slow on purpose, and here it is JavaScript
 * on the one thread that serves everybody: it runs in slices, one password at a time, with rests between; a password that was right is
 * known again by its HMAC.
 */
import {createHmac, randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {compare} from 'bcryptjs';

/** bcrypt hashes of passwords by user. */
export type Users = ReadonlyMap<string, string>;

/** Whether somebody may come in; `busy`: too many are asking, try again later. */
type Admission = 'admitted' | 'refused' | 'busy';

/** As many passwords that were right as are known again. */
const mostKnown = 64;
/** As many as wait for their turn. */
const mostWaiting = 16;
/** After each password bcrypt rests so many times as long as that took: whoever tries passwords leaves the others two thirds of the CPU. */
const restFactor = 2;

/** Knows who may come in. */
export class Doorkeeper {
  readonly #users: Users;
  readonly #key = randomBytes(32);
  readonly #known = new Set<string>();
  #waiting = 0;
  /** The last password's time. */
  #tookMs = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Judges the value of an Authorization header. */
  async admit(authorization: string | undefined): Promise<Admission> {
    const credentials = parseBasic(authorization);
    if (!credentials) return 'refused';
    const {user, password} = credentials;
    const mark = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password]))
      .digest('base64');
    if (this.#known.has(mark)) return 'admitted';
    if (this.#waiting >= mostWaiting) return 'busy';
    this.#waiting++;
    // Whoever waited may have been let in meanwhile, by another request.
    const verdict = this.#turn.then(() => this.#known.has(mark) || this.#verify(user, password));
    this.#turn = verdict.then(
      () => sleep(this.#tookMs * restFactor),
      () => {},
    );
    try {
      if (!(await verdict)) return 'refused';
    } finally {
      this.#waiting--;
    }
    for (const oldest of this.#known) {
      if (this.#known.size < mostKnown) break;
      this.#known.delete(oldest);
    }
    this.#known.add(mark);
    return 'admitted';
  }

  async #verify(user: string, password: string): Promise<boolean> {
    const began = performance.now();
    const hash = this.#users.get(user);
    // For a user that there isn't it takes as long as for the one it takes longest for.
    const [dearest = ''] = [...this.#users.values()].sort((a, b) => costOf(b) - costOf(a));
    const isRight = await compare(password, hash ?? dearest);
    this.#tookMs = performance.now() - began;
    return hash !== undefined && isRight;
  }
}

/** `$2b$12$…`: 12 */
function costOf(hash: string): number {
  return Number(hash.split('$')[2]);
}

function parseBasic(authorization = ''): {readonly user: string; readonly password: string} | null {
  const [, encoded] = /^basic +([a-z0-9+/]+=*)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : {user: text.slice(0, colon), password: text.slice(colon + 1)};
}
