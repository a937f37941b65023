/**
 * Who may read over the network, and how: the web configuration file of Prometheus' exporters
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md), as far as it can be had here.
 */
import {closeSync, constants, fstatSync, openSync, readFileSync, statSync} from 'node:fs';
import {validateHeaderValue} from 'node:http';
import {dirname, resolve} from 'node:path';
import {createSecureContext, type SecureVersion} from 'node:tls';
import {LineCounter, parseDocument} from 'yaml';
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';
import {shortened} from '../model/printable.js';
import type {Users} from './basic-auth.js';

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
}

/** What such a file says. */
export interface WebConfig {
  /** null: plain HTTP. */
  readonly tls: TlsConfig | null;
  /** null: anybody. */
  readonly users: Users | null;
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the person should know, a sentence each. */
  readonly warnings: readonly string[];
}

/** Without a file. */
export const openToAll: WebConfig = {tls: null, users: null, headers: {}, warnings: []};

const bcryptHash = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** bcrypt's cost above which a password would take seconds here. */
const mostCost = 14;
/** It has some hundred bytes; with many users, some thousand. */
const mostBytes = 65_536;
/** Of those it names; all authorities of a system together have a quarter. */
const mostPemBytes = 1_048_576;
/** As much of a file's name as a sentence has room for. */
const shownLength = 200;

const clientAuths: readonly string[] = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] satisfies ClientAuth[];
const versions: Readonly<Record<string, SecureVersion>> = {TLS12: 'TLSv1.2', TLS13: 'TLSv1.3'};
const headerNames = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
];

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Reads it, and the files that it names: relative ones are beside it.
 * @throws UserError (2) where it can't be used, and 77 where it, or a file it names, may not be read; in one sentence.
 */
export function readWebConfig(file: string): WebConfig {
  const keys = ['tls_server_config', 'http_server_config', 'basic_auth_users'];
  const root = mappingOf(parse(file, read(file, file, mostBytes)), 'it', keys, file);
  const warnings: string[] = [];
  const users = isGiven(root['basic_auth_users']) ? usersOf(root['basic_auth_users'], file) : null;
  const tls = isGiven(root['tls_server_config']) ? tlsOf(root['tls_server_config'], file, warnings) : null;
  if (users && isForAll(file)) warnings.push(`${file} can be read by every user of this host: chmod o-r ${file}`);
  if (users && !tls) warnings.push('passwords go over the network as they are: there is no tls_server_config.');
  return {tls, users, headers: headersOf(root['http_server_config'], file), warnings};
}

function refuse(file: string, what: string, remedy = 'See docs/metrics.md for what it may say.'): UserError {
  return new UserError(`--web.config.file '${file}': ${what}. ${remedy}`, exitStatus.usage);
}

function read(file: string, config: string, most: number): string {
  const shown = shortened(file, shownLength);
  let fd = -1;
  try {
    // Not waiting for whoever might write into a FIFO.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw refuse(config, `${shown} is no file`);
    if (stat.size > most) throw refuse(config, `${shown} is too large`);
    return readFileSync(fd, 'utf8');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UserError(
      `--web.config.file '${config}': cannot read ${shown}: ${error.syscall}: ${error.code}. Check its name and mode.`,
      isNotPermitted(error.code) ? exitStatus.notPermitted : exitStatus.usage,
      {cause: error},
    );
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function parse(file: string, text: string): unknown {
  // Nothing that a person writes there needs an alias, and aliases of aliases fill any memory.
  const lineCounter = new LineCounter();
  // Not prettyErrors: one for each bracket of what is no YAML at all would take for ever. Not silent: a second document would be passed over,
  // and its passwords with it.
  const document = parseDocument(text, {lineCounter, logLevel: 'error', prettyErrors: false});
  const [error] = document.errors;
  if (error) throw refuse(file, `line ${lineCounter.linePos(error.pos[0]).line} is no YAML (${error.code})`);
  try {
    return document.toJS({maxAliasCount: 0}) ?? {};
  } catch (error) {
    throw refuse(file, `it is no YAML that can be used here: ${(error as Error).message}`);
  }
}

function mappingOf(value: unknown, what: string, keys: readonly string[] | null, file: string): Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(file, `${what} is no mapping`);
  const unknown = keys ? Object.keys(value).find((key) => !keys.includes(key)) : undefined;
  if (unknown !== undefined) throw refuse(file, `${what} has '${shortened(unknown)}'`, `There are ${keys?.join(', ')}.`);
  return value as Mapping;
}

function textOf(value: unknown, what: string, file: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw refuse(file, `${what} is no text`);
  return value;
}

function usersOf(value: unknown, file: string): Users {
  const entries = Object.entries(mappingOf(value, 'basic_auth_users', null, file));
  if (entries.length === 0) throw refuse(file, 'basic_auth_users names nobody', 'Leave it out, or name somebody.');
  for (const [user, hash] of entries) {
    if (user === '') throw refuse(file, 'basic_auth_users has somebody without a name');
    const shown = shortened(user);
    if (user.includes(':')) throw refuse(file, `the user '${shown}' has a colon in the name`, 'HTTP can send no such name.');
    const [, cost] = (typeof hash === 'string' && bcryptHash.exec(hash)) || [];
    const makeOne = `Make one: htpasswd -nBC 10 ${shown}`;
    if (cost === undefined) throw refuse(file, `what '${shown}' has is no bcrypt hash`, makeOne);
    if (Number(cost) < 4 || Number(cost) > mostCost)
      throw refuse(file, `the hash of '${shown}' has cost ${cost}; it can be 4 to ${mostCost}`, makeOne);
  }
  return new Map(entries as [string, string][]);
}

function tlsOf(value: unknown, file: string, warnings: string[]): TlsConfig {
  const keys = ['cert_file', 'key_file', 'client_auth_type', 'client_ca_file', 'min_version', 'max_version'];
  const what = 'tls_server_config';
  const given = mappingOf(value, what, keys, file);
  const pathOf = (key: string) => resolve(dirname(file), textOf(given[key], `${what}.${key}`, file));
  const oneOf = (key: string, choices: readonly string[], otherwise: string) => {
    const chosen = given[key] ?? otherwise;
    if (!choices.includes(chosen as string)) throw refuse(file, `${what}.${key} is one of ${choices.join(', ')}`);
    return chosen as string;
  };
  const keyFile = pathOf('key_file');
  const clientAuth = oneOf('client_auth_type', clientAuths, 'NoClientCert') as ClientAuth;
  const ca = isGiven(given['client_ca_file']) ? read(pathOf('client_ca_file'), file, mostPemBytes) : null;
  if (ca === null && clientAuth.includes('Verify')) throw refuse(file, `${what}: ${clientAuth} needs a client_ca_file`);
  if (ca !== null && clientAuth === 'NoClientCert') throw refuse(file, `${what}: client_ca_file needs a client_auth_type`);
  const tls: TlsConfig = {
    cert: read(pathOf('cert_file'), file, mostPemBytes),
    key: read(keyFile, file, mostPemBytes),
    ca,
    clientAuth,
    minVersion: versions[oneOf('min_version', Object.keys(versions), 'TLS12')] as SecureVersion,
    maxVersion: versions[oneOf('max_version', Object.keys(versions), 'TLS13')] as SecureVersion,
  };
  if (tls.minVersion > tls.maxVersion) throw refuse(file, `${what}: min_version is above max_version`);
  try {
    createSecureContext({cert: tls.cert, key: tls.key, ...(tls.ca !== null && {ca: tls.ca})});
  } catch (error) {
    throw refuse(file, `${what}: ${(error as Error).message}`, 'It needs a certificate and its key, in PEM.');
  }
  if (isForAll(keyFile)) warnings.push(`${keyFile} can be read by every user of this host: chmod o-r ${keyFile}`);
  return tls;
}

function headersOf(value: unknown, file: string): Readonly<Record<string, string>> {
  if (!isGiven(value)) return {};
  // Of HTTP/2 it is only said whether it may be used; HTTP/1.1 always may.
  const {http2 = false, headers} = mappingOf(value, 'http_server_config', ['http2', 'headers'], file);
  if (typeof http2 !== 'boolean') throw refuse(file, 'http_server_config.http2 is true or false');
  if (!isGiven(headers)) return {};
  const what = 'http_server_config.headers';
  const entries = Object.entries(mappingOf(headers, what, headerNames, file));
  for (const [name, text] of entries)
    try {
      validateHeaderValue(name, textOf(text, `${what}.${name}`, file));
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw refuse(file, `${what}.${name} has what no header may have`);
    }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** A key with nothing after it says nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Whether all may read it. */
function isForAll(file: string): boolean {
  return (statSync(file).mode & 0o004) !== 0;
}
