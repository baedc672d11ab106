/** A service that fails everything, behind a circuit breaker; and failures that clients cause, which open nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../gateway.js';
import { countBy, type Load, load, percentile } from '../load.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';
import type { Behaviour } from '../service-process.js';

const MIN_REQUESTS = 20;
const OPEN_FOR_MS = 1000;
const PER_SECOND = 200;
/** The failures take a while, so that many calls meet a probe. */
const FAILING: Behaviour = { kind: 'status', code: 14, delayMs: 50 };
const MOST_MS = 5;

export const breaker: Scenario = {
  name: 'breaker',
  promise: 'opens by the share of failures, answers in 5 ms with Retry-After, sends one probe at a time, and closes',
  isShort: true,
  async *run(isShort) {
    yield await opened(isShort ? 3 : 10);
    const seconds = isShort ? 1 : 3;
    yield await unopened('NOT_FOUND', { kind: 'status', code: 5 }, seconds);
    yield await unopened('RESOURCE_EXHAUSTED', { kind: 'status', code: 8 }, seconds);
    const impatient = { headers: { 'x-request-timeout': '0.03' } };
    yield await unopened("clients' deadlines of 30 ms, the service hangs", { kind: 'hang' }, seconds, impatient);
  },
};

async function start(behaviour: Behaviour) {
  const service = await startService(behaviour);
  const breaker = `{ minRequests: ${MIN_REQUESTS}, window: 2s, openFor: ${OPEN_FOR_MS}ms }`;
  const upstreams = `{ a: { target: "${service.target}", circuitBreaker: ${breaker} } }`;
  const gateway = await startGateway({ upstreams, grace: '0s' });
  return { service, gateway, stop: () => gateway.stop().then(service.stop) };
}

async function opened(seconds: number): Promise<Row> {
  const { service, gateway, stop } = await start({ kind: 'answer', delayMs: 5 });
  const { port } = gateway;
  try {
    const healthy = await load({ port, perSecond: PER_SECOND, seconds: 1 });
    // The window forgets the good calls.
    await sleep(2200);
    await service.behave(FAILING);
    await service.counts();
    await load({ port, perSecond: PER_SECOND, seconds: 0.5 });
    const untilOpen = (await service.counts()).calls;
    const before = gateway.logged().length;
    const shots = await load({ port, perSecond: PER_SECOND, seconds });
    const answers = gateway.logged().slice(before);
    const whileOpen = await service.counts();
    const refused = shots.filter(({ reason }) => reason === 'CIRCUIT_OPEN');
    await service.behave({ kind: 'answer', delayMs: 5 });
    const after = await load({ port, perSecond: PER_SECOND, seconds: 3 });
    const closedAtMs = after.find(({ status }) => status === 200)?.atMs ?? Number.NaN;
    // Calls that came during the good probe were still refused.
    const late = countBy(after, ({ status, atMs }) => status !== 200 && atMs > closedAtMs + 100);
    const bare = countBy(refused, ({ retryAfter }) => retryAfter === undefined);
    // While it is open, a second passes and then a probe of 50 ms.
    const insideMs = percentile(
      answers.filter(({ durationMs }) => durationMs < 50).map(({ durationMs }) => ({ ms: durationMs })),
      99,
    );
    const mostProbes = Math.ceil((seconds * 1000) / OPEN_FOR_MS) + 1;
    const facts = {
      'it opened late': untilOpen > MIN_REQUESTS + (PER_SECOND * 4 * 50) / 1000,
      'there were several probes at once': whileOpen.mostAtOnce > 1,
      'there were too many or no probes': whileOpen.calls > mostProbes || whileOpen.calls === 0,
      'more was sent than the probes': refused.length + whileOpen.calls !== shots.length,
      'a refusal has no Retry-After': bare > 0,
      // A client also waits long when this machine is busy, but then answers of the service are slower.
      'refusals take too long':
        insideMs > MOST_MS || percentile(refused, 50) > Math.max(MOST_MS, percentile(healthy, 50)),
      'it did not close': !(closedAtMs < OPEN_FOR_MS * 1.5) || late > 0,
    };
    return {
      what: `UNAVAILABLE, ${PER_SECOND}/s`,
      figures: {
        'calls until open': untilOpen,
        'sent while open': shots.length,
        'refused with 503': refused.length,
        probes: whileOpen.calls,
        'probes at once': whileOpen.mostAtOnce,
        'p50 ms': percentile(refused, 50),
        'p99 ms': percentile(refused, 99),
        'p99 ms in the gateway': insideMs,
        'closed after ms': Math.round(closedAtMs),
        'failed after that': late,
      },
      wrong: wrongOf(facts),
    };
  } finally {
    await stop();
  }
}

async function unopened(what: string, behaviour: Behaviour, seconds: number, more: Partial<Load> = {}): Promise<Row> {
  const { service, gateway, stop } = await start(behaviour);
  try {
    // The connection is made before the deadlines are short.
    await load({ port: gateway.port, perSecond: 1, seconds: 1, headers: { 'x-request-timeout': '0.5' } });
    await service.counts();
    const shots = await load({ port: gateway.port, perSecond: PER_SECOND, seconds, ...more });
    await sleep(100);
    const { calls } = await service.counts();
    const refused = countBy(shots, ({ reason }) => reason === 'CIRCUIT_OPEN');
    const facts = { 'the circuit opened': refused > 0, 'calls are missing': calls < shots.length * 0.99 };
    return { what, figures: { sent: shots.length, 'reached the service': calls, refused }, wrong: wrongOf(facts) };
  } finally {
    await stop();
  }
}
