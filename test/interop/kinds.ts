/** Every kind of rpc in every way in which a client may call it, with every outcome of the call (kinds.proto). */
import assert from 'node:assert/strict';
import { until } from '../support/until.js';
import { BYTE_WAYS, type Kind, type Outcome, type Running, WAYS, type Way } from '../support/ways.js';
import { type Act, type KindCall, newCall } from './calls.js';
import type { Gateway, InteropCase } from './cases.js';

export const KIND_CASES: readonly InteropCase[] = [...WAYS, ...BYTE_WAYS].flatMap((way) =>
  way.kinds.flatMap((kind) => casesOf(way, kind)),
);

interface Begun {
  readonly call: KindCall;
  readonly running: Running;
}

function casesOf(way: Way, kind: Kind): InteropCase[] {
  const bytes = BYTE_WAYS.includes(way);
  const streamsUp = kind === 'client' || kind === 'bidi';
  const streamsBack = kind === 'server' || kind === 'bidi';
  const begin = async (gateway: Gateway, act: Act, headers: Readonly<Record<string, string>> = {}): Promise<Begun> => {
    const call = newCall(gateway.url, bytes ? 'bytes' : 'cases', act);
    const running = await way.begin(gateway.url, `${call.path}:${kind}`, headers);
    gateway.teardown(running.leave);
    return { call, running };
  };
  /** Sends another message when the effect of the one before is seen: bytes that are sent together may become one message. */
  const say = async (n: number, { call, running }: Begun) => {
    await until(async () => (await call.seen()).received === n - 1, `the server has ${n - 1} messages`);
    if (streamsBack) await until(() => running.heard() === n - 1, `${n - 1} messages back`);
    running.say(n);
  };
  /** The outcome of an error after a message; the message may be missing. */
  const failed = (code: number): Outcome =>
    streamsBack ? { messages: [{ n: 1 }], end: way.cannotTell ? 'cut' : code } : { messages: [], end: code };
  const named = (what: string) => `${kind} over ${way.name}: ${what}`;

  const cases: InteropCase[] = [
    {
      name: named('success'),
      async check(gateway) {
        const begun = await begin(gateway, 'success');
        const { call, running } = begun;
        for (const n of streamsUp ? [2, 3] : []) await say(n, begun);
        running.finish();
        assert.deepEqual(await running.outcome(), { messages: answers(kind, bytes).map((n) => ({ n })), end: 0 });
        const { received, cancelled } = await call.seen();
        assert.deepEqual({ received, cancelled }, { received: streamsUp ? 3 : 1, cancelled: false });
      },
    },
    {
      name: named('an error before the first message'),
      async check(gateway) {
        const { running } = await begin(gateway, 'refused');
        assert.deepEqual(await running.outcome(), { messages: [], end: 5 });
      },
    },
    {
      name: named('the client leaves'),
      async check(gateway) {
        const begun = await begin(gateway, 'hanging');
        const { call, running } = begun;
        if (streamsUp) await say(2, begun);
        await until(async () => (await call.seen()).received === (streamsUp ? 2 : 1), 'the server has the messages');
        if (streamsBack) await until(() => running.heard() === 1, 'the first message back');
        running.leave();
        await until(async () => (await call.seen()).cancelled, 'the server sees that it is cancelled');
        if (streamsUp && gateway.tellsBreaks) assert.equal((await call.seen()).halfClosed, false);
      },
    },
    {
      name: named('the deadline passes'),
      async check(gateway) {
        // On a slow machine the first deadline may pass too early, so it is doubled and tried again.
        for (let seconds = 0.5; ; seconds *= 2) {
          const { call, running } = await begin(gateway, 'hanging', { 'x-request-timeout': String(seconds) });
          const outcome = await running.outcome();
          const { received, hasDeadline } = await call.seen();
          if ((streamsBack ? outcome.messages.length : received) === 0 && seconds < 16) continue;
          assert.deepEqual(outcome, failed(4));
          assert.equal(hasDeadline, true);
          await until(async () => (await call.seen()).cancelled, 'the server sees that it is over');
          return;
        }
      },
    },
  ];
  if (kind !== 'unary') {
    cases.push({
      name: named('an error after a message'),
      async check(gateway) {
        const begun = await begin(gateway, 'failing');
        if (kind === 'client') await say(2, begun);
        assert.deepEqual(await begun.running.outcome(), failed(5));
      },
    });
  }
  if (streamsUp) {
    cases.push({
      name: named('the server answers early'),
      async check(gateway) {
        const { call, running } = await begin(gateway, 'early');
        assert.deepEqual(await running.outcome(), { messages: [{ n: 1 }], end: 0 });
        assert.equal((await call.seen()).cancelled, false);
      },
    });
  }
  return cases;
}

/** Returns the numbers of the answers after up to three messages were sent. */
function answers(kind: Kind, bytes: boolean): readonly number[] {
  if (kind === 'unary') return [1];
  return kind === 'client' && !bytes ? [6] : [1, 2, 3];
}
