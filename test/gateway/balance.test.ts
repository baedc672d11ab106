/** A gateway in front of several servers: which of them gets a call, and what happens while some cannot be reached. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import type { LookedUp } from '../../src/upstream/balance/lookup.js';
import { handClock, pass } from '../support/clock.js';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';
import { startUpstream, type TestUpstream } from '../support/upstream.js';

const TRANSPORTS = ['lean', 'grpc-js'] as const;

type UpstreamInput = NonNullable<ConfigInput['upstreams']>[string];

/** Starts servers on one port of 127.0.0.2, 127.0.0.3 and so on, as the addresses of one name have. */
async function servers(t: ExecutionContext, count: number): Promise<TestUpstream[]> {
  const started: TestUpstream[] = [];
  t.teardown(() => Promise.all(started.map((one) => one.close())).then(() => {}));
  for (let i = 0; i < count; i++) started.push(await serverAt(i, started[0]?.port ?? 0));
  return started;
}

function serverAt(index: number, port: number): Promise<TestUpstream> {
  return startUpstream(LIBRARY, {}, { host: `127.0.0.${index + 2}`, port });
}

async function end(all: readonly TestUpstream[], index: number): Promise<void> {
  all[index]!.cut();
  await all[index]!.close();
  // The gateway reads the end of its connection.
  await sleep(20);
}

async function begin(all: TestUpstream[], index: number): Promise<TestUpstream> {
  all[index] = await serverAt(index, all[index]!.port);
  return all[index];
}

async function start(t: ExecutionContext, upstream: UpstreamInput, options: StartOptions = {}) {
  const { send, gateway, logged } = await startGateway(t, LIBRARY, {}, { upstreams: { test: upstream } }, options);
  /** Returns the entries of the log about the upstream. */
  const told = () => logged().filter(({ msg }) => /an upstream/.test(String(msg)));
  const statuses = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => send('GET', '/v1/books/x')));
    return answers.map(({ status }) => status);
  };
  /** Sends requests one after the other, and returns how many were not answered with 200. */
  const failed = async (count: number) => {
    let failures = 0;
    for (let i = 0; i < count; i++) if ((await send('GET', '/v1/books/x')).status !== 200) failures++;
    return failures;
  };
  return {
    send,
    gateway,
    told,
    statuses,
    failed,
    state: () => gateway.snapshots.current.upstreams.get('test')!.report().state,
  };
}

function callsOf(all: readonly TestUpstream[]): number[] {
  return all.map(({ calls }) => calls.length);
}

for (const transport of TRANSPORTS) {
  test(`${transport}: the calls to a name are spread over all of its addresses, with one connection to each`, async (t) => {
    const all = await servers(t, 3);
    const lookup = async (): Promise<LookedUp> => ({ addresses: ['127.0.0.2', '127.0.0.3', '127.0.0.4'] });
    const { failed } = await start(t, { target: `dns:///orders:${all[0]!.port}`, transport }, { lookup });
    t.is(await failed(1), 0);
    await until(() => all.every((one) => one.connections().open === 1));
    const [before] = [callsOf(all)];
    t.is(await failed(30), 0);
    t.deepEqual(
      callsOf(all).map((count, index) => count - before![index]!),
      [10, 10, 10],
    );
    t.deepEqual(
      all.map((one) => one.connections().total),
      [1, 1, 1],
    );
    // A server is called by the name that was looked up.
    t.deepEqual(
      new Set(all.flatMap(({ calls }) => calls.map(({ host }) => host))),
      new Set([`orders:${all[0]!.port}`]),
    );
  });

  test(`${transport}: a server that is gone gets no more calls, and gets its share again when it is back`, async (t) => {
    const all = await servers(t, 3);
    const targets = all.map(({ target }) => target);
    const { failed, statuses } = await start(t, { targets, transport });
    t.is(await failed(6), 0);
    await until(() => all.every((one) => one.connections().open === 1));
    await end(all, 0);
    t.is(await failed(30), 0);
    t.deepEqual(new Set(await statuses(30)), new Set([200]));
    const back = await begin(all, 0);
    await until(async () => (await failed(3)) === 0 && back.calls.length > 0);
    const before = back.calls.length;
    t.is(await failed(30), 0);
    t.is(back.calls.length - before, 10);
  });
}

test('addresses that a name no longer has get no more calls; those that stay keep their connection', async (t) => {
  const all = await servers(t, 3);
  const clock = handClock();
  let addresses = ['127.0.0.2', '127.0.0.3'];
  const lookup = async (): Promise<LookedUp> => ({ addresses });
  const { port } = all[0]!;
  const { failed, told } = await start(t, { target: `orders:${port}` }, { lookup, clock });
  t.is(await failed(4), 0);
  t.deepEqual(told(), [], 'the first addresses are no change');
  addresses = ['127.0.0.3', '127.0.0.4'];
  await pass(clock, 33_000, 33_000);
  await until(() => all[0]!.connections().open === 0);
  t.like(told()[0], {
    msg: 'the addresses of an upstream have changed',
    upstream: 'test',
    added: [`127.0.0.4:${port}`],
    removed: [`127.0.0.2:${port}`],
  });
  const before = callsOf(all);
  t.is(await failed(10), 0);
  t.deepEqual(all[0]!.calls.length, before[0]);
  t.deepEqual(
    all.map((one) => one.connections().total),
    [1, 1, 1],
  );
});

test('while a name cannot be looked up, calls get 503 at once; when it can, they are served', async (t) => {
  const [server] = await servers(t, 1);
  const clock = handClock();
  let isKnown = false;
  const lookup = async (): Promise<LookedUp> => {
    if (!isKnown) throw Object.assign(new Error('getaddrinfo ENOTFOUND orders'), { code: 'ENOTFOUND' });
    return { addresses: ['127.0.0.2'] };
  };
  const { send, state, told } = await start(t, { target: `orders:${server!.port}` }, { lookup, clock });
  const { status, text } = await send('GET', '/v1/books/x');
  t.is(status, 503);
  t.notRegex(text, /ENOTFOUND|orders/);
  t.is(state(), 'unknown name');
  isKnown = true;
  await pass(clock, 1200, 1200);
  t.is((await send('GET', '/v1/books/x')).status, 200);
  t.deepEqual(
    told().map(({ msg, lookup: name, reason }) => [msg, name, reason]),
    [
      ['the name of an upstream cannot be looked up', 'orders', 'getaddrinfo ENOTFOUND orders'],
      ['the name of an upstream can be looked up again', 'orders', undefined],
    ],
  );
});

test('a call that waits for a server that does not answer goes to the address that the name has by then', async (t) => {
  const [server] = await servers(t, 1);
  const clock = handClock();
  const silent = createServer((socket) => void socket.on('error', () => {})).listen(server!.port, '127.0.0.9');
  t.teardown(() => void silent.close());
  await once(silent, 'listening');
  const heard = once(silent, 'connection');
  let addresses = ['127.0.0.9'];
  const lookup = async (): Promise<LookedUp> => ({ addresses, ttlMs: Promise.resolve(1000) });
  const { send } = await start(t, { target: `orders:${server!.port}` }, { lookup, clock });
  const answer = send('GET', '/v1/books/x');
  await heard;
  addresses = ['127.0.0.2'];
  await pass(clock, 1200, 600);
  t.is((await answer).status, 200);
});

test('addresses stay in use while the name cannot be looked up any more', async (t) => {
  const [server] = await servers(t, 1);
  const clock = handClock();
  let isKnown = true;
  const lookup = async (): Promise<LookedUp> => {
    if (!isKnown) throw new Error('the name server is down');
    return { addresses: ['127.0.0.2'] };
  };
  const { failed } = await start(t, { target: `orders:${server!.port}` }, { lookup, clock });
  t.is(await failed(1), 0);
  isKnown = false;
  await pass(clock, 70_000, 35_000);
  t.is(await failed(2), 0);
  t.is(server!.connections().total, 1);
});

test('a call that is made before the name is known waits for it, until its deadline at most', async (t) => {
  const [server] = await servers(t, 1);
  let resolve!: (found: LookedUp) => void;
  const lookup = () => new Promise<LookedUp>((found) => (resolve = found));
  const { send } = await start(t, { target: `orders:${server!.port}` }, { lookup });
  const late = await send('GET', '/v1/books/x', { headers: { 'grpc-timeout': '20m' } });
  t.is(late.status, 504);
  const answer = send('GET', '/v1/books/x');
  resolve({ addresses: ['127.0.0.2'] });
  t.is((await answer).status, 200);
});

test('the weights of the targets are the shares of the calls', async (t) => {
  const all = await servers(t, 2);
  const targets = [{ address: all[0]!.target, weight: 9 }, all[1]!.target];
  const { failed } = await start(t, { targets });
  t.is(await failed(2), 0);
  await until(() => all.every((one) => one.connections().open === 1));
  const before = callsOf(all);
  t.is(await failed(50), 0);
  t.deepEqual(
    callsOf(all).map((count, index) => count - before[index]!),
    [45, 5],
  );
});

test('the addresses of a name divide the share of their target', async (t) => {
  const all = await servers(t, 3);
  const lookup = async (): Promise<LookedUp> => ({ addresses: ['127.0.0.2', '127.0.0.3'] });
  const { failed } = await start(t, { targets: [`orders:${all[0]!.port}`, all[2]!.target] }, { lookup });
  t.is(await failed(2), 0);
  await until(() => all.every((one) => one.connections().open === 1));
  const before = callsOf(all);
  t.is(await failed(40), 0);
  t.deepEqual(
    callsOf(all).map((count, index) => count - before[index]!),
    [10, 10, 20],
  );
});

test('pick_first: the first target gets every call while it can be reached, then the next one', async (t) => {
  const all = await servers(t, 2);
  const { failed } = await start(t, { targets: all.map(({ target }) => target), loadBalancing: 'pick_first' });
  t.is(await failed(5), 0);
  t.deepEqual(callsOf(all), [5, 0]);
  t.is(all[1]!.connections().total, 0);
  await end(all, 0);
  await failed(1);
  t.is(await failed(5), 0);
  t.true(all[1]!.calls.length >= 5);
  const back = await begin(all, 0);
  await until(async () => (await failed(1)) === 0 && back.calls.length > 0);
});

test('a retry goes to another server than the first try', async (t) => {
  const all = await servers(t, 3);
  for (const one of all) one.script('GetBook', { status: { code: 14 } });
  const retry = { maxAttempts: 3, codes: ['UNAVAILABLE'] };
  const { send } = await start(t, { targets: all.map(({ target }) => target), retry });
  await send('GET', '/v1/books/x');
  await until(() => all.every((one) => one.connections().open === 1));
  for (const one of all) one.calls.length = 0;
  t.is((await send('GET', '/v1/books/x')).status, 503);
  t.deepEqual(callsOf(all), [1, 1, 1]);
});

const CANARY = { header: 'x-canary', value: '1' } as const;

/** A server, and a canary that gets the requests with `x-canary: 1`. */
async function canary(t: ExecutionContext, more: Partial<ConfigInput> = {}) {
  const [stable, next] = await servers(t, 2);
  stable!.script('GetBook', { message: { title: 'stable' } });
  next!.script('GetBook', { message: { title: 'canary' } });
  const targets = [stable!.target, { address: next!.target, when: CANARY }];
  const { send, gateway } = await startGateway(t, LIBRARY, {}, { upstreams: { test: { targets } }, ...more });
  const title = async (headers: Record<string, string> = {}) =>
    (await send('GET', '/v1/books/x', { headers })).json?.title;
  return { stable: stable!, next: next!, send, gateway, title };
}

test('a header chooses the canary, and no other request gets there', async (t) => {
  const { stable, next, title } = await canary(t);
  for (let i = 0; i < 5; i++) {
    t.is(await title(), 'stable');
    t.is(await title({ 'x-canary': '1' }), 'canary');
    t.is(await title({ 'x-canary': '2' }), 'stable');
  }
  t.deepEqual([stable.calls.length, next.calls.length], [10, 5]);
});

test('a canary that is down fails the requests that ask for it by header', async (t) => {
  const { next, send, title } = await canary(t);
  t.is(await title({ 'x-canary': '1' }), 'canary');
  next.cut();
  await next.close();
  await until(async () => (await send('GET', '/v1/books/x', { headers: { 'x-canary': '1' } })).status === 503);
  t.is(await title(), 'stable');
});

test('the callers of a percentage go to the other servers while theirs are down', async (t) => {
  const all = await servers(t, 2);
  const targets = [all[0]!.target, { address: all[1]!.target, when: { percent: 100 } }];
  const { failed } = await start(t, { targets });
  t.is(await failed(4), 0);
  t.deepEqual(callsOf(all), [0, 4]);
  await end(all, 1);
  await failed(1);
  t.is(await failed(4), 0);
  t.is(all[0]!.calls.length >= 4, true);
});

test('the cache keeps answers of a canary apart, and Vary names its header', async (t) => {
  const cache = { ttl: '1m', scope: 'public' } as const;
  const { title, send, stable, next } = await canary(t, { policies: [{ selector: '*', cache }] });
  for (let i = 0; i < 3; i++) {
    t.is(await title(), 'stable');
    t.is(await title({ 'x-canary': '1' }), 'canary');
    // Other values choose no subset, so they share the answer.
    t.is(await title({ 'x-canary': `other ${i}` }), 'stable');
  }
  t.deepEqual([stable.calls.length, next.calls.length], [1, 1]);
  t.regex(String((await send('GET', '/v1/books/x')).headers.vary), /\bx-canary\b/);
});

test('requests that wait for one call wait for that of their own subset', async (t) => {
  const cache = { ttl: '1m', scope: 'public' } as const;
  const { title, stable, next } = await canary(t, { policies: [{ selector: '*', cache }] });
  const titles = await Promise.all(Array.from({ length: 20 }, (_, i) => title(i % 2 === 0 ? {} : { 'x-canary': '1' })));
  t.deepEqual(
    titles,
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'stable' : 'canary')),
  );
  t.deepEqual([stable.calls.length, next.calls.length], [1, 1]);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: least_request: a server with a running call gets no other one while another server is idle`, async (t) => {
    const all = await servers(t, 2);
    const targets = all.map(({ target }) => target);
    const { send, failed, gateway } = await start(t, { targets, transport, loadBalancing: 'least_request' });
    await gateway.snapshots.current.upstreams.get('test')!.connect(20_000);
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    for (const one of all) one.script('GetShelf', () => finished.then(() => ({ message: {} })));
    const slow = send('GET', '/v1/shelves/1');
    await until(() => all.some(({ calls }) => calls.length > 0));
    const busy = all.findIndex(({ calls }) => calls.length > 0);
    t.is(await failed(10), 0);
    t.deepEqual([all[busy]!.calls.length, all[1 - busy]!.calls.length], [1, 10]);
    finish();
    t.is((await slow).status, 200);
  });
}
