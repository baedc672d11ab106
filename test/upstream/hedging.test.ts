/** Tests when a second call is sent, which answer counts, and what happens to the other call, on a clock that the test moves. */
import test from 'ava';
import type { CallRequest, CallResponse } from '../../src/call/call.js';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import { cancelled, unreachable, upstreamStatus } from '../../src/upstream/failure.js';
import { hedging } from '../../src/upstream/hedging.js';
import { RetryBudget } from '../../src/upstream/retry-budget.js';
import { handClock } from '../support/clock.js';

function start() {
  const clock = handClock();
  const budget = new RetryBudget(clock);
  const winners: string[] = [];
  const client = new AbortController();
  const calls: { end: (text: string) => void; fail: (error: unknown) => void; request: CallRequest }[] = [];
  const call = hedging({ afterMs: 50, budget, clock, onHedge: (winner) => winners.push(winner) })(
    (request) =>
      new Promise<CallResponse>((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(cancelled()));
        const end = (text: string) => resolve({ headers: [], message: Buffer.from(text), trailers: [], notes: {} });
        calls.push({ end, fail: reject, request });
      }),
  );
  const request: CallRequest = {
    method: { path: '/x', clientStreaming: false, serverStreaming: false },
    message: new Uint8Array(0),
    metadata: [],
    signal: client.signal,
    context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
  };
  const answer = async () => Buffer.from((await call(request)).message as Uint8Array).toString();
  return { clock, budget, winners, client, calls, call, request, answer };
}

const status = (code: Code) => upstreamStatus(code, Code[code], undefined, { headers: [], trailers: [] });

test('a call that is answered in time is sent once', async (t) => {
  const { clock, calls, answer, winners } = start();
  const answered = answer();
  clock.advance(49);
  calls[0]!.end('first');
  t.is(await answered, 'first');
  clock.advance(10);
  t.is(calls.length, 1);
  t.deepEqual(winners, []);
  t.is(clock.pending, 0);
});

test('a slow call is sent a second time; the first answer counts, and the other call is cancelled', async (t) => {
  for (const [winner, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { clock, calls, answer, winners } = start();
    const answered = answer();
    clock.advance(50);
    t.is(calls.length, 2);
    calls[winner]!.end('answer');
    t.is(await answered, 'answer');
    t.true(calls[other]!.request.signal.aborted);
    t.deepEqual(winners, [winner === 0 ? 'first' : 'second']);
  }
});

test('a failure of one call waits for the other one, an answer such as NOT_FOUND does not', async (t) => {
  const { clock, calls, answer } = start();
  const answered = answer();
  clock.advance(50);
  calls[0]!.fail(unreachable('lost'));
  calls[1]!.end('second');
  t.is(await answered, 'second');

  const again = start();
  const refused = again.answer();
  again.clock.advance(50);
  again.calls[1]!.fail(status(Code.NOT_FOUND));
  await t.throwsAsync(refused, { message: 'NOT_FOUND' });
  t.true(again.calls[0]!.request.signal.aborted);
  t.deepEqual(again.winners, ['second']);
});

test('if both calls fail, the failure of the first one is reported', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const { clock, calls, answer, winners } = start();
    const answered = answer();
    clock.advance(50);
    const errors = [status(Code.INTERNAL), new StatusError(Code.UNAVAILABLE, 'circuit open')];
    for (const index of order) calls[index!]!.fail(errors[index!]);
    await t.throwsAsync(answered, { message: 'INTERNAL' });
    t.deepEqual(winners, ['none']);
  }
});

test('a call that fails before the time is sent once, and so is one whose client has left', async (t) => {
  const { clock, calls, answer } = start();
  const answered = answer();
  calls[0]!.fail(unreachable('lost'));
  await t.throwsAsync(answered);
  clock.advance(50);
  t.is(calls.length, 1);

  const left = start();
  const cut = left.answer();
  left.client.abort();
  await t.throwsAsync(cut, { message: 'the request was cancelled' });
  left.clock.advance(50);
  t.is(left.calls.length, 1);
});

test('a client that leaves cancels both calls', async (t) => {
  const { clock, calls, answer, client } = start();
  const answered = answer();
  clock.advance(50);
  client.abort();
  await t.throwsAsync(answered, { message: 'the request was cancelled' });
  t.true(calls.every(({ request }) => request.signal.aborted));
});

test('second calls are sent within the budget of retries', async (t) => {
  const { clock, calls, answer, budget } = start();
  while (budget.take());
  const answered = answer();
  clock.advance(50);
  t.is(calls.length, 1);
  calls[0]!.end('late');
  t.is(await answered, 'late');
});

test('streams pass through', (t) => {
  const { clock, calls, call, request } = start();
  void call({ ...request, method: { ...request.method, serverStreaming: true } });
  clock.advance(50);
  t.is(calls.length, 1);
  t.is(clock.pending, 0);
});
