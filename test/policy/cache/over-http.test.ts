/** Caching: which answers are kept, for whom and for how long, and what an upstream and a client see of it. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import type { StartOptions } from '../../../src/gateway/gateway.js';
import { certificates } from '../../support/certificates.js';
import { handClock } from '../../support/clock.js';
import { protoFolder, type SendOptions, startGateway, type TestGateway } from '../../support/gateway.js';
import { startIssuer } from '../../support/issuer.js';
import { keepSecret } from '../../support/secrets.js';
import { until } from '../../support/until.js';
import type { Handler, Handlers, RecordedCall, Reply } from '../../support/upstream.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; string q = 2; }
message Reply { string text = 1; int32 number = 2; }
service Notes {
  rpc Own(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/own/{id}" additional_bindings { post: "/v1/own" body: "*" } };
    option (protogate.v1.policy) = { auth: { mode: MODE_OPTIONAL } cache: { ttl: { seconds: 60 } } };
  }
  rpc Open(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/open/{id}" };
    option (protogate.v1.policy) = { auth: { mode: MODE_OPTIONAL } cache: { ttl: { seconds: 60 } scope: SCOPE_PUBLIC } };
  }
  rpc Brief(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/brief/{id}" };
    option (protogate.v1.policy) = {
      auth: { mode: MODE_PUBLIC }
      cache: { ttl: { nanos: 100000000 } stale_while_revalidate: { seconds: 60 } }
    };
  }
  rpc Tough(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/tough/{id}" };
    option (protogate.v1.policy) = {
      auth: { mode: MODE_PUBLIC }
      cache: { ttl: { nanos: 100000000 } stale_if_error: { seconds: 2 } }
    };
  }
  rpc Plain(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/plain/{id}" }; }
}`;

/** Returns handlers whose answers all differ, so that a cached one can be recognized. */
function counting(): Handlers {
  let count = 0;
  const handler = () => ({ message: { text: `answer ${++count}` } });
  return { Own: handler, Open: handler, Brief: handler, Tough: handler, Plain: handler };
}

function start(
  t: ExecutionContext,
  overrides: Partial<ConfigInput> = {},
  handlers = counting(),
  options: StartOptions = {},
): Promise<TestGateway> {
  return startGateway(t, PROTO, handlers, { ...withoutAuth(overrides), ...overrides }, options);
}

/**
 * Returns the auth block of tests that set none: MODE_OPTIONAL needs a way to authenticate. No token is sent, so a secret
 * is enough.
 */
function withoutAuth({ auth }: Partial<ConfigInput>): Partial<ConfigInput> {
  const secret = 'of-a-test-that-sends-no-token-0123456789';
  return auth === undefined
    ? { auth: { default: 'public', jwt: [{ issuer: 'nobody', audiences: ['api'], secret }] } }
    : {};
}

async function text(gateway: TestGateway, target: string, options?: SendOptions): Promise<string> {
  const { status, json } = await gateway.send('GET', target, options);
  return status === 200 ? json.text : String(status);
}

test('a cached answer makes no call and has an Age', async (t) => {
  const clock = handClock();
  const gateway = await start(t, {}, counting(), { clock });
  const first = await gateway.send('GET', '/v1/own/1');
  t.is(first.headers['cache-status'], 'protogate; fwd=miss');
  t.is(first.headers.age, undefined);
  const second = await gateway.send('GET', '/v1/own/1');
  t.deepEqual(second.json, first.json);
  t.is(second.headers['cache-status'], 'protogate; hit');
  t.is(second.headers.age, '0');
  t.is(second.headers['cache-control'], 'private, max-age=60');
  t.is(second.headers.etag, first.headers.etag);
  clock.advance(7000);
  const head = await gateway.send('HEAD', '/v1/own/1');
  t.is(head.headers['cache-status'], 'protogate; hit');
  t.is(head.headers.age, '7');
  t.is(gateway.upstream.calls.length, 1);
  const metrics = await gateway.gateway.metrics.registry.metrics();
  t.regex(metrics, /protogate_cache_requests_total\{status="miss"\} 1\n/);
  t.regex(metrics, /protogate_cache_requests_total\{status="hit"\} 2\n/);
});

test('If-None-Match with the weak ETag gives 304 without a body, and another one the answer', async (t) => {
  const gateway = await start(t);
  const { etag = '' } = (await gateway.send('GET', '/v1/own/1')).headers;
  t.regex(etag, /^W\/"[\w-]{22}"$/);
  for (const tag of [etag, etag.slice(2), `"other", ${etag}`, '*']) {
    const { status, text, headers } = await gateway.send('GET', '/v1/own/1', { headers: { 'if-none-match': tag } });
    t.deepEqual([status, text, headers.etag], [304, '', etag], tag);
    t.is(headers['cache-control'], 'private, max-age=60');
  }
  t.is((await gateway.send('GET', '/v1/own/1', { headers: { 'if-none-match': 'W/"other"' } })).status, 200);
  t.is(gateway.upstream.calls.length, 1);
});

test('path, query and method are part of the cache key; other bindings and methods are not cached', async (t) => {
  const gateway = await start(t);
  const texts = [
    await text(gateway, '/v1/own/1'),
    await text(gateway, '/v1/own/2'),
    await text(gateway, '/v1/own/1?q=x'),
    await text(gateway, '/v1/open/1'),
    (await gateway.send('POST', '/v1/own', { body: { id: '1' } })).json.text,
    await text(gateway, '/v1/plain/1'),
    await text(gateway, '/v1/plain/1'),
  ];
  t.is(new Set(texts).size, texts.length, texts.join());
  t.is(await text(gateway, '/v1/own/1'), texts[0]);
  t.is((await gateway.send('GET', '/v1/plain/1')).headers.etag, undefined);
});

test('$fields of one request do not cut what another gets', async (t) => {
  const gateway = await start(t, {}, { Own: { message: { text: 'a', number: 7 } } });
  t.deepEqual((await gateway.send('GET', '/v1/own/1?$fields=number')).json, { number: 7 });
  t.deepEqual((await gateway.send('GET', '/v1/own/1')).json, { text: 'a', number: 7 });
  t.is(gateway.upstream.calls.length, 1);
});

async function withTokens(t: ExecutionContext, request = ['accept-language', 'grpc-metadata-*']) {
  const issuer = await startIssuer(t);
  const jwt = [issuer.issuer, 'https://other.test'].map((name) => ({
    issuer: name,
    audiences: ['api'],
    jwksUri: issuer.jwksUri,
    consumerClaim: 'org',
    claimsToMetadata: { sub: 'x-user-id' },
  }));
  const gateway = await start(t, {
    auth: { default: 'public', jwt },
    metadata: { request, forwardAuthorization: true },
    trustedProxies: ['127.0.0.1'],
  });
  const as = (sub: string, org = 'acme', iss = issuer.issuer) => ({
    authorization: `Bearer ${issuer.sign({ iss, sub, org })}`,
  });
  return { gateway, as };
}

test('two callers never see each other’s answer: by subject, consumer, issuer, none, language or address', async (t) => {
  const { gateway, as } = await withTokens(t);
  const ada = as('ada');
  const variants: Record<string, string>[] = [
    ada,
    as('ben'),
    as('ada', 'zeta'),
    as('ada', 'acme', 'https://other.test'),
    {},
    { ...ada, 'accept-language': 'nl' },
    { ...ada, 'grpc-metadata-tenant': 'x' },
    { ...ada, 'x-forwarded-for': '192.0.2.1' },
    { 'x-forwarded-for': '192.0.2.2' },
  ];
  const texts: string[] = [];
  for (const headers of variants) texts.push(await text(gateway, '/v1/own/1', { headers }));
  t.is(new Set(texts).size, variants.length, texts.join());
  for (const [i, headers] of variants.entries()) t.is(await text(gateway, '/v1/own/1', { headers }), texts[i]!);
});

test('callers by API key, certificate and token do not share answers, although they have the same name', async (t) => {
  const { ca, server, client } = certificates();
  const folder = await protoFolder(t, {});
  const file = async (name: string, content: Buffer | string) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const keys = {
    one: keepSecret('pg_first-key-first-key-first-key-first'),
    two: keepSecret('pg_second-key-second-key-second'),
  };
  const digest = (key: string) => createHash('sha256').update(key).digest('hex');
  const issuer = await startIssuer(t);
  const gateway = await start(t, {
    listen: {
      tls: {
        cert: await file('cert.pem', server.cert),
        key: await file('key.pem', server.key),
        clientCa: await file('ca.pem', ca),
      },
    },
    auth: {
      default: 'public',
      jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri }],
      apiKeys: {
        file: await file(
          'keys.yaml',
          `keys: [{ sha256: "${digest(keys.one)}", consumer: gateway.test }, { sha256: "${digest(keys.two)}", consumer: two }]`,
        ),
      },
      mtls: { identity: ['dns', 'cn'] },
    },
  });
  const as: SendOptions[] = [
    { headers: { 'x-api-key': keys.one }, tls: { ca } },
    { headers: { 'x-api-key': keys.two }, tls: { ca } },
    { headers: { authorization: `Bearer ${issuer.sign({ sub: 'gateway.test' })}` }, tls: { ca } },
    { tls: { ca, ...client } },
    { tls: { ca } },
  ];
  const texts: string[] = [];
  for (const options of as) texts.push(await text(gateway, '/v1/own/1', options));
  t.is(new Set(texts).size, as.length, texts.join());
  for (const [i, options] of as.entries()) t.is(await text(gateway, '/v1/own/1', options), texts[i]!);
});

test('a public answer is shared by all callers, and the upstream gets neither the caller nor the address', async (t) => {
  const { gateway, as } = await withTokens(t);
  const first = await text(gateway, '/v1/open/1', { headers: { ...as('ada'), 'x-forwarded-for': '192.0.2.1' } });
  const { metadata } = gateway.upstream.last();
  for (const key of ['authorization', 'x-user-id', 'x-forwarded-for']) t.deepEqual(metadata.get(key), [], key);
  t.is(metadata.get('x-request-id').length, 1);
  t.is(await text(gateway, '/v1/open/1', { headers: as('ben') }), first);
  const anonymous = await gateway.send('GET', '/v1/open/1');
  t.is(anonymous.json.text, first);
  t.is(anonymous.headers['cache-control'], 'public, max-age=60');
  t.is(gateway.upstream.calls.length, 1);
});

test('a client cannot poison a public cache entry: its forwarded headers are part of the key', async (t) => {
  const { gateway } = await withTokens(t);
  gateway.upstream.script('Open', (call: RecordedCall) => ({
    message: { text: `for ${call.metadata.get('tenant').join()} ${call.metadata.get('accept-language').join()}` },
  }));
  const evil = { 'grpc-metadata-tenant': 'evil', 'accept-language': 'xx', 'x-forwarded-for': '"><script>' };
  t.is(await text(gateway, '/v1/open/1', { headers: evil }), 'for evil xx');
  t.is(await text(gateway, '/v1/open/1'), 'for  ');
});

test('Vary names the headers that decide: credentials too where an answer is a caller’s own', async (t) => {
  const { gateway } = await withTokens(t, ['accept-language', 'X-Tenant']);
  t.is((await gateway.send('GET', '/v1/own/1')).headers.vary, 'authorization, accept-language, x-tenant');
  t.is((await gateway.send('GET', '/v1/open/1')).headers.vary, 'accept-language, x-tenant');
});

test('Vary names Authorization where it is forwarded, also where nothing here reads it', async (t) => {
  const gateway = await startGateway(t, PROTO.replaceAll('auth: { mode: MODE_OPTIONAL } ', ''), counting(), {
    metadata: { forwardAuthorization: true },
  });
  const texts: string[] = [];
  for (const authorization of ['Bearer a', 'Bearer b', 'Bearer a']) {
    const { headers, json } = await gateway.send('GET', '/v1/own/1', { headers: { authorization } });
    t.deepEqual([headers.vary, headers['cache-control']], ['authorization', 'private, max-age=60']);
    texts.push(json.text);
  }
  t.deepEqual(texts, ['answer 1', 'answer 2', 'answer 1']);
});

test('if a pattern lets headers through, Vary: * keeps other caches from answering alone', async (t) => {
  const gateway = await start(t, {
    metadata: { request: ['accept-language', 'grpc-metadata-*'] },
    cors: { origins: ['https://app.test'] },
  });
  for (const headers of [{}, { 'grpc-metadata-tenant': 'x' }, { origin: 'https://app.test' }]) {
    for (const target of ['/v1/own/1', '/v1/open/1']) {
      const { etag = '', vary } = (await gateway.send('GET', target, { headers })).headers;
      t.is(vary, '*');
      const again = await gateway.send('GET', target, { headers: { ...headers, 'if-none-match': etag } });
      t.deepEqual([again.status, again.headers.vary], [304, '*'], 'asking costs no body');
    }
  }
});

test('a hundred requests at once for a cold key are one call', async (t) => {
  const gateway = await start(t, {}, { Own: { message: { text: 'once' }, delayMs: 150 } });
  const answers = await Promise.all(Array.from({ length: 100 }, () => gateway.send('GET', '/v1/own/1')));
  t.true(answers.every(({ json }) => json.text === 'once'));
  t.is(gateway.upstream.calls.length, 1);
  t.is(answers.filter(({ headers }) => headers['cache-status'] === 'protogate; fwd=miss').length, 1);
  t.true(answers.some(({ headers }) => headers['cache-status'] === 'protogate; fwd=miss; collapsed'));
});

/** Returns a handler whose calls all get `reply`, but not before `answer` is called. */
function held(reply: Reply): { readonly handler: Handler; readonly answer: () => void } {
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  return { handler: () => asked.then(() => reply), answer: () => answer() };
}

/** Sends a request, and returns a function with which its client leaves. Resolves when the upstream has the request. */
async function leaving(gateway: TestGateway, path: string): Promise<() => void> {
  const calls = gateway.upstream.calls.length;
  const req = request({ port: gateway.port, path, agent: false });
  req.on('error', () => {});
  req.end();
  await until(() => gateway.upstream.calls.length > calls);
  return () => req.destroy();
}

test('concurrent requests share neither cookies nor answers that the upstream marks as private', async (t) => {
  let count = 0;
  const privately: readonly [string, string][] = [
    ['set-cookie', 'session='],
    ['cache-control', 'private, x='],
  ];
  for (const [name, value] of privately) {
    const reply = () => ({ message: { text: `${++count}` }, headers: { [name]: `${value}${count}` }, delayMs: 100 });
    const gateway = await start(t, { metadata: { response: ['set-cookie'] } }, { Open: reply });
    const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.send('GET', '/v1/open/1')));
    t.is(new Set(answers.map(({ json }) => json.text)).size, 5, name);
    t.is(gateway.upstream.calls.length, 5);
    for (const { headers, json } of answers) {
      t.is(headers['cache-status'], 'protogate; fwd=miss');
      t.deepEqual([headers['cache-control'], headers.etag], ['no-store', undefined], 'nor does a cache on the way');
      if (name === 'set-cookie') t.deepEqual(headers['set-cookie'], [`session=${json.text}`]);
    }
  }
});

test('requests at once share no failure with a cookie, and nothing that the upstream keeps for one', async (t) => {
  let count = 0;
  for (const [name, value] of [
    ['set-cookie', 'session='],
    ['cache-control', 'private, x='],
  ] as const) {
    const reply = () => ({
      status: { code: 5, message: `${++count}` },
      trailers: { [name]: `${value}${count}` },
      delayMs: 100,
    });
    const gateway = await start(t, { metadata: { response: ['set-cookie'] } }, { Open: reply });
    const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.send('GET', '/v1/open/1')));
    t.is(new Set(answers.map(({ json }) => json.message)).size, 5, name);
    if (name !== 'set-cookie') continue;
    for (const { headers, json } of answers) t.deepEqual(headers['set-cookie'], [`session=${json.message}`]);
  }
});

test('requests at once share a failure that is for all', async (t) => {
  const failure = held({ status: { code: 8, message: 'slow down' }, trailers: { 'retry-after': '30' } });
  const gateway = await start(t, { metadata: { response: ['retry-after'] } }, { Open: failure.handler });
  const asked = Promise.all(Array.from({ length: 5 }, () => gateway.send('GET', '/v1/open/1')));
  await until(() => gateway.gateway.snapshots.inFlight === 5);
  failure.answer();
  const answers = await asked;
  t.deepEqual(new Set(answers.map(({ headers }) => headers['retry-after'])), new Set(['30']));
  t.is(gateway.upstream.calls.length, 1);
});

test('the call is not cancelled when the first client leaves while others wait', async (t) => {
  const once = held({ message: { text: 'once' } });
  const gateway = await start(t, {}, { Own: once.handler });
  const leave = await leaving(gateway, '/v1/own/1');
  const others = Array.from({ length: 20 }, () => gateway.send('GET', '/v1/own/1'));
  await until(() => gateway.gateway.snapshots.inFlight === 21);
  leave();
  await until(() => gateway.gateway.snapshots.inFlight === 20);
  once.answer();
  for (const { json } of await Promise.all(others)) t.is(json.text, 'once');
  t.is(gateway.upstream.calls.length, 1);
});

test('when no request waits any more, the call is cancelled, and the next request makes a new one', async (t) => {
  const gateway = await start(t, {}, { Own: { hang: true } });
  const leave = await leaving(gateway, '/v1/own/1');
  leave();
  await gateway.upstream.last().whenCancelled;
  gateway.upstream.script('Own', { message: { text: 'anew' } });
  t.is(await text(gateway, '/v1/own/1'), 'anew');
});

test('a client’s short deadline ends only its own waiting', async (t) => {
  const late = held({ message: { text: 'late' } });
  const clock = handClock();
  const gateway = await start(t, {}, { Own: late.handler }, { clock });
  const hasty = gateway.send('GET', '/v1/own/1', { headers: { 'x-request-timeout': '1' } });
  await until(() => gateway.upstream.calls.length === 1);
  const patient = gateway.send('GET', '/v1/own/1');
  await until(() => gateway.gateway.snapshots.inFlight === 2);
  clock.advance(1000);
  t.is((await hasty).status, 504);
  late.answer();
  t.is((await patient).status, 200);
  t.is(gateway.upstream.calls.length, 1);
});

test('stale while revalidating: the old answer at once, one call for a fresh one', async (t) => {
  const clock = handClock();
  const gateway = await start(t, {}, counting(), { clock });
  t.is(await text(gateway, '/v1/brief/1'), 'answer 1');
  clock.advance(150);
  const fresh = held({ message: { text: 'fresh' } });
  gateway.upstream.script('Brief', fresh.handler);
  const stale = await Promise.all(Array.from({ length: 10 }, () => gateway.send('GET', '/v1/brief/1')));
  for (const { json, headers } of stale) {
    t.deepEqual([json.text, headers['cache-status']], ['answer 1', 'protogate; hit; detail=stale']);
  }
  await until(() => gateway.upstream.calls.length === 2);
  fresh.answer();
  await until(async () => (await text(gateway, '/v1/brief/1')) === 'fresh');
  t.is(gateway.upstream.calls.length, 2);
});

test('stale while the upstream fails, marked as such, and only for as long as declared', async (t) => {
  const clock = handClock();
  const gateway = await start(t, {}, counting(), { clock });
  t.is(await text(gateway, '/v1/tough/1'), 'answer 1');
  clock.advance(150);
  gateway.upstream.script('Tough', { status: { code: 14, message: 'down' } });
  const stale = await gateway.send('GET', '/v1/tough/1');
  t.deepEqual([stale.status, stale.json.text], [200, 'answer 1']);
  t.is(stale.headers['cache-status'], 'protogate; hit; detail=stale');
  t.is((await gateway.send('GET', '/v1/tough/2')).status, 503, 'nothing was kept of this one');
  gateway.upstream.script('Tough', { status: { code: 5, message: 'gone' } });
  t.is((await gateway.send('GET', '/v1/tough/1')).status, 404, 'an answer of the upstream is no failure');
  gateway.upstream.script('Tough', { status: { code: 14, message: 'down' } });
  clock.advance(1900);
  t.is((await gateway.send('GET', '/v1/tough/1')).status, 200);
  clock.advance(100);
  t.is((await gateway.send('GET', '/v1/tough/1')).status, 503);
});

test('stale while the upstream is dead', async (t) => {
  const clock = handClock();
  const gateway = await start(t, {}, counting(), { clock });
  t.is(await text(gateway, '/v1/brief/1'), 'answer 1');
  clock.advance(150);
  gateway.upstream.cut();
  await gateway.upstream.close();
  const { json, headers } = await gateway.send('GET', '/v1/brief/1');
  t.deepEqual([json.text, headers['cache-status']], ['answer 1', 'protogate; hit; detail=stale']);
});

test('errors, overridden statuses, cookies and answers that the upstream forbids to cache are not cached', async (t) => {
  const gateway = await start(t, { metadata: { response: ['set-cookie'] } });
  for (const reply of [
    { status: { code: 5, message: 'not yet' } },
    { message: { text: 'made' }, headers: { 'x-http-status': '201' } },
    { message: { text: 'cookie' }, headers: { 'set-cookie': 'session=1' } },
    { message: { text: 'private' }, headers: { 'cache-control': 'private, max-age=5' } },
    { message: { text: 'trailers' }, trailers: { 'cache-control': 'no-store' } },
  ]) {
    gateway.upstream.script('Own', reply);
    await gateway.send('GET', '/v1/own/1');
    const calls = gateway.upstream.calls.length;
    await gateway.send('GET', '/v1/own/1');
    t.is(gateway.upstream.calls.length, calls + 1, JSON.stringify(reply));
  }
});

test('memory is bounded: the answer that was used longest ago makes room', async (t) => {
  const gateway = await start(
    t,
    { cache: { maxBytes: '1MiB' } },
    { Own: (call) => ({ message: { text: `${(call.request as { id: string }).id} ${'x'.repeat(50_000)}` } }) },
  );
  for (let id = 0; id < 40; id++) await gateway.send('GET', `/v1/own/${id}`);
  t.is((await gateway.send('GET', '/v1/own/39')).headers['cache-status'], 'protogate; hit');
  t.is((await gateway.send('GET', '/v1/own/0')).headers['cache-status'], 'protogate; fwd=miss');
});

test('authorization comes before the cache: a cached answer is refused to a caller who may not see it', async (t) => {
  const issuer = await startIssuer(t);
  const gateway = await start(t, {
    auth: { jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri }] },
    policies: [{ selector: 'acme.v1.Notes/Open', auth: { scopes: ['read'] } }],
  });
  const as = (scope: string) => ({ headers: { authorization: `Bearer ${issuer.sign({ sub: 'a', scope })}` } });
  t.is(await text(gateway, '/v1/open/1', as('read')), 'answer 1');
  const { headers, json } = await gateway.send('GET', '/v1/open/1', as('read'));
  t.is(json.text, 'answer 1');
  t.is(headers['cache-control'], 'private, max-age=60', 'a cache on the way would refuse it to nobody');
  t.is(headers.vary, 'authorization');
  t.is(await text(gateway, '/v1/open/1', as('write')), '403');
  t.is(await text(gateway, '/v1/open/1'), '401');
});

test('a reload keeps cached answers', async (t) => {
  const gateway = await start(t);
  t.is(await text(gateway, '/v1/own/1'), 'answer 1');
  await gateway.gateway.reload();
  t.is(await text(gateway, '/v1/own/1'), 'answer 1');
});
