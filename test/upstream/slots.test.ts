/** Tests how many calls run at once, which calls wait for a slot, and for how long, on a clock that the test moves. */
import test from 'ava';
import type { CallRequest, CallResponse } from '../../src/call/call.js';
import type { StatusError } from '../../src/status/status-error.js';
import { limiting } from '../../src/upstream/limiting.js';
import { Slots } from '../../src/upstream/slots.js';
import { handClock } from '../support/clock.js';

function request(more: Partial<CallRequest> = {}): CallRequest {
  return {
    method: { path: '/x', clientStreaming: false, serverStreaming: false },
    message: new Uint8Array(0),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
    ...more,
  };
}

const ANSWER: CallResponse = { headers: [], message: new Uint8Array(0), trailers: [], notes: {} };

/** A service whose calls run until the test ends them, behind `limit` slots. */
function start(limit: number) {
  const clock = handClock();
  const slots = new Slots(clock);
  const running: { end: (response?: CallResponse) => void; fail: (error: unknown) => void }[] = [];
  let refusals = 0;
  const call = limiting(
    slots,
    limit,
    () => refusals++,
  )(
    () =>
      new Promise((resolve, reject) => void running.push({ end: (found = ANSWER) => resolve(found), fail: reject })),
  );
  return { clock, running, call, refusals: () => refusals };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a call over the limit waits until a slot is free, in the order in which they came', async (t) => {
  const { running, call } = start(2);
  const order: string[] = [];
  const answers = ['a', 'b', 'c', 'd'].map((name) => call(request()).then(() => order.push(name)));
  await turn();
  t.is(running.length, 2);
  running[1]!.end();
  await turn();
  t.is(running.length, 3);
  running[2]!.fail(new Error('failed'));
  await t.throwsAsync(answers[2]!);
  await turn();
  t.is(running.length, 4);
  running[3]!.end();
  await turn();
  running[0]!.end();
  await Promise.allSettled(answers);
  t.deepEqual(order, ['b', 'd', 'a']);
});

test('as many calls wait as may run, at most 100 ms; the others get 503 at once', async (t) => {
  const { running, call, clock, refusals } = start(2);
  for (let i = 0; i < 2; i++) void call(request());
  const waiting = [call(request()), call(request())];
  const refused = (await t.throwsAsync(call(request()))) as unknown as StatusError;
  t.is(refused.httpStatus, 503);
  t.is(refused.source, 'gateway');
  clock.advance(99);
  await turn();
  t.is(refusals(), 1);
  clock.advance(1);
  for (const answer of waiting) await t.throwsAsync(answer, { message: refused.message });
  t.is(refusals(), 3);
  t.is(running.length, 2);
  t.is(clock.pending, 0);
});

test('a call that waits ends with its client, and with its deadline', async (t) => {
  const { call, clock } = start(1);
  void call(request());
  const client = new AbortController();
  const gone = call(request({ signal: client.signal }));
  client.abort();
  await t.throwsAsync(gone, { message: 'the request was cancelled' });
  const late = call(request({ deadline: { at: clock.now() + 20, owner: 'client' } }));
  clock.advance(20);
  // It was never sent, so this is no slow answer of the service.
  t.is(((await t.throwsAsync(late)) as unknown as StatusError).httpStatus, 503);
  await t.throwsAsync(call(request({ signal: AbortSignal.abort() })), { message: 'the request was cancelled' });
  t.is(clock.pending, 0);
});

test('a stream keeps its slot until its last message, its failure or its cancellation', async (t) => {
  async function* messages(fails: boolean) {
    yield new Uint8Array(1);
    if (fails) throw new Error('broken');
  }
  const ends: readonly ((stream: AsyncIterator<Uint8Array>, client: AbortController) => unknown)[] = [
    async (stream) => t.true((await stream.next()).done),
    (stream) => stream.return?.(),
    (_, client) => client.abort(),
    async (stream) => void (await t.throwsAsync(stream.next() as Promise<unknown>)),
  ];
  for (const [index, end] of ends.entries()) {
    const { running, call } = start(1);
    const client = new AbortController();
    const answer = call(request({ signal: client.signal }));
    running[0]!.end({ ...ANSWER, message: messages(index === 3) });
    const stream = ((await answer).message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    t.false((await stream.next()).done);
    void call(request());
    await turn();
    t.is(running.length, 1, String(index));
    await end(stream, client);
    await turn();
    t.is(running.length, 2, String(index));
  }
});
