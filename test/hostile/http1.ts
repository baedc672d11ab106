/**
 * Sends hostile bytes over HTTP/1.1 and judges what comes back. A good request follows in the same packet. If the connection
 * must end, this request must have no effect: otherwise a proxy and the gateway could disagree on where requests begin
 * (request smuggling). If the connection must stay, the request must be answered.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Reason } from '../../src/status/reasons.js';
import { CutBody, type RawAnswer, readAnswers } from '../fuzz/answers.js';
import { verdictOn } from '../fuzz/oracle.js';
import { sendBytes } from '../fuzz/send-bytes.js';
import type { TestGateway } from '../support/gateway.js';
import type { RecordedCall } from '../support/upstream.js';
import { type Case, patience } from './family.js';

export interface Http1Case {
  readonly fact: string;
  /** The request as it is sent. Each character of a text is a byte. */
  readonly bytes: string | Buffer;
  /** The status of the answer, or those of which one must come. */
  readonly status: number | readonly number[];
  /** The reason in the error answer. Undefined if it is not said here. */
  readonly reason?: Reason;
  /** True if the gateway must end the connection with this answer, false if it must not. */
  readonly ends: boolean | 'either';
  /** The request message that the upstream must see, as protobuf.js shows it. Undefined: nothing may reach the upstream. */
  readonly sees?: Sees;
  /** True if the request is not complete, so that nothing can follow it. The client then ends its side. */
  readonly isOpen?: boolean;
  /** True if the gateway may end the connection without an answer, because the client has ended its side. */
  readonly mayBeSilent?: boolean;
  /** The status of the request behind. Default: 200. */
  readonly afterStatus?: number;
  /** Checks the answer further. Returns the fault; undefined if there is none. */
  readonly also?: (answer: RawAnswer) => string | undefined;
}

export type Sees = object | 'anything' | 'at most once';

/** The bytes that the client sends in the same packet. */
const AFTER = 'GET /v1/things/after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const AFTER_NAME = 'things/after';

export function http1Case(gateway: TestGateway, one: Http1Case): Case {
  return { fact: one.fact, attempt: () => attempt(gateway, one) };
}

async function attempt({ port, upstream }: TestGateway, one: Http1Case): Promise<string | undefined> {
  upstream.calls.length = 0;
  const bytes = typeof one.bytes === 'string' ? Buffer.from(one.bytes, 'latin1') : one.bytes;
  const isOpen = one.isOpen === true;
  const sent = isOpen ? bytes : Buffer.concat([bytes, Buffer.from(AFTER)]);
  const { received, isClosed } = await sendBytes(port, [sent], { endsAfter: isOpen, patienceMs: patience.ms });
  if (!isClosed) return `no end within ${patience.ms} ms; got ${JSON.stringify(received.toString('latin1', 0, 80))}`;
  const method = /^[A-Z]+/.exec(bytes.toString('latin1', 0, 20))?.[0] ?? '';
  let answers: RawAnswer[];
  try {
    answers = readAnswers(received, [method, 'GET']);
  } catch (error) {
    if (error instanceof CutBody) return 'an answer that is cut';
    return `no HTTP: ${(error as Error).message}`;
  }
  const [answer, ...more] = answers;
  if (answer === undefined) return one.mayBeSilent === true ? verdictOnCalls(upstream, undefined, 0) : 'no answer';
  return (
    verdictOnAnswer(answer, method, one) ??
    verdictOnConnection(answer, more, one) ??
    verdictOnCalls(upstream, one.sees, one.afterStatus === undefined ? more.length : 0)
  );
}

function verdictOnAnswer(answer: RawAnswer, method: string, one: Http1Case): string | undefined {
  const { status, headers, body } = answer;
  if (![one.status].flat().includes(status))
    return `${status} instead of ${[one.status].flat().join(' or ')}: ${body.toString('utf8').slice(0, 200)}`;
  const verdict = verdictOn({
    status,
    header: (name) => headers.get(name)?.[0],
    body,
    isHead: method === 'HEAD',
    hasDeadline: false,
  });
  if (verdict !== undefined) return verdict;
  if (one.reason !== undefined) {
    const found = reasonIn(body);
    if (found !== one.reason) return `reason ${found} instead of ${one.reason}: ${body.toString('utf8').slice(0, 200)}`;
  }
  return one.also?.(answer);
}

function verdictOnConnection(answer: RawAnswer, more: readonly RawAnswer[], one: Http1Case): string | undefined {
  const saysClose = answer.headers.get('connection')?.[0] === 'close';
  if (one.ends === true || (one.ends === 'either' && saysClose)) {
    if (more.length > 0) return 'the connection was kept, and the request behind was answered';
    return saysClose ? undefined : 'the connection ended, and the answer did not say so';
  }
  if (one.isOpen === true) return undefined;
  if (more.length !== 1 || more[0]!.status !== (one.afterStatus ?? 200))
    return `the request behind got ${more[0]?.status ?? 'no answer'}`;
  return saysClose ? 'the answer says Connection: close, and the connection was kept' : undefined;
}

/** Judges what reached the upstream: nothing, or one whole call; and the request that followed. */
export function verdictOnCalls(
  { calls }: TestGateway['upstream'],
  sees: Sees | undefined,
  answeredAfter: number,
): string | undefined {
  const own = calls.filter((call) => (requestOf(call) as { name?: string } | undefined)?.name !== AFTER_NAME);
  const after = calls.length - own.length;
  if (after !== answeredAfter) return `the request behind reached the upstream ${after} times`;
  if (sees === undefined) return own.length === 0 ? undefined : `it reached the upstream: ${show(requestOf(own[0]!))}`;
  if (own.length === 0 && sees === 'at most once') return undefined;
  if (own.length !== 1) return `it reached the upstream ${own.length} times`;
  if (typeof sees === 'string' || isDeepStrictEqual(plain(requestOf(own[0]!)), plain(sees))) return undefined;
  return `the upstream saw ${show(requestOf(own[0]!))} instead of ${show(sees)}`;
}

/** Undefined if protobuf.js cannot decode the message: it has a smaller limit for the depth. */
function requestOf(call: RecordedCall): object | undefined {
  try {
    return call.request;
  } catch {
    return undefined;
  }
}

/** A message as plain values: bytes as base64, and numbers that JSON does not have as text. */
function plain(message: unknown): unknown {
  if (message === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(message, function (this: Record<string, unknown>, key, value) {
      const original = this[key];
      if (original instanceof Uint8Array) return Buffer.from(original).toString('base64');
      if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
        return String(`number ${Object.is(value, -0) ? '-0' : value}`);
      return value;
    }),
  );
}

function show(message: unknown): string {
  return JSON.stringify(plain(message))?.slice(0, 200) ?? 'nothing';
}

export function reasonIn(body: Buffer): string | undefined {
  try {
    const { details } = JSON.parse(body.toString('utf8')) as { details?: { '@type': string; reason?: string }[] };
    return details?.find((detail) => detail['@type'].endsWith('ErrorInfo'))?.reason;
  } catch {
    return undefined;
  }
}
