/**
 * The contract of `src/upstream/transport.ts` as tests, over real gRPC servers and hostile ones. Every Transport runs all
 * of them: `transportSuite('grpc-js', createGrpcJsTransport)`.
 */
import { mkdtempSync } from 'node:fs';
import http2 from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ServerCredentials } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import type { CallRequest, CallResponse, Messages } from '../../src/call/call.js';
import type { Deadline, DeadlineOwner } from '../../src/call/deadline.js';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import { DeadlineExceeded } from '../../src/upstream/failure.js';
import type { TransportFactory } from '../../src/upstream/transport.js';
import { certificates } from '../support/certificates.js';
import { handClock, pass } from '../support/clock.js';
import { startProxy } from '../support/proxy.js';
import { openTransport, type TestTransport, type TransportTestOptions } from '../support/transport.js';
import { HANG_MS, NEVER_MS, until } from '../support/until.js';
import { type Handlers, startUpstream, type TestUpstream, type UpstreamTestOptions } from '../support/upstream.js';

const PROTO = `
  package t.v1;
  message Note { string text = 1; bytes blob = 2; int64 number = 3; }
  service Notes {
    rpc Unary(Note) returns (Note);
    rpc Down(Note) returns (stream Note);
    rpc Up(stream Note) returns (Note);
    rpc Both(stream Note) returns (stream Note);
  }`;

const NOTE = 't.v1.Note';
const HOUR_MS = 3_600_000;
type Kind = 'Unary' | 'Down' | 'Up' | 'Both';

interface Bench {
  readonly upstream: TestUpstream;
  readonly transport: TestTransport;
  note(text: string): Buffer;
  text(message: Messages): string;
}

interface Known {
  /** True if calls may fail when connections end under load: grpc-js 1.14 reports some of them as UNAVAILABLE. */
  readonly losesCallsOnGoaway?: boolean;
}

export function transportSuite(name: string, create: TransportFactory, known: Known = {}): void {
  const title = (text: string) => `${name}: ${text}`;

  /**
   * Starts a real server and a transport to it. The server's close fails the test if the transport leaves a connection
   * open.
   */
  async function bench(
    t: ExecutionContext,
    handlers: Handlers = {},
    settings: TransportTestOptions = {},
    options: UpstreamTestOptions = {},
  ): Promise<Bench> {
    const upstream = await startUpstream(PROTO, handlers, options);
    t.teardown(upstream.close);
    return {
      upstream,
      transport: open(t, upstream.target, settings),
      note: (text) => upstream.encode(NOTE, { text }),
      text: (message) => (upstream.decode(NOTE, message as Uint8Array) as { text?: string }).text ?? '',
    };
  }

  function open(t: ExecutionContext, target: string, settings: TransportTestOptions = {}): TestTransport {
    const transport = openTransport(create, target, settings);
    t.teardown(() => transport.close(0));
    return transport;
  }

  /** Starts the same with a proxy between them that can freeze, and a clock that the test moves. */
  async function behindProxy(t: ExecutionContext, settings: TransportTestOptions = {}, options?: UpstreamTestOptions) {
    const upstream = await startUpstream(PROTO, {}, options);
    t.teardown(upstream.close);
    const proxy = await startProxy(t, upstream.port);
    const clock = handClock();
    const transport = open(t, proxy.target, { clock, ...settings });
    const call = (leftMs: number, message: Uint8Array = new Uint8Array()) =>
      transport.call(request('Unary', message, { deadline: { at: clock.now() + leftMs, owner: 'route' } }));
    return { upstream, proxy, clock, transport, call };
  }

  // Unary

  test(title('an empty message is a message'), async (t) => {
    const { upstream, transport } = await bench(t);
    const answer = await transport.call(request('Unary', new Uint8Array()));
    t.is((answer.message as Uint8Array).length, 0);
    t.deepEqual(upstream.last().requestBytes, [Buffer.alloc(0)]);
  });

  test(title('bytes pass unchanged in both directions, also those that are no message'), async (t) => {
    const garbage = Uint8Array.from([0xff, 0xff, 0, 1]);
    const { upstream, transport } = await bench(t, { Unary: { message: garbage } });
    const answer = await transport.call(request('Unary', new Uint8Array([9, 9, 0x80, 7, 7]).subarray(2, 3)));
    t.deepEqual(Buffer.from(answer.message as Uint8Array), Buffer.from(garbage));
    t.deepEqual(upstream.last().requestBytes, [Buffer.from([0x80])]);
  });

  test(title('5 MB pass, which is over the 4 MB that gRPC libraries stop at'), async (t) => {
    const big = Buffer.alloc(5 * 1024 * 1024, 7);
    const { upstream, transport } = await bench(t, { Unary: { message: big } }, { maxResponseBytes: 8 * 1024 * 1024 });
    const answer = await transport.call(request('Unary', big));
    t.true(big.equals(answer.message as Uint8Array));
    t.true(big.equals(upstream.last().requestBytes[0]!));
  });

  test(title('calls share one connection, whether one after the other or at once'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    for (let i = 0; i < 3; i++) await transport.call(request('Unary', note('one by one')));
    await Promise.all(Array.from({ length: 50 }, () => transport.call(request('Unary', note('at once')))));
    t.is(upstream.calls.length, 53);
    t.is(upstream.connections().total, 1);
  });

  test(title('nothing connects before the first call'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    t.is(transport.state(), 'idle');
    await sleep(20);
    t.is(upstream.connections().total, 0);
    await transport.call(request('Unary', note('')));
    t.is(transport.state(), 'ready');
  });

  test(title('connect() makes the connection that the first call then uses'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    await Promise.all([transport.connect(), transport.connect()]);
    t.is(transport.state(), 'ready');
    await transport.connect();
    await transport.call(request('Unary', note('')));
    t.is(upstream.connections().total, 1);
  });

  test(title('connect() fails where nobody listens, and works again when the next attempt is due'), async (t) => {
    const { upstream } = await bench(t);
    let isOpen = false;
    const proxy = await startProxy(t, upstream.port, () => isOpen);
    const transport = open(t, proxy.target);
    const error = await failure(t, transport.connect());
    t.is(error.code, Code.UNAVAILABLE);
    t.true(error.unsent);
    t.is(transport.state(), 'failing');
    isOpen = true;
    await until(() =>
      transport.connect().then(
        () => true,
        () => false,
      ),
    );
    t.is(transport.state(), 'ready');
    await transport.close(0);
    t.is((await failure(t, transport.connect())).message, 'the upstream is closed');
  });

  // Metadata

  test(title('metadata goes up and comes back, repeated keys and bytes included'), async (t) => {
    const bytes = Uint8Array.from([0, 255, 44]);
    const handlers: Handlers = {
      Unary: { message: {}, headers: { 'x-h': 'h', 'x-h-bin': bytes }, trailers: { 'x-t': 't', 'x-t-bin': bytes } },
    };
    const { upstream, transport, note } = await bench(t, handlers);
    const metadata = [
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-b-bin', bytes],
    ] as const;
    const answer = await transport.call(request('Unary', note(''), { metadata }));
    const got = upstream.last().metadata;
    t.deepEqual(got.get('x-a').join(', '), '1, 2');
    t.deepEqual(got.get('x-b-bin'), [Buffer.from(bytes)]);
    t.deepEqual(plain(answer.headers), [
      ['x-h', 'h'],
      ['x-h-bin', Buffer.from(bytes)],
    ]);
    t.deepEqual(plain(answer.trailers), [
      ['x-t', 't'],
      ['x-t-bin', Buffer.from(bytes)],
    ]);
  });

  test(title('what the protocol keeps for itself is not sent as metadata'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    const keys = ['te', 'grpc-timeout', 'grpc-encoding', 'content-type', 'connection', 'host', 'user-agent'];
    const metadata = keys.map((key) => [key, '1S'] as const);
    await transport.call(request('Unary', note(''), { metadata }));
    const got = upstream.last();
    t.is(got.deadline, undefined);
    t.false(JSON.stringify(got.metadata.toJSON()).includes('1S'));
  });

  test(title('illegal metadata is refused before anything is sent'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    for (const entry of [
      ['x y', '1'],
      ['x-a', 'a\r\nx-b: 1'],
      ['x-a', 'ä'],
      ['x-a-bin', 'text'],
    ] as const) {
      await t.throwsAsync(transport.call(request('Unary', note(''), { metadata: [entry] })), undefined, entry[0]);
    }
    t.is(upstream.calls.length, 0);
  });

  // Statuses

  test(title("an upstream's status comes with code, message and details"), async (t) => {
    const details = Uint8Array.from([8, 5, 18, 1, 0x78]);
    const { transport, note } = await bench(t, {
      Unary: { status: { code: 5, message: 'käse ist aus: 100%', details } },
    });
    const error = await failure(t, transport.call(request('Unary', note(''))));
    t.is(error.code, Code.NOT_FOUND);
    t.is(error.message, 'käse ist aus: 100%');
    t.is(error.source, 'upstream');
    t.deepEqual(Buffer.from(error.statusDetailsBin!), Buffer.from(details));
  });

  test(title('the text of a status is decoded whole, and shown as it came where it does not decode'), async (t) => {
    let text = '';
    const target = await rawHttp2(t, (stream) =>
      stream.respond({ ...GRPC, 'grpc-status': '5', 'grpc-message': text }, { endStream: true }),
    );
    const transport = open(t, target);
    for (const [sent, shown] of [
      ['a%2Fb%23c%3Fd', 'a/b#c?d'],
      ['k%C3%A4se 100%25', 'käse 100%'],
      ['%2541', '%41'],
      ['%252F', '%2F'],
      ['100%', '100%'],
      ['%ff', '%ff'],
      ['a/b', 'a/b'],
    ] as const) {
      text = sent;
      t.is((await failure(t, transport.call(request('Unary', new Uint8Array())))).message, shown);
    }
  });

  test(title('every gRPC code arrives as itself, with a message or without'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    for (let code = 1; code <= 16; code++) {
      for (const message of ['', 'said so']) {
        upstream.script('Unary', { status: { code, message } });
        const error = await failure(t, transport.call(request('Unary', note(''))));
        t.is(error.code, code as Code);
        t.is(error.message, message);
        t.is(error.cause, undefined, 'it is the upstream that spoke');
      }
    }
  });

  test(title('a status after headers and messages is the upstream’s as well'), async (t) => {
    const reply = { message: {}, headers: { 'x-h': '1' }, status: { code: 9, message: 'late' } };
    const { transport, note } = await bench(t, { Unary: reply });
    const error = await failure(t, transport.call(request('Unary', note(''))));
    t.deepEqual([error.code, error.message, error.httpStatus], [Code.FAILED_PRECONDITION, 'late', 400]);
  });

  // Deadline and cancellation

  test(title('the deadline travels as grpc-timeout'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    const begunAt = Date.now();
    const { deadline } = soon(NEVER_MS);
    await transport.call(request('Unary', note(''), { deadline }));
    t.true(Math.abs(upstream.last().deadline! - deadline.at) < Date.now() - begunAt + 100);
    await transport.call(request('Unary', note('')));
    t.is(upstream.last().deadline, undefined);
    // Servers of grpc-js count in 32 bits, so a longer timeout would expire there at once. It is not sent.
    for (const [timeoutMs, isSent] of [
      [2 ** 31 - 60_000, true],
      [2 ** 31, false],
      [Number.MAX_SAFE_INTEGER - 2 * Date.now(), false],
    ] as const) {
      await transport.call(request('Unary', note(''), soon(timeoutMs)));
      t.is(upstream.last().deadline !== undefined, isSent, String(timeoutMs));
    }
  });

  test(title('when the deadline passes the call fails at once and the upstream sees it cancelled'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    // The connection is made before the clock runs: on a busy machine that alone takes longer than the deadline.
    await transport.call(request('Unary', note('')));
    upstream.script('Unary', { hang: true });
    const begun = Date.now();
    const error = await failure(t, transport.call(request('Unary', note(''), soon(2000))));
    t.is(error.code, Code.DEADLINE_EXCEEDED);
    t.is(error.httpStatus, 504);
    t.true(Date.now() - begun < HANG_MS);
    t.false(error.message.includes('127.0.0.1'));
    t.is(upstream.calls.length, 2);
    await upstream.last().whenCancelled;
  });

  for (const begins of [false, true]) {
    const when = begins ? 'after headers' : 'at once';
    test(
      title(`an upstream whose clock passes the deadline first, and resets with CANCEL ${when}, is a 504`),
      async (t) => {
        const target = await rawHttp2(t, (stream, headers) => {
          const timeout = headers['grpc-timeout'];
          if (timeout === undefined) return respond(stream, GRPC, frame(Buffer.alloc(0)), OK_TRAILERS);
          if (begins) stream.respond(GRPC);
          // Node resets the stream with CANCEL here; `close` would first end what the stream sends.
          addAbortSignal(AbortSignal.timeout(nearlyPassedMs(timeout)), stream);
        });
        const transport = open(t, target);
        await transport.call(request('Unary', new Uint8Array()));
        const error = await failure(t, transport.call(request('Unary', new Uint8Array(), soon(300))));
        t.deepEqual([error.code, error.httpStatus], [Code.DEADLINE_EXCEEDED, 504], String(error.cause));
      },
    );
  }

  for (const status of [Code.DEADLINE_EXCEEDED, Code.CANCELLED])
    test(
      title(
        `an upstream whose clock passes the deadline first, and says ${Code[status]}, tells of whose deadline it was`,
      ),
      async (t) => {
        const target = await rawHttp2(t, (stream, headers) => {
          const timeout = headers['grpc-timeout'];
          if (timeout === undefined) return respond(stream, GRPC, frame(Buffer.alloc(0)), OK_TRAILERS);
          const answer = () => {
            if (!stream.destroyed) stream.respond({ ...GRPC, 'grpc-status': String(status) }, { endStream: true });
          };
          setTimeout(answer, nearlyPassedMs(timeout));
        });
        const transport = open(t, target);
        await transport.call(request('Unary', new Uint8Array()));
        const error = await failure(t, transport.call(request('Unary', new Uint8Array(), soon(300, 'client'))));
        t.true(error instanceof DeadlineExceeded, String(error));
        t.is((error as DeadlineExceeded).owner, 'client');
      },
    );

  test(title('a deadline that has passed makes no call'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    const error = await failure(t, transport.call(request('Unary', note(''), soon(-1))));
    t.is(error.code, Code.DEADLINE_EXCEEDED);
    t.is(upstream.calls.length, 0);
  });

  for (const owner of ['client', 'route', 'step'] as const)
    test(
      title(`a deadline that passes is told as that of the ${owner}, also one that has passed already`),
      async (t) => {
        const { upstream, transport, note } = await bench(t);
        await transport.call(request('Unary', note('')));
        upstream.script('Unary', { hang: true });
        for (const ms of [200, -1]) {
          const error = await failure(t, transport.call(request('Unary', note(''), soon(ms, owner))));
          t.true(error instanceof DeadlineExceeded, String(error));
          t.is((error as DeadlineExceeded).owner, owner);
        }
      },
    );

  test(title('a client that leaves cancels the call'), async (t) => {
    const { upstream, transport, note } = await bench(t, { Unary: { hang: true } });
    const client = new AbortController();
    const pending = transport.call(request('Unary', note(''), { signal: client.signal }));
    await until(() => upstream.calls.length === 1);
    client.abort();
    const error = await failure(t, pending);
    t.is(error.code, Code.CANCELLED);
    t.is(error.httpStatus, 499);
    await upstream.last().whenCancelled;
    const late = await failure(t, transport.call(request('Unary', note(''), { signal: client.signal })));
    t.is(late.code, Code.CANCELLED);
    t.is(upstream.calls.length, 1);
  });

  test(title('a client that leaves while the connection is made cancels too'), async (t) => {
    const silent = await listen(t, () => {});
    const transport = open(t, silent);
    const client = new AbortController();
    const pending = transport.call(request('Unary', new Uint8Array(), { signal: client.signal }));
    await sleep(20);
    client.abort();
    t.is((await failure(t, pending)).code, Code.CANCELLED);
  });

  // Streams

  test(title('a server stream gives its messages in order, then ends'), async (t) => {
    const { transport, note, text } = await bench(t, {
      Down: { headers: { 'x-h': '1' }, messages: [{ text: 'a' }, {}, { text: 'c' }] },
    });
    const answer = await transport.call(request('Down', note('')));
    t.deepEqual(plain(answer.headers), [['x-h', '1']]);
    t.deepEqual((await all(answer)).map(text), ['a', '', 'c']);
  });

  test(title('a server stream without messages is empty'), async (t) => {
    const { transport, note } = await bench(t);
    t.deepEqual(await all(await transport.call(request('Down', note('')))), []);
  });

  test(
    title('a server stream that fails before its first message fails in one of two places, after it in the iterator'),
    async (t) => {
      const status = { code: 7, message: 'no' };
      const { upstream, transport, note } = await bench(t, { Down: { status } });
      const early = await failure(t, transport.call(request('Down', note(''))).then(all));
      t.deepEqual([early.code, early.message], [Code.PERMISSION_DENIED, 'no']);
      upstream.script('Down', { messages: [{ text: 'first' }], status });
      const iterator = iteratorOf(await transport.call(request('Down', note(''))));
      t.false((await iterator.next()).done);
      const late = await failure(t, iterator.next());
      t.deepEqual([late.code, late.message], [Code.PERMISSION_DENIED, 'no']);
      t.is(await failure(t, iterator.next()), late, 'and stays failed');
    },
  );

  test(title('a consumer that stops reading cancels the stream'), async (t) => {
    const { upstream, transport, note } = await bench(t, {
      Down: { messages: [{ text: 'a' }, { text: 'b' }], hang: true },
    });
    const answer = await transport.call(request('Down', note('')));
    for await (const _ of answer.message as AsyncIterable<Uint8Array>) break;
    await upstream.last().whenCancelled;
    t.pass();
  });

  test(title('a slow consumer holds a server stream back'), async (t) => {
    let written = 0;
    const endless = async function* () {
      for (;;) {
        written++;
        yield { blob: Buffer.alloc(16 * 1024) };
      }
    };
    const { transport, note } = await bench(t, { Down: { messages: endless() } });
    const iterator = iteratorOf(await transport.call(request('Down', note(''))));
    await iterator.next();
    await settled(() => written);
    const held = written;
    t.true(held < 200, `${held} messages of 16 KiB were written for one that was read`);
    for (let i = 0; i < held; i++) await iterator.next();
    await until(() => written > held);
    await iterator.return?.();
  });

  test(title('a client stream sends its messages in order and gets one answer'), async (t) => {
    const { upstream, transport, note, text } = await bench(t, {
      Up: async (call) => {
        await call.whenHalfClosed;
        return { message: { text: `${call.requests.length} notes` } };
      },
    });
    const source = async function* () {
      for (const word of ['a', '', 'c']) yield note(word);
    };
    const answer = await transport.call(request('Up', source()));
    t.is(text(answer.message), '3 notes');
    t.deepEqual(upstream.last().requests, [{ text: 'a' }, {}, { text: 'c' }]);
  });

  test(title('a client stream without messages is half-closed and answered'), async (t) => {
    const { upstream, transport, text } = await bench(t, { Up: { message: { text: 'none' } } });
    const answer = await transport.call(request('Up', (async function* () {})()));
    t.is(text(answer.message), 'none');
    t.deepEqual(upstream.last().requests, []);
  });

  test(title('a client stream whose source fails is cancelled, and the failure passes unchanged'), async (t) => {
    const { upstream, transport, note } = await bench(t, { Up: { hang: true } });
    const wrong = new StatusError(Code.INVALID_ARGUMENT, 'lines[2].qty: expected int32');
    const source = async function* () {
      yield note('a');
      await until(() => upstream.calls[0]?.requestBytes.length === 1);
      throw wrong;
    };
    t.is(await failure(t, transport.call(request('Up', source()))), wrong);
    await upstream.last().whenCancelled;
  });

  test(title('a client stream that the upstream answers early stops asking its source'), async (t) => {
    let stopped = false;
    const { transport, note } = await bench(t, { Up: { status: { code: 8, message: 'enough' } } });
    const source = async function* () {
      try {
        for (;;) {
          yield note('more');
          await sleep(1);
        }
      } finally {
        stopped = true;
      }
    };
    const error = await failure(t, transport.call(request('Up', source())));
    t.deepEqual([error.code, error.message], [Code.RESOURCE_EXHAUSTED, 'enough']);
    await until(() => stopped);
  });

  test(title('an upstream that does not read holds a client stream back'), async (t) => {
    const deaf = await rawHttp2(t, () => {}, { settings: { initialWindowSize: 65_535 } });
    let asked = 0;
    const client = new AbortController();
    const source = async function* () {
      for (;;) {
        asked++;
        yield new Uint8Array(16 * 1024);
      }
    };
    const pending = open(t, deaf).call(request('Up', source(), { signal: client.signal }));
    await settled(() => asked);
    t.true(asked < 64, `${asked} messages of 16 KiB were asked for, none was read`);
    client.abort();
    t.is((await failure(t, pending)).code, Code.CANCELLED);
  });

  test(title('a bidi stream answers while it is asked'), async (t) => {
    const { transport, note, text } = await bench(t, {
      Both: (call) => ({
        messages: (async function* () {
          for (let seen = 0; seen < 3; seen++) {
            await until(() => call.requestBytes.length > seen);
            yield call.requests[seen]!;
          }
        })(),
      }),
    });
    const heard: string[] = [];
    const source = async function* () {
      for (const word of ['a', 'b', 'c']) {
        yield note(word);
        await until(() => heard.includes(word));
      }
    };
    const answer = await transport.call(request('Both', source()));
    for await (const message of answer.message as AsyncIterable<Uint8Array>) heard.push(text(message));
    t.deepEqual(heard, ['a', 'b', 'c']);
  });

  test(title('a deadline ends a stream in its iterator'), async (t) => {
    const clock = handClock();
    const { upstream, transport, note } = await bench(t, { Down: { messages: [{}], hang: true } }, { clock });
    const deadline = { at: clock.now() + HOUR_MS, owner: 'route' } as const;
    const answer = await transport.call(request('Down', note(''), { deadline }));
    const failed = failure(t, all(answer));
    clock.advance(HOUR_MS);
    const error = await failed;
    t.is(error.code, Code.DEADLINE_EXCEEDED);
    await upstream.last().whenCancelled;
  });

  // Limits and compression

  test(title('an answer over the limit is a 502, and the same size passes'), async (t) => {
    const { upstream, transport, note } = await bench(t, {}, { maxResponseBytes: 1000 });
    upstream.script('Unary', { message: Buffer.alloc(1000) });
    t.is(((await transport.call(request('Unary', note('')))).message as Uint8Array).length, 1000);
    upstream.script('Unary', { message: Buffer.alloc(1001) });
    t.is((await failure(t, transport.call(request('Unary', note(''))))).httpStatus, 502);
    upstream.script('Down', { messages: [Buffer.alloc(10), Buffer.alloc(1001)] });
    const error = await failure(t, transport.call(request('Down', note(''))).then(all));
    t.is(error.httpStatus, 502);
    t.regex(error.message, /larger than 1000 bytes/);
  });

  test(title("an upstream's own RESOURCE_EXHAUSTED stays a 429, whatever it says"), async (t) => {
    const { transport, note } = await bench(t, {
      Unary: { status: { code: 8, message: 'Received message larger than max (9 vs 4)' } },
    });
    t.is((await failure(t, transport.call(request('Unary', note(''))))).httpStatus, 429);
  });

  test(title('gzip answers are read; a bomb is a 502'), async (t) => {
    for (const [size, expected] of [
      [1000, 'passes'],
      [50 * 1024 * 1024, 'refused'],
    ] as const) {
      const zipped = frame(gzipSync(Buffer.alloc(size)), 1);
      const target = await rawHttp2(t, (stream) => {
        stream.respond({ ...GRPC, 'grpc-encoding': 'gzip' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(zipped);
      });
      const pending = open(t, target).call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
      if (expected === 'passes') t.is(((await pending).message as Uint8Array).length, size);
      else t.is((await failure(t, pending)).httpStatus, 502);
    }
  });

  // Hostile and broken upstreams: each call gets a clean error before the deadline, and the process goes on.

  const OK_TRAILERS = { 'grpc-status': '0' };
  const hostile: readonly [what: string, httpStatus: number, answer: (stream: http2.ServerHttp2Stream) => void][] = [
    ['ends without a status', 502, (stream) => stream.respond(GRPC, { endStream: true })],
    ['sends a message and no trailers', 502, (stream) => respond(stream, GRPC, frame(Buffer.from('x')))],
    ['says OK without a message', 502, (stream) => stream.respond({ ...GRPC, ...OK_TRAILERS }, { endStream: true })],
    [
      'sends two messages for one',
      502,
      (stream) => respond(stream, GRPC, Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('b'))]), OK_TRAILERS),
    ],
    [
      'says a longer length than it sends',
      502,
      (stream) => respond(stream, GRPC, frame(Buffer.from('abc')).subarray(0, 6), OK_TRAILERS),
    ],
    [
      'says a length of 4 GiB',
      502,
      (stream) => respond(stream, GRPC, Buffer.from([0, 255, 255, 255, 255, 1]), OK_TRAILERS),
    ],
    [
      'marks a message compressed without saying how',
      502,
      (stream) => respond(stream, GRPC, frame(Buffer.from('abc'), 1), OK_TRAILERS),
    ],
    [
      'compresses with what nobody knows',
      502,
      (stream) => respond(stream, { ...GRPC, 'grpc-encoding': 'zip' }, frame(Buffer.from('abc'), 1), OK_TRAILERS),
    ],
    [
      'sends gzip that is none',
      502,
      (stream) => respond(stream, { ...GRPC, 'grpc-encoding': 'gzip' }, frame(Buffer.from('abc'), 1), OK_TRAILERS),
    ],
    [
      'answers with an HTML page',
      502,
      (stream) =>
        respond(
          stream,
          { ':status': 200, 'content-type': 'text/html' },
          Buffer.from('<html><body>welcome</body></html>'),
        ),
    ],
    [
      'answers with HTTP 404',
      502,
      (stream) => respond(stream, { ':status': 404, 'content-type': 'text/html' }, Buffer.from('<html></html>')),
    ],
    ['answers with HTTP 401', 502, (stream) => stream.respond({ ':status': 401 }, { endStream: true })],
    ['answers with HTTP 503', 503, (stream) => stream.respond({ ':status': 503 }, { endStream: true })],
    [
      'answers with HTTP 503 and a status of gRPC',
      429,
      (stream) => stream.respond({ ...GRPC, ':status': 503, 'grpc-status': '8' }, { endStream: true }),
    ],
    [
      'says a status that is no number',
      500,
      (stream) => stream.respond({ ...GRPC, 'grpc-status': 'abc' }, { endStream: true }),
    ],
    [
      'says a status of the future',
      500,
      (stream) => stream.respond({ ...GRPC, 'grpc-status': '99' }, { endStream: true }),
    ],
    ...['', '1e0', '0x5', '+0', '5 6', '-1', '000000'].flatMap((text): typeof hostile => [
      [
        `says the status ${JSON.stringify(text)}`,
        500,
        (stream) => stream.respond({ ...GRPC, 'grpc-status': text }, { endStream: true }),
      ],
      [
        `says the status ${JSON.stringify(text)} after a message`,
        500,
        (stream) => respond(stream, GRPC, frame(Buffer.from('hi')), { 'grpc-status': text }),
      ],
    ]),
    ...[2, 128, 255].map((flag): (typeof hostile)[number] => [
      `sends a message with the flag ${flag}`,
      502,
      (stream) => respond(stream, GRPC, Buffer.from([flag, 0, 0, 0, 1, 7]), OK_TRAILERS),
    ]),
    ...([3, 5, 9, 15] as const).map((length): (typeof hostile)[number] => [
      `sends ${length} bytes of a message, and then status 0`,
      502,
      (stream) => respond(stream, GRPC, frame(Buffer.alloc(11)).subarray(0, length), OK_TRAILERS),
    ]),
    [
      'sends a message and 3 bytes of another, and then status 0',
      502,
      (stream) => respond(stream, GRPC, Buffer.concat([frame(Buffer.from('hi')), Buffer.alloc(3)]), OK_TRAILERS),
    ],
    ...['application/grpc-web', 'application/grpc-web+proto', 'application/grpcx', 'text/plain'].map(
      (type): (typeof hostile)[number] => [
        `answers with ${type}`,
        502,
        (stream) => respond(stream, { ...GRPC, 'content-type': type }, frame(Buffer.from('hi')), OK_TRAILERS),
      ],
    ),
    ['resets with INTERNAL_ERROR', 502, (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)],
    ['resets with CANCEL', 502, (stream) => stream.close(http2.constants.NGHTTP2_CANCEL)],
    [
      'resets after headers',
      502,
      (stream) => {
        stream.respond(GRPC);
        setTimeout(() => stream.close(http2.constants.NGHTTP2_PROTOCOL_ERROR), 10);
      },
    ],
    ['refuses every stream', 503, (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)],
    ['asks for calm', 503, (stream) => stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)],
    [
      'says GOAWAY and hangs up',
      503,
      (stream) => stream.session?.destroy(undefined, http2.constants.NGHTTP2_INTERNAL_ERROR),
    ],
    [
      'hangs up in the middle of a message',
      503,
      (stream) => {
        stream.respond(GRPC);
        stream.write(frame(Buffer.alloc(100)).subarray(0, 50));
        setTimeout(() => stream.session?.destroy(), 20);
      },
    ],
    ['says nothing', 504, () => {}],
    [
      'sends 100 MB',
      502,
      (stream) => {
        stream.on('error', () => {});
        respond(stream, GRPC, frame(Buffer.alloc(100 * 1024 * 1024)), OK_TRAILERS);
      },
    ],
  ];
  for (const [what, httpStatus, answer] of hostile) {
    test(title(`an upstream that ${what} is a ${httpStatus}`), async (t) => {
      const target = await rawHttp2(t, answer);
      const transport = open(t, target);
      const deadline = soon(httpStatus === 504 ? 500 : NEVER_MS);
      const error = await failure(t, transport.call(request('Unary', new Uint8Array(), deadline)));
      t.is(error.httpStatus, httpStatus, String(error.cause));
      t.is(error.source, 'upstream');
      t.notRegex(error.message, /127\.0\.0\.1|RST_STREAM|grpc-js|<html>/);
    });
  }

  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8'])
    test(title(`an answer of the content type ${type} is one`), async (t) => {
      const target = await rawHttp2(t, (stream) =>
        respond(stream, { ...GRPC, 'content-type': type }, frame(Buffer.from('hi')), OK_TRAILERS),
      );
      const { message } = await open(t, target).call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
      t.is(Buffer.from(message as Uint8Array).toString(), 'hi');
    });

  for (const [what, bytes] of [
    ['the flag 2', [2, 0, 0, 0, 1, 7]],
    ['half a message', [0, 0, 0, 0, 9, 7]],
  ] as const)
    test(title(`a stream that goes on with ${what} breaks off behind its good messages`), async (t) => {
      const target = await rawHttp2(t, (stream) => {
        const good = ['a', 'b', 'c'].map((text) => frame(Buffer.from(text)));
        respond(stream, GRPC, Buffer.concat([...good, Buffer.from(bytes)]), OK_TRAILERS);
      });
      const iterator = iteratorOf(await open(t, target).call(request('Down', new Uint8Array(), soon(NEVER_MS))));
      const error = await failure(
        t,
        (async () => {
          for (let count = 0; (await iterator.next()).done !== true; count++) t.true(count < 3);
        })(),
      );
      t.is(error.httpStatus, 502);
    });

  const cut: readonly [what: string, cut: (stream: http2.ServerHttp2Stream) => void][] = [
    ['without trailers', (stream) => stream.end()],
    ['with trailers that have no status', (stream) => trail(stream, { 'x-t': '1' })],
    ['by a reset without an error', (stream) => stream.close(http2.constants.NGHTTP2_NO_ERROR)],
    ['by a reset', (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)],
    ['with its connection', (stream) => stream.session?.destroy()],
    [
      'in a message',
      (stream) => {
        stream.write(frame(Buffer.alloc(9)).subarray(0, 9));
        trail(stream, OK_TRAILERS);
      },
    ],
  ];
  for (const [how, end] of cut) {
    test(title(`a server stream that ends ${how} is no stream that ended well`), async (t) => {
      const target = await rawHttp2(t, (stream) => {
        stream.respond(GRPC, { waitForTrailers: true });
        stream.write(frame(Buffer.from('a')));
        stream.write(frame(Buffer.from('b')), () => setTimeout(() => end(stream), 20));
      });
      const error = await failure(
        t,
        open(t, target)
          .call(request('Down', new Uint8Array(), soon(NEVER_MS)))
          .then(all),
      );
      t.true([502, 503].includes(error.httpStatus), `${error.httpStatus} ${error.cause}`);
    });
  }

  test(
    title('a slow consumer never gets a part of a stream, whose connection is lost behind its end, as all of it'),
    async (t) => {
      const sockets: Socket[] = [];
      let isOver = false;
      const server = http2.createServer();
      server.on('connection', (socket) => sockets.push(socket));
      server.on('stream', (stream) => {
        stream.on('close', () => {
          isOver = true;
        });
        stream.respond(GRPC, { waitForTrailers: true });
        let left = 30;
        const next = () => {
          if (left-- > 0) stream.write(frame(Buffer.alloc(1000)), () => setImmediate(next));
          else trail(stream, OK_TRAILERS);
        };
        next();
      });
      t.teardown(() => server.close());
      const transport = open(t, await opened(server));
      const iterator = iteratorOf(await transport.call(request('Down', new Uint8Array())));
      await iterator.next();
      await until(() => isOver);
      for (const socket of sockets) socket.end();
      await until(() => transport.state() !== 'ready');
      await sleep(20);
      let count = 1;
      try {
        while ((await iterator.next()).done !== true) count++;
        t.is(count, 30);
      } catch (error) {
        t.is((error as StatusError).httpStatus, 503, 'grpc-js takes nothing that the connection still held');
      }
    },
  );

  const SILENT = 'never says a word';
  const broken: readonly [what: string, answer: (socket: Socket) => void][] = [
    ['hangs up on connecting', (socket) => socket.destroy()],
    ['resets on connecting', (socket) => socket.resetAndDestroy()],
    ['speaks HTTP/1.1', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
    ['sends noise', (socket) => socket.write(Buffer.alloc(10_000, 0xa5))],
    [
      'sends SETTINGS, then a frame of 16 MB',
      (socket) =>
        socket.write(
          Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
        ),
    ],
    [SILENT, () => {}],
  ];
  for (const [what, answer] of broken) {
    test(title(`a socket that ${what} gives 502 to 504 within the deadline`), async (t) => {
      const transport = open(t, await listen(t, answer));
      const begun = Date.now();
      const deadline = soon(what === SILENT ? 500 : NEVER_MS);
      const error = await failure(t, transport.call(request('Unary', new Uint8Array(), deadline)));
      t.true([502, 503, 504].includes(error.httpStatus), `${error.httpStatus} ${error.cause}`);
      t.notRegex(error.message, /127\.0\.0\.1|ECONN/);
      t.true(Date.now() - begun < HANG_MS);
    });
  }

  // Connections

  test(title('nobody at the address is a 503, the address is only in the cause'), async (t) => {
    const { upstream, transport, note } = await bench(t);
    await transport.call(request('Unary', note('')));
    const away = open(t, '127.0.0.1:1');
    const error = await failure(t, away.call(request('Unary', note(''))));
    t.is(error.code, Code.UNAVAILABLE);
    t.is(error.httpStatus, 503);
    t.notRegex(error.message, /127\.0\.0\.1|ECONN/);
    t.regex(String(error.cause), /ECONNREFUSED/);
    t.is(away.state(), 'failing');
    t.is(upstream.calls.length, 1);
  });

  test(title('a name that does not resolve is a 503'), async (t) => {
    const error = await failure(
      t,
      open(t, 'dns:///no-such-host.invalid:1').call(request('Unary', new Uint8Array(), soon(5000))),
    );
    t.true([503, 504].includes(error.httpStatus));
    t.notRegex(error.message, /invalid/);
  });

  test(title('a connection that breaks fails its calls and is made anew'), async (t) => {
    const { upstream, transport, note } = await bench(t, { Unary: { hang: true } });
    const pending = transport.call(request('Unary', note('')));
    await until(() => upstream.calls.length === 1);
    upstream.cut();
    t.is((await failure(t, pending)).httpStatus, 503);
    upstream.script('Unary', { message: { text: 'again' } });
    await until(async () => {
      try {
        await transport.call(request('Unary', note('')));
        return true;
      } catch {
        return false;
      }
    });
    t.is(upstream.connections().total, 2);
  });

  test(title('an upstream that comes back is found again'), async (t) => {
    const first = await startUpstream(PROTO);
    const transport = open(t, first.target);
    await transport.call(request('Unary', new Uint8Array()));
    first.cut();
    await first.close();
    t.is((await failure(t, transport.call(request('Unary', new Uint8Array(), soon(NEVER_MS))))).httpStatus, 503);
    const second = await startUpstream(PROTO, {}, { port: first.port });
    t.teardown(second.close);
    await until(() =>
      transport.call(request('Unary', new Uint8Array())).then(
        () => true,
        () => false,
      ),
    );
    await transport.close(0);
    t.pass();
  });

  const inGoodOrder = title('an upstream that goes away in good order, again and again under load, loses no call');
  if (known.losesCallsOnGoaway !== true)
    test(inGoodOrder, async (t) => {
      const seen = new Map<http2.Http2Session, number>();
      const target = await rawHttp2(t, (stream) => {
        const { session } = stream;
        if (session === undefined) return;
        const count = (seen.get(session) ?? 0) + 1;
        seen.set(session, count);
        if (count === 50) session.close();
        stream.on('error', () => {});
        setTimeout(() => stream.destroyed || respond(stream, GRPC, frame(Buffer.from('x')), OK_TRAILERS), count % 5);
      });
      const transport = open(t, target);
      let left = 1000;
      const worker = async () => {
        while (left-- > 0) await transport.call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      t.true(seen.size >= 10, `${seen.size} connections`);
    });

  test(title('dns: and unix: targets work'), async (t) => {
    const { upstream, note } = await bench(t);
    await open(t, `dns:///127.0.0.1:${upstream.port}`).call(request('Unary', note('dns')));
    await open(t, `dns:///localhost:${upstream.port}`).call(request('Unary', note('name')));
    t.is(upstream.calls.length, 2);
    const path = join(mkdtempSync(join(tmpdir(), 'protogate-')), 's.sock');
    const target = await rawHttp2(
      t,
      (stream) => respond(stream, GRPC, frame(Buffer.from('hi')), OK_TRAILERS),
      {},
      path,
    );
    const answer = await open(t, target).call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
    t.is(Buffer.from(answer.message as Uint8Array).toString(), 'hi');
  });

  test(title("the environment's HTTP proxy is not asked"), async (t) => {
    const proxy = await listen(t, () => t.fail('the proxy was asked'));
    const { transport, note } = await bench(t);
    process.env.http_proxy = `http://${proxy}`;
    process.env.grpc_proxy = `http://${proxy}`;
    t.teardown(() => {
      delete process.env.http_proxy;
      delete process.env.grpc_proxy;
    });
    await transport.call(request('Unary', note('')));
    t.pass();
  });

  // Dead connections

  for (const ageS of [0, 200, 325])
    for (const [count, many] of [
      ['one call', 1],
      ['many calls', 20],
    ] as const)
      test(title(`after ${count} without a byte on a connection of ${ageS} s, calls go over another`), async (t) => {
        const { proxy, clock, call } = await behindProxy(t);
        await call(HOUR_MS);
        await pass(clock, ageS * 1000, 5000);
        await proxy.freeze();
        const silent = Array.from({ length: many }, () => failure(t, call(1000)));
        await sleep(50);
        clock.advance(1000);
        for (const error of await Promise.all(silent)) t.is(error.httpStatus, 504);
        await call(HOUR_MS);
        t.is(proxy.connections().total, 2);
      });

  test(title('the same where a call had timed out before, whose upstream lived'), async (t) => {
    const { upstream, proxy, clock, call } = await behindProxy(t);
    await call(HOUR_MS);
    upstream.script('Unary', { hang: true });
    const slow = failure(t, call(1000));
    await until(() => upstream.calls.length === 2);
    clock.advance(1000);
    t.is((await slow).httpStatus, 504);
    upstream.script('Unary', { message: {} });
    await call(HOUR_MS);
    const before = proxy.connections().total;
    await pass(clock, 2000);
    await proxy.freeze();
    const silent = failure(t, call(1000));
    await sleep(50);
    clock.advance(1000);
    t.is((await silent).httpStatus, 504);
    await call(HOUR_MS);
    t.is(proxy.connections().total, before + 1);
  });

  test(title('the same where the connection froze while it was made'), async (t) => {
    const { proxy, clock, call } = await behindProxy(t);
    proxy.freezeNext();
    const silent = failure(t, call(1000));
    await until(() => proxy.connections().open === 1);
    clock.advance(1000);
    t.is((await silent).httpStatus, 504);
    await call(HOUR_MS);
    t.is(proxy.connections().total, 2);
  });

  test(title('the same over TLS'), async (t) => {
    const { ca, server } = certificates();
    const pairs = [{ cert_chain: server.cert, private_key: server.key }];
    const tls = { ca, serverName: 'upstream.test' };
    const { proxy, clock, call } = await behindProxy(
      t,
      { tls },
      { credentials: ServerCredentials.createSsl(null, pairs) },
    );
    await call(HOUR_MS);
    await proxy.freeze();
    const silent = failure(t, call(1000));
    await sleep(50);
    clock.advance(1000);
    t.is((await silent).httpStatus, 504);
    await call(HOUR_MS);
    t.is(proxy.connections().total, 2);
  });

  test(
    title('calls that are answered keep their connection, however many others run out of time beside them'),
    async (t) => {
      const { upstream, proxy, clock, call } = await behindProxy(t);
      await call(HOUR_MS);
      upstream.script('Unary', ({ requestBytes: [bytes] }) => (bytes!.length === 0 ? { message: {} } : { hang: true }));
      for (let i = 0; i < 5; i++) {
        const seen = upstream.calls.length;
        // grpc-js counts the deadline on the machine's clock too, where it must not pass before the other call is answered.
        const slow = failure(t, call(20_000, Buffer.from([0x18, 1])));
        await until(() => upstream.calls.length === seen + 1);
        await call(HOUR_MS);
        await pass(clock, 20_000);
        t.is((await slow).httpStatus, 504);
      }
      t.is(proxy.connections().total, 1);
    },
  );

  // TLS

  test(title('TLS: the certificate is checked against the given CA and name'), async (t) => {
    const { ca, server, otherCa } = certificates();
    const options = {
      credentials: ServerCredentials.createSsl(null, [{ cert_chain: server.cert, private_key: server.key }]),
    };
    const { upstream, transport } = await bench(t, {}, { tls: { ca, serverName: 'upstream.test' } }, options);
    await transport.call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
    t.is(upstream.calls.length, 1);
    for (const [what, tls] of [
      ['an unknown CA', { ca: otherCa, serverName: 'upstream.test' }],
      ['another name', { ca, serverName: 'elsewhere.test' }],
      ["the system's CAs", { serverName: 'upstream.test' }],
    ] as const) {
      const error = await failure(
        t,
        open(t, upstream.target, { tls }).call(request('Unary', new Uint8Array(), soon(NEVER_MS))),
      );
      t.is(error.httpStatus, 503, what);
      t.notRegex(error.message, /certificate|altname/i);
    }
    const error = await failure(t, open(t, upstream.target).call(request('Unary', new Uint8Array(), soon(1000))));
    t.true(error.httpStatus >= 502, 'plaintext to a TLS port');
    t.is(upstream.calls.length, 1);
  });

  test(title('mTLS: the gateway shows its own certificate'), async (t) => {
    const { ca, server, client } = certificates();
    const pairs = [{ cert_chain: server.cert, private_key: server.key }];
    const options = { credentials: ServerCredentials.createSsl(ca, pairs, true) };
    const own = { ca, cert: client.cert, key: client.key, serverName: 'upstream.test' };
    const { upstream, transport } = await bench(t, {}, { tls: own }, options);
    await transport.call(request('Unary', new Uint8Array(), soon(NEVER_MS)));
    t.is(upstream.calls.length, 1);
    const bare = open(t, upstream.target, { tls: { ca, serverName: 'upstream.test' } });
    t.true((await failure(t, bare.call(request('Unary', new Uint8Array(), soon(2000))))).httpStatus >= 502);
    t.is(upstream.calls.length, 1);
  });

  // Close

  test(title('close lets running calls end, refuses new ones and leaves no connection'), async (t) => {
    const { upstream, transport, note, text } = await bench(t, { Unary: { delayMs: 200, message: { text: 'done' } } });
    const running = transport.call(request('Unary', note('')));
    await until(() => upstream.calls.length === 1);
    const closed = transport.close(5000);
    const refused = await failure(t, transport.call(request('Unary', note(''))));
    t.is(refused.httpStatus, 503);
    t.is(text((await running).message), 'done');
    await closed;
    t.is(transport.state(), 'closed');
    await until(() => upstream.connections().open === 0);
    await transport.close(0);
  });

  test(title('close cancels what runs longer than its grace'), async (t) => {
    const { upstream, transport, note } = await bench(t, { Unary: { hang: true } });
    const running = failure(t, transport.call(request('Unary', note(''))));
    await until(() => upstream.calls.length === 1);
    await transport.close(50);
    t.is((await running).httpStatus, 503);
    await upstream.last().whenCancelled;
  });

  test(title('close before any call is no work'), async (t) => {
    const { transport } = await bench(t);
    await transport.close(1000);
    t.is(transport.state(), 'closed');
  });
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };

function request(kind: Kind, message: Messages, more: Partial<CallRequest> = {}): CallRequest {
  return {
    method: {
      path: `/t.v1.Notes/${kind}`,
      clientStreaming: kind === 'Up' || kind === 'Both',
      serverStreaming: kind === 'Down' || kind === 'Both',
    },
    message,
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'r1', clientAddress: '127.0.0.1' },
    ...more,
  };
}

function soon(ms: number, owner: DeadlineOwner = 'route'): { deadline: Deadline } {
  return { deadline: { at: Date.now() + ms, owner } };
}

/** Returns what a `grpc-timeout` in milliseconds leaves when 8 ms have passed, and at least 0. */
function nearlyPassedMs(timeout: unknown): number {
  return Math.max(0, Number.parseInt(String(timeout), 10) - 8);
}

/** Returns the StatusError with which `pending` must fail. */
async function failure(t: ExecutionContext, pending: Promise<unknown>): Promise<StatusError> {
  const error = await t.throwsAsync(pending, { instanceOf: StatusError });
  return error as StatusError;
}

function iteratorOf(answer: CallResponse): AsyncIterator<Uint8Array> {
  return (answer.message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
}

async function all(answer: CallResponse): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for await (const message of answer.message as AsyncIterable<Uint8Array>) messages.push(message);
  return messages;
}

function plain(metadata: CallResponse['headers']): unknown[] {
  return metadata.map(([key, value]) => [key, typeof value === 'string' ? value : Buffer.from(value)]);
}

/** Waits until a count has not changed for 150 ms. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    await sleep(150);
  }
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function respond(
  stream: http2.ServerHttp2Stream,
  headers: http2.OutgoingHttpHeaders,
  body: Uint8Array,
  trailers?: http2.OutgoingHttpHeaders,
): void {
  stream.respond(headers, { waitForTrailers: trailers !== undefined });
  if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

function trail(stream: http2.ServerHttp2Stream, trailers: http2.OutgoingHttpHeaders): void {
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}

/** Starts an HTTP/2 server that answers every stream with `answer`. Returns its target. */
async function rawHttp2(
  t: ExecutionContext,
  answer: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  options: http2.ServerOptions = {},
  path?: string,
): Promise<string> {
  const server = http2.createServer(options);
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(stream, headers);
  });
  t.teardown(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return opened(server, path);
}

/** Starts a TCP server that handles every connection with `answer`. Returns its target. */
async function listen(t: ExecutionContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return opened(server);
}

async function opened(server: Server | http2.Http2Server, path?: string): Promise<string> {
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  return path === undefined ? `127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`;
}
