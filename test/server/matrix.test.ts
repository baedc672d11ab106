/**
 * Every kind of rpc, in every way in which a client may call it, and everything that may become of the call: one table.
 * What is special about one way stands in the tests of that way.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import type { ConfigInput } from '../../src/config/config.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { mostHeld } from '../support/memory.js';
import { turns } from '../support/turns.js';
import { until } from '../support/until.js';
import { arriving, type Handler, type RecordedCall, type Reply, startUpstream } from '../support/upstream.js';

const PROTO = `package m.v1;
import "google/api/annotations.proto";
message Item { string name = 1; int32 n = 2; bytes blob = 3; }
service Kinds {
  rpc Unary(Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:unary" body: "*" }; }
  rpc Server(Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:server" body: "*" }; }
  rpc Client(stream Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:client" body: "*" }; }
  rpc Bidi(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:bidi" body: "*" }; }
}`;

type Kind = 'unary' | 'server' | 'client' | 'bidi';

const NOT_FOUND = { code: 5, message: 'none' };
/** A gRPC code; `cut`: the way has no word for what went wrong. */
type End = number | 'cut';

interface Outcome {
  readonly messages: readonly object[];
  readonly end: End;
}

/** A call that was begun. */
interface Running {
  /** What came so far. */
  readonly heard: () => number;
  /** No message follows. */
  finish(): void;
  /** Goes away without a word. */
  leave(): void;
  /** Reads nothing more. */
  stall(): void;
  outcome(): Promise<Outcome>;
}

interface Way {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** An error after the first message looks like one that the way can't tell. */
  readonly cannotTell: boolean;
  begin(gateway: TestGateway, path: string, headers: Readonly<Record<string, string>>): Promise<Running>;
}

const FRAMINGS = { array: 'application/json', NDJSON: 'application/x-ndjson', SSE: 'text/event-stream' } as const;
type Framing = keyof typeof FRAMINGS;

/** The messages of a body, and how it says that it ended. */
function parse(framing: Framing, text: string, whole: boolean): Outcome {
  if (framing === 'NDJSON') {
    const lines = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const error = lines.at(-1)?.error;
    return { messages: error === undefined ? lines : lines.slice(0, -1), end: error?.code ?? (whole ? 0 : 'cut') };
  }
  if (framing === 'SSE') {
    const events = [...text.matchAll(/^(event: end\n)?id: \w+\ndata: (.*)\n\n/gm)];
    const messages = events.filter(([, end]) => end === undefined).map(([, , data]) => JSON.parse(data!));
    const end = events.find(([, end]) => end !== undefined);
    return { messages, end: end === undefined ? 'cut' : JSON.parse(end[2]!).code };
  }
  const closed = text.endsWith(']');
  return { messages: JSON.parse(closed ? text : `${text}]`), end: closed && whole ? 0 : 'cut' };
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
  readonly whole: boolean;
}

function outcomeOf(framing: Framing, streams: boolean, { status, text, whole }: Exchanged): Outcome {
  if (status === 0) return { messages: [], end: 'cut' };
  if (status !== 200) return { messages: [], end: JSON.parse(text).code };
  return streams ? parse(framing, text, whole) : { messages: [JSON.parse(text)], end: 0 };
}

function overHttp1(framing: Framing, sent: 'NDJSON' | 'array', kinds: readonly Kind[]): Way {
  return {
    name: `HTTP/1.1, ${describe(kinds, framing, sent)}`,
    kinds,
    cannotTell: framing === 'array',
    async begin({ port }, path, headers) {
      const req = request({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path,
        agent: false,
        headers: { accept: FRAMINGS[framing], 'content-type': contentType(path, sent), ...headers },
      });
      req.on('error', () => {});
      let [status, text, whole] = [0, '', false];
      let body: Readable | undefined;
      req.on('response', (res) => {
        body = res;
        status = res.statusCode ?? 0;
        res.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        res.on('end', () => {
          whole = res.complete;
        });
        res.on('error', () => {});
      });
      const closed = new Promise<void>((resolve) => void req.once('close', () => resolve()));
      say(req, path, sent);
      return {
        heard: () => count(text),
        finish: () => finish(req, path, sent),
        leave: () => void req.destroy(),
        stall: () => {
          body?.removeAllListeners('data');
          body?.pause();
        },
        outcome: () => closed.then(() => outcomeOf(framing, streamsBack(path), { status, text, whole })),
      };
    },
  };
}

function overHttp2(framing: Framing, sent: 'NDJSON' | 'array', kinds: readonly Kind[]): Way {
  return {
    name: `HTTP/2, ${describe(kinds, framing, sent)}`,
    kinds,
    cannotTell: framing === 'array',
    async begin({ url }, path, headers) {
      const session = connectHttp2(url);
      session.on('error', () => {});
      const stream: ClientHttp2Stream = session.request({
        ':method': 'POST',
        ':path': path,
        accept: FRAMINGS[framing],
        'content-type': contentType(path, sent),
        ...headers,
      });
      let [status, text] = [0, ''];
      stream.on('response', (found) => {
        status = Number(found[':status']);
      });
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      say(stream, path, sent);
      const closed = new Promise<void>((resolve) => {
        stream.once('close', () => {
          session.destroy();
          resolve();
        });
      });
      return {
        heard: () => count(text),
        finish: () => finish(stream, path, sent),
        leave: () => session.destroy(),
        stall: () => void stream.pause(),
        outcome: () =>
          closed.then(() => outcomeOf(framing, streamsBack(path), { status, text, whole: stream.rstCode === 0 })),
      };
    },
  };
}

const overWebSocket: Way = {
  name: 'WebSocket',
  kinds: ['server', 'client', 'bidi'],
  cannotTell: false,
  async begin({ url }, path, headers) {
    const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
    const messages: object[] = [];
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    const closed = new Promise<number>((resolve) => void socket.once('close', resolve));
    await once(socket, 'open');
    socket.send('{"n":1}');
    return {
      heard: () => messages.length,
      finish: () => socket.send(''),
      leave: () => socket.terminate(),
      stall: () => socket.pause(),
      outcome: () => closed.then((code) => ({ messages, end: code === 1000 ? 0 : code >= 4000 ? code - 4000 : 'cut' })),
    };
  },
};

const streamsBack = (path: string) => /:(server|bidi)$/.test(path);
const streamsUp = (path: string) => /:(client|bidi)$/.test(path);
const contentType = (path: string, sent: 'NDJSON' | 'array') =>
  streamsUp(path) && sent === 'NDJSON' ? FRAMINGS.NDJSON : 'application/json';
const count = (text: string) => text.split('"n":').length - 1;

function describe(kinds: readonly Kind[], framing: Framing, sent: string): string {
  if (kinds.includes('server')) return framing;
  return kinds.includes('bidi') ? `lines, answered as ${framing}` : sent;
}

/** One message; of a stream the first. */
function say(to: Writable, path: string, sent: 'NDJSON' | 'array'): void {
  if (!streamsUp(path)) to.end('{"n":1}');
  else to.write(sent === 'NDJSON' ? '{"n":1}\n' : '[{"n":1}');
}

function finish(to: Writable, path: string, sent: 'NDJSON' | 'array'): void {
  if (streamsUp(path)) to.end(sent === 'NDJSON' ? '' : ']');
}

const WAYS: readonly Way[] = [
  ...(['array', 'NDJSON', 'SSE'] as const).flatMap((framing) => [
    overHttp1(framing, 'array', ['server']),
    overHttp2(framing, 'array', ['server']),
    overHttp2(framing, 'NDJSON', ['bidi']),
  ]),
  ...(['array', 'NDJSON'] as const).flatMap((sent) => [
    overHttp1('array', sent, ['client']),
    overHttp2('array', sent, ['client']),
  ]),
  overHttp1('array', 'array', ['unary']),
  overHttp2('array', 'array', ['unary']),
  overWebSocket,
];

/** What the service does: by the case's name, which the path gives. */
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

const turn = turns(16);

async function start(t: ExecutionContext, upstreamSettings: object = {}, more: Partial<ConfigInput> = {}) {
  await turn(t);
  const upstream = await startUpstream(PROTO, {
    Unary: handler(false),
    Server: handler(true),
    Client: handler(false),
    Bidi: handler(true),
  });
  t.teardown(upstream.close);
  const upstreams = { test: { target: upstream.target, ...upstreamSettings } };
  const gateway = await startGateway(t, PROTO, {}, { upstreams, listen: { h2c: true }, ...more });
  return { ...gateway, upstream };
}

for (const way of WAYS) {
  for (const kind of way.kinds) {
    const streams = kind === 'server' || kind === 'bidi';
    const named = (what: string) => `${kind} over ${way.name}: ${what}`;
    const path = (name: string) => `/v1/cases/${name}:${kind}`;
    const failed = (end: number): Outcome =>
      streams ? { messages: [{ n: 1 }], end: way.cannotTell ? 'cut' : end } : { messages: [], end };

    /** Begins a call whose service says one message, if it can, and then nothing. */
    const hang = async (gateway: TestGateway, headers: Readonly<Record<string, string>> = {}) => {
      const running = await way.begin(gateway, path('hanging'), headers);
      await until(() => gateway.upstream.calls.length === 1, 'the call');
      if (streams) await until(() => running.heard() === 1, 'the first message');
      return running;
    };
    const nothingRuns = async ({ gateway, upstream }: TestGateway) => {
      await until(() => gateway.snapshots.inFlight === 0, 'the end of the request');
      await until(() => upstream.last().cancelled, 'the end of the call');
    };

    test(named('success'), async (t) => {
      const running = await way.begin(await start(t), path('success'), {});
      running.finish();
      t.deepEqual(await running.outcome(), { messages: streams ? [{ n: 1 }, { n: 2 }] : [{ n: 1 }], end: 0 });
    });

    test(named('an error before the first message'), async (t) => {
      const running = await way.begin(await start(t), path('refused'), {});
      t.deepEqual(await running.outcome(), { messages: [], end: 5 });
    });

    if (streams) {
      test(named('an error after the first message'), async (t) => {
        const running = await way.begin(await start(t), path('failing'), {});
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
      const gateway = await start(t);
      const running = await hang(gateway, { 'x-request-timeout': '2' });
      t.deepEqual(await running.outcome(), failed(4));
      await nothingRuns(gateway);
    });

    if (kind !== 'unary') {
      test(named('silence for streamIdleTimeout'), async (t) => {
        const gateway = await start(t, { streamIdleTimeout: '2s' });
        const running = await hang(gateway);
        t.deepEqual(await running.outcome(), failed(4));
        await nothingRuns(gateway);
      });
    }

    if (streams) {
      test.serial(named('the client does not read: memory stays, the call ends'), async (t) => {
        const gateway = await start(t, {}, { limits: { requestTimeout: '600ms' } });
        const { result: running, grownBytes } = await mostHeld(async () => {
          const running = await way.begin(gateway, path('endless'), {});
          await until(() => running.heard() > 0, 'the first message');
          running.stall();
          await nothingRuns(gateway);
          return running;
        });
        t.true(grownBytes < 64 << 20, `${grownBytes} bytes`);
        running.leave();
      });
    }
  }
}
