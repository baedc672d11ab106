/**
 * Opens streams for tests about the end of streams: a gateway on a clock that the test moves, in front of services that
 * send one message and then nothing, and a stream of every kind in every way of calling it.
 */
import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { type HandClock, handClock } from './clock.js';
import { protoFolder, startGateway } from './gateway.js';
import { startIssuer } from './issuer.js';
import { keepSecret } from './secrets.js';
import { turns } from './turns.js';
import { until } from './until.js';
import { type Handlers, type RecordedCall, startUpstream } from './upstream.js';
import { BYTE_WAYS, type Kind, type Running, WAYS, type Way } from './ways.js';

const HEAD = `package m.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Item { string name = 1; int32 n = 2; }
message Raw { string name = 1; google.api.HttpBody file = 2; }`;

const KINDS = `service Kinds {
  rpc Unary(Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:unary" body: "*" }; }
  rpc Server(Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:server" body: "*" }; }
  rpc Client(stream Item) returns (Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:client" body: "*" }; }
  rpc Bidi(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=cases/*}:bidi" body: "*" }; }
}`;

const BYTES = `service Bytes {
  rpc ServerBytes(Item) returns (stream google.api.HttpBody) { option (google.api.http) = { post: "/v1/{name=bytes/*}:server" body: "*" }; }
  rpc ClientBytes(stream Raw) returns (google.api.HttpBody) { option (google.api.http) = { post: "/v1/{name=bytes/*}:client" body: "file" }; }
  rpc BidiBytes(stream Raw) returns (stream google.api.HttpBody) { option (google.api.http) = { post: "/v1/{name=bytes/*}:bidi" body: "file" }; }
}`;

const LINE = { content_type: 'text/x-lines', data: Buffer.from('1\n') };

/** Each handler sends one message, if its method streams, and then nothing. */
const HANDLERS: Handlers = {
  Unary: { hang: true },
  Server: { messages: [{ n: 1 }], hang: true },
  Client: { hang: true },
  Bidi: { messages: [{ n: 1 }], hang: true },
  ServerBytes: { messages: [LINE], hang: true },
  ClientBytes: { hang: true },
  BidiBytes: { messages: [LINE], hang: true },
};

export const KEY = keepSecret('pg_known-key-known-key-known-key-known-key');
export const OTHER_KEY = keepSecret('pg_other-key-other-key-other-key-other-key');
export const entry = (key: string, rest: string) =>
  `  - { sha256: "${createHash('sha256').update(key).digest('hex')}", ${rest} }\n`;

interface Setup {
  readonly auth?: Partial<NonNullable<ConfigInput['auth']>>;
  readonly more?: Partial<ConfigInput>;
  readonly options?: StartOptions;
  /** The time at which the gateway's clock starts, in milliseconds since the epoch; now by default. */
  readonly startMs?: number;
}

const turn = turns(4);

export async function startStreams(
  t: ExecutionContext,
  { auth = {}, more = {}, options = {}, startMs = Date.now() }: Setup = {},
) {
  await turn(t);
  const issuer = await startIssuer(t, 'open');
  const folder = await protoFolder(t, {});
  const keyFile = join(folder, 'keys.yaml');
  const writeKeys = async (...entries: string[]) => {
    await writeFile(`${keyFile}.new`, `keys:\n${entries.join('')}`);
    await rename(`${keyFile}.new`, keyFile);
  };
  await writeKeys(entry(KEY, 'consumer: acme, scopes: [read]'), entry(OTHER_KEY, 'consumer: zeta'));
  const protos = {
    'kinds.proto': `${HEAD}${KINDS}`,
    'bytes.proto': `${HEAD.replaceAll(/message .*/g, 'import "kinds.proto";')}${BYTES}`,
  };
  const schema = { protos: [await protoFolder(t, protos)] };
  const upstream = await startUpstream(protos, HANDLERS);
  t.teardown(upstream.close);
  const { issuer: name, jwksUri } = issuer;
  const jwt = [
    { issuer: name, jwksUri, audiences: ['api'], from: [{ header: 'authorization' }, { cookie: 'session' }] },
  ];
  const config: ConfigInput = {
    version: 1,
    schema,
    upstreams: { test: { target: upstream.target, services: ['m.v1.*'] } },
    listen: { h2c: true },
    auth: { jwt, apiKeys: { file: keyFile }, ...auth },
    ...more,
  };
  const clock = handClock(startMs);
  const { version: _, ...overrides } = config;
  const gateway = await startGateway(t, {}, {}, overrides, { clock, ...options });
  const bearer = (claims: Readonly<Record<string, unknown>> = {}) => ({
    authorization: `Bearer ${issuer.sign({ sub: 'ada', exp: seconds(clock) + 120, ...claims })}`,
  });
  return { ...gateway, upstream, issuer, clock, config, writeKeys, bearer };
}

export type Started = Awaited<ReturnType<typeof startStreams>>;

export const seconds = (clock: HandClock) => Math.floor(clock.now() / 1000);

export interface Opened {
  readonly way: Way;
  readonly kind: Kind;
  readonly running: Running;
  readonly call: RecordedCall;
}

export const isStream = (kind: Kind) => kind !== 'unary';

/** Opens one stream of every kind in every way, each with its call. */
export async function openAll(
  { url, upstream }: Started,
  headers: Readonly<Record<string, string>>,
): Promise<Opened[]> {
  const opened: Opened[] = [];
  const rows = [
    ...WAYS.map((way) => ({ way, resource: 'cases' })),
    ...BYTE_WAYS.map((way) => ({ way, resource: 'bytes' })),
  ];
  for (const { way, resource } of rows) {
    for (const kind of way.kinds.filter(isStream)) {
      const before = upstream.calls.length;
      const running = await way.begin(url, `/v1/${resource}/1:${kind}`, headers);
      await until(() => upstream.calls.length > before, `the call of ${kind} over ${way.name}`);
      if (kind !== 'client') await until(() => running.heard() === 1, `the message of ${kind} over ${way.name}`);
      opened.push({ way, kind, running, call: upstream.last() });
    }
  }
  return opened;
}

/**
 * Checks that each stream has ended with `code`, that its call is cancelled, and that no later message of the client
 * arrives.
 */
export async function ended(
  t: ExecutionContext,
  { clock }: Started,
  opened: readonly Opened[],
  code: number,
): Promise<void> {
  await until(() => opened.every(({ call }) => call.cancelled), 'the end of all calls');
  const arrived = opened.map(({ call }) => call.requestBytes.length);
  for (const { kind, running } of opened) if (kind !== 'server') running.say(9);
  let waiting = true;
  const outcomes = Promise.all(opened.map(({ running }) => running.outcome()));
  outcomes.finally(() => {
    waiting = false;
  });
  // The clock runs on, because a client may still send some bytes after its answer, and the gateway waits for these.
  for (; waiting; await sleep(10)) clock.advance(100);
  for (const [index, { messages, end }] of (await outcomes).entries()) {
    const { way, kind, call } = opened[index]!;
    const what = `${kind} over ${way.name}`;
    t.is(end, kind !== 'client' && way.cannotTell ? 'cut' : code, what);
    t.is(messages.length, kind === 'client' ? 0 : 1, what);
    t.is(call.requestBytes.length, arrived[index]!, what);
  }
}

/** Moves the clock by one second at a time until `isSo` is true. Resolves to the number of seconds. */
export async function secondsUntil({ clock }: Started, isSo: () => boolean): Promise<number> {
  for (let passed = 0; ; passed++) {
    for (let turn = 0; turn < 20 && !isSo(); turn++) await sleep(5);
    if (isSo()) return passed;
    if (passed > 60) throw new Error('nothing ends within a minute');
    clock.advance(1000);
  }
}

/** Checks that no stream has ended some seconds later, and that another message arrives. */
export async function goesOn(t: ExecutionContext, { clock }: Started, opened: readonly Opened[], n = 2): Promise<void> {
  for (let i = 0; i < 3; i++) {
    clock.advance(1000);
    await sleep(10);
  }
  for (const { way, kind, running, call } of opened) {
    t.false(call.cancelled, `${kind} over ${way.name}`);
    if (kind === 'server') continue;
    const before = call.requestBytes.length;
    running.say(n);
    await until(() => call.requestBytes.length > before, `another message of ${kind} over ${way.name}`);
  }
}

export async function leaveAll({ gateway, clock }: Started, opened: readonly Opened[]): Promise<void> {
  for (const { running } of opened) running.leave();
  // The clock runs on, because the gateway waits for bytes that an answered client still sends.
  const isOver = () => {
    clock.advance(100);
    return gateway.snapshots.inFlight === 0;
  };
  await until(isOver, 'the end of all streams');
}
