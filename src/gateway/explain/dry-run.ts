/**
 * One request through the real pipeline and the real chain of its route, with recorders where the gateway would reach
 * out: nobody is called, nothing is counted or kept, and no signature is checked.
 */
import { type Authorize, compileDemands } from '../../aggregate/step-demands.js';
import type { Clock } from '../../base/clock.js';
import type { Call, CallRequest } from '../../call/call.js';
import type { Exchange } from '../../exchange/exchange.js';
import { demand } from '../../policy/access/demands.js';
import { identifiesNobody, uncheckedAuthenticator } from '../../policy/access/unchecked.js';
import { isServed, type PlannedAggregate, type PlannedRoute } from '../../route/planned-route.js';
import { createApp } from '../../server/app.js';
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
import { asJudged, type Known } from './as-judged.js';

export interface DryRequest {
  readonly method: string;
  /** With the query, as it would stand in the request line. */
  readonly target: string;
  readonly body: Uint8Array;
  /** Name, value, name, value… as sent. */
  readonly rawHeaders: readonly string[];
}

export interface RecordedCall {
  /** The request without its messages. */
  readonly request: Omit<CallRequest, 'message'>;
  readonly messages: readonly Uint8Array[];
}

export interface DryRun {
  /** What the pipeline found out; undefined if the request never reached it. */
  readonly exchange: Exchange | undefined;
  /** The route that matched. */
  readonly route: PlannedRoute | undefined;
  /** The call that would be made; undefined if the gateway answers without one. */
  readonly call: RecordedCall | undefined;
  /** True if the request names a caller: then scopes and demands were judged. */
  readonly namesCaller: boolean;
  /** True if the request tells the client's address: then networks were judged. */
  readonly tellsAddress: boolean;
  /** The status line and the headers that the client would receive, in lower case; empty if there is no answer. */
  readonly answer: Answer;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Time stands still: whatever waits for it waits for ever. */
const STILL: Clock = { now: () => Date.now(), monotonic: () => 0, after: () => () => {} };

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export async function dryRun(plan: Plan, request: DryRequest): Promise<DryRun> {
  const { config } = plan;
  const { auth, cors } = config;
  const checks = { auth, origins: cors?.origins ?? [] };
  const authenticator = uncheckedAuthenticator(checks, { clock: STILL, log: SILENT });
  const namesCaller = !(await identifiesNobody(authenticator, request));
  const asPlanned = plan.routes.filter((route) => isServed(route) || config.upstreams.size === 0);
  const overWebSocket = isHandshake(request);
  const [proxy] = config.trustedProxies;
  const tellsAddress = proxy !== undefined && headerOf(request.rawHeaders, config.forwardedHeader) !== undefined;
  const known = { namesCaller, overWebSocket, tellsAddress };
  const routes = asPlanned.map((route) => asJudged(route, known));
  const recorder = new Recorder();
  const backing: Backing = {
    authenticator,
    counters: {
      take: (hits) => ({ admitted: true, standings: hits.map(untouched), undo() {} }),
      close: () => Promise.resolve(),
    },
    callOf: (route) => recorder.callOf(route, known),
    openStreams: new OpenStreams(STILL),
    afterAuth: [],
    metrics: createMetrics(),
    clock: STILL,
  };
  let exchange: Exchange | undefined;
  const snapshots = new Snapshots({
    ...compileTables(plan, routes, backing),
    upstreams: new Map(),
    prepared: Promise.resolve(),
    release: () => Promise.resolve(),
  });
  const handle = createApp({
    snapshots,
    log: SILENT,
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
    log: SILENT,
  };
  const text = await askInMemory(settings, handle, STILL, {
    bytes: bytesOf(request),
    // Whoever names a client's address is a proxy.
    peer: tellsAddress ? proxy.split('/')[0]! : '127.0.0.1',
    frame: () => (takesFrames(exchange) ? HALF_CLOSE : undefined),
    enough: recorder.enough,
  });
  const binding = exchange?.route?.binding;
  return {
    exchange,
    route: asPlanned.find((route) => route.binding === binding),
    call: recorder.recorded,
    namesCaller,
    tellsAddress,
    answer: parseAnswer(text),
  };
}

/** Notes the call and answers it with nothing. */
class Recorder {
  recorded: RecordedCall | undefined;
  readonly enough: Promise<void>;
  private tell = () => {};

  constructor() {
    this.enough = new Promise((resolve) => {
      this.tell = resolve;
    });
  }

  /** Over a WebSocket the call is the end of what can be known: the conversation is not begun. */
  callOf({ cache, aggregate, binding }: PlannedRoute, { namesCaller, overWebSocket }: Known): Call {
    const { serverStreaming } = binding.method;
    const askFirst = aggregate && demandsOf(aggregate, namesCaller);
    // A cache, or an aggregate whose steps are optional, may have an answer for a client that gives no time.
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
        this.tell();
        return new Promise(() => {});
      }
      return { headers: [], message: serverStreaming ? nothing() : new Uint8Array(0), trailers: [], notes: {} };
    };
  }
}

/** The demands of required steps that are known before any call is made. Undefined: there are none. */
function demandsOf({ plan, calls }: PlannedAggregate, namesCaller: boolean): Authorize | undefined {
  const authorize = calls.map((call): Authorize | undefined => {
    const require = (call?.access.require ?? []).filter(({ readsCaller }) => namesCaller || !readsCaller);
    return require.length === 0 ? undefined : (message, caller) => demand(require, message, caller);
  });
  return compileDemands(plan, authorize, namesCaller).askFirst;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** True if an answer needs a call: a required step that nothing can spare. */
function mustCall({ plan, calls }: NonNullable<PlannedRoute['aggregate']>): boolean {
  return plan.steps.some(({ index, source, optional, declaration }) => {
    const always = !optional && declaration.when === '' && declaration.forEach === '';
    return always && source.kind === 'call' && calls[index]?.cache === undefined;
  });
}

/** What a counter says that nobody has counted on. */
function untouched({ rule }: Hit) {
  return { rule, passed: true, remaining: rule.limit, resetMs: rule.periodMs };
}

/** An empty text frame, masked as clients must (RFC 6455 §5.3): the client will send no more messages. */
const HALF_CLOSE = Buffer.from([0x81, 0x80, 0, 0, 0, 0]);

function takesFrames(exchange: Exchange | undefined): boolean {
  const binding = exchange?.route?.binding;
  return binding !== undefined && (binding.method.clientStreaming || binding.body.kind !== 'none');
}

/** True if the request asks for a WebSocket (RFC 6455 §4.1). */
export function isHandshake({ method, rawHeaders, body }: DryRequest): boolean {
  const upgrade = headerOf(rawHeaders, 'upgrade')?.toLowerCase() === 'websocket';
  const options = (headerOf(rawHeaders, 'connection') ?? '').toLowerCase().split(',');
  return method === 'GET' && body.length === 0 && upgrade && options.some((option) => option.trim() === 'upgrade');
}

export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** The request as a client would send it: what any client adds by itself is added. */
function bytesOf(request: DryRequest): Buffer {
  const { method, target, body, rawHeaders } = request;
  const lines = [`${method} ${target} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    // The body is the one that was given.
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

/** The last head in what was received, which interim answers (1xx) may precede, and its body. */
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
