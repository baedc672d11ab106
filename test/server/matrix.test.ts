/**
 * One table with every kind of rpc, in every way in which a client may call it, and with every outcome of the call. What is
 * special about one way is in the tests of that way.
 */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { type HandClock, handClock } from '../support/clock.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { mostHeld } from '../support/memory.js';
import { turns } from '../support/turns.js';
import { until } from '../support/until.js';
import { arriving, type Handler, type RecordedCall, type Reply, startUpstream } from '../support/upstream.js';
import { type Outcome, WAYS } from '../support/ways.js';

const PROTO = `package m.v1;
import "google/api/annotations.proto";
message Item { string name = 1; int32 n = 2; bytes blob = 3; }
service Kinds {
  rpc Unary(Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:unary" body: "*" }; }
  rpc Server(Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:server" body: "*" }; }
  rpc Client(stream Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:client" body: "*" }; }
  rpc Bidi(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:bidi" body: "*" }; }
}`;

const NOT_FOUND = { code: 5, message: 'none' };

/** The service's behaviour, by the name of the case, which is in the path. */
const CASES: Readonly<Record<string, (streams: boolean) => Reply>> = {
  success: (streams) => (streams ? { messages: [{ n: 1 }, { n: 2 }] } : { message: { n: 1 } }),
  refused: () => ({ status: NOT_FOUND }),
  failing: () => ({ messages: [{ n: 1 }], status: NOT_FOUND }),
  hanging: (streams) => (streams ? { messages: [{ n: 1 }], hang: true } : { hang: true }),
  endless: () => ({
    messages: (async function* () {
      for (;;) yield { n: 1, blob: Buffer.alloc(1 << 16) };
    })(),
  }),
};

function handler(streams: boolean): Handler {
  return async (call: RecordedCall) => {
    for await (const first of arriving(call)) return CASES[(first as { name: string }).name.slice(6)]!(streams);
    return { hang: true };
  };
}

const MOST_BYTES = 64 << 20;
const turn = turns(16);

async function start(
  t: ExecutionContext,
  upstreamSettings: object = {},
  more: Partial<ConfigInput> = {},
  options: StartOptions = {},
) {
  await turn(t);
  const upstream = await startUpstream(PROTO, {
    Unary: handler(false),
    Server: handler(true),
    Client: handler(false),
    Bidi: handler(true),
  });
  t.teardown(upstream.close);
  const upstreams = { test: { target: upstream.target, ...upstreamSettings } };
  const gateway = await startGateway(t, PROTO, {}, { upstreams, listen: { h2c: true }, ...more }, options);
  return { ...gateway, upstream };
}

/** Lets time pass until something has come. */
async function passUntil<T>(clock: HandClock, coming: Promise<T>): Promise<T> {
  let hasCome = false;
  void coming.finally(() => {
    hasCome = true;
  });
  await until(() => {
    if (!hasCome) clock.advance(100);
    return hasCome;
  });
  return coming;
}

for (const way of WAYS) {
  for (const kind of way.kinds) {
    const streams = kind === 'server' || kind === 'bidi';
    const named = (what: string) => `${kind} over ${way.name}: ${what}`;
    const path = (name: string) => `/v1/cases/${name}:${kind}`;
    const failed = (end: number): Outcome =>
      streams ? { messages: [{ n: 1 }], end: way.cannotTell ? 'cut' : end } : { messages: [], end };

    /** Begins a call whose service sends one message, if its method streams, and then nothing. */
    const hang = async (gateway: TestGateway, headers: Readonly<Record<string, string>> = {}) => {
      const running = await way.begin(gateway.url, path('hanging'), headers);
      await until(() => gateway.upstream.calls.length === 1, 'the call');
      if (streams) await until(() => running.heard() === 1, 'the first message');
      return running;
    };
    const nothingRuns = async ({ gateway, upstream }: TestGateway) => {
      await until(() => gateway.snapshots.inFlight === 0, 'the end of the request');
      await until(() => upstream.last().cancelled, 'the end of the call');
    };

    test(named('success'), async (t) => {
      const running = await way.begin((await start(t)).url, path('success'), {});
      running.finish();
      t.deepEqual(await running.outcome(), { messages: streams ? [{ n: 1 }, { n: 2 }] : [{ n: 1 }], end: 0 });
    });

    test(named('an error before the first message'), async (t) => {
      const running = await way.begin((await start(t)).url, path('refused'), {});
      t.deepEqual(await running.outcome(), { messages: [], end: 5 });
    });

    if (streams) {
      test(named('an error after the first message'), async (t) => {
        const running = await way.begin((await start(t)).url, path('failing'), {});
        t.deepEqual(await running.outcome(), failed(5));
      });
    }

    test(named('the client goes away'), async (t) => {
      const gateway = await start(t);
      const running = await hang(gateway);
      running.leave();
      await nothingRuns(gateway);
      t.pass();
    });

    test(named('the upstream goes away'), async (t) => {
      const gateway = await start(t);
      const running = await hang(gateway);
      gateway.upstream.cut();
      t.deepEqual(await running.outcome(), failed(14));
    });

    test(named('the deadline passes'), async (t) => {
      const clock = handClock();
      const gateway = await start(t, {}, {}, { clock });
      const running = await hang(gateway, { 'x-request-timeout': '2' });
      t.deepEqual(await passUntil(clock, running.outcome()), failed(4));
      await nothingRuns(gateway);
    });

    if (kind !== 'unary') {
      test(named('silence for streamIdleTimeout'), async (t) => {
        const clock = handClock();
        const gateway = await start(t, { streamIdleTimeout: '2s' }, {}, { clock });
        const running = await hang(gateway);
        t.deepEqual(await passUntil(clock, running.outcome()), failed(4));
        await nothingRuns(gateway);
      });
    }

    if (streams) {
      test.serial(named('the client does not read: memory stays, the call ends'), async (t) => {
        const gateway = await start(t, {}, { limits: { requestTimeout: '600ms' } });
        const { result: running, grownBytes } = await mostHeld(async () => {
          const running = await way.begin(gateway.url, path('endless'), {});
          await until(() => running.heard() > 0, 'the first message');
          running.stall();
          await nothingRuns(gateway);
          return running;
        }, MOST_BYTES);
        t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
        running.leave();
      });
    }
  }
}
