/**
 * Starts a real gateway in front of a real upstream for a test, from the text of protos. Both are closed when the test
 * ends, and a connection that is still open then fails the test.
 *
 *     const { send, upstream } = await startGateway(t, LIBRARY, { GetShelf: { message: { name: 'shelves/1' } } });
 *     const { status, json } = await send('GET', '/v1/shelves/1');
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.js';
import type { ConfigInput } from '../../src/config/config.js';
import { applyOverrides } from '../../src/config/overrides.js';
import { parseConfig } from '../../src/config/parse.js';
import { type RunningGateway, type StartOptions, startGateway as start } from '../../src/gateway/gateway.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import { listenSettings } from '../../src/process/run-server.js';
import { type DrainSettings, drainListener, prepareDrain } from '../../src/server/listener/drain.js';
import { type Listener, listen } from '../../src/server/listener/listen.js';
import { createLog } from '../../src/telemetry/log.js';
import { assertNoSecret, keepCredentials, keepSettings } from './secrets.js';
import { type Handlers, startUpstream, type TestUpstream } from './upstream.js';

/** The part of ava's `t` that this module uses. */
export interface Teardown {
  teardown(task: () => void | Promise<void>): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined if it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly json: any;
}

export interface SendOptions {
  /** The body: an object is sent as JSON, text and bytes are sent as they are. */
  readonly body?: object | string | Uint8Array;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The client's TLS settings for an https gateway: the CA that it trusts, and its own certificate. */
  readonly tls?: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly upstream: TestUpstream;
  readonly plan: Plan;
  readonly gateway: RunningGateway;
  readonly drain: (settings: DrainSettings) => Promise<void>;
  /** Begins the grace of a drain: every answer ends its connection, and the port stays open. */
  readonly leave: () => void;
  /** True while the port is open. */
  readonly listening: () => boolean;
  /** The gateway's side of the open connections. */
  readonly connections: Listener['connections'];
  /** Returns the parsed lines of the log. */
  readonly logged: () => Record<string, unknown>[];
  /** Sends the target exactly as given: no client library changes its dots or escapes. */
  readonly send: (method: string, target: string, options?: SendOptions) => Promise<Answer>;
}

interface TestOptions extends StartOptions {
  readonly surface?: string;
  readonly drainClock?: Clock;
}

/** `surface` is the only surface that is served. `drainClock` is the clock of drains; the test moves it on after its own drain. */
export async function startGateway(
  t: Teardown,
  protos: string | Readonly<Record<string, string>>,
  handlers: Handlers = {},
  overrides: Partial<ConfigInput> = {},
  { surface, drainClock = systemClock, ...options }: TestOptions = {},
): Promise<TestGateway> {
  keepSettings(overrides);
  const folder = await protoFolder(t, protos);
  const upstream = await startUpstream(protos, handlers);
  t.teardown(upstream.close);
  const { config: common, diagnostics } = parseConfig({
    version: 1,
    schema: { protos: [folder] },
    upstreams: { test: { target: upstream.target, services: ['*'] } },
    ...overrides,
  });
  if (common === undefined) throw new Error(`test config: ${JSON.stringify(diagnostics)}`);
  const flags = { protos: [], imports: [], descriptorSets: [], upstreams: [] };
  const config = surface === undefined ? common : applyOverrides(common, { ...flags, surface }).config;
  const planned = await plan(config);
  const errors = planned.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(`test protos: ${JSON.stringify(errors)}`);

  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const gateway = start(planned, log, options);
  const settings = { ...listenSettings(config, log, gateway.metrics), host: '127.0.0.1', port: 0 };
  await gateway.prepared;
  const { clock = systemClock } = options;
  const listener = await listen(settings, gateway.callback(), clock);
  const prepared = prepareDrain(listener, drainClock);
  const drain = (settings: DrainSettings) => drainListener(listener, prepared, settings);
  t.teardown(async () => {
    // A drain first makes sure that no client waits at the port, for which it reads all connections of the machine.
    // A test that is about this calls `drain` itself.
    if (listener.server.listening) Server.prototype.close.call(listener.server);
    await prepared.finish(1000);
    await gateway.close();
    for (const line of lines) assertNoSecret(line, 'log');
    assertNoSecret(await gateway.metrics.registry.metrics(), 'metrics');
  });
  const { url } = listener;
  // Over TLS each request has a connection of its own: tests send different certificates.
  const agent = url.startsWith('http:') && new Agent({ keepAlive: true });
  if (agent) t.teardown(() => agent.destroy());
  return {
    url,
    port: Number(new URL(url).port),
    upstream,
    plan: planned,
    gateway,
    drain,
    leave: prepared.leave,
    listening: () => listener.server.listening,
    connections: listener.connections,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    send: (method, target, options) => sendTo(url, method, target, options, agent),
  };
}

/** Returns the plan for the protos, with the diagnostics that `check` would report. */
export async function planOf(
  t: Teardown,
  protos: string | Readonly<Record<string, string>>,
  overrides: Partial<ConfigInput> = {},
): Promise<Plan> {
  keepSettings(overrides);
  const folder = await protoFolder(t, protos);
  const { config, diagnostics } = parseConfig({ version: 1, schema: { protos: [folder] }, ...overrides });
  if (config === undefined) throw new Error(`test config: ${JSON.stringify(diagnostics)}`);
  return plan(config);
}

/** Makes a temporary import root with the given protos; a single text becomes `test.proto`. */
export async function protoFolder(t: Teardown, protos: string | Readonly<Record<string, string>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const files = typeof protos === 'string' ? { 'test.proto': protos } : protos;
  for (const [name, text] of Object.entries(files)) {
    if (name.includes('/')) mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(
      join(folder, name),
      text.includes('syntax =') || text.includes('edition =') ? text : `syntax = "proto3";\n${text}`,
    );
  }
  return folder;
}

/** Sends a request over a connection of its own, or over one of the agent. */
export function sendTo(
  url: string,
  method: string,
  target: string,
  options: SendOptions = {},
  agent: Agent | false = false,
): Promise<Answer> {
  const { hostname, port, protocol } = new URL(url);
  const { body } = options;
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const payload = raw ? body : JSON.stringify(body);
  const headers: Record<string, string | string[]> = { ...options.headers };
  keepCredentials(headers);
  if (payload !== undefined && headers['transfer-encoding'] === undefined)
    headers['content-length'] ??= String(Buffer.byteLength(payload));
  if (!raw) headers['content-type'] ??= 'application/json';
  return new Promise((resolve, reject) => {
    const start = protocol === 'https:' ? tlsRequest : request;
    const tls = { ...options.tls, servername: 'upstream.test' };
    const req = start({ host: hostname, port, method, path: target, headers, agent, ...tls }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: parsed(text) });
      });
    });
    req.on('error', reject);
    req.end(payload);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Lets all tests of a file share one gateway: everything that it opens is closed after the last test, in reverse order. */
export function afterAll(test: { after: { always(task: () => Promise<void>): void } }): Teardown {
  const tasks: (() => void | Promise<void>)[] = [];
  test.after.always(async () => {
    for (const task of tasks.reverse()) await task();
  });
  return { teardown: (task) => void tasks.push(task) };
}
