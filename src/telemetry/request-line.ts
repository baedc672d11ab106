/**
 * The log line of a request. Each request has one, so its text is built from known fields without pino. The fields of the route
 * are escaped only once. No field holds a header with credentials, so no value has to be replaced.
 *
 *     {"level":"info","time":"2026-01-01T09:00:00.000Z","requestId":"…","status":200,"msg":"request"}
 */
import { jsonText } from './json-text.js';
import type { LogFields } from './log-entries.js';

/** The texts of the log entries that are about one request. */
export type RequestText = 'request' | 'request failed' | 'request cut';

/** The fields of the line. A field that is undefined is left out. */
export interface RequestEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: RequestText;
  readonly requestId: string;
  readonly client: string;
  readonly method: string | undefined;
  readonly http: string | undefined;
  readonly path: string | undefined;
  /** Surface, route, rpc and upstream as {@link routeFields} returns them. */
  readonly routeFields: string;
  readonly consumer?: string | undefined;
  readonly bytesIn?: number;
  readonly bytesOut?: number | undefined;
  readonly partial?: string | undefined;
  readonly userAgent: string | undefined;
  readonly status: number;
  readonly code: string;
  readonly durationMs?: number;
  /** The time that the request waited for upstreams, in milliseconds. */
  readonly upstreamMs?: number | undefined;
  /** The time that the gateway itself worked, in milliseconds. */
  readonly gatewayMs?: number | undefined;
  readonly endpoint?: string | undefined;
  readonly attempts?: number;
  readonly cache?: string | undefined;
  readonly traceId?: string | undefined;
  readonly reason?: string | undefined;
  readonly refused?: string | undefined;
  readonly clientGone?: boolean;
  readonly cut?: string | undefined;
  /** The description of an error, as JSON. */
  readonly err?: string | undefined;
}

/** Returns the fields that are the same for all requests of a route, as JSON without braces and with a comma in front. */
export function routeFields(fields: Pick<LogFields, 'surface' | 'route' | 'rpc' | 'upstream'>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `,"${name}":${jsonText(String(value))}`)
    .join('');
}

/** Returns the line as JSON, with a line end. `now` is in milliseconds since the epoch. */
export function requestLine(entry: RequestEntry, now: number): string {
  const { method, http, path, consumer, bytesIn, bytesOut, partial, userAgent } = entry;
  const { durationMs, upstreamMs, gatewayMs, endpoint, attempts, cache, traceId, reason, refused, cut, err } = entry;
  let line = `{"level":"${entry.level}","time":"${isoTime(now)}","requestId":"${entry.requestId}","client":${jsonText(entry.client)}`;
  if (method !== undefined) line += `,"method":${jsonText(method)}`;
  if (http !== undefined) line += `,"http":"${http}"`;
  if (path !== undefined) line += `,"path":${jsonText(path)}`;
  line += entry.routeFields;
  if (consumer !== undefined) line += `,"consumer":${jsonText(consumer)}`;
  if (bytesIn !== undefined) line += `,"bytesIn":${bytesIn}`;
  if (bytesOut !== undefined) line += `,"bytesOut":${bytesOut}`;
  if (partial !== undefined) line += `,"partial":${jsonText(partial)}`;
  if (userAgent !== undefined) line += `,"userAgent":${jsonText(userAgent)}`;
  line += `,"status":${entry.status},"code":"${entry.code}"`;
  if (durationMs !== undefined) line += `,"durationMs":${rounded(durationMs)}`;
  if (upstreamMs !== undefined) line += `,"upstreamMs":${rounded(upstreamMs)}`;
  if (gatewayMs !== undefined) line += `,"gatewayMs":${rounded(gatewayMs)}`;
  if (endpoint !== undefined) line += `,"endpoint":${jsonText(endpoint)}`;
  if (attempts !== undefined && attempts > 0) line += `,"attempts":${attempts}`;
  if (cache !== undefined) line += `,"cache":"${cache}"`;
  if (traceId !== undefined) line += `,"traceId":"${traceId}"`;
  if (reason !== undefined) line += `,"reason":"${reason}"`;
  if (refused !== undefined) line += `,"refused":${jsonText(refused)}`;
  if (entry.clientGone === true) line += ',"clientGone":true';
  if (cut !== undefined) line += `,"cut":${jsonText(cut)}`;
  if (err !== undefined) line += `,"err":${err}`;
  return `${line},"msg":"${entry.text}"}\n`;
}

/** The text after the whole number, by the number of thousandths: 0 → nothing, 1 → `.001`, 10 → `.01`. */
const THOUSANDTHS = Array.from({ length: 1000 }, (_, count) => String(count / 1000).slice(1));

/** Returns the text of `ms` with at most three decimals. V8 needs three times as long for a number that is no integer. */
function rounded(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return whole + THOUSANDTHS[micros - whole * 1000]!;
}

let second = Number.NaN;
let textOfSecond = '';

/**
 * Returns the time as ISO 8601 in UTC. `now` is in milliseconds since the epoch. The text up to the seconds is kept for the
 * next calls in the same second.
 */
function isoTime(now: number): string {
  const atSecond = Math.floor(now / 1000);
  if (atSecond !== second) {
    second = atSecond;
    textOfSecond = new Date(atSecond * 1000).toISOString().slice(0, 20);
  }
  return `${textOfSecond}${String(now - atSecond * 1000).padStart(3, '0')}Z`;
}
