/** Access: policies, credentials and demands, through real sockets, with the calls that the upstream received. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { type HandClock, handClock, pass } from '../../support/clock.js';
import { afterAll, protoFolder, type sendTo, startGateway } from '../../support/gateway.js';
import { forge, startIssuer, type TestIssuer } from '../../support/issuer.js';
import { keepSecret } from '../../support/secrets.js';

const shared = afterAll(test);

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string customer = 1; string id = 2; string note = 3; int32 count = 4; }
message Reply { string text = 1; }
service Notes {
  option (protogate.v1.default_policy) = { labels: "notes" };
  rpc Read(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/notes/{id}" }; }
  rpc Open(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/open/{id}" additional_bindings { post: "/v1/open" body: "*" } };
    option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC } };
  }
  rpc Maybe(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/maybe/{id}" };
    option (protogate.v1.policy) = { auth: { mode: MODE_OPTIONAL } };
  }
  rpc Write(Ask) returns (Reply) {
    option (google.api.http) = { post: "/v1/notes" body: "*" };
    option (protogate.v1.policy) = { auth: { scopes: "notes.write" scopes: "eu|us" } };
  }
  rpc Own(Ask) returns (Reply) {
    option (google.api.http) = {
      post: "/v1/customers/{customer}/notes" body: "*"
      additional_bindings { post: "/v1/own" body: "*" }
    };
    option (protogate.v1.policy) = { auth: { require: "request.customer = caller.claims.customer" } };
  }
  rpc Small(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/small/{id}" };
    option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC require: "request.count = 0" } };
  }
}`;

const KEY = keepSecret('pg_known-key-known-key-known-key-known-key');
const OLD_KEY = keepSecret('pg_old-key-old-key-old-key-old-key-old-key');

function digest(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

async function keyFile(): Promise<string> {
  const folder = await protoFolder(shared, {});
  const file = join(folder, 'keys.yaml');
  await writeFile(
    file,
    `keys:\n  - { sha256: "${digest(KEY)}", consumer: acme, plan: free, scopes: [notes.write, eu] }\n` +
      `  - { sha256: "${digest(OLD_KEY)}", consumer: acme, expires: 2020-01-01 }\n`,
  );
  return file;
}

function configOf(issuers: readonly TestIssuer[], file: string, more: Partial<ConfigInput> = {}): Partial<ConfigInput> {
  return {
    auth: {
      jwt: issuers.map(({ issuer, jwksUri }, index) => ({
        issuer,
        jwksUri,
        audiences: [index === 0 ? 'api' : 'other'],
        algorithms: ['RS256', 'ES256'],
        from: [{ header: 'authorization' }, { cookie: 'session' }],
        claimsToMetadata: { sub: 'x-user-id', org: 'x-org' },
      })),
      apiKeys: { file, consumerToMetadata: 'x-user-id' },
    },
    cors: { origins: ['https://app.example.com'], credentials: true },
    metadata: { request: ['*'], response: ['x-served-by'] },
    ...more,
  };
}

const started = (async () => {
  const issuer = await startIssuer(shared, 'one');
  const other = await startIssuer(shared, 'two');
  const file = await keyFile();
  const gateway = await startGateway(shared, PROTO, {}, configOf([issuer, other], file));
  return { issuer, other, file, ...gateway };
})();

/** Returns the answer, and how many calls the upstream received for it. */
async function ask(method: string, target: string, options: Parameters<typeof sendTo>[3] = {}) {
  const { send, upstream } = await started;
  const before = upstream.calls.length;
  const answer = await send(method, target, options);
  return { ...answer, calls: upstream.calls.length - before };
}

async function bearer(claims: Record<string, unknown> = {}): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${(await started).issuer.sign({ sub: 'ada', ...claims })}` };
}

test.serial('a method without auth settings needs a caller, and the 401 says what is expected', async (t) => {
  const { status, json, headers, calls } = await ask('GET', '/v1/notes/1');
  t.is(status, 401);
  t.is(json.code, 16);
  t.is(json.message, 'expected a bearer token (header authorization) or an API key (header x-api-key), got none');
  t.is(json.details[0].reason, 'UNAUTHENTICATED');
  t.is(headers['www-authenticate'], 'Bearer realm="protogate", ApiKey realm="protogate", header="x-api-key"');
  t.is(calls, 0);
});

test.serial('a token opens, and its claims reach the upstream', async (t) => {
  const { upstream } = await started;
  const { status } = await ask('GET', '/v1/notes/1', { headers: await bearer({ org: 'acme' }) });
  t.is(status, 200);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), ['ada']);
  t.deepEqual(upstream.last().metadata.get('x-org'), ['acme']);
  t.deepEqual(upstream.last().metadata.get('authorization'), []);
});

test.serial('an API key opens, in its own name', async (t) => {
  const { upstream } = await started;
  t.is((await ask('GET', '/v1/notes/1', { headers: { 'X-API-Key': KEY } })).status, 200);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), ['acme']);
  t.deepEqual(upstream.last().metadata.get('x-api-key'), [], 'the key itself stays here, though * is allowed');
  t.is((await ask('POST', '/v1/notes', { body: {}, headers: { 'x-api-key': KEY } })).status, 200, 'with its scopes');
});

test.serial('a bad credential is a 401 without a call', async (t) => {
  const { issuer, other } = await started;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer.issuer, aud: 'api', sub: 'ada', exp: now + 60 };
  const tokens: Record<string, string> = {
    'no exp': issuer.sign({ sub: 'ada', exp: undefined }),
    expired: issuer.sign({ sub: 'ada', exp: now - 61 }),
    'not yet valid': issuer.sign({ sub: 'ada', nbf: now + 120 }),
    'another audience': issuer.sign({ sub: 'ada', aud: 'billing' }),
    "issuer A's with B's audience": issuer.sign({ sub: 'ada', aud: 'other' }),
    "B's key under A's name": other.sign({ sub: 'ada', iss: issuer.issuer, aud: 'api' }),
    'an unknown issuer': issuer.sign({ sub: 'ada', iss: 'https://nobody.test' }),
    'alg none': forge({ alg: 'none' }, claims),
    garbage: 'aaaa.bbbb.cccc',
    'a 10 KB kid': issuer.sign({ sub: 'ada' }, { header: { kid: 'k'.repeat(6000) } }),
    'no subject': issuer.sign({}),
  };
  for (const [fact, token] of Object.entries(tokens)) {
    const answer = await ask('GET', '/v1/notes/1', { headers: { authorization: `Bearer ${token}` } });
    t.is(answer.status, 401, fact);
    t.is(answer.json.code, 16, fact);
    t.regex(String(answer.headers['www-authenticate']), /^Bearer realm="protogate", error="invalid_token"/, fact);
    t.is(answer.calls, 0, fact);
    t.false(answer.text.includes(token.slice(0, 20)), fact);
  }
  for (const [fact, headers] of [
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['no token', { authorization: 'Bearer' }],
    ['two tokens in one', { authorization: 'Bearer a b' }],
    ['an unknown key', { 'x-api-key': 'pg_nobody' }],
    ['an expired key', { 'x-api-key': OLD_KEY }],
    ['an empty key', { 'x-api-key': '' }],
    ['a token and a key', { ...(await bearer()), 'x-api-key': KEY }],
  ] as const) {
    const answer = await ask('GET', '/v1/notes/1', { headers });
    t.is(answer.status, 401, fact);
    t.is(answer.calls, 0, fact);
  }
});

test.serial('two Authorization headers are a 401, also when both are good or the route is optional', async (t) => {
  const { port, upstream } = await started;
  const { authorization } = await bearer();
  const before = upstream.calls.length;
  for (const path of ['/v1/notes/1', '/v1/maybe/1']) {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ${authorization}\r\nAuthorization: ${authorization}\r\n\r\n`,
        ),
      );
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('close', () => resolve(received));
    });
    t.regex(text, /^HTTP\/1\.1 401 /);
    t.regex(text, /expected one credential in a request, got authorization twice/);
  }
  t.is(upstream.calls.length, before);
});

test.serial('a refused body that is large, or does not come, costs the connection; a small one keeps it', async (t) => {
  const { issuer, other, file } = await started;
  const clock = handClock();
  const { port } = await startGateway(t, PROTO, {}, configOf([issuer, other], file), { clock });
  /** Sends a request. Resolves, when its answer has come, to the connection. */
  const ask = async (length: number, body: string) => {
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => void socket.destroy());
    const closed = once(socket, 'close');
    socket.write(`POST /v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`);
    const [text] = (await once(socket.setEncoding('latin1'), 'data')) as [string];
    t.regex(text, /^HTTP\/1\.1 401 /);
    return { socket: socket.resume(), closed };
  };
  const [large, slow, small] = await Promise.all([ask(100_000, '{'), ask(100, '{'), ask(2, '{}')]);
  await pass(clock, 3500);
  await large.closed;
  t.false(slow.socket.destroyed);
  await pass(clock, 4500);
  await slow.closed;
  t.false(small.socket.destroyed);
});

test.serial('public ignores credentials, good or bad, and passes no identity on', async (t) => {
  const { upstream } = await started;
  for (const headers of [{}, await bearer(), { authorization: 'Bearer x' }, { 'x-api-key': 'nobody' }]) {
    t.is((await ask('GET', '/v1/open/1', { headers })).status, 200);
    t.deepEqual(upstream.last().metadata.get('x-user-id'), []);
  }
});

test.serial('optional accepts requests with and without a credential, and refuses a bad one', async (t) => {
  const { upstream } = await started;
  t.is((await ask('GET', '/v1/maybe/1')).status, 200);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), []);
  t.is((await ask('GET', '/v1/maybe/1', { headers: await bearer() })).status, 200);
  t.deepEqual(upstream.last().metadata.get('x-user-id'), ['ada']);
  const bad = await ask('GET', '/v1/maybe/1', { headers: { authorization: 'Bearer x' } });
  t.is(bad.status, 401);
  t.is(bad.calls, 0);
});

test.serial('identity headers of the client never pass, under no spelling, also on public routes', async (t) => {
  const { upstream } = await started;
  const forged = {
    'x-user-id': 'root',
    x_user_id: 'root',
    'X-User_Id': 'root',
    'grpc-metadata-x-user-id': 'root',
    'Grpc-Metadata-X_User_ID': 'root',
    'x-org': 'evil',
    cookie: 'a=b',
    'x-harmless': 'stays',
  };
  for (const [path, headers] of [
    ['/v1/open/1', forged],
    ['/v1/maybe/1', forged],
    ['/v1/notes/1', { ...forged, ...(await bearer()) }],
  ] as const) {
    t.is((await ask('GET', path, { headers })).status, 200);
    const { metadata } = upstream.last();
    t.deepEqual(metadata.get('x-user-id'), path === '/v1/notes/1' ? ['ada'] : [], path);
    for (const key of ['x_user_id', 'x-user_id', 'x-org', 'cookie'])
      t.deepEqual(metadata.get(key), [], `${path} ${key}`);
    t.deepEqual(metadata.get('x-harmless'), ['stays']);
  }
});

test.serial('every scope is needed, a|b needs one of them, and the answer names the missing one', async (t) => {
  for (const [scope, missing] of [
    [undefined, 'notes.write'],
    ['', 'notes.write'],
    ['eu', 'notes.write'],
    ['notes.write', 'eu or us'],
    ['notes.write EU', 'eu or us'],
    ['notes.writer eu', 'notes.write'],
    ['notes.write us', undefined],
    [['eu', 'notes.write'], undefined],
  ] as const) {
    const { status, json, headers, calls } = await ask('POST', '/v1/notes', {
      body: {},
      headers: await bearer({ scope }),
    });
    t.is(status, missing === undefined ? 200 : 403, String(scope));
    t.is(calls, missing === undefined ? 1 : 0);
    if (missing === undefined) continue;
    t.is(json.code, 7);
    t.is(json.message, `expected a caller with the scope ${missing}, got one without it`);
    t.is(headers['www-authenticate'], 'Bearer realm="protogate", error="insufficient_scope", scope="notes.write eu"');
  }
  t.is(
    (await ask('POST', '/v1/notes', { body: {} })).status,
    401,
    '401 when nobody is known, 403 when somebody may not',
  );
});

test.serial('a require over the path is decided before the body is read', async (t) => {
  const headers = await bearer({ customer: 'c1' });
  const own = await ask('POST', '/v1/customers/c1/notes', { body: {}, headers });
  t.is(own.status, 200);
  const foreign = await ask('POST', '/v1/customers/c2/notes', { body: '{ broken', headers });
  t.is(foreign.status, 403);
  t.is(foreign.json.message, 'the caller is not allowed to do this');
  t.is(foreign.calls, 0);
  t.is((await ask('POST', '/v1/customers/c1/notes', { body: '{ broken', headers })).status, 400);
  t.is((await ask('POST', '/v1/customers/c%31/notes', { body: {}, headers })).status, 200, 'on the decoded path');
  t.is((await ask('POST', '/v1/customers/c1%2Fx/notes', { body: {}, headers })).status, 403);
});

test.serial('a require over the body is decided before the call', async (t) => {
  const headers = await bearer({ customer: 'c1' });
  t.is((await ask('POST', '/v1/own', { body: { customer: 'c1' }, headers })).status, 200);
  for (const body of [{ customer: 'c2' }, {}, { customer: '' }, { note: 'c1' }]) {
    const { status, calls } = await ask('POST', '/v1/own', { body, headers });
    t.is(status, 403, JSON.stringify(body));
    t.is(calls, 0);
  }
  t.is((await ask('POST', '/v1/own', { body: {}, headers: await bearer() })).status, 403, 'no such claim');
});

test.serial('a public method may demand something of the request alone', async (t) => {
  t.is((await ask('GET', '/v1/small/1')).status, 200);
  t.is((await ask('GET', '/v1/small/1?count=2')).status, 403);
});

test.serial("a cookie's token reads, and writes only for pages of this site and allowed origins", async (t) => {
  const { issuer, port } = await started;
  const cookie = `a=b; session=${issuer.sign({ sub: 'ada', scope: 'notes.write eu' })}; c=d`;
  t.is((await ask('GET', '/v1/notes/1', { headers: { cookie } })).status, 200);
  t.is((await ask('GET', '/v1/notes/1', { headers: { cookie, origin: 'https://evil.test' } })).status, 200, 'reading');
  for (const [status, page] of [
    [200, { 'sec-fetch-site': 'same-origin' }],
    [200, { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }],
    [200, { origin: `http://127.0.0.1:${port}` }],
    [200, { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' }],
    [403, {}],
    [403, { 'sec-fetch-site': 'cross-site' }],
    [403, { 'sec-fetch-site': 'none' }],
    [403, { origin: 'null' }],
    [403, { origin: 'https://evil.test' }],
    [403, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
    [403, { origin: 'https://app.example.com.evil.test' }],
    [403, { origin: `http://127.0.0.1:${port}0` }],
  ] as const) {
    const { status: got, calls } = await ask('POST', '/v1/notes', { body: {}, headers: { cookie, ...page } });
    t.is(got, status, JSON.stringify(page));
    t.is(calls, status === 200 ? 1 : 0);
  }
  for (const [status, authority, host] of [
    [200, 'app.test', 'evil.test'],
    [403, 'evil.test', 'app.test'],
  ] as const) {
    const headers = { cookie, host, origin: 'http://app.test' };
    const { status: got } = await ask('POST', `http://${authority}/v1/notes`, { body: {}, headers });
    t.is(got, status, "the target's authority decides, not Host");
  }
  const page = { 'sec-fetch-site': 'same-origin' };
  const untyped = await ask('POST', '/v1/notes', { body: '{}', headers: { cookie, ...page } });
  t.is(untyped.status, 415, 'a body without a type, as a foreign form may send it');
  t.is(
    (await ask('POST', '/v1/notes', { body: '{}', headers: await bearer({ scope: 'notes.write eu' }) })).status,
    200,
  );
  const twice = `${cookie}; session=x`;
  t.is((await ask('GET', '/v1/notes/1', { headers: { cookie: twice } })).status, 401, 'one name twice');
  const both = await ask('GET', '/v1/notes/1', { headers: { cookie: 'session=bad', ...(await bearer()) } });
  t.is(both.status, 200, 'what was written for this request beats what comes along');
});

test.serial(
  'CORS: a preflight needs no credential, every answer has the headers, other origins get none',
  async (t) => {
    const origin = 'https://app.example.com';
    const preflight = await ask('OPTIONS', '/v1/notes', {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    t.is(preflight.status, 204);
    t.like(preflight.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    t.is(preflight.calls, 0);
    for (const [status, method, path, options] of [
      [200, 'GET', '/v1/open/1', {}],
      [401, 'GET', '/v1/notes/1', {}],
      [404, 'GET', '/nowhere', {}],
      [405, 'PUT', '/v1/notes', {}],
      [400, 'GET', '/v1/open/1?x=1', {}],
      [413, 'POST', '/v1/open', { body: { note: 'x'.repeat(5_000_000) } }],
    ] as const) {
      const answer = await ask(method, path, { ...options, headers: { origin } });
      t.is(answer.status, status);
      t.is(answer.headers['access-control-allow-origin'], origin, String(status));
      t.regex(String(answer.headers['access-control-expose-headers']), /x-request-id.*x-served-by/);
      t.is(answer.headers.vary, 'Origin');
    }
    for (const foreign of [
      'https://evil.test',
      'null',
      'https://app.example.com.evil.test',
      'http://app.example.com',
    ]) {
      const headers = { origin: foreign, 'access-control-request-method': 'POST' };
      const answers = [await ask('GET', '/v1/open/1', { headers }), await ask('OPTIONS', '/v1/notes', { headers })];
      for (const answer of answers) t.is(answer.headers['access-control-allow-origin'], undefined, foreign);
      t.is(answers[0]?.headers.vary, 'Origin');
    }
  },
);

test.serial('the access log names the consumer and no credential', async (t) => {
  const { logged } = await started;
  await ask('GET', '/v1/notes/log-me', { headers: { 'x-api-key': KEY } });
  const line = logged().findLast(({ path }) => path === '/v1/notes/log-me');
  t.is(line?.consumer, 'acme');
});

test('keys rotate without a 401, and a key that left is believed no more', async (t) => {
  const issuer = await startIssuer(t, 'rotating');
  const { send } = await startGateway(t, PROTO, {}, configOf([issuer], await keyFile()));
  const get = async (token: string) =>
    (await send('GET', '/v1/notes/1', { headers: { authorization: `Bearer ${token}` } })).status;
  const old = issuer.sign({ sub: 'ada' });
  t.is(await get(old), 200);
  issuer.rotate();
  t.is(await get(issuer.sign({ sub: 'ada' })), 200, 'a new key at once');
  t.is(await get(old), 401, 'the old one has left with the fetch that found the new one');
});

test('a reload reads a jwksFile again: a removed key is not accepted, and a broken file changes nothing', async (t) => {
  const issuer = await startIssuer(t, 'on-disk');
  const file = join(await protoFolder(t, {}), 'jwks.json');
  await writeFile(file, JSON.stringify(issuer.jwks));
  const { send, gateway } = await startGateway(
    t,
    PROTO,
    {},
    {
      auth: { jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksFile: file }] },
    },
  );
  const get = async (token: string) =>
    (await send('GET', '/v1/notes/1', { headers: { authorization: `Bearer ${token}` } })).status;
  const old = issuer.sign({ sub: 'ada' });
  t.is(await get(old), 200);
  await writeFile(file, '{');
  await t.throwsAsync(gateway.reload(), { message: /jwksFile: expected JSON/ });
  t.is(await get(old), 200);
  issuer.rotate();
  await writeFile(file, JSON.stringify(issuer.jwks));
  await gateway.reload();
  t.is(await get(issuer.sign({ sub: 'ada' })), 200);
  t.is(await get(old), 401, 'also where it was remembered');
});

test('1,000 unknown kids cause a handful of fetches and 401 each', async (t) => {
  const issuer = await startIssuer(t, 'asked');
  const { send, upstream } = await startGateway(t, PROTO, {}, configOf([issuer], await keyFile()));
  const statuses = new Set<number>();
  for (let i = 0; i < 1000; i += 50) {
    const batch = Array.from({ length: 50 }, (_, j) =>
      send('GET', '/v1/notes/1', {
        headers: {
          authorization: `Bearer ${issuer.sign({ sub: 'ada' }, { alg: 'ES256', header: { kid: `k${i + j}` } })}`,
        },
      }),
    );
    for (const { status } of await Promise.all(batch)) statuses.add(status);
  }
  t.deepEqual([...statuses], [401]);
  t.true(issuer.fetches <= 8, `${issuer.fetches} fetches`);
  t.is(upstream.calls.length, 0);
});

test('the start waits for an issuer that is down, and its keys are kept when it is down later', async (t) => {
  const issuer = await startIssuer(t, 'sleeping');
  issuer.mode = 'down';
  const clock = handClock();
  const starting = startGateway(t, PROTO, {}, configOf([issuer], await keyFile()), { clock });
  const failed = issuer.nextFetch();
  await failed;
  issuer.mode = 'ok';
  t.true((await passUntilStarted(clock, starting)) < 9000, 'it waited for the keys, and no longer');
  const { send } = await starting;
  const headers = { authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` };
  t.is((await send('GET', '/v1/notes/1', { headers })).status, 200);
  issuer.mode = 'down';
  t.is(
    (await send('GET', '/v1/notes/1', { headers: { authorization: `Bearer ${issuer.sign({ sub: 'eve' })}` } })).status,
    200,
    'kept while the issuer is down',
  );
});

/** Lets time pass, half a second at once, until a gateway has started. Resolves to how much passed on its clock, in milliseconds. */
async function passUntilStarted(clock: HandClock, starting: Promise<unknown>): Promise<number> {
  let isReady = false;
  void starting.then(() => {
    isReady = true;
  });
  let passedMs = 0;
  for (; !isReady; await sleep(20)) {
    if (clock.pending === 0) continue;
    clock.advance(500);
    passedMs += 500;
  }
  return passedMs;
}

test('an issuer that stays down: its routes are 503, the others serve, and it comes back by itself', async (t) => {
  const issuer = await startIssuer(t, 'late');
  issuer.mode = 'down';
  const clock = handClock();
  const starting = startGateway(t, PROTO, {}, configOf([issuer], await keyFile()), { clock });
  await passUntilStarted(clock, starting);
  const { send } = await starting;
  const headers = { authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` };
  const { status, json } = await send('GET', '/v1/notes/1', { headers });
  t.is(status, 503);
  t.is(json.code, 14);
  t.is((await send('GET', '/v1/open/1')).status, 200);
  issuer.mode = 'ok';
  let back = 503;
  for (; back === 503; await sleep(20)) {
    clock.advance(1000);
    back = (await send('GET', '/v1/notes/1', { headers })).status;
  }
  t.is(back, 200);
});

test('an issuer that never answers: ready after ten seconds, 503 with Retry-After for its tokens alone', async (t) => {
  const issuer = await startIssuer(t, 'hanging');
  issuer.mode = 'hang';
  const clock = handClock();
  const starting = startGateway(t, PROTO, {}, configOf([issuer], await keyFile()), { clock });
  const waited = await passUntilStarted(clock, starting);
  t.true(waited >= 10_000 && waited < 15_000, `${waited} ms`);
  const { send, upstream } = await starting;
  const answer = await send('GET', '/v1/notes/1', {
    headers: { authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` },
  });
  t.is(answer.status, 503);
  t.is(answer.headers['retry-after'], '1');
  t.is((await send('GET', '/v1/notes/1', { headers: { 'x-api-key': KEY } })).status, 200);
  t.is((await send('GET', '/v1/open/1')).status, 200);
  t.is(upstream.calls.length, 2);
});

test('the embedder’s own stages after authentication see who calls, and interceptors too', async (t) => {
  const issuer = await startIssuer(t, 'embedded');
  const seen: unknown[] = [];
  const { send, upstream } = await startGateway(t, PROTO, {}, configOf([issuer], await keyFile()), {
    middleware: {
      afterAuth: [
        async (ctx, next) => {
          seen.push(['stage', ctx.state.principal?.subject]);
          await next();
        },
      ],
    },
    interceptors: [
      (next) => (request) => {
        seen.push(['interceptor', request.context.principal?.subject]);
        return next(request);
      },
    ],
  });
  const headers = { authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` };
  t.is((await send('GET', '/v1/notes/1', { headers })).status, 200);
  t.is((await send('GET', '/v1/open/1', { headers })).status, 200);
  t.is((await send('GET', '/v1/notes/1')).status, 401, 'they see nobody who may not');
  t.deepEqual(seen, [
    ['stage', 'ada'],
    ['interceptor', 'ada'],
    ['stage', undefined],
    ['interceptor', undefined],
  ]);
  t.is(upstream.calls.length, 2);
});

test('a reload keeps the keys of an issuer', async (t) => {
  const issuer = await startIssuer(t, 'kept');
  const { gateway, send } = await startGateway(t, PROTO, {}, configOf([issuer], await keyFile()));
  const statusFor = async (sub: string) =>
    (await send('GET', '/v1/notes/1', { headers: { authorization: `Bearer ${issuer.sign({ sub })}` } })).status;
  t.is(await statusFor('ada'), 200);
  const { fetches } = issuer;
  issuer.mode = 'down';
  await gateway.reload();
  t.is(await statusFor('eve'), 200);
  t.is(issuer.fetches, fetches);
});
