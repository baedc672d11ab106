/**
 * Provokes each reason of an error as a client would, with a secret in the request where there is room for one. The log line
 * must have the reason, what was expected, and no secret.
 */
import { connect } from 'node:net';
import test from 'ava';
import { listenAdmin } from '../../src/process/run-server.js';
import { urlOf } from '../../src/server/listener/listen.js';
import { Code } from '../../src/status/code.js';
import { REASONS, type Reason } from '../../src/status/reasons.js';
import { createLog } from '../../src/telemetry/log.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { afterAll, planOf, sendTo, startGateway, type TestGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { metricsOf } from '../support/metrics.js';
import { freePort } from '../support/ports.js';
import { keepSecret } from '../support/secrets.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { get, handshake, PROTO, PROVOKED, type Provokes, SECRET, startOpen, WEBSOCKET } from './refused-requests.js';
import { provokeStreams, startStreams } from './refused-streams.js';

const shared = afterAll(test);

/** Starts a gateway that cannot fetch the keys of its issuer. Its clock stands still after the time that it waits for them. */
async function startWithoutKeys() {
  const issuer = await startIssuer(shared, 'without-keys');
  issuer.mode = 'down';
  const clock = handClock();
  const { issuer: name, jwksUri } = issuer;
  const auth = { jwt: [{ issuer: name, jwksUri, audiences: ['api'], algorithms: ['RS256' as const] }] };
  const asked = issuer.nextFetch();
  const starting = startGateway(shared, PROTO, {}, { auth }, { clock });
  await asked;
  clock.advance(10_000);
  return { ...(await starting), token: keepSecret(issuer.sign({ sub: 'ada' })) };
}

/** Starts a gateway that has no store, no server behind one upstream, and one slot at the other. */
async function startTroubled() {
  const nobody = await freePort();
  const upstream = await startUpstream(PROTO, {
    Get: { message: {} },
    Hang: { hang: true },
    // With a message, the answer would begin and be cut.
    Watch: { hang: true },
  });
  shared.teardown(upstream.close);
  const started = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: {
        test: { target: upstream.target, services: ['*'], streamIdleTimeout: '50ms', maxConcurrent: 1 },
        away: { target: `127.0.0.1:${nobody}`, services: ['r.v1.Away'], circuitBreaker: { minRequests: 2 } },
      },
      policies: [{ selector: 'r.v1.Open/Few', rateLimits: [{ limit: 1, period: '1h', per: ['ip'] }] }],
      stores: { redis: { url: `redis://127.0.0.1:${nobody}` } },
      rateLimiting: { onStoreFailure: 'closed' },
    },
  );
  return started;
}

async function startWithTls() {
  const made = certificates();
  const tls = await tlsFiles(shared, made);
  const started = await startGateway(shared, PROTO, {}, { listen: { tls }, auth: { mtls: {} } });
  return { ...started, client: { ca: made.ca, ...made.stranger } };
}

/** Starts a gateway whose upstream is closed while a call runs. */
async function startClosed() {
  const clock = handClock();
  return { ...(await startGateway(shared, PROTO, { Watch: { hang: true } }, {}, { clock })), clock };
}

async function startAdmin() {
  const plan = await planOf(shared, PROTO, { admin: { port: 0 } });
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const readiness = () => ({ ready: true, state: 'serving', upstreams: new Map() });
  const server = await listenAdmin(() => plan, { metrics: async () => [], readiness }, log);
  shared.teardown(() => void server!.close());
  return { url: urlOf(server!), logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const open = startOpen(shared);
const troubled = startTroubled();
const streams = startStreams(shared);
const withTls = startWithTls();
const withoutKeys = startWithoutKeys();
const closed = startClosed();
const draining = startGateway(shared, PROTO);
const admin = startAdmin();

/** The reasons with which open streams end. Their status was sent before. */
const STREAMS_END: ReadonlySet<string> = new Set([
  'BINARY_FRAME',
  'UNEXPECTED_MESSAGE',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_WITHDRAWN',
  'ROUTE_WITHDRAWN',
  'CALLER_CHANGED',
  'DEMANDS_CHANGED',
]);

const PROVOKED_AT_TROUBLED = {
  LIMITS_UNAVAILABLE: get('/few'),
  STREAM_IDLE: get('/watch'),
  UPSTREAM_UNREACHABLE: get('/away'),
  CIRCUIT_OPEN: async ({ send }) => {
    for (let i = 0; i < 3; i++) await send('GET', '/away');
  },
  UPSTREAM_BUSY: ({ send }) =>
    Promise.all(Array.from({ length: 3 }, () => send('GET', '/hang', { headers: { 'grpc-timeout': '1500m' } }))),
} satisfies Provokes<Awaited<ReturnType<typeof startTroubled>>>;

const PROVOKED_WITHOUT_KEYS = {
  KEYS_UNAVAILABLE: ({ send, token }) => send('GET', '/get', { headers: { authorization: `Bearer ${token}` } }),
} satisfies Provokes<Awaited<ReturnType<typeof startWithoutKeys>>>;

const PROVOKED_AT_TLS = {
  // A certificate comes along by itself, so that no secret of the request could show.
  INVALID_CERTIFICATE: ({ send, client }) => send('GET', '/get', { tls: client }),
} satisfies Provokes<Awaited<ReturnType<typeof startWithTls>>>;

const PROVOKED_AT_CLOSED = {
  UPSTREAM_CLOSED: async ({ send, gateway, upstream, clock }) => {
    const asked = send('GET', '/watch', { headers: { 'x-api-key': SECRET } });
    await until(() => upstream.calls.length === 1, 'the call');
    const closed = gateway.close();
    // Calls that run get this time to end.
    clock.advance(30_000);
    await asked;
    await closed;
  },
} satisfies Provokes<Awaited<ReturnType<typeof startClosed>>>;

const PROVOKED_AT_DRAINING = {
  DRAINING: async ({ port, drain, connections, listening }) => {
    const client = connect(port, '127.0.0.1').resume();
    await until(() => connections.size === 1, 'the connection');
    const drained = drain({ graceMs: 0, timeoutMs: 5000 });
    await until(() => !listening(), 'the drain');
    client.write(handshake('/watch', { ...WEBSOCKET, Cookie: SECRET }));
    await drained;
  },
} satisfies Provokes<TestGateway>;

const PROVOKED_AT_ADMIN = {
  MISDIRECTED_REQUEST: ({ url }) =>
    sendTo(url, 'GET', `/metrics?token=${SECRET}`, { headers: { host: 'evil.example' } }),
} satisfies Provokes<Awaited<ReturnType<typeof startAdmin>>>;

const PROVOKED_BY_STREAMS = provokeStreams(shared);

interface Case {
  readonly gateway: Promise<Pick<TestGateway, 'logged'>>;
  readonly provoke: () => Promise<unknown>;
}

function at<Gateway extends Pick<TestGateway, 'logged'>, R extends Reason>(
  gateway: Promise<Gateway>,
  provokes: Readonly<Record<R, (gateway: Gateway) => Promise<unknown>>>,
): Readonly<Record<R, Case>> {
  const cases = Object.entries<(gateway: Gateway) => Promise<unknown>>(provokes);
  return Object.fromEntries(
    cases.map(([reason, provoke]) => [reason, { gateway, provoke: async () => provoke(await gateway) }]),
  ) as Record<R, Case>;
}

/** A reason of the list that is not provoked does not compile. */
const CASES: Readonly<Record<Reason, Case>> = {
  ...at(open, PROVOKED),
  ...at(troubled, PROVOKED_AT_TROUBLED),
  ...at(streams, PROVOKED_BY_STREAMS),
  ...at(withoutKeys, PROVOKED_WITHOUT_KEYS),
  ...at(withTls, PROVOKED_AT_TLS),
  ...at(closed, PROVOKED_AT_CLOSED),
  ...at(draining, PROVOKED_AT_DRAINING),
  ...at(admin, PROVOKED_AT_ADMIN),
};

/** The reasons for which a request is refused before it has a route. */
const BEFORE_MATCH: ReadonlySet<string> = new Set([
  'MALFORMED_REQUEST',
  'BAD_REQUEST_TARGET',
  'HEADERS_TIMEOUT',
  'HEADERS_TOO_LARGE',
  'OUT_OF_MEMORY',
  'UNKNOWN_EXPECTATION',
  'UNSUPPORTED_TRANSFER_CODING',
  'UNEXPECTED_TRANSFER_CODING',
  'METHOD_NOT_IMPLEMENTED',
  'MALFORMED_PATH',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'MISDIRECTED_REQUEST',
  'FOREIGN_ORIGIN',
  'INTERNAL',
]);

/** The fields that the line must have so that the operator can act on it, besides route, upstream and caller. */
const NEEDED: Partial<Readonly<Record<Reason, RegExp>>> = {
  FOREIGN_ORIGIN: /cors\.origins.*, got "https:\/\/evil\.example\.com"$/,
  MISDIRECTED_REQUEST: /admin\.hosts, got "evil\.example"$/,
  MISSING_SCOPE: /scope write/,
  NOT_ALLOWED: /request\.name = caller\.claims\.shelf/,
  RATE_LIMITED: /r\.v1\.Open\/Few/,
  TOO_MANY_ITEMS: /^books: /,
  ELEMENT_NOT_FOUND: /^books: /,
  KEYS_UNAVAILABLE: /127\.0\.0\.1:\d+\/jwks\.json: /,
  UPSTREAM_UNREACHABLE: /ECONNREFUSED/,
};

for (const [reason, { gateway, provoke }] of Object.entries(CASES)) {
  test(`the line of ${reason} has the reason and what was expected`, async (t) => {
    const { logged } = await gateway;
    const before = logged().length;
    await provoke();
    const found = () =>
      logged()
        .slice(before)
        .find((line) => line.reason === reason);
    await until(() => found() !== undefined, `a line with ${reason}`);
    const line = found()!;
    const { code, httpStatus } = REASONS[reason as Reason];
    t.is(line.code, Code[code]);
    // A stream has sent its status before it ends.
    if (!STREAMS_END.has(reason)) t.is(line.status, httpStatus);
    const { message, cause } = (line.err ?? {}) as { readonly message?: string; readonly cause?: { message: string } };
    const told = String(line.refused ?? `${message} ${cause?.message ?? ''}`);
    t.regex(told, NEEDED[reason as Reason] ?? /\w+ \w+/);
    t.regex(String(line.requestId), /^[\w-]{36}$/);
    t.is(typeof line.client, 'string');
    if (line.attempts !== undefined) t.is(typeof line.endpoint, 'string');
    if (BEFORE_MATCH.has(reason)) return;
    t.is(typeof line.route, 'string');
    t.is(typeof line.rpc, 'string');
    t.false(JSON.stringify(line).includes(SECRET));
  });
}

test.after('each reason is counted, and nothing secret shows in the metrics', async (t) => {
  const counted = new Set<unknown>();
  for (const { gateway } of await Promise.all([open, troubled, withoutKeys, withTls, draining])) {
    t.false((await gateway.metrics.registry.metrics()).includes(SECRET));
    const errors = (await metricsOf(gateway)).filter(({ name }) => name === 'protogate_errors_total');
    for (const { labels } of errors) counted.add(labels.reason);
  }
  const missing = Object.keys(CASES).filter((reason) => !counted.has(reason));
  // The admin port counts no requests, and the series of a route go away with it.
  const uncounted = { ...PROVOKED_BY_STREAMS, ...PROVOKED_AT_CLOSED, ...PROVOKED_AT_ADMIN };
  t.deepEqual(missing.toSorted(), Object.keys(uncounted).toSorted());
});
