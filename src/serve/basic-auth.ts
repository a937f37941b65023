/**
 * Names and passwords of HTTP's basic authentication (RFC 7617), against bcrypt hashes. bcrypt is slow on purpose, and here it is JavaScript
 * on the one thread that serves everybody: it runs in slices, one password at a time, with rests between; a password that was right is
 * known again by its HMAC.
 */
import {createHmac, randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';
import {compare} from 'bcryptjs';
import {Shares} from './clients.js';

/** bcrypt hashes of passwords by user. */
export type Users = ReadonlyMap<string, string>;

/** Whether somebody may come in; `busy`: too many are asking, try again later. */
type Admission = 'admitted' | 'refused' | 'busy';

/** As many passwords that were right as are known again. */
const mostKnown = 64;
/** As many as wait for their turn, of all clients, and of one. */
const mostWaiting = 16;
const mostWaitingOfOne = 4;
/** After each password bcrypt rests so many times as long as that took: whoever tries passwords leaves the others two thirds of the CPU. */
const restFactor = 2;

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Credentials whose turn comes. */
interface Attempt {
  readonly credentials: Credentials;
  readonly resolve: (admission: Admission) => void;
}

/** Knows who may come in. */
export class Doorkeeper {
  /** null: anybody. Whoever was let in before comes in still after a change, unless another hash is theirs now. */
  users: Users | null;
  readonly #key = randomBytes(32);
  readonly #known = new Set<string>();
  readonly #waiting = new Shares<Attempt>();
  #isWorking = false;
  /** The last password's time. */
  #tookMs = 0;

  constructor(users: Users | null) {
    this.users = users;
  }

  /** Judges the value of an Authorization header that this client sent. Clients take turns. */
  async admit(client: string, authorization: string | undefined): Promise<Admission> {
    if (!this.users) return 'admitted';
    const credentials = parseBasic(authorization);
    if (!credentials) return 'refused';
    if (this.#known.has(this.#markOf(credentials, this.users))) return 'admitted';
    if (!this.#makePlaceFor(client)) return 'busy';
    return new Promise((resolve) => {
      this.#waiting.add(client, {credentials, resolve});
      if (!this.#isWorking) void this.#work();
    });
  }

  /** Where all places are taken, the client that has most gives its last up for one that has less. */
  #makePlaceFor(client: string): boolean {
    const own = this.#waiting.of(client).length;
    if (own >= mostWaitingOfOne) return false;
    if (this.#waiting.size < mostWaiting) return true;
    const other = this.#waiting.greediest(client);
    const theirs = this.#waiting.of(other);
    const last = theirs.at(-1);
    if (!last || theirs.length <= own + 1) return false;
    this.#waiting.delete(other, last);
    last.resolve('busy');
    return true;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let next = this.#waiting.take(); next; next = this.#waiting.take()) {
      const {credentials, resolve} = next;
      const isKnown = await this.#judge(credentials).catch(() => false);
      resolve(isKnown ? 'admitted' : 'refused');
      await sleep(this.#tookMs * restFactor);
    }
    this.#isWorking = false;
  }

  async #judge(credentials: Credentials): Promise<boolean> {
    const {users} = this;
    if (!users) return true;
    const mark = this.#markOf(credentials, users);
    // Whoever waited may have been let in meanwhile, by another request.
    this.#tookMs = 0;
    if (this.#known.has(mark)) return true;
    const isRight = await this.#verify(credentials, users);
    if (isRight) this.#remember(mark);
    return isRight;
  }

  #markOf({user, password}: Credentials, users: Users): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([user, users.get(user), password]))
      .digest('base64');
  }

  #remember(mark: string): void {
    for (const oldest of this.#known) {
      if (this.#known.size < mostKnown) break;
      this.#known.delete(oldest);
    }
    this.#known.add(mark);
  }

  async #verify({user, password}: Credentials, users: Users): Promise<boolean> {
    const began = performance.now();
    const hash = users.get(user);
    // For a user that there isn't it takes as long as for the one it takes longest for.
    const [dearest = ''] = [...users.values()].sort((a, b) => costOf(b) - costOf(a));
    const isRight = await compare(password, hash ?? dearest);
    this.#tookMs = performance.now() - began;
    return hash !== undefined && isRight;
  }
}

/** `$2b$12$…`: 12 */
function costOf(hash: string): number {
  return Number(hash.split('$')[2]);
}

function parseBasic(authorization = ''): Credentials | null {
  const [, encoded] = /^basic +([a-z0-9+/]+=*)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : {user: text.slice(0, colon), password: text.slice(colon + 1)};
}
