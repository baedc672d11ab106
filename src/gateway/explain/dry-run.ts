/**
 * This module runs one request through the same code as a served request. What lies outside of this process is replaced by
 * recorders: no upstream is called, nothing is counted or stored, and no signature is checked.
 */

import { type Authorize, compileDemands } from '../../aggregate/step-demands.js';
import type { Clock } from '../../base/clock.js';
import { atOnce } from '../../base/slices.js';
import type { Call, CallRequest } from '../../call/call.js';
import type { Exchange } from '../../exchange/exchange.js';
import { demand } from '../../policy/access/demands.js';
import { identifiesNobody, uncheckedAuthenticator } from '../../policy/access/unchecked.js';
import type { PlannedAggregate, PlannedRoute } from '../../route/planned-route.js';
import { createApp } from '../../server/app.js';
import { ownSignal } from '../../server/connection/gone-signal.js';
import { OpenStreams } from '../../server/connection/open-streams.js';
import { askInMemory } from '../../server/listener/memory.js';
import { Snapshots } from '../../server/snapshots.js';
import type { Hit } from '../../store/counters.js';
import type { Log } from '../../telemetry/log.js';
import { createMetrics } from '../../telemetry/metrics.js';
import { DeadlineExceeded } from '../../upstream/failure.js';
import type { Backing } from '../backing.js';
import { compileTables } from '../compile.js';
import type { Plan } from '../plan.js';
import type { SurfacePlan } from '../plan-surface.js';
import { UsedRoutes } from '../used-routes.js';
import { asJudged, type Known } from './as-judged.js';

export interface DryRequest {
  readonly method: string;
  /** The path and the query, in the form that they have in the request line. */
  readonly target: string;
  readonly body: Uint8Array;
  /** The headers in the order in which they were given: name, value, name, value. */
  readonly rawHeaders: readonly string[];
}

export interface RecordedCall {
  /** The request of the call without its messages. */
  readonly request: Omit<CallRequest, 'message'>;
  readonly messages: readonly Uint8Array[];
}

export interface DryRun {
  /** The state of the request after the run. Undefined when the request was refused before it could have one. */
  readonly exchange: Exchange | undefined;
  /** The surface that the request belongs to. Undefined when it belongs to none, or was refused before. */
  readonly surface: SurfacePlan | undefined;
  /** The route that matched. Undefined when no route matched. */
  readonly route: PlannedRoute | undefined;
  /** The call that would be made. Undefined when the gateway answers without one. */
  readonly call: RecordedCall | undefined;
  /** True if the request has a credential. Then scopes and `require` were checked. */
  readonly namesCaller: boolean;
  /** True if the request contains the client's address. Then the networks in `addresses` were checked. */
  readonly tellsAddress: boolean;
  /**
   * The status, the headers (with names in lower case) and the body that the client would receive. The status is 0 if there is
   * no answer.
   */
  readonly answer: Answer;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A clock whose timers never fire, so that no time limit ends the dry run. */
const STILL: Clock = { now: () => Date.now(), monotonic: () => 0, after: () => () => {} };

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, request() {}, setLevel() {}, reopen() {} };

export async function dryRun(plan: Plan, request: DryRequest): Promise<DryRun> {
  const { config } = plan;
  const overWebSocket = isHandshake(request);
  const [proxy] = config.trustedProxies;
  const tellsAddress = proxy !== undefined && headerOf(request.rawHeaders, config.forwardedHeader) !== undefined;
  const recorder = new Recorder();
  const metrics = createMetrics();
  const telling = { log: SILENT, requests: metrics.requests };
  const outside: Omit<Backing, 'authenticator' | 'callOf'> = {
    counters: {
      take: (hits) => ({ admitted: true, limitStates: hits.map(untouched), undo() {} }),
      close: () => Promise.resolve(),
    },
    openStreams: new OpenStreams(STILL),
    afterAuth: [],
    isExtended: false,
    metrics,
    seriesOf: {
      route: (surface, route) => metrics.requests.open(surface, route),
      exceeded: (limit) => metrics.exceededLimits.open({ limit }),
    },
    clock: STILL,
    used: new UsedRoutes(),
    signalOf: ownSignal,
  };
  const judged = new Map<string, JudgedSurface>();
  for (const surface of plan.surfaces) {
    const { auth, cors } = surface.config;
    const checks = { auth, origins: cors?.origins ?? [] };
    const authenticator = uncheckedAuthenticator(checks, { clock: STILL, log: SILENT });
    const namesCaller = !(await identifiesNobody(authenticator, request));
    const known = { namesCaller, overWebSocket, tellsAddress };
    const asPlanned = surface.offered;
    const routes = asPlanned.map((route) => asJudged(route, known));
    const callOf = (route: PlannedRoute) => recorder.callOf(route, known);
    judged.set(surface.name, {
      surface,
      namesCaller,
      asPlanned,
      routes,
      backing: { ...outside, authenticator, callOf },
    });
  }
  let exchange: Exchange | undefined;
  const snapshots = new Snapshots({
    ...atOnce(compileTables(plan, ({ name }) => judged.get(name)!, outside)),
    upstreams: new Map(),
    tracing: undefined,
    prepared: Promise.resolve(),
    release: () => Promise.resolve(),
  });
  const handle = createApp({
    shedding: { isShortOfMemory: () => false, counter: metrics.shed },
    snapshots,
    telling,
    clock: STILL,
    custom: [
      async function watch(ctx, next) {
        exchange = ctx.state;
        await next();
      },
    ],
  });
  const { listen, limits, errors } = config;
  const settings = {
    ...listen,
    tls: undefined,
    headerBytes: limits.headerBytes,
    errorFormat: errors.format,
    telling,
  };
  const text = await askInMemory(settings, handle, STILL, {
    bytes: bytesOf(request),
    // Only a trusted proxy may send the client's address, so the request comes from one if it contains an address.
    peer: tellsAddress ? proxy.split('/')[0]! : '127.0.0.1',
    frame: () => (takesFrames(exchange) ? HALF_CLOSE : undefined),
    enough: recorder.enough,
  });
  const binding = exchange?.route?.binding;
  const chosen = exchange === undefined ? undefined : judged.get(exchange.surface.name);
  return {
    exchange,
    surface: chosen?.surface,
    route: chosen?.asPlanned.find((route) => route.binding === binding),
    call: recorder.recorded,
    namesCaller: chosen?.namesCaller === true,
    tellsAddress,
    answer: parseAnswer(text),
  };
}

/** A surface, with its routes in the form in which they are checked (see `as-judged.ts`). */
interface JudgedSurface {
  readonly surface: SurfacePlan;
  readonly namesCaller: boolean;
  readonly asPlanned: readonly PlannedRoute[];
  readonly routes: readonly PlannedRoute[];
  readonly backing: Backing;
}

/** Keeps the call that would be made, and answers it with an empty message. */
class Recorder {
  recorded: RecordedCall | undefined;
  readonly enough: Promise<void>;
  private resolveEnough = () => {};

  constructor() {
    this.enough = new Promise((resolve) => {
      this.resolveEnough = resolve;
    });
  }

  /**
   * Returns a call that only records what would be sent. Over a WebSocket the run ends with it, because the client's messages
   * are not known.
   */
  callOf({ cache, aggregate, binding }: PlannedRoute, { namesCaller, overWebSocket }: Known): Call {
    const { serverStreaming } = binding.method;
    const askFirst = aggregate && demandsOf(aggregate, namesCaller);
    // If the cache, or an aggregate with only optional steps, can answer without a call, a deadline that has passed is not an
    // error.
    const needsTime = cache === undefined && !overWebSocket && (aggregate === undefined || mustCall(aggregate));
    return async ({ message, ...request }) => {
      if (needsTime && request.deadline !== undefined && request.deadline.at <= STILL.now()) {
        throw new DeadlineExceeded(request.deadline.owner);
      }
      const messages: Uint8Array[] = [];
      if (message instanceof Uint8Array) {
        askFirst?.(message, request.context.principal);
        messages.push(message);
      } else for await (const one of message) messages.push(one);
      this.recorded = { request, messages };
      if (overWebSocket) {
        this.resolveEnough();
        return new Promise(() => {});
      }
      return { headers: [], message: serverStreaming ? nothing() : new Uint8Array(0), trailers: [], notes: {} };
    };
  }
}

/**
 * Returns the check of those access rules of required steps that can be checked before any call. Undefined when there are none.
 */
function demandsOf({ plan, calls }: PlannedAggregate, namesCaller: boolean): Authorize | undefined {
  const authorize = calls.map((call): Authorize | undefined => {
    const require = (call?.access.require ?? []).filter(({ readsCaller }) => namesCaller || !readsCaller);
    return require.length === 0 ? undefined : (message, caller) => demand(require, message, caller);
  });
  return compileDemands(plan, authorize, namesCaller).askFirst;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Returns true if an aggregate must make a call to answer: it has a required step that always calls and has no cache. */
function mustCall({ plan, calls }: NonNullable<PlannedRoute['aggregate']>): boolean {
  return plan.steps.some(({ index, source, optional, declaration }) => {
    const always = !optional && declaration.when === '' && declaration.forEach === '';
    return always && source.kind === 'call' && calls[index]?.cache === undefined;
  });
}

/** Returns the state of a rate limit that has not counted any request. */
function untouched({ rule }: Hit) {
  return { rule, passed: true, remaining: rule.limit, resetMs: rule.periodMs };
}

/** An empty text frame, masked as a client must do (RFC 6455 §5.3). It means that the client sends no more messages. */
const HALF_CLOSE = Buffer.from([0x81, 0x80, 0, 0, 0, 0]);

function takesFrames(exchange: Exchange | undefined): boolean {
  const binding = exchange?.route?.binding;
  return binding !== undefined && (binding.method.clientStreaming || binding.body.kind !== 'none');
}

/** Returns true if the request asks for a WebSocket (RFC 6455 §4.1). */
export function isHandshake({ method, rawHeaders, body }: DryRequest): boolean {
  const upgrade = headerOf(rawHeaders, 'upgrade')?.toLowerCase() === 'websocket';
  const options = (headerOf(rawHeaders, 'connection') ?? '').toLowerCase().split(',');
  return method === 'GET' && body.length === 0 && upgrade && options.some((option) => option.trim() === 'upgrade');
}

export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** Returns the bytes of the request as HTTP/1.1, with the headers that every client adds by itself. */
function bytesOf(request: DryRequest): Buffer {
  const { method, target, body, rawHeaders } = request;
  const lines = [`${method} ${target} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // `content-length` is computed from the body, so a header with another length is left out.
    if (rawHeaders[i]!.toLowerCase() !== 'content-length') lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  const add = (name: string, value: string) => {
    if (headerOf(rawHeaders, name) === undefined) lines.push(`${name}: ${value}`);
  };
  add('host', 'localhost');
  if (isHandshake(request)) {
    add('sec-websocket-key', 'ZHJ5LXJ1bi1kcnktcnVuLQ==');
    add('sec-websocket-version', '13');
  }
  if (body.length > 0 && headerOf(rawHeaders, 'transfer-encoding') === undefined) {
    lines.push(`content-length: ${body.length}`);
  }
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (headerOf(rawHeaders, 'transfer-encoding') === undefined) return Buffer.concat([head, body]);
  const chunk = body.length === 0 ? '' : `${body.length.toString(16)}\r\n${Buffer.from(body).toString('latin1')}\r\n`;
  return Buffer.concat([head, Buffer.from(`${chunk}0\r\n\r\n`, 'latin1')]);
}

/** Parses the final answer, which may follow interim answers (1xx). */
function parseAnswer(text: string): Answer {
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = rest.slice(0, Math.max(0, end)).split('\r\n');
    const status = Number(statusLine.split(' ')[1] ?? 0);
    const after = rest.slice(end + 4);
    if (status >= 100 && status < 200 && status !== 101) {
      rest = after;
      continue;
    }
    const pairs = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    return { status, headers: new Map(pairs), body: Buffer.from(after, 'latin1').toString('utf8') };
  }
}
