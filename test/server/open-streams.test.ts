/**
 * The events that end an open stream: its token expires, its key is removed, or its certificate expires. They are tried for
 * every kind of stream in every way of calling it, and each test checks what the client and the upstream received.
 */
import { X509Certificate } from 'node:crypto';
import { Agent, request as tlsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Context } from '../../src/exchange/exchange.js';
import { OpenStreams } from '../../src/server/connection/open-streams.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import {
  ended,
  entry,
  goesOn,
  KEY,
  leaveAll,
  OTHER_KEY,
  openAll,
  seconds,
  secondsUntil,
  startStreams,
} from '../support/open-streams.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import { type Running, WAYS } from '../support/ways.js';
import { openWebSocket } from '../support/websocket.js';

test("a stream ends at its token's exp, to the second; a unary call in flight ends by itself", async (t) => {
  const started = await startStreams(t, { more: { limits: { requestTimeout: '10m' } } });
  const { clock, url, upstream, bearer, logged } = started;
  const headers = bearer({ exp: seconds(clock) + 60 });
  const opened = await openAll(started, headers);
  t.log(`${opened.length} streams`);
  let answer = () => {};
  upstream.script('Unary', async () => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return { message: { n: 1 } };
  });
  const unary = await WAYS.find(({ kinds }) => kinds.includes('unary'))!.begin(url, '/v1/cases/1:unary', headers);
  await until(() => upstream.last().path.endsWith('Unary'), 'the unary call');
  const exp = (seconds(clock) + 60) * 1000;
  clock.advance(exp - 1 - clock.now());
  await sleep(50);
  for (const { way, kind, call } of opened) t.false(call.cancelled, `${kind} over ${way.name}`);
  clock.advance(1);
  await ended(t, started, opened, 16);
  t.false(upstream.last().cancelled);
  answer();
  t.deepEqual(await unary.outcome(), { messages: [{ n: 1 }], end: 0 });
  const codes = logged()
    .filter(({ rpc }) => rpc !== 'm.v1.Kinds/Unary')
    .map(({ code }) => code);
  t.deepEqual(
    codes,
    opened.map(() => 'UNAUTHENTICATED'),
  );
});

test('a token that is good only because clocks may differ is good for as long as they may', async (t) => {
  const started = await startStreams(t);
  const { clock, bearer } = started;
  const exp = seconds(clock) - 30;
  const opened = await openAll(started, bearer({ exp }));
  clock.advance((exp + 60) * 1000 - 1 - clock.now());
  await sleep(50);
  for (const { way, kind, call } of opened) t.false(call.cancelled, `${kind} over ${way.name}`);
  clock.advance(1);
  await ended(t, started, opened, 16);
});

for (const [what, entries] of [
  ['leaves the file', []],
  ['gets other scopes', [entry(KEY, 'consumer: acme, scopes: [read, write]')]],
  ['gets a plan', [entry(KEY, 'consumer: acme, scopes: [read], plan: free')]],
  ['gets an expiry', [entry(KEY, 'consumer: acme, scopes: [read], expires: 2099-01-01')]],
  ['gets another consumer', [entry(KEY, 'consumer: evil, scopes: [read]')]],
] as const) {
  test(`a stream ends within seconds when its API key ${what}; those of other keys go on`, async (t) => {
    const started = await startStreams(t);
    const opened = await openAll(started, { 'x-api-key': KEY });
    const others = await openAll(started, { 'x-api-key': OTHER_KEY });
    await started.writeKeys(...entries, entry(OTHER_KEY, 'consumer: zeta'));
    const passed = await secondsUntil(started, () => opened.every(({ call }) => call.cancelled));
    t.true(passed <= 3, `${passed} s`);
    await ended(t, started, opened, 16);
    await goesOn(t, started, others);
    await leaveAll(started, others);
  });
}

test('a stream ends when the expiry of its API key comes', async (t) => {
  const started = await startStreams(t);
  const at = new Date((seconds(started.clock) + 30) * 1000).toISOString();
  await started.writeKeys(entry(KEY, `consumer: acme, expires: "${at}"`));
  await secondsUntil(started, () => started.logged().some(({ msg }) => msg === 'keys reloaded'));
  const opened = await openAll(started, { 'x-api-key': KEY });
  started.clock.advance(Date.parse(at) - 1 - started.clock.now());
  await sleep(50);
  for (const { way, kind, call } of opened) t.false(call.cancelled, `${kind} over ${way.name}`);
  started.clock.advance(1);
  await ended(t, started, opened, 16);
});

test("a stream ends when its token's key leaves the issuer's set; a stream of the new key goes on", async (t) => {
  const started = await startStreams(t);
  const { issuer, bearer, send } = started;
  const opened = await openAll(started, bearer());
  issuer.rotate();
  // A token with an unknown key makes the gateway fetch the keys again.
  const unary = send('POST', '/v1/cases/1:unary', { body: {}, headers: { ...bearer(), 'x-request-timeout': '0' } });
  t.is((await unary).status, 504);
  const others = await openAll(started, bearer());
  const passed = await secondsUntil(started, () => opened.every(({ call }) => call.cancelled));
  t.true(passed <= 1, `${passed} s`);
  await ended(t, started, opened, 16);
  await goesOn(t, started, others);
  await leaveAll(started, others);
});

test("a stream ends at its certificate's end of validity, and so does what its connection may ask", async (t) => {
  const made = certificates();
  const endsAtMs = Date.parse(new X509Certificate(made.client.cert).validTo);
  const started = await startStreams(t, {
    auth: { jwt: [], apiKeys: undefined, mtls: {} },
    more: { listen: { tls: await tlsFiles(t, made) } },
    startMs: endsAtMs - 10_000,
  });
  const { clock, url, upstream, port } = started;
  upstream.script('Unary', { message: { n: 1 } });
  const tls = { ca: made.ca, ...made.client };
  const socket = await openWebSocket(t, url, '/v1/cases/1:bidi', tls);
  socket.say({ n: 1 });
  await socket.until(1);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...tls, servername: 'upstream.test' });
  t.teardown(() => agent.destroy());
  const ask = () =>
    new Promise<{ status: number; reused: boolean }>((resolve, reject) => {
      const req = tlsRequest({ agent, host: '127.0.0.1', port, path: '/v1/cases/1:unary', method: 'POST' }, (res) => {
        res.resume().on('end', () => resolve({ status: res.statusCode!, reused: req.reusedSocket }));
      });
      req.on('error', reject);
      req.end('{}');
    });
  t.deepEqual(await ask(), { status: 200, reused: false });
  clock.advance(9999);
  await sleep(50);
  t.is(socket.socket.readyState, socket.socket.OPEN);
  t.deepEqual(await ask(), { status: 200, reused: true });
  clock.advance(1);
  t.deepEqual(await socket.closed, { code: 4016, reason: 'the stream ends because its credential has expired' });
  t.deepEqual(await ask(), { status: 401, reused: true });
});

test('before its first message a stream ends with a plain 401, whatever it waits for', async (t) => {
  const started = await startStreams(t);
  const { send, upstream, clock, bearer, url } = started;
  upstream.script('Server', { hang: true });
  const headers = bearer({ exp: seconds(clock) + 20 });
  const waiting = send('POST', '/v1/cases/1:server', {
    body: {},
    headers: { ...headers, accept: 'application/x-ndjson' },
  });
  await until(() => upstream.calls.length === 1, 'the call');
  // This request announces a body and sends none of it.
  const silent = send('POST', '/v1/cases/1:client', {
    body: new Uint8Array(0),
    headers: { ...headers, 'content-type': 'application/x-ndjson', 'content-length': '100' },
  });
  const socket = await openWebSocket(t, url, '/v1/cases/1:client', { headers });
  await until(() => started.gateway.snapshots.inFlight === 3, 'the requests');
  await sleep(50);
  clock.advance(20_000);
  for (const answer of [await waiting, await silent]) {
    t.is(answer.status, 401);
    t.is(answer.json.message, 'the stream ends because its credential has expired');
    t.is(answer.json.details[0].reason, 'CREDENTIAL_EXPIRED');
    t.truthy(answer.headers['www-authenticate']);
  }
  t.is((await socket.closed).code, 4016);
  t.is(upstream.calls.length, 1, 'nobody was called for those who said nothing');
});

test('a client that reads nothing keeps no stream open', async (t) => {
  const started = await startStreams(t);
  const { upstream, clock, bearer, url } = started;
  const endless = () => ({
    messages: (async function* () {
      for (;;) yield { n: 1, name: 'x'.repeat(1 << 16) };
    })(),
  });
  for (const way of WAYS.filter(({ kinds }) => kinds.includes('server'))) {
    upstream.script('Server', endless);
    const running = await way.begin(url, '/v1/cases/1:server', bearer({ exp: seconds(clock) + 10 }));
    await until(() => running.heard() > 0, 'the first message');
    running.stall();
    await sleep(100);
    clock.advance(10_000);
    await upstream.last().whenCancelled;
    running.leave();
    t.pass(way.name);
  }
  await until(() => started.gateway.snapshots.inFlight === 0, 'the end of all streams');
});

test('one timer a second checks all streams, and it is removed with the last one', async (t) => {
  const started = await startStreams(t);
  const { clock, url, bearer, gateway } = started;
  const way = WAYS.find(({ name, kinds }) => name.startsWith('HTTP/2') && kinds.includes('server'))!;
  const open = async () => {
    const running = await way.begin(url, '/v1/cases/1:server', bearer());
    await until(() => running.heard() === 1, 'the first message');
    return running;
  };
  // The first stream makes the connection to the upstream, which has a timer too.
  (await open()).leave();
  await until(() => gateway.snapshots.inFlight === 0, 'the end of the first stream');
  const before = clock.pending;
  const first = await open();
  const withOne = clock.pending;
  const more: Running[] = [await open()];
  const perStream = clock.pending - withOne;
  while (more.length < 99) more.push(await open());
  t.is(clock.pending - before, 1 + 100 * perStream, 'one timer is of no stream');
  const { delays } = clock;
  const soFar = delays.length;
  clock.advance(10_000);
  const looks = delays.slice(soFar).filter((delay) => delay <= 1000);
  t.true(looks.length <= 11, `${looks.length} looks in ten seconds`);
  for (const running of [first, ...more]) running.leave();
  await until(() => gateway.snapshots.inFlight === 0, 'the end of all streams');
  await until(() => clock.pending <= before, 'the end of the timer');
  t.pass();
});

test('a thousand streams are checked in little time, each one once', (t) => {
  const clock = handClock();
  const streams = new OpenStreams(clock);
  let asked = 0;
  const credential = {
    endsAtMs: clock.now() + 3_600_000,
    stands() {
      asked++;
      return true;
    },
  };
  const ctx = { state: { surface: { streamGraceMs: 0 }, principal: { credential } } } as unknown as Context;
  const open = Array.from({ length: 1000 }, () => streams.enter(ctx));
  t.is(clock.pending, 1);
  const begun = process.cpuUsage();
  clock.advance(100_000);
  const tookMs = process.cpuUsage(begun).user / 1000;
  t.true(asked <= 101_000, `${asked} questions in a hundred seconds`);
  t.true(tookMs < 1000, `${tookMs} ms of CPU time for a hundred looks`);
  t.log(`${(tookMs / 100).toFixed(3)} ms a look`);
  for (const stream of open) streams.leave(stream);
  t.deepEqual([streams.size, clock.pending], [0, 0]);
});
