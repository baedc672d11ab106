/** Servers that are unhealthy, eject themselves by failing, or start slowly, behind a gateway. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { handClock, pass } from '../support/clock.js';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';
import { type Handler, startUpstream, type TestUpstream } from '../support/upstream.js';

type UpstreamInput = NonNullable<ConfigInput['upstreams']>[string];

const HEALTH = `package grpc.health.v1;
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse { int32 status = 1; }
  service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }`;
const WITH_HEALTH = { 'library.proto': LIBRARY, 'health.proto': HEALTH };

const HEALTHY: Handler = { message: { status: 1 } };
const SICK: Handler = { message: { status: 2 } };
const FAILS: Handler = { status: { code: 14, message: 'overloaded' } };

interface Bench {
  /** The servers. A test may put others in their place, which are closed at its end. */
  readonly all: TestUpstream[];
  readonly clock: ReturnType<typeof handClock>;
  /** Sends requests one after the other, and returns how many calls each server got and how many requests failed. */
  share(count: number): Promise<{ readonly calls: readonly number[]; readonly failed: number }>;
  /** Sends one request, and returns the status of its answer. */
  ask(): Promise<number>;
  /** Returns the entries of the log about a server, as `MSG REASON`. */
  told(): string[];
  states(): string[];
}

async function bench(
  t: ExecutionContext,
  count: number,
  upstream: UpstreamInput,
  protos: typeof WITH_HEALTH | string = LIBRARY,
): Promise<Bench> {
  const all: TestUpstream[] = [];
  t.teardown(() => Promise.all(all.map((one) => one.close())).then(() => {}));
  for (let i = 0; i < count; i++)
    all.push(await startUpstream(protos, { Check: HEALTHY }, { host: `127.0.0.${i + 2}` }));
  const clock = handClock();
  const targets = all.map(({ target }) => target);
  const { send, gateway, logged } = await startGateway(
    t,
    LIBRARY,
    {},
    { upstreams: { test: { targets, ...upstream } } },
    { clock },
  );
  const report = () => gateway.snapshots.current.upstreams.get('test')!.report();
  await gateway.snapshots.current.upstreams.get('test')!.connect(1000);
  return {
    all,
    clock,
    async share(requests) {
      for (const { calls } of all) calls.length = 0;
      let failed = 0;
      for (let i = 0; i < requests; i++) if ((await send('GET', '/v1/books/x')).status !== 200) failed++;
      return { calls: all.map(({ calls }) => calls.filter(({ path }) => path.endsWith('GetBook')).length), failed };
    },
    ask: async () => (await send('GET', '/v1/books/x')).status,
    told: () =>
      logged()
        .filter(({ msg }) => msg !== 'request' && msg !== 'request failed')
        .map(({ msg, server, reason }) => [server, msg, reason].filter((part) => part !== undefined).join(' ')),
    states: () => report().servers.map(({ state, why }) => (why === undefined ? state : `${state}: ${why}`)),
  };
}

test('an unhealthy server gets no calls until it is healthy again', async (t) => {
  const { all, clock, share, told, states } = await bench(t, 3, { healthCheck: { interval: '5s' } }, WITH_HEALTH);
  const [sick] = all;
  await until(() => all.every(({ calls }) => calls.length > 0));
  t.deepEqual((await share(30)).calls, [10, 10, 10]);
  sick!.script('Check', SICK);
  await pass(clock, 5300, 5300);
  await until(() => sick!.calls.some(({ path }) => path.endsWith('/Check')));
  t.deepEqual((await share(6)).calls, [2, 2, 2], 'one bad check is not enough');
  await pass(clock, 5300, 5300);
  await until(() => states()[0]!.startsWith('unhealthy'));
  t.is(states()[0], 'unhealthy: its health is NOT_SERVING');
  t.deepEqual(await share(30), { calls: [0, 15, 15], failed: 0 });
  sick!.script('Check', HEALTHY);
  await pass(clock, 10_600, 5300);
  await until(() => states()[0] === 'ready');
  t.deepEqual((await share(30)).calls, [10, 10, 10]);
  t.deepEqual(told(), [
    `${sick!.target} a server of an upstream is unhealthy its health is NOT_SERVING`,
    `${sick!.target} a server of an upstream is healthy again`,
  ]);
});

test('servers without the health service count as healthy, which is logged once for each', async (t) => {
  const { all, clock, share, told } = await bench(t, 2, { healthCheck: {} });
  await until(() => told().length === 2);
  await pass(clock, 11_000);
  t.deepEqual(await share(10), { calls: [5, 5], failed: 0 });
  t.deepEqual(
    told().toSorted(),
    all.map(({ target }) => `${target} a server of an upstream has no health service and counts as healthy`),
  );
});

test('when all servers are unhealthy, all are used, and the log says so', async (t) => {
  const { all, clock, share, told } = await bench(t, 2, { healthCheck: { unhealthyThreshold: 1 } }, WITH_HEALTH);
  for (const one of all) one.script('Check', SICK);
  await pass(clock, 5300, 5300);
  await until(() => told().some((text) => text.startsWith('most servers')));
  t.deepEqual(await share(10), { calls: [5, 5], failed: 0 });
  for (const one of all) one.script('Check', HEALTHY);
  await pass(clock, 16_000, 5300);
  await until(() => told().some((text) => text.startsWith('enough servers')));
});

test('panicThreshold: 0: requests fail at once while all servers are unhealthy', async (t) => {
  const settings = { healthCheck: { unhealthyThreshold: 1 }, panicThreshold: 0 };
  const { all, clock, share, states } = await bench(t, 2, settings, WITH_HEALTH);
  for (const one of all) one.script('Check', SICK);
  await pass(clock, 5300, 5300);
  await until(() => states().every((state) => state.startsWith('unhealthy')));
  t.deepEqual(await share(3), { calls: [0, 0], failed: 3 });
});

const OUTLIERS: UpstreamInput['outlierDetection'] = { consecutiveFailures: 3, ejectFor: '10s' };

test('a server that fails several calls in a row is ejected, comes back, and is ejected for longer', async (t) => {
  const { all, clock, share, told, states } = await bench(t, 3, { outlierDetection: OUTLIERS });
  const [bad] = all;
  t.deepEqual((await share(9)).calls, [3, 3, 3]);
  bad!.script('GetBook', FAILS);
  const { calls, failed } = await share(9);
  t.deepEqual([calls[0], failed], [3, 3]);
  t.is(states()[0], 'ejected: 3 calls in a row have failed, the last one: overloaded');
  t.deepEqual(await share(30), { calls: [0, 15, 15], failed: 0 });
  await pass(clock, 10_000, 5000);
  t.deepEqual(states(), ['ready', 'ready', 'ready']);
  t.is((await share(12)).failed, 3);
  await pass(clock, 19_999, 19_999);
  t.deepEqual((await share(10)).calls, [0, 5, 5]);
  bad!.script('GetBook', {});
  await pass(clock, 1, 1);
  t.deepEqual(await share(9), { calls: [3, 3, 3], failed: 0 });
  t.deepEqual(
    told().map((text) => text.replace(/ 3 calls.*/, '')),
    ['ejected', 'used again after its ejection', 'ejected', 'used again after its ejection'].map(
      (what) => `${bad!.target} a server of an upstream is ${what}`,
    ),
  );
});

/** Loses the connections to both servers while so many calls run on each, and lets the time for a new attempt pass. */
async function loseBoth({ all, clock, ask }: Bench, calls: number): Promise<void> {
  for (const one of all) {
    one.script('GetBook', { hang: true });
    one.calls.length = 0;
  }
  const asked = Array.from({ length: 2 * calls }, ask);
  await until(() => all.every((one) => one.calls.length === calls));
  for (const one of all) one.cut();
  await Promise.all(asked);
  for (const one of all) one.script('GetBook', {});
  await pass(clock, 1000, 500);
}

for (const transport of ['lean', 'http2', 'grpc-js'] as const) {
  test(`the calls that one lost connection ends count as one failure, with transport: ${transport}`, async (t) => {
    const made = await bench(t, 2, { transport, outlierDetection: OUTLIERS });
    const { ask, share, states } = made;
    await loseBoth(made, 6);
    await until(async () => (await ask()) === 200 && states().every((state) => state === 'ready'));
    t.deepEqual(await share(4), { calls: [2, 2], failed: 0 });
  });
}

test('a server that loses each of its connections is ejected', async (t) => {
  const { all, clock, ask, states } = await bench(t, 2, { outlierDetection: OUTLIERS });
  const [bad] = all;
  bad!.script('GetBook', () => {
    bad!.cut();
    return { hang: true };
  });
  await until(async () => {
    await ask();
    await pass(clock, 1000, 500);
    return states()[0]!.startsWith('ejected');
  });
  t.is(states()[1], 'ready');
});

test('servers that could not be reached get calls at once when they are back', async (t) => {
  const { all, clock, ask, share, states } = await bench(t, 2, { outlierDetection: OUTLIERS });
  for (const { cut } of all) cut();
  await Promise.all(all.map(({ close }) => close()));
  t.is((await share(20)).failed, 20);
  for (const [i, { port, target }] of all.entries())
    all[i] = await startUpstream(LIBRARY, {}, { port, host: target.split(':')[0]! });
  // An ejection would take 10 seconds.
  await pass(clock, 3000, 500);
  await until(async () => (await ask()) === 200 && states().every((state) => state === 'ready'));
});

test('no more servers are ejected than maxEjectedPercent allows', async (t) => {
  const { all, share, states } = await bench(t, 3, { outlierDetection: OUTLIERS });
  for (const one of all) one.script('GetBook', FAILS);
  await share(30);
  t.is(states().filter((state) => state.startsWith('ejected')).length, 1);
});

test('refusals by the service and deadlines of clients eject no server', async (t) => {
  const { all, share, states } = await bench(t, 2, { outlierDetection: OUTLIERS });
  for (const code of [3, 5, 7, 8, 13, 16]) {
    for (const one of all) one.script('GetBook', { status: { code } });
    await share(8);
  }
  t.deepEqual(states(), ['ready', 'ready']);
});

test('slowStart: a server that is back gets a tenth of its share first, and all of it at the end', async (t) => {
  const { all, clock, share } = await bench(t, 2, { outlierDetection: OUTLIERS, slowStart: '10s' });
  all[0]!.script('GetBook', FAILS);
  await share(6);
  all[0]!.script('GetBook', {});
  await pass(clock, 10_000, 10_000);
  const [tenth = 0] = (await share(110)).calls;
  t.true(Math.abs(tenth - 10) <= 1, String(tenth));
  await pass(clock, 5000, 1000);
  const [half = 0] = (await share(155)).calls;
  t.true(Math.abs(half - 55) <= 1, String(half));
  await pass(clock, 5000, 1000);
  t.deepEqual((await share(100)).calls, [50, 50]);
});
