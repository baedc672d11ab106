/** Open streams after a reload: whether the new config would let each in, and how long it may go on if not. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { RunningGateway } from '../../src/gateway/gateway.js';
import { heldBytes } from '../support/memory.js';
import {
  ended,
  entry,
  goesOn,
  isStream,
  KEY,
  leaveAll,
  type Opened,
  OTHER_KEY,
  openAll,
  seconds,
  secondsUntil,
  startStreams,
} from '../support/open-streams.js';
import { until } from '../support/until.js';
import { WAYS } from '../support/ways.js';
import { openWebSocket } from '../support/websocket.js';

/** The settings that a reload changes. */
type Change = (config: ConfigInput) => Partial<ConfigInput>;

const nothing: Change = () => ({});
const auth =
  (changed: object): Change =>
  (config) => ({ auth: { ...config.auth, ...changed } });
const rule =
  (demanded: object, selector = 'm.v1.Kinds.*'): Change =>
  () => ({ policies: [{ selector, auth: demanded }] });
const keysIn: Change = (config) => auth({ apiKeys: { ...config.auth?.apiKeys, from: [{ header: 'x-key' }] } })(config);
const unserved: Change = ({ upstreams }) => ({ upstreams: { test: { ...upstreams!.test!, services: ['other.*'] } } });

/** The settings before the reload, those that it changes, and the code with which streams end; undefined when they go on. */
const RELOADS: readonly (readonly [fact: string, before: Change, after: Change, code: number | undefined])[] = [
  ['nothing changes', nothing, nothing, undefined],
  ['a limit changes', nothing, () => ({ limits: { bodyBytes: '1MiB' } }), undefined],
  ['a scope that the key has', nothing, rule({ scopes: ['read'] }), undefined],
  ['a scope that it lacks', nothing, rule({ scopes: ['write'] }), 7],
  ['another choice of scopes', rule({ scopes: ['read|write'] }), rule({ scopes: ['write|admin'] }), 7],
  ['a known caller, who is known', rule({ mode: 'public' }), rule({ mode: 'required' }), undefined],
  ['nobody need be known', nothing, rule({ mode: 'public' }), undefined],
  ['keys are read from another header', nothing, keysIn, 16],
  ['keys count no more', nothing, auth({ apiKeys: undefined }), 16],
  ['no upstream serves the route', nothing, unserved, 7],
  ['a require over the path that holds', nothing, rule({ require: ["request.name = 'cases/1'"] }), undefined],
  ['a require over the path that does not', nothing, rule({ require: ["request.name = 'cases/{caller.subject}'"] }), 7],
  ['a new require over messages', nothing, rule({ require: ['request.n = 1'] }), 7],
  [
    'the same require over messages',
    rule({ require: ['request.n = 1'] }),
    rule({ scopes: ['read'], require: ['request.n = 1'] }),
    undefined,
  ],
  ['no require over messages any more', rule({ require: ['request.n = 1'] }), rule({ scopes: ['read'] }), undefined],
];

for (const [fact, before, after, code] of RELOADS) {
  test(`after a reload a stream is judged again: ${fact}`, async (t) => {
    const started = await startStreams(t, { more: before({ version: 1 }) });
    const { gateway, config, url, upstream } = started;
    const opened: Opened[] = [];
    for (const way of WAYS.filter(({ name }) => /WebSocket|SSE|HTTP\/2, NDJSON/.test(name))) {
      for (const kind of way.kinds.filter(isStream)) {
        const running = await way.begin(url, `/v1/cases/1:${kind}`, { 'x-api-key': KEY });
        const count = opened.length + 1;
        await until(() => upstream.calls.length === count, `the call of ${kind} over ${way.name}`);
        if (kind !== 'client') await until(() => running.heard() === 1, 'the first message');
        opened.push({ way, kind, running, call: upstream.last() });
      }
    }
    await gateway.reload({ ...config, ...after(config) });
    if (code !== undefined) return ended(t, started, opened, code);
    await goesOn(t, started, opened, 1);
    await leaveAll(started, opened);
  });
}

test('an anonymous stream ends after a reload that demands a caller', async (t) => {
  const { gateway, config, url } = await startStreams(t, { more: rule({ mode: 'public' })({ version: 1 }) });
  const socket = await openWebSocket(t, url, '/v1/cases/1:bidi');
  socket.say({ n: 1 });
  await socket.until(1);
  await gateway.reload({ ...config, policies: [] });
  t.is((await socket.closed).code, 4016);
});

test('after a reload without its issuer, its audience or its origin a stream ends', async (t) => {
  const started = await startStreams(t, { more: { cors: { origins: ['https://app.example.com'] } } });
  const { gateway, config, url, bearer, clock, upstream } = started;
  const jwt = config.auth!.jwt![0]!;
  const reload = (change: Change) => gateway.reload({ ...config, ...change(config) });
  const open = async (headers: Record<string, string>) => {
    const socket = await openWebSocket(t, url, '/v1/cases/1:bidi', { headers });
    socket.say({ n: 1 });
    await socket.until(1);
    return socket;
  };
  const page = { origin: 'https://app.example.com' };
  const cookie = { cookie: `session=${bearer().authorization.slice('Bearer '.length)}`, ...page };
  for (const [fact, headers, change, code] of [
    ['issuer', bearer(), auth({ jwt: [{ ...jwt, issuer: 'https://other.test' }] }), 4016],
    ['audience', bearer(), auth({ jwt: [{ ...jwt, audiences: ['other'] }] }), 4016],
    ['source', bearer(), auth({ jwt: [{ ...jwt, from: [{ header: 'x-token' }] }] }), 4016],
    ['origin', { ...bearer(), ...page }, () => ({ cors: { origins: ['https://b.example'] } }), 4007],
    ['origin, for a cookie', cookie, () => ({ cors: { origins: ['*'] } }), 4007],
  ] as readonly (readonly [string, Record<string, string>, Change, number])[]) {
    const socket = await open(headers);
    await reload(change);
    t.is((await socket.closed).code, code, fact);
    await until(() => upstream.last().cancelled, 'the end of the call');
    await gateway.reload(config);
  }
  const [socket, stays] = [await open(bearer()), await open(cookie)];
  await gateway.reload(config);
  clock.advance(1000);
  for (const one of [socket, stays]) {
    one.say({ n: 2 });
    await until(() => upstream.calls.some(({ requestBytes }) => requestBytes.length === 2), 'the next message');
    one.socket.close();
  }
});

test('a stream ends where another of its credentials counts after a reload, and so another caller', async (t) => {
  const { gateway, config, url, bearer } = await startStreams(t);
  const jwt = config.auth!.jwt![0]!;
  const cookie = `session=${bearer({ sub: 'ben' }).authorization.slice('Bearer '.length)}`;
  const headers = { ...bearer({ sub: 'ada' }), cookie, 'sec-fetch-site': 'same-origin' };
  const socket = await openWebSocket(t, url, '/v1/cases/1:bidi', { headers });
  socket.say({ n: 1 });
  await socket.until(1);
  await gateway.reload({ ...config, ...auth({ jwt: [{ ...jwt, from: [{ cookie: 'session' }] }] })(config) });
  t.deepEqual(await socket.closed, {
    code: 4016,
    reason: 'the stream ends because its credentials now identify another caller',
  });
});

test('a stream that began during a reload is checked with the new rules', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let waiting = 0;
  const afterAuth = [
    async (_ctx: unknown, next: () => Promise<void>) => {
      waiting++;
      await released;
      await next();
    },
  ];
  const started = await startStreams(t, { options: { middleware: { afterAuth } } });
  const { gateway, config, send, upstream } = started;
  upstream.script('Server', { hang: true });
  const asked = send('POST', '/v1/cases/1:server', { body: {}, headers: { 'x-api-key': KEY } });
  await until(() => waiting === 1, 'the request');
  await gateway.reload({ ...config, ...rule({ scopes: ['write'] })(config) });
  release();
  const { status, json } = await asked;
  t.is(status, 403);
  t.is(json.message, 'expected a caller with the scope write, got one without it');
  for (const call of upstream.calls) await call.whenCancelled;
});

test('streamGrace: a stream outlives its token, its key and its scope for so long, and no longer', async (t) => {
  const started = await startStreams(t, { auth: { streamGrace: '10s' } });
  const { gateway, config, clock, bearer, writeKeys } = started;
  const reload = (...changes: Change[]) =>
    gateway.reload(Object.assign({}, config, ...changes.map((one) => one(config))));
  const stillOpen = async (opened: readonly Opened[]) => {
    await sleep(50);
    for (const { way, kind, call } of opened) t.false(call.cancelled, `${kind} over ${way.name}`);
  };

  const byToken = await openAll(started, bearer({ exp: seconds(clock) + 20 }));
  clock.advance((seconds(clock) + 30) * 1000 - 1 - clock.now());
  await stillOpen(byToken);
  clock.advance(1);
  await ended(t, started, byToken, 16);

  const byKey = await openAll(started, { 'x-api-key': KEY });
  await writeKeys(entry(OTHER_KEY, 'consumer: zeta'));
  const passed = await secondsUntil(started, () => byKey.every(({ call }) => call.cancelled));
  t.true(passed >= 10 && passed <= 13, `${passed} s`);
  await ended(t, started, byKey, 16);

  const others = { 'x-api-key': OTHER_KEY };
  const byScope = await openAll(started, others);
  await reload(rule({ scopes: ['write'] }, '*'));
  await stillOpen(byScope);
  clock.advance(8000);
  await stillOpen(byScope);
  // A second reload that also refuses the stream begins no new grace.
  await reload(rule({ scopes: ['write', 'more'] }, '*'));
  await stillOpen(byScope);
  clock.advance(3000);
  await ended(t, started, byScope, 7);

  await gateway.reload(config);
  const forgiven = await openAll(started, others);
  await reload(rule({ scopes: ['write'] }, '*'));
  clock.advance(8000);
  await gateway.reload(config);
  await stillOpen(forgiven);
  clock.advance(20_000);
  await goesOn(t, started, forgiven);

  await reload(rule({ scopes: ['write'] }, '*'));
  await stillOpen(forgiven);
  await reload(rule({ scopes: ['write'] }, '*'), auth({ streamGrace: '0s' }));
  await ended(t, started, forgiven, 7);
});

test('an open stream does not keep the tables of the snapshot with which it began', async (t) => {
  const { gateway, config, url } = await startStreams(t);
  const socket = await openWebSocket(t, url, '/v1/cases/1:bidi', { headers: { 'x-api-key': KEY } });
  socket.say({ n: 1 });
  await socket.until(1);
  const tables = tablesOf(gateway);
  await gateway.reload({ ...config, limits: { bodyBytes: '1MiB' } });
  await sleep(50);
  heldBytes();
  t.true(tables.deref() === undefined);
  t.is(await Promise.race([socket.closed, sleep(50, 'open')]), 'open');
});

/** The frame of a test would keep the tables. */
function tablesOf({ snapshots }: Pick<RunningGateway, 'snapshots'>): WeakRef<object> {
  return new WeakRef(snapshots.current.surfaces[0]!.table);
}
