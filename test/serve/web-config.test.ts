/** The web configuration file: what it may say, what is refused, and TLS as it comes out of it. */
import {spawnSync} from 'node:child_process';
import {chmodSync, readFileSync, writeFileSync} from 'node:fs';
import {once} from 'node:events';
import {get, type RequestOptions} from 'node:https';
import path from 'node:path';
import {connect, type ConnectionOptions, createSecureContext, getCiphers} from 'node:tls';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import {listen, Page} from '../../src/serve/server.js';
import {cipherList, curveList, curveNames, suiteNames} from '../../src/serve/tls-names.js';
import {readWebConfig} from '../../src/serve/web-config.js';

const opensslSkip: string | false = spawnSync('openssl', ['version']).status !== 0 && 'needs openssl';

function write(t: Test, text: string): string {
  const file = path.join(t.testdir({'web.yml': text}), 'web.yml');
  chmodSync(file, 0o600);
  return file;
}

const hash = hashSync('x', 4);

t.test('an empty file lets anybody in', (t) => {
  for (const text of ['', '# nothing\n', 'tls_server_config:\nbasic_auth_users:\n'])
    t.same(readWebConfig(write(t, text)), {tls: null, users: null, rate: null, headers: {}, warnings: []});
  t.end();
});

t.test('users and headers', (t) => {
  const file = write(
    t,
    `basic_auth_users:\n  prom: ${hash}\nhttp_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n`,
  );
  t.match(readWebConfig(file), {
    users: new Map([['prom', hash]]),
    headers: {'X-Frame-Options': 'deny'},
    warnings: [/no tls_server_config/],
  });
  chmodSync(file, 0o644);
  t.match(readWebConfig(file).warnings, [/can be read by every user/, /no tls_server_config/]);
  t.end();
});

t.test('what it can’t be is refused in a sentence', (t) => {
  const users = (value: string) => `basic_auth_users:\n  prom: ${value}\n`;
  const deep = Array.from({length: 20}, (_, i) => `a${i}: &a${i} [${i ? `*a${i - 1},*a${i - 1}` : 'x'}]`).join('\n');
  const wrong: readonly [string, RegExp][] = [
    ['[1, 2]', /it is no mapping/],
    ['tls: {}', /it has 'tls'\. There are tls_server_config/],
    ['a: [', /line 1: it is no YAML/],
    [`http_server_config:\n---\nbasic_auth_users:\n  prom: ${hash}\n`, /line 2: it is no YAML \(MULTIPLE_DOCS\)/],
    [users(`["${hash}"]`), /'prom' has is no bcrypt hash/],
    ['tls_server_config: {cert: c, key_file: "a\\0b"}', /key_file is no text/],
    [`${'x'.repeat(1000)}: 1`, /it has 'x{40}…'\. There are/],
    [deep, /it has 'a0'|alias/i],
    ['basic_auth_users: {}', /names nobody/],
    [`basic_auth_users: {'': ${hash}}`, /has somebody without a name/],
    [users('secret'), /'prom' has is no bcrypt hash\. Make one: htpasswd/],
    [users(hash.replace('$04$', '$31$')), /has cost 31; it can be 4 to 14/],
    [`basic_auth_users:\n  "a:b": ${hash}\n`, /has a colon/],
    ['tls_server_config: {}', /tls_server_config needs cert_file or cert/],
    ['\n\ntls_server_config:\n  cert_file: c\n  ciphers: []\n', /line 5: tls_server_config has 'ciphers'\. There are cert,/],
    ['tls_server_config: {cert: c}', /tls_server_config needs key_file or key/],
    [
      'tls_server_config:\n  cert: c\n  cert_file: c\n  key: k',
      /line 3: tls_server_config: cert and cert_file exclude each other/,
    ],
    ['tls_server_config: {cert: c, key: k, cipher_suites: TLS_AES_128_GCM_SHA256}', /cipher_suites is no list/],
    [
      'tls_server_config:\n  cert: c\n  key: k\n  cipher_suites:\n    - TLS_RSA_WITH_RC4_128_SHA',
      /line 4: tls_server_config\.cipher_suites has 'TLS_RSA_WITH_RC4_128_SHA'\. There are TLS_AES/,
    ],
    ['tls_server_config: {cert: c, key: k, curve_preferences: [CurveP224]}', /has 'CurveP224'\. There are CurveP256, /],
    ['tls_server_config: {cert: c, key: k, prefer_server_cipher_suites: 1}', /prefer_server_cipher_suites is true or false/],
    ['tls_server_config: {cert: c, key: k, min_version: TLS11}', /min_version is one of TLS12, TLS13/],
    ['tls_server_config: {cert: c, key: k, max_version: TLS10}', /max_version is one of TLS12, TLS13/],
    ['tls_server_config: {cert: c, key: k, min_version: TLS13, max_version: TLS12}', /min_version is above max_version/],
    ['tls_server_config: {cert: c, key: k, client_allowed_sans: [a]}', /client_allowed_sans needs a client_auth_type/],
    ['auth_excluded_paths: [/metrics]', /it has 'auth_excluded_paths'\. There are/],
    ['rate_limit: {interval: 1 s, burst: 1}', /rate_limit\.interval is no duration such as/],
    ['rate_limit: {interval: 1000, burst: 1}', /rate_limit\.interval is no duration/],
    ['rate_limit: {burst: 1}', /rate_limit\.interval is no duration/],
    ['rate_limit:\n  interval: 1s\n  burst: 0', /line 3: rate_limit\.burst is a whole number from 1 on/],
    ['rate_limit: {interval: 1s, burst: 1.5}', /burst is a whole number/],
    ['rate_limit: {interval: 1s, burst: 1, per: host}', /rate_limit has 'per'/],
    [
      'tls_server_config: {key_file: k, cert_file: c, client_auth_type: RequireAndVerifyClientCert}',
      /needs a client_ca_file/,
    ],
    ['tls_server_config: {key_file: k, cert_file: c, client_auth_type: Maybe}', /client_auth_type is one of NoClientCert/],
    ['http_server_config: {http2: maybe}', /http2 is true or false/],
    ['http_server_config: {headers: {Server: me}}', /headers has 'Server'/],
    ['http_server_config: {headers: {X-Frame-Options: "a\\nb"}}', /no header may have/],
  ];
  for (const [text, message] of wrong) t.throws(() => readWebConfig(write(t, text)), {message, exitStatus: 2}, text);
  t.throws(() => readWebConfig('/no such/file'), {message: /cannot read .*: ENOENT\. Check/, exitStatus: 1});
  const dir = t.testdir({'web.yml': 'tls_server_config: {cert_file: c, key_file: k}', c: 'no', k: 'pem'});
  t.throws(() => readWebConfig(path.join(dir, 'web.yml')), {
    message: /tls_server_config: .*It needs a certificate/s,
    exitStatus: 2,
  });
  t.end();
});

t.test('how often a client may ask', (t) => {
  const rates: readonly [string, number | null][] = [
    ['1s', 1000],
    ['1m30s', 90_000],
    ['0.5s', 500],
    ['250ms', 250],
    ['1h', 3_600_000],
    ['0s', null],
  ];
  for (const [interval, intervalMs] of rates)
    t.same(
      readWebConfig(write(t, `rate_limit: {interval: ${interval}, burst: 20}`)).rate,
      intervalMs === null ? null : {intervalMs, burst: 20},
      interval,
    );
  t.match(readWebConfig(write(t, 'http_server_config: {http2: true}')).warnings, [/HTTP\/2 is not spoken/]);
  t.end();
});

const clientSans = 'DNS:*.prom.example,IP:2001:db8::1,email:a@b.example,URI:spiffe://prom/a';

/** A CA, and a server's and a client's certificate of it, in a directory of the test. */
function makeCertificates(t: Test): string {
  const dir = t.testdir({});
  const openssl = (...words: string[]) => {
    const {status, stderr} = spawnSync('openssl', words, {cwd: dir, encoding: 'utf8'});
    if (status !== 0) throw new Error(stderr);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  for (const ca of ['ca', 'other'])
    openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`);
  for (const [name, ca] of [
    ['server', 'ca'],
    ['client', 'ca'],
    ['stranger', 'other'],
  ] as const)
    openssl(
      'req',
      '-x509',
      ...key,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      '/CN=localhost',
      '-addext',
      `subjectAltName=${name === 'client' ? clientSans : 'DNS:other'}`,
    );
  return dir;
}

t.test('TLS, and clients by their certificate', {skip: opensslSkip}, async (t) => {
  const dir = makeCertificates(t);
  const pem = (name: string) => readFileSync(path.join(dir, name), 'utf8');
  const asked = [
    'NoClientCert',
    'RequestClientCert',
    'RequireAnyClientCert',
    'VerifyClientCertIfGiven',
    'RequireAndVerifyClientCert',
  ];
  const admitted: Record<string, string[]> = {};
  for (const auth of asked) {
    const ca = auth === 'NoClientCert' ? '' : 'client_ca_file: ca.pem,';
    const file = path.join(dir, 'web.yml');
    writeFileSync(
      file,
      `tls_server_config: {cert_file: server.pem, key_file: server.key, ${ca} client_auth_type: ${auth}}`,
      {mode: 0o600},
    );
    const config = readWebConfig(file);
    t.same(config.warnings, []);
    const content = {metrics: () => Promise.resolve(new Page('text/plain', 'x')), problem: () => Promise.resolve(null)};
    const server = await listen([{host: '127.0.0.1', port: 0}], config, content);
    const statusWith = (options: RequestOptions) =>
      new Promise<number | null>((resolve) => {
        const request = get(
          `${server.urls[0]!}/metrics`,
          {...options, ca: pem('ca.pem'), servername: 'localhost', checkServerIdentity: () => undefined, agent: false},
          (response) => {
            response.resume();
            resolve(response.statusCode ?? null);
          },
        );
        request.on('error', () => resolve(null));
      });
    const clients = {
      nobody: {},
      client: {cert: pem('client.pem'), key: pem('client.key')},
      stranger: {cert: pem('stranger.pem'), key: pem('stranger.key')},
    };
    admitted[auth] = [];
    for (const [name, options] of Object.entries(clients))
      if ((await statusWith(options)) === 200) admitted[auth].push(name);
    t.equal(await statusWith({...clients.client, maxVersion: 'TLSv1.1', minVersion: 'TLSv1'}), null, 'no old TLS');
    server.configure(readWebConfig(file));
    const other = asked[(asked.indexOf(auth) + 1) % asked.length] as (typeof asked)[number];
    const changed = {...config, tls: {...config.tls!, clientAuth: other as NonNullable<typeof config.tls>['clientAuth']}};
    t.throws(() => server.configure(changed), {message: /client_auth_type can be changed by a restart only/});
    t.throws(() => server.configure({...config, tls: null}), {message: /by a restart only/});
    await server.close(0);
  }
  t.same(admitted, {
    NoClientCert: ['nobody', 'client', 'stranger'],
    RequestClientCert: ['nobody', 'client', 'stranger'],
    RequireAnyClientCert: ['client', 'stranger'],
    VerifyClientCertIfGiven: ['nobody', 'client'],
    RequireAndVerifyClientCert: ['client'],
  });
});

/** What the client's hello, and the server's answer to it, came to; null: no connection, or one that was closed before an answer. */
async function handshake(port: number, options: ConnectionOptions) {
  const socket = connect({port, host: '127.0.0.1', rejectUnauthorized: false, ...options});
  let text = '';
  socket.on('data', (part: Buffer) => (text += part.toString()));
  socket.on('error', () => {});
  const was: {protocol?: string | null; cipher?: string; curve?: string | undefined} = {};
  socket.on('secureConnect', () => {
    was.protocol = socket.getProtocol();
    was.cipher = socket.getCipher().name;
    was.curve = (socket.getEphemeralKeyInfo() as {name?: string} | null)?.name;
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return /^HTTP\/1.1 200 /.test(text) ? was : null;
}

/** A server that goes by a file with these keys of tls_server_config, and how to have it go by others. */
async function serveTls(t: Test, dir: string, keys: string) {
  const file = path.join(dir, 'web.yml');
  const configOf = (keys: string) => {
    writeFileSync(file, `tls_server_config: {cert_file: server.pem, key_file: server.key, ${keys}}`, {mode: 0o600});
    return readWebConfig(file);
  };
  const content = {metrics: () => Promise.resolve(new Page('text/plain', 'x')), problem: () => Promise.resolve(null)};
  const server = await listen([{host: '127.0.0.1', port: 0}], configOf(keys), content);
  t.teardown(() => server.close(0));
  return {port: Number(new URL(server.urls[0]!).port), take: (keys: string) => server.configure(configOf(keys))};
}

t.test('cipher suites and curves are the ones that are named', {skip: opensslSkip}, async (t) => {
  const {port, take} = await serveTls(t, makeCertificates(t), 'cipher_suites: []');
  t.match(await handshake(port, {}), {protocol: 'TLSv1.3'});
  take(
    'cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP384, CurveP521]',
  );
  t.match(await handshake(port, {}), {protocol: 'TLSv1.3'}, 'TLS 1.3 has its own');
  const old: ConnectionOptions = {maxVersion: 'TLSv1.2'};
  const [chacha, aes128, aes256] = [
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
  ] as const;
  t.equal(await handshake(port, {...old, ciphers: aes256}), null);
  t.match(await handshake(port, {...old, ciphers: `${aes128}:${chacha}`}), {cipher: chacha}, 'its order counts');
  t.match(await handshake(port, {ecdhCurve: 'P-384'}), {curve: 'secp384r1'});
  t.equal(await handshake(port, {ecdhCurve: 'P-256'}), null);
  take(
    'prefer_server_cipher_suites: false, cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]',
  );
  t.match(await handshake(port, {...old, ciphers: `${aes128}:${chacha}`}), {cipher: aes128}, 'the client’s order');
  t.throws(() => take('curve_preferences: [CurveP256, CurveP256]'), {message: /line 1: .*ECDH curve.* each curve once\.$/});
  t.match(
    await handshake(port, {...old, ciphers: `${aes128}:${chacha}`}),
    {cipher: aes128},
    'what can’t be had changes nothing',
  );
  take('max_version: TLS12');
  t.match(await handshake(port, {}), {protocol: 'TLSv1.2'});
  take('min_version: TLS13');
  t.equal(await handshake(port, old), null);
});

t.test('every cipher suite that may be named is one here', (t) => {
  const here = new Set(getCiphers());
  const missing = suiteNames
    .flatMap((name) => cipherList([name]).split(':'))
    .filter((name) => !here.has(name.toLowerCase()));
  t.same(missing, []);
  for (const name of curveNames) t.ok(createSecureContext({ecdhCurve: curveList([name])}), name);
  t.end();
});

t.test('clients by the names in their certificate, letter for letter', {skip: opensslSkip}, async (t) => {
  const dir = makeCertificates(t);
  const read = (name: string) => readFileSync(path.join(dir, name), 'utf8');
  const client = {cert: read('client.pem'), key: read('client.key')};
  const keys = (auth: string, sans: readonly string[]) =>
    `client_ca_file: ca.pem, client_auth_type: ${auth}, client_allowed_sans: ${JSON.stringify(sans)}`;
  for (const auth of ['RequireAnyClientCert', 'RequireAndVerifyClientCert']) {
    const {port, take} = await serveTls(t, dir, keys(auth, ['DNS:other', 'a.prom.example', 'localhost', '2001:db8::2']));
    t.equal(await handshake(port, client), null, 'nobody is called so');
    for (const san of ['*.prom.example', '2001:db8:0::1', 'a@b.example', 'spiffe://prom/a']) {
      take(keys(auth, ['nobody', san]));
      t.ok(await handshake(port, client), san);
    }
    t.equal(await handshake(port, {}), null, 'who shows none');
  }
});

t.test('whoever stays connected is asked again after a change of what they have to show', {skip: opensslSkip}, async (t) => {
  const dir = makeCertificates(t);
  const read = (name: string) => readFileSync(path.join(dir, name), 'utf8');
  const keys = (san: string) => `client_auth_type: RequireAnyClientCert, client_allowed_sans: ["${san}"]`;
  const {port, take} = await serveTls(t, dir, keys('a@b.example'));
  const socket = connect({
    ...{port, host: '127.0.0.1', rejectUnauthorized: false},
    ...{cert: read('client.pem'), key: read('client.key')},
  });
  socket.on('error', () => {});
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(String((await once(socket, 'data'))[0]), /200 OK/);
  take(keys('another'));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  t.pass('its connection has ended');
});

t.test('certificates and keys in the file itself', {skip: opensslSkip}, (t) => {
  const dir = makeCertificates(t);
  const read = (name: string) => JSON.stringify(readFileSync(path.join(dir, name), 'utf8'));
  const text = `tls_server_config: {cert: ${read('server.pem')}, key: ${read('server.key')}, client_ca: ${read('ca.pem')}, client_auth_type: RequireAndVerifyClientCert}`;
  const file = write(t, text);
  const {tls, warnings} = readWebConfig(file);
  t.match(tls, {cert: /BEGIN CERTIFICATE/, key: /BEGIN PRIVATE KEY/, ca: /BEGIN CERTIFICATE/});
  t.same(warnings, []);
  chmodSync(file, 0o644);
  t.match(readWebConfig(file).warnings, [/web\.yml can be read by every user/], 'as it has the key');
  t.end();
});

t.test('the mode of a key is that of the file that was read', {skip: opensslSkip}, (t) => {
  const dir = makeCertificates(t);
  const file = path.join(dir, 'web.yml');
  writeFileSync(file, 'tls_server_config: {cert_file: server.pem, key_file: server.key}', {mode: 0o600});
  t.same(readWebConfig(file).warnings, []);
  chmodSync(path.join(dir, 'server.key'), 0o604);
  t.match(readWebConfig(file).warnings, [/server\.key can be read by every user/]);
  t.end();
});
