/**
 * The HTTP server: what it answers, and what it lets nobody do to it. It knows nothing of programs: what `/metrics` says is handed to it.
 * HTTP/1.1, GET and HEAD; a body is refused, a client that is slow or takes too much is shown the door.
 */
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import {createServer as createHttps} from 'node:https';
import type {AddressInfo, Socket} from 'node:net';
import type {TLSSocket} from 'node:tls';
import {promisify} from 'node:util';
import {constants, gzip} from 'node:zlib';
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';
import {Doorkeeper} from './basic-auth.js';
import {clientOf} from './clients.js';
import {Connections, type Room} from './connections.js';
import {RateLimit} from './rate-limit.js';
import {isFor} from './tls-names.js';
import {secureContext, type TlsConfig, type WebConfig} from './web-config.js';

/** A text for many: encoded once, and compressed once, when somebody first asks for that. */
export class Page {
  readonly contentType: string;
  readonly #text: Buffer;
  #gzipped: Promise<Buffer> | null = null;

  constructor(contentType: string, text: string) {
    this.contentType = contentType;
    this.#text = Buffer.from(text);
  }

  async body(gzipped: boolean): Promise<Buffer> {
    return gzipped ? (this.#gzipped ??= compress(this.#text, {level: constants.Z_BEST_SPEED})) : this.#text;
  }
}

/** What is served. */
export interface Content {
  /**
   * The metrics, in a form that those who send such an Accept header can read.
   * @throws UserError with what to say where they can't be had now.
   */
  metrics(accept: string): Promise<Page>;
  /**
   * Why the last reading failed, or that it does not end; null: neither. After one that failed long enough ago another is tried: a scraper may
   * wait for this to be ready.
   */
  problem(): Promise<string | null>;
}

/** Where to listen. */
export interface Address {
  /** null: on all. */
  readonly host: string | null;
  /** 0: any that is free. */
  readonly port: number;
}

/** A server that listens. */
export interface ListeningServer {
  /** `http://127.0.0.1:9935`, one an address. */
  readonly urls: readonly string[];
  /**
   * Takes another configuration for what comes from now on.
   * @throws UserError where only a restart can: TLS on or off, or whether clients need certificates. Nothing has changed then.
   */
  configure(config: WebConfig): void;
  /** Listens no more, lets requests end, and after `patienceMs` ends them. */
  close(patienceMs: number): Promise<void>;
}

/** Limits to what a client may do; far above what a scrape needs. */
const limits: ServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  // Scrapers keep their connection from one scrape to the next.
  keepAliveTimeout: 90_000,
  // All that happens while nobody asks.
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 8_192,
};
/**
 * The kernel keeps up to 4 MB for each connection whose client takes nothing (tcp(7), tcp_wmem), of which a control group counts all: with
 * these a process of 190 MB stays below the 512 MB that deploy/ gives it. Of 5 MB a line of 700 kbit/s takes all in a minute, and one of 60
 * with gzip, which Prometheus asks for.
 */
const usualRoom: Room = {connections: 64, bodyBytes: 32 * 2 ** 20, stalledMs: 20_000, answerMs: 60_000};
const handshakeMs = 5_000;
/** Then a client has to come anew, so that connections go round. */
const mostRequests = 10_000;

const compress = promisify(gzip);
const nothing = Buffer.alloc(0);

/**
 * Listens at each address.
 * @throws UserError (1, or 77) where it can't; then it listens nowhere.
 */
export async function listen(
  addresses: readonly Address[],
  config: WebConfig,
  content: Content,
  room = usualRoom,
): Promise<ListeningServer> {
  const door: Door = {
    config,
    doorkeeper: new Doorkeeper(config.users),
    rateLimit: config.rate && new RateLimit(config.rate),
    connections: new Connections(room),
    content,
  };
  const answerer = (request: IncomingMessage, response: ServerResponse) => {
    // A connection that is kept is idle only when its answer is out.
    response.on('close', () => closing && setImmediate(closeIdle));
    door.connections.begin(request.socket, response);
    answer(request, response, door).catch(() => response.destroy());
  };
  const servers: Server[] = [];
  const closeIdle = () => servers.forEach((server) => server.closeIdleConnections());
  let closing = false;
  const closeAll = () => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  try {
    for (const address of addresses) servers.push(await listenAt(address, openServer(door, answerer)));
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    urls: servers.map((server) => urlOf(server.address() as AddressInfo, config.tls !== null)),
    configure(next) {
      const {tls} = door.config;
      if ((next.tls === null) !== (tls === null)) throw new UserError('TLS can be switched on or off by a restart only.');
      if (next.tls?.clientAuth !== tls?.clientAuth)
        throw new UserError('client_auth_type can be changed by a restart only; nothing of the file is taken.');
      for (const server of servers)
        if (next.tls && 'setSecureContext' in server) (server as HttpsServer).setSecureContext(secureContext(next.tls));
      door.config = next;
      door.doorkeeper.users = next.users;
      door.rateLimit = next.rate && new RateLimit(next.rate);
      // Who has shown a certificate shows it to the new ones.
      if (next.tls) door.connections.retire();
    },
    async close(patienceMs) {
      const closed = closeAll();
      closing = true;
      closeIdle();
      const enough = setTimeout(() => servers.forEach((server) => server.closeAllConnections()), patienceMs);
      await closed;
      clearTimeout(enough);
    },
  };
}

type HttpsServer = ReturnType<typeof createHttps>;

/** What stands between clients and the content; configuring it changes what is in it. */
interface Door {
  config: WebConfig;
  rateLimit: RateLimit | null;
  readonly doorkeeper: Doorkeeper;
  readonly connections: Connections;
  readonly content: Content;
}

function openServer(door: Door, answerer: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const {tls} = door.config;
  const server = tls ? openHttps(tls, door) : createHttp(limits);
  server.maxRequestsPerSocket = mostRequests;
  server.maxHeadersCount = 100;
  server.on('connection', (socket: Socket) => door.connections.open(socket));
  server.on('request', answerer);
  // Who sends `Expect: 100-continue` has a body to send.
  server.on('checkContinue', answerer);
  server.on('checkExpectation', answerer);
  return server;
}

function openHttps(tls: TlsConfig, door: Door): HttpsServer {
  const {clientAuth} = tls;
  const server = createHttps({
    ...limits,
    ...secureContext(tls),
    handshakeTimeout: handshakeMs,
    requestCert: clientAuth !== 'NoClientCert',
    rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const cert = clientAuth === 'NoClientCert' ? undefined : socket.getPeerX509Certificate();
    const sans = door.config.tls?.clientSans ?? null;
    if (clientAuth === 'RequireAnyClientCert' && !cert) socket.destroy();
    if (clientAuth === 'VerifyClientCertIfGiven' && cert && !socket.authorized) socket.destroy();
    if (sans && !(cert && isFor(cert, sans))) socket.destroy();
  });
  // One that fails is the client's affair; Node closes it.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return server;
}

async function listenAt({host, port}: Address, server: Server): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({port, ...(host !== null && {host})}, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
    const remedy =
      error.code === 'EADDRINUSE'
        ? 'Another process listens there: choose another address with --listen.'
        : 'Choose another address with --listen.';
    throw new UserError(
      `cannot listen on ${addressText({host, port})}: ${error.syscall}: ${error.code}. ${remedy}`,
      isNotPermitted(error.code) ? exitStatus.notPermitted : exitStatus.failed,
      {cause: error},
    );
  });
  // What can still go wrong is an accept() that found no fd free; the next may.
  server.on('error', () => {});
  return server;
}

function addressText({host, port}: Address): string {
  return `${host === null ? '' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

function urlOf({address, port}: AddressInfo, isSecure: boolean): string {
  return `http${isSecure ? 's' : ''}://${addressText({host: address, port})}`;
}

/** Answers one request. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  {config: {headers, rate}, rateLimit, doorkeeper, connections, content}: Door,
): Promise<void> {
  const send = async (
    status: number,
    contentType: string,
    body: Buffer,
    more: Readonly<Record<string, string>>,
  ): Promise<void> => {
    response.writeHead(status, {'Content-Type': contentType, 'Content-Length': body.length, ...more});
    await connections.send(request.socket, response, request.method === 'HEAD' ? nothing : body);
  };
  const client = clientOf(request.socket.remoteAddress ?? '');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const say = (status: number, sentence: string, more: Readonly<Record<string, string>> = {}) =>
    send(status, 'text/plain; charset=utf-8', Buffer.from(`${sentence}\n`), more);
  const {method = '', headers: sent} = request;
  if (method !== 'GET' && method !== 'HEAD')
    return say(405, 'GET and HEAD alone.', {Allow: 'GET, HEAD', Connection: 'close'});
  if (sent['transfer-encoding'] !== undefined || Number(sent['content-length'] ?? 0) !== 0 || sent.expect !== undefined)
    return say(413, 'No body, please.', {Connection: 'close'});
  const [path] = (request.url ?? '').split('?', 1);
  // Whoever looks whether this lives has no password; nor does it tell anything.
  if (path === '/healthz') return say(200, 'ok');
  if (path === '/readyz') {
    const problem = await content.problem();
    return problem === null ? say(200, 'ok') : say(503, 'The last reading failed, or does not end.');
  }
  if (rate && rateLimit && !rateLimit.admits(client))
    return say(429, 'Too often.', {'Retry-After': String(Math.ceil(rate.intervalMs / 1000))});
  const admission = await doorkeeper.admit(client, sent.authorization);
  if (admission === 'busy') return say(429, 'Too many passwords at once.', {'Retry-After': '5'});
  if (admission === 'refused')
    return say(401, 'Not without user and password.', {'WWW-Authenticate': 'Basic realm="bpftop-ts", charset="UTF-8"'});
  if (path === '/')
    return send(200, 'text/html; charset=utf-8', landingPage, {
      'Content-Security-Policy': headers['Content-Security-Policy'] ?? "default-src 'none'",
    });
  if (path !== '/metrics') return say(404, 'There are /, /metrics, /healthz and /readyz.');
  let page: Page;
  try {
    page = await content.metrics(sent.accept ?? '');
  } catch (error) {
    if (error instanceof UserError) return say(503, error.message);
    return say(500, 'A bug: what the exporter wrote to stderr says more.');
  }
  const gzipped = acceptsGzip(sent['accept-encoding'] ?? '');
  return send(200, page.contentType, await page.body(gzipped), {
    Vary: 'Accept, Accept-Encoding',
    ...(gzipped && {'Content-Encoding': 'gzip'}),
  });
}

/** Whether an Accept-Encoding header (RFC 9110, 12.5.3) allows gzip. */
function acceptsGzip(header: string): boolean {
  return qualityOf(header, (name) => name === 'gzip') > 0;
}

/** The largest quality, 0 to 1, that a header of that kind gives to what `is` so called; 0: none. */
export function qualityOf(header: string, is: (name: string, parameters: readonly string[]) => boolean): number {
  const qualities = header.split(',').map((each) => {
    const [name = '', ...parameters] = each
      .toLowerCase()
      .split(';')
      .map((part) => part.trim());
    if (!is(name, parameters)) return 0;
    const quality = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1);
    return quality >= 0 && quality <= 1 ? quality : 0;
  });
  return Math.max(...qualities);
}

const landingPage = Buffer.from(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>bpftop-ts</title></head>
<body>
<h1>bpftop-ts</h1>
<p>What every BPF program of this host costs.</p>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/healthz">/healthz</a>: this process lives</li>
<li><a href="/readyz">/readyz</a>: the last reading of the programs went well</li>
</ul>
</body>
</html>
`);
