import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { CallResponse } from '../../../src/call/call.js';
import { NO_METADATA } from '../../../src/call/metadata.js';
import { Code } from '../../../src/status/code.js';
import { StatusError } from '../../../src/status/status-error.js';
import { type Checked, checkHealth, HealthRecord, type HealthSettings } from '../../../src/upstream/balance/health.js';
import { DeadlineExceeded, unreachable } from '../../../src/upstream/failure.js';
import { handClock } from '../../support/clock.js';

const SETTINGS: HealthSettings = {
  intervalMs: 5000,
  timeoutMs: 1000,
  service: '',
  healthyThreshold: 2,
  unhealthyThreshold: 3,
};
const GOOD: Checked = { kind: 'healthy' };
const BAD: Checked = { kind: 'unhealthy', reason: '' };
const AWAY: Checked = { kind: 'unreachable', error: undefined };

function status(code: Code): StatusError {
  return new StatusError(code, 'no', { metadata: { headers: [], trailers: [] }, source: 'upstream' });
}

function answer(...bytes: number[]): CallResponse {
  return { message: Uint8Array.from(bytes), headers: NO_METADATA, trailers: NO_METADATA, notes: {} };
}

test('the first health check decides alone', (t) => {
  for (const [checked, state] of [
    [GOOD, 'healthy'],
    [BAD, 'unhealthy'],
    [{ kind: 'absent' }, 'healthy'],
  ] as const) {
    const record = new HealthRecord(SETTINGS);
    t.is(record.state, 'unknown');
    t.true(record.note(checked));
    t.is(record.state, state);
  }
});

test('later checks decide after as many equal results in a row as the thresholds say', (t) => {
  const record = new HealthRecord(SETTINGS);
  const told = (...checks: Checked[]) => checks.map((checked) => (record.note(checked) ? record.state : '-'));
  t.deepEqual(told(GOOD, BAD, BAD, GOOD, BAD, BAD, BAD), ['healthy', '-', '-', '-', '-', '-', 'unhealthy']);
  t.deepEqual(told(BAD, GOOD, BAD, GOOD, GOOD, GOOD), ['-', '-', '-', '-', 'healthy', '-']);
});

test('a server that cannot be reached says nothing about its health', (t) => {
  const record = new HealthRecord(SETTINGS);
  t.false(record.note(AWAY));
  t.is(record.state, 'unknown');
  record.note(GOOD);
  for (let i = 0; i < 9; i++) t.false(record.note(AWAY));
  t.is(record.state, 'healthy');
});

for (const [what, result, expected] of [
  ['SERVING', answer(8, 1), { kind: 'healthy' }],
  ['NOT_SERVING', answer(8, 2), { kind: 'unhealthy', reason: 'its health is NOT_SERVING' }],
  ['an empty message', answer(), { kind: 'unhealthy', reason: 'its health is UNKNOWN' }],
  ['a status of the future', answer(8, 99), { kind: 'unhealthy', reason: 'its health is not known' }],
  ['UNIMPLEMENTED', status(Code.UNIMPLEMENTED), { kind: 'absent' }],
  ['NOT_FOUND', status(Code.NOT_FOUND), { kind: 'unhealthy', reason: 'it does not know the health' }],
  ['INTERNAL', status(Code.INTERNAL), { kind: 'unhealthy', reason: 'the health check failed: no' }],
  [
    'no answer',
    new DeadlineExceeded('route'),
    { kind: 'unhealthy', reason: 'the health check failed: the deadline of the route' },
  ],
] as const) {
  test(`${what} is ${expected.kind}`, async (t) => {
    const found: Checked[] = [];
    const call = async () => {
      if (result instanceof Error) throw result;
      return result;
    };
    const stop = checkHealth({
      settings: SETTINGS,
      clock: handClock(),
      call,
      onChecked: (one) => void found.push(one),
    });
    await turn();
    stop();
    t.deepEqual(found, [expected]);
  });
}

test('without a connection the server is unreachable, not unhealthy', async (t) => {
  const found: Checked[] = [];
  const error = unreachable('ECONNREFUSED', true);
  const call = () => Promise.reject(error);
  checkHealth({ settings: SETTINGS, clock: handClock(), call, onChecked: (one) => void found.push(one) })();
  await turn();
  t.deepEqual(found, [], 'nothing is told after the end');
  checkHealth({ settings: SETTINGS, clock: handClock(), call, onChecked: (one) => void found.push(one) });
  await turn();
  t.deepEqual(found, [{ kind: 'unreachable', error }]);
});

test('a server is asked at once, and again after the interval, with its own deadline and service', async (t) => {
  const clock = handClock();
  const asked: { at: number; leftMs: number; message: string }[] = [];
  const settings = { ...SETTINGS, service: 'shop.v1.Orders' };
  const stop = checkHealth({
    settings,
    clock,
    call: async ({ deadline, message }) => {
      asked.push({
        at: clock.monotonic(),
        leftMs: deadline!.at - clock.now(),
        message: Buffer.from(message as Uint8Array).toString('latin1'),
      });
      return answer(8, 1);
    },
    onChecked: () => {},
    random: () => 0.5,
  });
  for (let i = 0; i < 3; i++) {
    await turn();
    clock.advance(5000);
  }
  const message = '\n\x0eshop.v1.Orders';
  t.deepEqual(
    asked,
    [0, 5000, 10_000, 15_000].map((at) => ({ at, leftMs: 1000, message })),
  );
  stop();
  await turn();
  t.is(clock.pending, 0);
});
