/** What the server answers, and what clients can't do to it. */
import {EventEmitter, once} from 'node:events';
import {Agent, request as httpRequest, type IncomingMessage, type RequestOptions} from 'node:http';
import {connect} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {gunzipSync} from 'node:zlib';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import {UserError} from '../../src/errors.js';
import {Doorkeeper} from '../../src/serve/basic-auth.js';
import {type Content, listen, Page, qualityOf} from '../../src/serve/server.js';
import {openToAll, type WebConfig} from '../../src/serve/web-config.js';

const content: Content = {
  metrics: (accept) => Promise.resolve(new Page('text/plain', `metrics for ${accept}\n`)),
  problem: () => Promise.resolve(null),
};

async function serve(t: Test, config: Partial<WebConfig> = {}, served: Partial<Content> = {}) {
  const server = await listen([{host: '127.0.0.1', port: 0}], {...openToAll, ...config}, {...content, ...served});
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
  const silent = Array.from({length: 300}, () =>
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  );
  t.teardown(() => silent.forEach((socket) => socket.destroy()));
  const slow = silent[0]!;
  slow.write('GET /metrics HTTP/1.1\r\nX-Slow: ');
  let served = null;
  for (let tries = 0; tries < 300 && served === null; tries++) {
    served = await ask(`${url}/metrics`).catch(() => null);
    if (served === null) await sleep(100);
  }
  t.match(served, {status: 200});
  if (!slow.closed) await once(slow, 'close');
  t.pass('the one that never ends its headers too');
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

t.test('of many wrong passwords at once some wait, and the rest are sent away; who is known comes in', async (t) => {
  const keeper = new Doorkeeper(new Map([['prom', hashSync('right', 4)]]));
  const admit = (password: string) => keeper.admit(authorization('prom', password).headers.authorization);
  t.equal(await admit('right'), 'admitted');
  const wrong = Array.from({length: 60}, (_, i) => admit(`wrong ${i}`));
  t.equal(await admit('right'), 'admitted');
  const verdicts = await Promise.all(wrong);
  t.ok(verdicts.includes('refused'));
  t.ok(verdicts.includes('busy'));
  t.equal(await admit('wrong'), 'refused', 'and there is room again');
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
