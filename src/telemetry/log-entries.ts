/**
 * All entries of the log and all their fields. An entry or a field that is not in these lists does not compile.
 * docs/logs.md is written from them.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly level: LogLevel;
  /** The event at which the entry is written. */
  readonly when: string;
  /** True if `log.audit` also gets the entry. */
  readonly audit?: true;
}

/**
 * The reasons of errors for which `log.audit` also gets the line of the request: the request was refused because of its caller.
 */
export const AUDITED_REASONS: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'INVALID_TOKEN',
  'INVALID_API_KEY',
  'INVALID_CERTIFICATE',
  'AMBIGUOUS_CREDENTIALS',
  'MISSING_SCOPE',
  'NOT_ALLOWED',
  'FOREIGN_ORIGIN',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_WITHDRAWN',
  'CALLER_CHANGED',
  'DEMANDS_CHANGED',
]);

/** The text of an entry, which stands under `msg`. */
export type LogText<Level extends LogLevel = LogLevel> = {
  [Text in keyof typeof LOG_ENTRIES]: (typeof LOG_ENTRIES)[Text]['level'] extends Level ? Text : never;
}[keyof typeof LOG_ENTRIES];

export type LogFields = { readonly [Field in keyof typeof LOG_FIELDS]?: unknown };

export const LOG_ENTRIES = {
  request: {
    level: 'info',
    when: 'A request has ended: its last byte is sent, or the client has closed the connection. A request that the gateway has refused has the fields `reason` and `refused`.',
  },
  'request failed': {
    level: 'error',
    when: 'A request has ended with a 5xx status, or with an error whose text the client did not get. It has the field `err`.',
  },
  'request cut': {
    level: 'warn',
    when: 'The answer was cut because its client did not read it. It has the field `cut`.',
  },
  'memory is nearly used up: new requests are refused': {
    level: 'warn',
    when: 'New requests get 503 until memory is available again.',
  },
  'memory is available again: new requests are served': { level: 'info', when: 'New requests are served again.' },
  'admin request failed': { level: 'error', when: 'A request to the admin port has ended with a 5xx status.' },
  'admin request refused': {
    level: 'warn',
    when: 'A request to the admin port has ended with a 4xx status. The field `refused` says what was expected.',
  },
  draining: { level: 'info', when: 'The gateway has got a signal to stop. Running requests may finish.' },
  stopped: {
    level: 'info',
    when: 'The gateway has stopped, and the process ends. `durationMs` is the time since the signal.',
  },
  reloaded: { level: 'info', when: 'A new config or schema is served.', audit: true },
  'reload refused: the config and schema from before stay in use': {
    level: 'error',
    when: 'A new config or schema has errors, or needs a restart.',
    audit: true,
  },
  'reload ignored: the gateway is draining': {
    level: 'warn',
    when: 'A reload was requested while the gateway stops.',
  },
  'a folder cannot be watched: its files are compared every few seconds': {
    level: 'warn',
    when: 'With `schema.watch`: a user may not watch more folders (`fs.inotify.max_user_watches`), or the folder cannot be read.',
  },
  'systemd cannot be notified': {
    level: 'warn',
    when: 'The environment has `NOTIFY_SOCKET`, and the program `systemd-notify` cannot be run or fails.',
  },
  'a worker process has ended and is replaced': {
    level: 'error',
    when: 'A worker process has ended unexpectedly.',
  },
  'a worker process is frozen and is replaced': {
    level: 'error',
    when: 'A worker process was stopped, or its main thread has been busy for too long, for example with an endless loop.',
  },
  'uncaught error, which is a bug in protogate: the process ends': {
    level: 'error',
    when: 'An error was thrown that no code catches. Please report it.',
  },
  'warning about the config or the protos': {
    level: 'warn',
    when: 'At the start or after a reload, `check` has a new warning, which is in the field `problem`. At the start, the format `text` prints it as `check` does.',
  },
  'warning from Node.js': { level: 'warn', when: 'Node.js has printed a warning.' },
  'the TLS certificates were reloaded': { level: 'info', when: 'The files of `listen.tls` have changed.', audit: true },
  'the new TLS certificates cannot be read; the old ones stay in use': {
    level: 'error',
    when: 'The files of `listen.tls` have changed and cannot be used.',
    audit: true,
  },
  'the keys of a token issuer cannot be fetched': {
    level: 'warn',
    when: 'The first of several attempts to fetch keys from `jwksUri` has failed.',
  },
  'the keys of a token issuer can be fetched again': {
    level: 'info',
    when: 'An attempt to fetch keys has succeeded after failures.',
  },
  'keys reloaded': { level: 'info', when: 'The file of API keys has changed.', audit: true },
  'keys file has errors: the keys loaded before stay in use': {
    level: 'error',
    when: 'The file of API keys has changed and has errors.',
    audit: true,
  },
  'keys file does not exist: the keys loaded before stay in use': {
    level: 'warn',
    when: 'The file of API keys does not exist any more.',
  },
  'keys file cannot be read: the keys loaded before stay in use': {
    level: 'warn',
    when: 'The file of API keys cannot be read any more.',
  },
  'traces cannot be exported': {
    level: 'warn',
    when: 'The first of several attempts to export traces has failed. Requests are served nevertheless.',
  },
  'traces are exported again': { level: 'info', when: 'An attempt to export traces has succeeded after failures.' },
  'the store does not answer; it is not used until it answers a probe': {
    level: 'error',
    when: 'Redis has not answered several requests in time. From now on only a probe asks it.',
  },
  'the TLS files of an upstream were reloaded': {
    level: 'info',
    when: 'The files of the `tls` of an upstream have changed. The connections to it are replaced.',
  },
  'the new TLS files of an upstream cannot be used; the old ones stay in use': {
    level: 'error',
    when: 'The files of the `tls` of an upstream have changed, and cannot be read or do not fit each other.',
  },
  'a server takes no connection with the renewed TLS files; the old one stays in use': {
    level: 'warn',
    when: 'After a change of the files of `tls`, a new connection has failed. It is tried again after 30 seconds.',
  },
  'a circuit breaker has opened': {
    level: 'warn',
    when: 'Too many calls of a method have failed. Its calls are refused for the `openFor` of `circuitBreaker`.',
  },
  'a circuit breaker has closed': {
    level: 'info',
    when: 'A probe has succeeded, and the calls of the method are sent again.',
  },
  'the store answers again': { level: 'info', when: 'Redis has answered the probe, and is used again.' },
  'an upstream answers': {
    level: 'info',
    when: 'At the start: all servers of the upstream could be connected.',
  },
  'an upstream does not answer': {
    level: 'warn',
    when: 'At the start: not all servers of the upstream could be connected. `servers` has those that could not, and why.',
  },
  'a server of an upstream cannot be reached': {
    level: 'warn',
    when: 'Connecting to a server has failed. Others get its calls.',
  },
  'a server of an upstream can be reached again': { level: 'info', when: 'A server is connected after failures.' },
  'a server of an upstream is unhealthy': {
    level: 'warn',
    when: 'The health checks of a server have failed. Others get its calls.',
  },
  'a server of an upstream is healthy again': {
    level: 'info',
    when: 'The health checks of a server succeed after failures.',
  },
  'a server of an upstream has no health service and counts as healthy': {
    level: 'info',
    when: '`healthCheck` is set, and a server does not implement `grpc.health.v1`.',
  },
  'a server of an upstream is ejected': {
    level: 'warn',
    when: 'Several calls in a row have failed on a server. It gets no calls for `forMs`.',
  },
  'a server of an upstream is used again after its ejection': { level: 'info', when: 'An ejection has ended.' },
  'most servers of an upstream are unhealthy or ejected: all are used again': {
    level: 'warn',
    when: 'Fewer servers than `panicThreshold` are left.',
  },
  'enough servers of an upstream are healthy: the others are left out again': {
    level: 'info',
    when: 'At least `panicThreshold` of the servers are healthy and not ejected again.',
  },
  'the addresses of an upstream have changed': {
    level: 'info',
    when: 'A lookup of its name has given other addresses.',
  },
  'the name of an upstream cannot be looked up': {
    level: 'warn',
    when: 'A lookup has failed. The addresses of before stay in use.',
  },
  'the name of an upstream can be looked up again': { level: 'info', when: 'A lookup has succeeded after failures.' },
} as const satisfies Readonly<Record<string, LogEntry>>;

export const LOG_FIELDS = {
  requestId: 'The id of the request, as in the header `x-request-id`.',
  client: 'The address of the client, as `trustedProxies` decides it.',
  method: 'The HTTP method.',
  http: 'The version of HTTP: `1.1` or `2.0`.',
  path: 'The path without the query, at most 256 characters.',
  surface: 'The surface that the request belongs to.',
  route: 'The path template of the route. It is missing if no route matches.',
  rpc: 'The full name of the rpc.',
  upstream: 'The name of the upstream.',
  consumer: 'The consumer, if the caller is known.',
  bytesIn: 'How many bytes of the body were read.',
  bytesOut: 'How many bytes of bodies and messages were written for the client.',
  partial: 'The parts that the answer of an aggregate lacks.',
  userAgent: 'The `User-Agent` header, at most 128 characters.',
  status:
    'The HTTP status. It is 101 for a WebSocket, and 499 if the client closed the connection before it had an answer.',
  code: 'The name of the gRPC code, such as `NOT_FOUND`. In entries about a file it is the error code of the system, such as `ENOENT`.',
  durationMs: 'How long the request or the reload took, in milliseconds. A request ends when its last byte is sent.',
  upstreamMs: 'For how many milliseconds at least one call to an upstream was running. It is missing if none was made.',
  gatewayMs:
    'For how many milliseconds the gateway worked on the request, or other requests kept it busy. It is missing for streams.',
  endpoint: 'The address of the upstream that was called. After several calls, it is the address of the last one.',
  attempts:
    'The number of calls to upstreams, with retries and the calls of an aggregate. It is missing if none was made.',
  cache: 'The result of the cache, if the route has one: `hit`, `stale`, `miss` or `bypass`.',
  traceId: 'The id of the trace that the request belongs to, from its `traceparent`.',
  clientGone: '`true` if the client closed the connection before the end.',
  cut: 'Why the gateway ended an answer before it was complete.',
  refused:
    'Why the gateway refused the request: what was expected, without the values of the request. A 5xx has `err` instead.',
  err: 'An error: its type, message, code or stack, and its causes.',
  signal: 'The signal, such as `SIGTERM`.',
  cause: 'Why a reload was made: `SIGHUP` or `watch`.',
  before: 'The first 12 characters of the SHA-256 of the config file before the reload.',
  changed: 'The settings that a reload has changed, at most 20, without their values.',
  filesChanged: 'The names of the protos that a reload has changed, added or removed, at most 20.',
  routesAdded: 'The routes that a reload has added, at most 20.',
  routesRemoved: 'The routes that a reload has removed, at most 20.',
  config: 'The first 12 characters of the SHA-256 of the config file.',
  problems: 'The first 20 errors of a refused reload, as `check` prints them.',
  pid: 'The process id of the worker.',
  how: 'The exit code of the worker, or the signal that ended it.',
  silentMs: 'For how many milliseconds the worker has given no sign of life.',
  busyMs: 'For how many milliseconds the main thread of the worker has been busy.',
  delayMs: 'After how many milliseconds the next worker is started.',
  origin: 'How the error became known: `uncaughtException` or `unhandledRejection`.',
  stack: 'Where the error was raised.',
  jwks: 'The `jwksUri` without its query.',
  reason:
    'The [reason](errors.md) of an error that the gateway itself raised. In entries about `jwksUri` it is why the keys cannot be used, in entries about upstreams why a server gets no calls.',
  file: 'The file of API keys.',
  keys: 'How many keys the file has.',
  problem: 'A problem of the config or a proto, or the first one of the file of API keys, as `check` prints it.',
  moreProblems: 'How many further problems there are.',
  store: 'The store: `redis`.',
  server: 'The address of a server of the upstream.',
  servers: 'The servers that do not answer, each with the reason, or how many servers answer.',
  forMs: 'For how many milliseconds the server gets no calls.',
  added: 'The addresses that are new.',
  removed: 'The addresses that are gone.',
  lookup: 'The name that is looked up.',
  failed: 'How many calls of the method failed in the window of the circuit breaker.',
  calls: 'How many calls of the method there were in the window of the circuit breaker.',
} as const satisfies Readonly<Record<string, string>>;
