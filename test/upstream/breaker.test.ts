/** Tests when a circuit breaker opens, which calls it lets through, and when it closes, on a clock that the test moves. */
import test from 'ava';
import type { CallRequest } from '../../src/call/call.js';
import type { DeadlineOwner } from '../../src/call/deadline.js';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import { Breaker, type BreakerSettings, type Opening } from '../../src/upstream/breaker.js';
import { circuitBreaking } from '../../src/upstream/circuit-breaking.js';
import {
  brokenAnswer,
  cancelled,
  DeadlineExceeded,
  unreachable,
  upstreamClosed,
  upstreamStatus,
} from '../../src/upstream/failure.js';
import { handClock } from '../support/clock.js';

const SETTINGS: BreakerSettings = {
  failureRatio: 0.5,
  minRequests: 4,
  windowMs: 10_000,
  openForMs: 5000,
  slowAfterMs: undefined,
};

function breaker(settings: Partial<BreakerSettings> = {}) {
  const clock = handClock();
  const changes: string[] = [];
  const openings: Opening[] = [];
  const own = { ...SETTINGS, ...settings };
  const one = new Breaker(clock, {
    onFirstCall: () => changes.push('first call'),
    onChange(state, opening) {
      changes.push(state);
      if (opening !== undefined) openings.push(opening);
    },
    onClose() {},
  });
  /** Sends calls with these outcomes one after the other; `+` is answered, `-` failed, `0` unknown. Returns how many were refused. */
  const calls = (outcomes: string) =>
    [...outcomes].filter((outcome) => {
      const pass = one.admit();
      if (pass !== undefined)
        one.report(pass, outcome === '+' ? 'answered' : outcome === '-' ? 'failed' : 'unknown', own);
      return pass === undefined;
    }).length;
  return { clock, changes, openings, one, own, calls };
}

test('the breaker opens at the share of failures in the window, once there are enough calls', (t) => {
  for (const [outcomes, opens] of [
    ['---', false],
    ['----', true],
    ['+++---', true],
    ['++++---', false],
    ['-0-0-', false],
    ['++++----', true],
  ] as const) {
    const { calls, changes } = breaker();
    calls(outcomes);
    t.is(changes.includes('open'), opens, outcomes);
  }
});

test('the breaker reports how many calls failed', (t) => {
  const { calls, openings } = breaker();
  calls('+++---');
  t.deepEqual(openings, [{ failed: 3, calls: 6 }]);
});

test('failures that are older than the window do not count', (t) => {
  const { calls, changes, clock } = breaker();
  calls('---');
  clock.advance(10_000);
  calls('---');
  t.deepEqual(changes, ['first call']);
});

test('open: everything is refused until openFor has passed, then exactly one call probes', (t) => {
  const { calls, one, own, clock, changes } = breaker();
  calls('----');
  t.is(one.waitMs(), 5000);
  t.is(calls('++++'), 4);
  clock.advance(4999);
  t.is(calls('+'), 1);
  clock.advance(1);
  const probe = one.admit();
  t.not(probe, undefined);
  t.is(calls('++++++'), 6);
  one.report(probe!, 'answered', own);
  t.is(calls('+++---'), 0);
  t.deepEqual(changes, ['first call', 'open', 'probing', 'closed', 'open']);
});

test('a failed probe opens the breaker for openFor again; after a probe without a result the next call is a probe', (t) => {
  const { calls, clock, changes } = breaker();
  calls('----');
  clock.advance(5000);
  t.is(calls('-+'), 1);
  clock.advance(5000);
  t.is(calls('00+++'), 0);
  t.deepEqual(changes.slice(2), ['probing', 'open', 'probing', 'open', 'probing', 'open', 'probing', 'closed']);
});

test('calls that began before the breaker changed do not change it', (t) => {
  const { calls, clock, one, own, changes } = breaker();
  const early = [one.admit()!, one.admit()!, one.admit()!, one.admit()!];
  calls('----');
  clock.advance(5000);
  const probe = one.admit()!;
  for (const pass of early) one.report(pass, 'answered', own);
  t.true(one.isProbing);
  one.report(probe, 'answered', own);
  for (const pass of early) one.report(pass, 'failed', own);
  t.deepEqual(changes.slice(1), ['open', 'probing', 'closed']);
});

test('after the breaker has closed, earlier failures do not count', (t) => {
  const { calls, clock, changes } = breaker();
  calls('----');
  clock.advance(5000);
  calls('+---');
  t.deepEqual(changes.slice(1), ['open', 'probing', 'closed']);
});

/** Sends calls through the layer that ask `next`. */
function layer(settings: Partial<BreakerSettings> = {}) {
  const found = breaker(settings);
  let refusals = 0;
  const options = { clock: found.clock, onRefusal: () => refusals++ };
  const around = circuitBreaking(found.one, found.own, options);
  return { ...found, around, refusals: () => refusals };
}

function request(owner: DeadlineOwner = 'route', serverStreaming = false): CallRequest {
  return {
    method: { path: '/x', clientStreaming: false, serverStreaming },
    message: new Uint8Array(0),
    metadata: [],
    deadline: { at: 0, owner },
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
  };
}

const NO_METADATA = { headers: [], trailers: [] };
const status = (code: Code) => upstreamStatus(code, 'no', undefined, NO_METADATA);

const ROWS: readonly (readonly [what: string, error: unknown, owner: DeadlineOwner, opens: boolean])[] = [
  ['UNAVAILABLE', status(Code.UNAVAILABLE), 'route', true],
  ['an upstream that cannot be reached', unreachable('refused', true), 'route', true],
  ['the deadline of the route', new DeadlineExceeded('route'), 'route', true],
  ['the deadline of a step', new DeadlineExceeded('step'), 'step', true],
  ['DEADLINE_EXCEEDED of the upstream', status(Code.DEADLINE_EXCEEDED), 'route', true],
  ["a client's short deadline", new DeadlineExceeded('client'), 'client', false],
  ["DEADLINE_EXCEEDED of the upstream for a client's deadline", status(Code.DEADLINE_EXCEEDED), 'client', false],
  ['NOT_FOUND', status(Code.NOT_FOUND), 'route', false],
  ['RESOURCE_EXHAUSTED', status(Code.RESOURCE_EXHAUSTED), 'route', false],
  ['INTERNAL', status(Code.INTERNAL), 'route', false],
  ['a broken answer', brokenAnswer('x'), 'route', false],
  ['a client that leaves', cancelled(), 'route', false],
  ['a gateway that stops', upstreamClosed(), 'route', false],
  ['a refusal of the gateway', new StatusError(Code.UNAVAILABLE, 'busy'), 'route', false],
  ['a bug', new Error('bug'), 'route', false],
];

for (const [what, error, owner, opens] of ROWS) {
  test(`${what} ${opens ? 'opens' : 'does not open'} the breaker`, async (t) => {
    const { around, changes } = layer();
    const call = around(() => Promise.reject(error));
    for (let i = 0; i < 8; i++) await t.throwsAsync(call(request(owner)));
    t.is(changes.includes('open'), opens);
  });
}

test('open: 503 with the time after which to come again, and no call', async (t) => {
  const { around, clock, refusals } = layer();
  let calls = 0;
  const call = around(() => {
    calls++;
    return Promise.reject(status(Code.UNAVAILABLE));
  });
  for (let i = 0; i < 4; i++) await t.throwsAsync(call(request()));
  clock.advance(2000);
  const error = (await t.throwsAsync(call(request()))) as unknown as StatusError;
  t.is(error.httpStatus, 503);
  t.is(error.source, 'gateway');
  t.deepEqual(
    error.details.map(({ reason, retryDelay }) => reason ?? retryDelay),
    ['CIRCUIT_OPEN', '3s'],
  );
  t.is(calls, 4);
  t.is(refusals(), 1);
});

const ANSWER = { headers: [], message: new Uint8Array(0), trailers: [], notes: {} };

test('slow calls are failures only where slowAfter says so, and only of unary calls', async (t) => {
  for (const [slowAfterMs, streams, opens] of [
    [undefined, false, false],
    [2000, false, true],
    [2001, false, false],
    [2000, true, false],
  ] as const) {
    const { around, clock, changes } = layer({ slowAfterMs });
    const call = around(() => Promise.resolve(ANSWER));
    for (let i = 0; i < 4; i++) {
      const answer = call(request('route', streams));
      clock.advance(2000);
      await answer;
    }
    t.is(changes.includes('open'), opens, `${slowAfterMs} ${streams}`);
  }
});

test('a stream that is silent closes the breaker when it has not failed for openFor', async (t) => {
  const { around, clock, one, changes } = layer();
  const failing = around(() => Promise.reject(status(Code.UNAVAILABLE)));
  for (let i = 0; i < 4; i++) await t.throwsAsync(failing(request('route', true)));
  clock.advance(5000);
  void around(() => new Promise(() => {}))(request('route', true));
  t.true(one.isProbing);
  clock.advance(5000);
  t.is(changes.at(-1), 'closed');
});
