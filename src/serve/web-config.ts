/**
 * Who may read over the network, and how: the web configuration file of Prometheus' exporters
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md), as far as it can be had here.
 */
import {validateHeaderValue} from 'node:http';
import {dirname, resolve} from 'node:path';
import {createSecureContext, type SecureContextOptions, type SecureVersion} from 'node:tls';
import {type Document, isMap, isScalar, LineCounter, parseDocument} from 'yaml';
import {exitStatus, failedCall, isSystemError, UserError} from '../errors.js';
import {readPlain} from '../input.js';
import {shortened} from '../model/printable.js';
import type {Users} from './basic-auth.js';
import type {Rate} from './rate-limit.js';
import {cipherList, curveList, curveNames, suiteNames} from './tls-names.js';

/** What a client's certificate is asked for, under the names of Go's crypto/tls. */
type ClientAuth =
  'NoClientCert' | 'RequestClientCert' | 'RequireAnyClientCert' | 'VerifyClientCertIfGiven' | 'RequireAndVerifyClientCert';

/** A server's certificate, and what it asks of clients; as Node takes them. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
  readonly clientAuth: ClientAuth;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** OpenSSL's list; null: its own. */
  readonly ciphers: string | null;
  /** Whether their order here counts, not the client's. */
  readonly prefersOwnCiphers: boolean;
  /** OpenSSL's list; null: its own. */
  readonly curves: string | null;
  /** Of which a client's certificate has to be for one; null: for whom it likes. */
  readonly clientSans: readonly string[] | null;
}

/** As Node's calls take it; they take that of any TlsConfig that was read. */
export function secureContext({
  cert,
  key,
  ca,
  minVersion,
  maxVersion,
  ciphers,
  curves,
  prefersOwnCiphers,
}: TlsConfig): SecureContextOptions {
  return {
    ...{cert, key, minVersion, maxVersion, honorCipherOrder: prefersOwnCiphers},
    ...(ca !== null && {ca}),
    ...(ciphers !== null && {ciphers}),
    ...(curves !== null && {ecdhCurve: curves}),
  };
}

/** What such a file says. */
export interface WebConfig {
  /** null: plain HTTP. */
  readonly tls: TlsConfig | null;
  /** null: anybody. */
  readonly users: Users | null;
  /** For each client; null: as often as it likes. */
  readonly rate: Rate | null;
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the person should know, a sentence each. */
  readonly warnings: readonly string[];
}

/** Without a file. */
export const openToAll: WebConfig = {tls: null, users: null, rate: null, headers: {}, warnings: []};

const bcryptHash = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** bcrypt's cost above which a password would take seconds here. */
const mostCost = 14;
/** It has some hundred bytes; with many users, some thousand. */
const mostBytes = 65_536;
/** Of those it names; all authorities of a system together have a quarter. */
const mostPemBytes = 1_048_576;
/** As much of a file's name as a sentence has room for. */
const shownLength = 200;

const clientAuths: Readonly<Record<ClientAuth | 'RequireClientCert', ClientAuth>> = {
  NoClientCert: 'NoClientCert',
  RequestClientCert: 'RequestClientCert',
  RequireAnyClientCert: 'RequireAnyClientCert',
  // As it was called once.
  RequireClientCert: 'RequireAnyClientCert',
  VerifyClientCertIfGiven: 'VerifyClientCertIfGiven',
  RequireAndVerifyClientCert: 'RequireAndVerifyClientCert',
};
/** Not TLS 1.0 and 1.1, which Go has still: OpenSSL doesn't, unless all its ciphers are made weak (RFC 8996). */
const versions = {TLS12: 'TLSv1.2', TLS13: 'TLSv1.3'} as const satisfies Readonly<Record<string, SecureVersion>>;
const headerNames = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
];

type Mapping = Readonly<Record<string, unknown>>;

/** Where in it something is: its keys, from the outside in. */
type Path = readonly string[];

/** A file of that form, and the sentences that refuse it. */
class Source {
  readonly file: string;
  readonly content: unknown;
  /** Whether every user of this host can read it. */
  readonly isForAll: boolean;
  readonly #lineCounter = new LineCounter();
  readonly #document: Document;

  constructor(file: string) {
    this.file = file;
    const {text, isForAll} = read(file, this, mostBytes);
    this.isForAll = isForAll;
    // Not prettyErrors: one for each bracket of what is no YAML at all would take for ever. Not silent: a second document would be passed
    // over, and its passwords with it.
    this.#document = parseDocument(text, {lineCounter: this.#lineCounter, logLevel: 'error', prettyErrors: false});
    const [error] = this.#document.errors;
    if (error) throw this.#refuseAt(error.pos[0], `it is no YAML (${error.code})`);
    try {
      // Nothing that a person writes there needs an alias, and aliases of aliases fill any memory.
      this.content = this.#document.toJS({maxAliasCount: 0}) ?? {};
    } catch (error) {
      throw this.refuse([], `it is no YAML that can be used here: ${(error as Error).message}`);
    }
  }

  /** What is wrong with what is at this path, or with what should be there. */
  refuse(path: Path, what: string, remedy?: string): UserError {
    let offset = 0;
    let node: unknown = this.#document.contents;
    for (const name of path) {
      const pair = isMap(node) ? node.items.find(({key}) => isScalar(key) && String(key.value) === name) : undefined;
      if (!pair) break;
      offset = (isScalar(pair.key) && pair.key.range?.[0]) || offset;
      node = pair.value;
    }
    return this.#refuseAt(offset, what, remedy);
  }

  #refuseAt(offset: number, what: string, remedy = 'See docs/metrics.md for what it may say.'): UserError {
    const {line} = this.#lineCounter.linePos(offset);
    return new UserError(`--web.config.file '${this.file}', line ${line}: ${what}. ${remedy}`, exitStatus.usage);
  }

  /** @throws where it is no mapping, or has another key than these; null: any. */
  mapping(value: unknown, path: Path, keys: readonly string[] | null): Mapping {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.refuse(path, `${nameOf(path)} is no mapping`);
    const unknown = keys ? Object.keys(value).find((key) => !keys.includes(key)) : undefined;
    if (unknown !== undefined)
      throw this.refuse([...path, unknown], `${nameOf(path)} has '${shortened(unknown)}'`, `There are ${keys?.join(', ')}.`);
    return value as Mapping;
  }

  /** @throws where it is no text, or none that a path or a header could be. */
  text(value: unknown, path: Path): string {
    if (typeof value !== 'string' || value === '' || value.includes('\0'))
      throw this.refuse(path, `${nameOf(path)} is no text`);
    return value;
  }

  /** null: none, or not given. @throws where it is no list of these, or of texts. */
  list(value: unknown, path: Path, choices: readonly string[] | null): readonly string[] | null {
    if (!isGiven(value)) return null;
    if (!Array.isArray(value)) throw this.refuse(path, `${nameOf(path)} is no list`);
    for (const each of value)
      if (choices && !choices.includes(this.text(each, path)))
        throw this.refuse(path, `${nameOf(path)} has '${shortened(String(each))}'`, `There are ${choices.join(', ')}.`);
      else this.text(each, path);
    return value.length > 0 ? (value as string[]) : null;
  }

  /** @throws where it is something else than true or false. */
  flag(value: unknown, path: Path, otherwise: boolean): boolean {
    if (!isGiven(value)) return otherwise;
    if (typeof value !== 'boolean') throw this.refuse(path, `${nameOf(path)} is true or false`);
    return value;
  }
}

/**
 * Reads it, and the files that it names: relative ones are beside it.
 * @throws UserError (2) where it can't be used, and where it, or a file it names, may not (77) or can't (1) be read; in one sentence.
 */
export function readWebConfig(file: string): WebConfig {
  const source = new Source(file);
  const keys = ['tls_server_config', 'http_server_config', 'rate_limit', 'basic_auth_users'];
  const root = source.mapping(source.content, [], keys);
  const warnings: string[] = [];
  const users = isGiven(root['basic_auth_users']) ? usersOf(root['basic_auth_users'], source) : null;
  const tls = isGiven(root['tls_server_config']) ? tlsOf(root['tls_server_config'], source, warnings) : null;
  if (users && source.isForAll) warnings.push(readableWarning(file));
  if (users && !tls) warnings.push('passwords go over the network as they are: there is no tls_server_config.');
  const rate = isGiven(root['rate_limit']) ? rateOf(root['rate_limit'], source) : null;
  return {tls, users, rate, headers: headersOf(root['http_server_config'], source, warnings), warnings};
}

function readableWarning(file: string): string {
  return `${file} can be read by every user of this host: chmod o-r ${file}`;
}

/** `it`, or the keys with a dot between. */
function nameOf(path: Path): string {
  return path.length > 0 ? path.join('.') : 'it';
}

/** The text of a file of at most that many bytes, and whether every user of this host can read it. */
function read(
  file: string,
  {file: config}: {readonly file: string},
  most: number,
): {readonly text: string; readonly isForAll: boolean} {
  const shown = shortened(file, shownLength);
  try {
    const {text, mode} = readPlain(file, most);
    return {text, isForAll: (mode & 0o004) !== 0};
  } catch (error) {
    if (!isSystemError(error)) {
      const sentence = `--web.config.file '${config}': ${shown}: ${(error as Error).message}. Check what it is.`;
      throw new UserError(sentence, exitStatus.usage);
    }
    throw failedCall(`--web.config.file '${config}': cannot read ${shown}`, error, {otherwise: 'Check its name and mode.'});
  }
}

function usersOf(value: unknown, source: Source): Users {
  const what = 'basic_auth_users';
  const entries = Object.entries(source.mapping(value, [what], null));
  if (entries.length === 0) throw source.refuse([what], `${what} names nobody`, 'Leave it out, or name somebody.');
  for (const [user, hash] of entries) {
    const refuse = (sentence: string, remedy?: string) => source.refuse([what, user], sentence, remedy);
    if (user === '') throw refuse(`${what} has somebody without a name`);
    const shown = shortened(user);
    if (user.includes(':')) throw refuse(`the user '${shown}' has a colon in the name`, 'HTTP can send no such name.');
    const [, cost] = (typeof hash === 'string' && bcryptHash.exec(hash)) || [];
    const makeOne = `Make one: htpasswd -nBC 10 ${shown}`;
    if (cost === undefined) throw refuse(`what '${shown}' has is no bcrypt hash`, makeOne);
    if (Number(cost) < 4 || Number(cost) > mostCost)
      throw refuse(`the hash of '${shown}' has cost ${cost}; it can be 4 to ${mostCost}`, makeOne);
  }
  return new Map(entries as [string, string][]);
}

const tlsKeys = [
  ...['cert', 'cert_file', 'key', 'key_file', 'client_auth_type', 'client_ca', 'client_ca_file', 'client_allowed_sans'],
  ...['min_version', 'max_version', 'cipher_suites', 'prefer_server_cipher_suites', 'curve_preferences'],
];

function tlsOf(value: unknown, source: Source, warnings: string[]): TlsConfig {
  const what = 'tls_server_config';
  const given = source.mapping(value, [what], tlsKeys);
  const refuse = (key: string, sentence: string, remedy?: string) =>
    source.refuse([what, key], `${what}${sentence}`, remedy);
  const oneOf = <T>(key: string, choices: Readonly<Record<string, T>>, otherwise: T): T => {
    if (!isGiven(given[key])) return otherwise;
    const chosen = Object.entries(choices).find(([name]) => name === given[key]);
    if (!chosen) throw refuse(key, `.${key} is one of ${Object.keys(choices).join(', ')}`);
    return chosen[1];
  };
  const list = (key: string, choices: readonly string[] | null) => source.list(given[key], [what, key], choices);
  const isAny = (key: string) => isGiven(given[key]) || isGiven(given[`${key}_file`]);
  for (const needed of ['cert', 'key']) if (!isAny(needed)) throw refuse('', ` needs ${needed}_file or ${needed}`);
  const clientAuth = oneOf('client_auth_type', clientAuths, 'NoClientCert');
  if (!isAny('client_ca') && clientAuth.includes('Verify'))
    throw refuse('client_auth_type', `: ${clientAuth} needs a client_ca_file`);
  if (isAny('client_ca') && clientAuth === 'NoClientCert') throw refuse('', ': client_ca_file needs a client_auth_type');
  const clientSans = list('client_allowed_sans', null);
  if (clientSans && !clientAuth.startsWith('Require'))
    throw refuse('client_allowed_sans', ': client_allowed_sans needs a client_auth_type that requires a certificate');
  const [suites, curves] = [list('cipher_suites', suiteNames), list('curve_preferences', curveNames)];
  const minVersion = oneOf('min_version', versions, 'TLSv1.2');
  const maxVersion = oneOf('max_version', versions, 'TLSv1.3');
  if (minVersion > maxVersion) throw refuse('min_version', ': min_version is above max_version');
  const prefersOwnCiphers = source.flag(given['prefer_server_cipher_suites'], [what, 'prefer_server_cipher_suites'], true);
  /** In the file, or in one that it names. */
  const pem = (key: string): {readonly text: string; readonly warnings: readonly string[]} => {
    const fileKey = `${key}_file`;
    if (isGiven(given[key])) {
      if (isGiven(given[fileKey])) throw refuse(fileKey, `: ${key} and ${fileKey} exclude each other`);
      return {text: source.text(given[key], [what, key]), warnings: source.isForAll ? [readableWarning(source.file)] : []};
    }
    const file = resolve(dirname(source.file), source.text(given[fileKey], [what, fileKey]));
    const {text, isForAll} = read(file, source, mostPemBytes);
    return {text, warnings: isForAll ? [readableWarning(file)] : []};
  };
  // Some versions of OpenSSL refuse that, without saying which.
  if (curves && new Set(curves).size < curves.length)
    throw refuse('curve_preferences', ' names an ECDH curve twice', 'It takes each curve once.');
  const [cert, key] = [pem('cert').text, pem('key')];
  const ca = isAny('client_ca') ? pem('client_ca').text : null;
  const config: TlsConfig = {
    ...{cert, key: key.text, ca, clientAuth, clientSans, minVersion, maxVersion, prefersOwnCiphers},
    ciphers: suites && cipherList(suites),
    curves: curves && curveList(curves),
  };
  try {
    // All of it, so that a server that takes another configuration takes the whole.
    createSecureContext(secureContext(config));
  } catch (error) {
    throw refuse('', `: ${(error as Error).message}`, 'It needs a certificate and its key, in PEM.');
  }
  warnings.push(...key.warnings);
  return config;
}

/** How Go writes a duration: 1m30s, 0.5s, 100ms. */
const duration = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const unitMs: Readonly<Record<string, number>> = {ms: 1, s: 1000, m: 60_000, h: 3_600_000};

function rateOf(value: unknown, source: Source): Rate | null {
  const what = 'rate_limit';
  const {interval, burst} = source.mapping(value, [what], ['interval', 'burst']);
  if (typeof interval !== 'string' || interval.length > 40 || !duration.test(interval))
    throw source.refuse([what, 'interval'], `${what}.interval is no duration such as 100ms, 1s or 1m30s`);
  const parts = [...interval.matchAll(/([\d.]+)([a-z]+)/g)];
  const intervalMs = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0);
  // As without it.
  if (intervalMs === 0) return null;
  if (typeof burst !== 'number' || !Number.isSafeInteger(burst) || burst < 1)
    throw source.refuse([what, 'burst'], `${what}.burst is a whole number from 1 on`);
  return {intervalMs, burst};
}

function headersOf(value: unknown, source: Source, warnings: string[]): Readonly<Record<string, string>> {
  if (!isGiven(value)) return {};
  const what = 'http_server_config';
  const {http2, headers} = source.mapping(value, [what], ['http2', 'headers']);
  if (source.flag(http2, [what, 'http2'], false))
    warnings.push('HTTP/2 is not spoken here, whatever http2 says; HTTP/1.1 is.');
  if (!isGiven(headers)) return {};
  const entries = Object.entries(source.mapping(headers, [what, 'headers'], headerNames));
  for (const [name, text] of entries) {
    const path = [what, 'headers', name];
    try {
      validateHeaderValue(name, source.text(text, path));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw source.refuse(path, `${nameOf(path)} has what no header may have`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** A key with nothing after it says nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
