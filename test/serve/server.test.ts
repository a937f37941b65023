/** What the server answers, and what clients can't do to it. */
import {EventEmitter, once} from 'node:events';
import {Agent, request as httpRequest, type IncomingMessage, type RequestOptions} from 'node:http';
import {connect, type Socket} from 'node:net';
import {gunzipSync} from 'node:zlib';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import {UserError} from '../../src/errors.js';
import {Doorkeeper} from '../../src/serve/basic-auth.js';
import {clientOf} from '../../src/serve/clients.js';
import type {Room} from '../../src/serve/connections.js';
import {RateLimit} from '../../src/serve/rate-limit.js';
import {type Content, listen, Page, qualityOf} from '../../src/serve/server.js';
import {openToAll, type WebConfig} from '../../src/serve/web-config.js';

const content: Content = {
  metrics: (accept) => Promise.resolve(new Page('text/plain', `metrics for ${accept}\n`)),
  problem: () => Promise.resolve(null),
};

/** More than a test lasts, ms. */
const never = 3_600_000;
const muchRoom: Room = {connections: 256, bodyBytes: 2 ** 40, stalledMs: never, answerMs: never};

async function serve(t: Test, config: Partial<WebConfig> = {}, served: Partial<Content> = {}, room: Partial<Room> = {}) {
  const server = await listen(
    [{host: '127.0.0.1', port: 0}],
    {...openToAll, ...config},
    {...content, ...served},
    {...muchRoom, ...room},
  );
  t.teardown(() => server.close(0));
  const url = server.urls[0]!;
  return {server, url, port: Number(new URL(url).port)};
}

async function ask(url: string, options: RequestOptions = {}, body?: string) {
  const request = httpRequest(url, {agent: false, ...options});
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks)};
}

/** Sends raw bytes, and gives all that comes back until the connection is closed. */
async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

const authorization = (user: string, password: string) => ({
  headers: {authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`},
});

t.test('its pages', async (t) => {
  const {url} = await serve(t);
  t.match(await ask(`${url}/`), {status: 200, headers: {'content-type': /html/, 'content-security-policy': /none/}});
  t.match(await ask(`${url}/healthz`), {status: 200, body: Buffer.from('ok\n')});
  t.match(await ask(`${url}/readyz`), {status: 200});
  t.match(await ask(`${url}/nowhere`), {status: 404});
  const {status, body, headers} = await ask(`${url}/metrics?x=y`, {headers: {accept: 'text/plain'}});
  t.match({status, text: body.toString()}, {status: 200, text: 'metrics for text/plain\n'});
  t.equal(headers['content-encoding'], undefined);
  const head = await ask(`${url}/metrics`, {method: 'HEAD', headers: {accept: 'text/plain'}});
  t.match(head, {status: 200, headers: {'content-length': '23'}});
  t.equal(head.body.length, 0);
});

t.test('gzip for those who take it', async (t) => {
  const {url} = await serve(t);
  const {headers, body} = await ask(`${url}/metrics`, {headers: {'accept-encoding': 'deflate, gzip;q=0.5'}});
  t.equal(headers['content-encoding'], 'gzip');
  t.equal(gunzipSync(body).toString(), 'metrics for \n');
  const refused = await ask(`${url}/metrics`, {headers: {'accept-encoding': 'gzip;q=0'}});
  t.equal(refused.headers['content-encoding'], undefined);
});

t.test('how much a header wants something', (t) => {
  const isText = (name: string) => name === 'text/plain';
  t.equal(qualityOf('text/html, Text/Plain; version=0.0.4 ; q=0.5', isText), 0.5);
  t.equal(qualityOf('text/plain', isText), 1);
  for (const header of ['', ',', 'text/html', 'text/plain;q=x', 'text/plain;q=-1', 'text/plain;q=7'])
    t.equal(qualityOf(header, isText), 0, header);
  t.end();
});

t.test('a reading that fails is a 503 with its sentence, and not ready', async (t) => {
  const fail = () => Promise.reject(new UserError('cannot list BPF programs: bpf(X): EPERM. Run it with sudo.'));
  const {url} = await serve(t, {}, {metrics: fail, problem: () => Promise.resolve('no')});
  const {status, body} = await ask(`${url}/metrics`);
  t.match({status, text: body.toString()}, {status: 503, text: /EPERM. Run it with sudo/});
  t.match(await ask(`${url}/readyz`), {status: 503});
  t.match(await ask(`${url}/healthz`), {status: 200});
});

t.test('a bug in it is no end of it', async (t) => {
  const {url} = await serve(t, {}, {metrics: () => Promise.reject(new Error('secret'))});
  const {status, body} = await ask(`${url}/metrics`);
  t.equal(status, 500);
  t.notMatch(body.toString(), /secret/);
  t.match(await ask(`${url}/healthz`), {status: 200});
});

t.test('nothing but GET and HEAD, and no body', async (t) => {
  const {url, port} = await serve(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
    t.match(await ask(`${url}/metrics`, {method}), {status: 405, headers: {allow: 'GET, HEAD'}}, method);
  t.match(await ask(`${url}/metrics`, {headers: {'content-length': '4'}}, 'body'), {status: 413});
  t.match(await send(port, 'GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'), /^HTTP\/1.1 413 /);
  t.match(
    await send(port, 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n'),
    /^HTTP\/1.1 413 /,
  );
});

t.test('what is no HTTP, or too much of it, is refused, and the next one served', async (t) => {
  const {url, port} = await serve(t);
  t.match(await send(port, '\u0016\u0003\u0001 no http\r\n\r\n'), /^HTTP\/1.1 400 /);
  t.match(await send(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431 /);
  t.match(await send(port, 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'), /^$|^HTTP\/1.1 4/);
  t.match(await ask(`${url}/healthz`), {status: 200});
});

t.test('clients that say nothing are let go, and scrapes come through', async (t) => {
  const {url, port} = await serve(t);
  const silent = Array.from({length: 300}, () => connectFrom(t, '127.0.0.1', port).resume());
  const slow = silent[0]!;
  slow.write('GET /metrics HTTP/1.1\r\nX-Slow: ');
  t.match(await ask(`${url}/metrics`, {localAddress: '127.0.0.2'}), {status: 200});
  t.match(await ask(`${url}/metrics`), {status: 200}, 'also from where they are');
  await closed(slow);
  t.pass('the one that never ends its headers too');
});

function connectFrom(t: Test, localAddress: string, port: number): Socket {
  const socket = connect({host: '127.0.0.1', port, localAddress}).on('error', () => {});
  t.teardown(() => socket.destroy());
  return socket;
}

/** However it ends. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

t.test('one client’s connections cost another none', async (t) => {
  let pending = 0;
  const metrics = (accept: string) =>
    accept === 'never'
      ? new Promise<Page>(() => asked.emit('asked', ++pending))
      : Promise.resolve(new Page('text/plain', 'here'));
  const asked = new EventEmitter();
  const {url, port} = await serve(t, {}, {metrics}, {connections: 8});
  const agent = new Agent({keepAlive: true, localAddress: '127.0.0.2'});
  t.teardown(() => agent.destroy());
  const scrape = async () => {
    const request = httpRequest(`${url}/metrics`, {agent});
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response.resume(), 'end');
    return request.reusedSocket;
  };
  t.equal(await scrape(), false);
  const idle = Array.from({length: 30}, () => connectFrom(t, '127.0.0.1', port).resume());
  await Promise.all(idle.slice(0, 23).map(closed));
  t.notOk(
    idle.slice(23).some(({closed}) => closed),
    'its own oldest went',
  );
  t.equal(await scrape(), true, 'a connection that is kept stays, however many come');

  const busy = Array.from({length: 7}, () => connectFrom(t, '127.0.0.1', port).resume());
  busy.forEach((socket) => socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: never\r\n\r\n'));
  while (pending < busy.length) await once(asked, 'asked');
  const another = connectFrom(t, '127.0.0.1', port).resume();
  await closed(another);
  t.notOk(
    busy.some(({closed}) => closed),
    'it has no more than fits, and what is under way stays',
  );
  t.match(await ask(`${url}/metrics`, {localAddress: '127.0.0.3'}), {status: 200}, 'who is new takes one of theirs');
  await closed(busy[0]!);
  t.equal(busy.filter(({closed}) => closed).length, 1, 'the oldest');
  t.equal(await scrape(), true);
});

/** More than the kernel takes for a client that reads nothing. */
const largeBytes = 32 * 2 ** 20;
const large = () => Promise.resolve(new Page('text/plain', 'x'.repeat(largeBytes)));

/** Asks, and reads nothing but the beginning. */
async function readNothing(t: Test, localAddress: string, port: number): Promise<Socket> {
  const socket = connectFrom(t, localAddress, port);
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'readable');
  return socket;
}

/** Reads the rest. @returns how much that was, until it was all, or there was no more. */
async function readOn(socket: Socket): Promise<number> {
  let bytes = 0;
  const enough = new EventEmitter();
  const ended = Promise.race([once(enough, 'all'), closed(socket)]);
  socket.on('data', (part: Buffer) => (bytes += part.length) >= largeBytes && enough.emit('all'));
  await ended;
  return bytes;
}

t.test('who reads nothing of an answer is let go, and so is who reads it too slowly', async (t) => {
  for (const room of [{stalledMs: 50}, {answerMs: 50}]) {
    const {server, port} = await serve(t, {}, {metrics: large}, room);
    await readNothing(t, '127.0.0.1', port);
    await server.close(never);
    t.pass('it could end');
  }
});

t.test('who reads slowly keeps no more than some readings in memory, and costs others none', async (t) => {
  const {port} = await serve(t, {}, {metrics: large}, {bodyBytes: 2.5 * largeBytes});
  const first = await readNothing(t, '127.0.0.1', port);
  const other = await readNothing(t, '127.0.0.2', port);
  const second = await readNothing(t, '127.0.0.1', port);
  const [firstGot, otherGot, secondGot] = await Promise.all([first, other, second].map(readOn));
  t.ok(firstGot! < largeBytes, 'the oldest of the one that has two is given up');
  t.ok(otherGot! >= largeBytes);
  t.ok(secondGot! >= largeBytes);
});

t.test('one client is an IPv4 address, or 64 bits of an IPv6 address', (t) => {
  const same: readonly (readonly string[])[] = [
    ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1'],
    ['192.0.2.2'],
    ['2001:db8:0:1::1', '2001:db8::1:2:3:4:5', '2001:db8:0:1:ffff:ffff:ffff:ffff'],
    ['2001:db8::1', '2001:db8::', '2001:db8:0:0:5::'],
    ['::1', '::'],
    ['fe80::1%eth0', 'fe80::2'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::'],
    [''],
  ];
  const clients = same.map((addresses) => new Set(addresses.map(clientOf)));
  t.ok(clients.every(({size}) => size === 1));
  t.equal(new Set(clients.flatMap((each) => [...each])).size, same.length);
  t.end();
});

t.test('each client asks so many times at once, and once more an interval', (t) => {
  const limit = new RateLimit({intervalMs: 1000, burst: 3});
  const askTimes = (client: string, times: number, atMs: number) =>
    Array.from({length: times}, () => limit.admits(client, atMs)).filter(Boolean).length;
  t.equal(askTimes('a', 5, 10_000), 3);
  t.equal(askTimes('b', 5, 10_000), 3, 'another has its own');
  t.equal(askTimes('a', 5, 10_999), 0);
  t.equal(askTimes('a', 5, 11_000), 1);
  t.equal(askTimes('a', 5, 60_000), 3, 'what was not asked for is not saved up');
  for (let other = 0; other < 10_000; other++) limit.admits(String(other), 60_000);
  t.equal(askTimes('a', 5, 60_000), 3, 'and no more clients are remembered than fit');
  t.end();
});

t.test('who asks more often than the configuration lets is told so; not who looks whether it lives', async (t) => {
  const {url, server} = await serve(t, {rate: {intervalMs: 3_600_000, burst: 2}});
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await ask(`${url}/metrics`)).status);
  t.same(statuses, [200, 200, 429]);
  t.match((await ask(`${url}/`)).headers, {'retry-after': '3600'});
  t.equal((await ask(`${url}/metrics`, {localAddress: '127.0.0.2'})).status, 200);
  t.equal((await ask(`${url}/healthz`)).status, 200);
  server.configure(openToAll);
  t.equal((await ask(`${url}/metrics`)).status, 200);
});

t.test('users with their passwords, and nobody else', async (t) => {
  const users = new Map([['prom', hashSync('right', 4)]]);
  const {url, server} = await serve(t, {users});
  const statusOf = async (options = {}) => (await ask(`${url}/metrics`, options)).status;
  t.equal(await statusOf(authorization('prom', 'right')), 200);
  t.equal(await statusOf(authorization('prom', 'right')), 200, 'known again');
  t.equal(await statusOf(authorization('prom', 'wrong')), 401);
  t.equal(await statusOf(authorization('eve', 'right')), 401);
  t.equal(await statusOf(authorization('', '')), 401);
  for (const value of ['', 'Basic', 'Basic !!!', 'Basic cHJvbQ==', 'Bearer cHJvbTpyaWdodA=='])
    t.equal(await statusOf({headers: {authorization: value}}), 401, value);
  const {status, headers} = await ask(`${url}/`);
  t.match({status, headers}, {status: 401, headers: {'www-authenticate': /^Basic realm=/}});
  t.match(await ask(`${url}/healthz`), {status: 200}, 'whoever looks whether it lives needs none');
  t.match(await ask(`${url}/readyz`), {status: 200});

  server.configure({...openToAll, users: new Map([['prom', hashSync('another', 4)]])});
  t.equal(await statusOf(authorization('prom', 'right')), 401, 'a password that was changed is known no more');
  t.equal(await statusOf(authorization('prom', 'another')), 200);
});

const value = (user: string, password: string) => authorization(user, password).headers.authorization;

t.test('of many wrong passwords at once some wait, and the rest are sent away; who is known comes in', async (t) => {
  const keeper = new Doorkeeper(new Map([['prom', hashSync('right', 4)]]));
  const admit = (password: string) => keeper.admit('here', value('prom', password));
  t.equal(await admit('right'), 'admitted');
  const wrong = Array.from({length: 60}, (_, i) => admit(`wrong ${i}`));
  t.equal(await admit('right'), 'admitted');
  const verdicts = await Promise.all(wrong);
  t.ok(verdicts.includes('refused'));
  t.ok(verdicts.includes('busy'));
  t.equal(await admit('wrong'), 'refused', 'and there is room again');
});

t.test('whoever tries passwords keeps nobody else out, and has them wait for one', async (t) => {
  const keeper = new Doorkeeper(new Map([['prom', hashSync('right', 4)]]));
  const ended: string[] = [];
  const admit = async (client: string, password: string) => {
    const admission = await keeper.admit(client, value('prom', password));
    if (admission !== 'busy') ended.push(client);
    return admission;
  };
  // Of the five of each one is looked at or waits with three more; all places are taken.
  const eves = ['eve 1', 'eve 2', 'eve 3', 'eve 4', 'eve 5'];
  const wrong = eves.flatMap((eve) => Array.from({length: 20}, (_, i) => admit(eve, `wrong ${i}`)));
  const right = admit('prom', 'right');
  t.equal(await right, 'admitted');
  t.ok(
    eves.every((eve) => ended.filter((each) => each === eve).length <= 2),
    `first came ${ended.join(', ')}`,
  );
  const refused = (await Promise.all(wrong)).filter((each) => each === 'refused');
  t.ok(refused.length >= 15 && refused.length <= 17, `${refused.length} were looked at`);
});

t.test('who is known stays known when users are read again, unless that user’s hash is another', async (t) => {
  const [stays, changes] = [hashSync('one', 4), hashSync('two', 4)];
  const keeper = new Doorkeeper(
    new Map([
      ['stays', stays],
      ['changes', changes],
      ['goes', stays],
    ]),
  );
  const admit = (user: string, password: string) => keeper.admit('here', value(user, password));
  t.same(await Promise.all([admit('stays', 'one'), admit('changes', 'two'), admit('goes', 'one')]), [
    'admitted',
    'admitted',
    'admitted',
  ]);
  keeper.users = new Map([
    ['stays', stays],
    ['changes', hashSync('three', 4)],
  ]);
  const wrong = Array.from({length: 20}, (_, i) => admit('stays', `wrong ${i}`));
  t.equal(await admit('stays', 'one'), 'admitted', 'without a place');
  t.equal(await admit('changes', 'two'), 'busy', 'it would have to be looked at');
  await Promise.all(wrong);
  t.same(await Promise.all([admit('changes', 'two'), admit('goes', 'one'), admit('changes', 'three')]), [
    'refused',
    'refused',
    'admitted',
  ]);
  keeper.users = null;
  t.equal(await keeper.admit('here', undefined), 'admitted');
});

t.test('the headers of the configuration go with every answer', async (t) => {
  const {url} = await serve(t, {headers: {'X-Frame-Options': 'deny', 'Content-Security-Policy': "default-src 'self'"}});
  for (const path of ['/', '/metrics', '/nowhere'])
    t.match((await ask(url + path)).headers, {'x-frame-options': 'deny', 'content-security-policy': "default-src 'self'"});
});

t.test('it ends when the requests under way have their answer', async (t) => {
  const asked = new EventEmitter();
  const {url, server} = await serve(t, {}, {metrics: () => new Promise((resolve) => asked.emit('asked', resolve))});
  const pending = ask(`${url}/metrics`);
  const [answer] = (await once(asked, 'asked')) as [(page: Page) => void];
  const closed = server.close(60_000);
  await t.rejects(ask(`${url}/healthz`), {code: 'ECONNREFUSED'});
  answer(new Page('text/plain', 'late'));
  t.match(await pending, {status: 200, body: Buffer.from('late')});
  await closed;
});

t.test('nor does a connection that is kept hold it, once its answer is out', async (t) => {
  const asked = new EventEmitter();
  const {url, server} = await serve(t, {}, {metrics: () => new Promise((resolve) => asked.emit('asked', resolve))});
  const agent = new Agent({keepAlive: true});
  t.teardown(() => agent.destroy());
  const pending = ask(`${url}/metrics`, {agent});
  const [answer] = (await once(asked, 'asked')) as [(page: Page) => void];
  const closed = server.close(3_600_000);
  answer(new Page('text/plain', 'late'));
  t.match(await pending, {status: 200});
  await closed;
});

t.test('a client that never ends is not waited for', async (t) => {
  const {port, server} = await serve(t);
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write('GET / HTTP/1.1\r\n');
  await once(socket, 'connect');
  await server.close(10);
  t.pass();
});

t.test('an address that is taken is a sentence, and nothing else is listened to', async (t) => {
  const {port} = await serve(t);
  const twice = listen(
    [
      {host: '127.0.0.1', port: 0},
      {host: '127.0.0.1', port},
    ],
    openToAll,
    content,
  );
  await t.rejects(twice, {
    message: `cannot listen on 127.0.0.1:${port}: listen: EADDRINUSE. Another process listens there: choose another address with --listen.`,
    exitStatus: 1,
  });
});
