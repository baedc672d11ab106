/**
 * The cache is a layer around a call, so it does not depend on HTTP. It keeps the bytes of good answers. The key of an answer
 * covers everything on which the answer may depend: the method, the request's bytes, the client's headers that go upstream, the
 * caller, and the other properties of the caller that the call reads. With the scope `public` an answer is for all callers, so
 * neither the caller nor the client's address is sent upstream.
 */
import type { Clock } from '../../base/clock.js';
import type { CacheNote, Call, CallRequest, CallResponse, Interceptor } from '../../call/call.js';
import { isForOneRequest } from '../../call/for-one-request.js';
import { StatusError } from '../../status/status-error.js';
import type { Entries, Entry } from '../../store/entries.js';
import { statusFromMetadata } from '../../transcoding/headers.js';
import { type CallerRead, cacheKey } from './cache-key.js';
import { InFlightCalls } from './in-flight-calls.js';

export interface CachePolicy {
  readonly scope: 'consumer' | 'public';
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

export interface CacheOptions {
  /**
   * The time limit in milliseconds for the call that fills the cache. When a client's own deadline passes, only that
   * client stops waiting.
   */
  readonly timeoutMs: number;
  /**
   * The properties of the caller that affect the answer, besides the request, its metadata, and the caller's issuer,
   * subject and consumer.
   */
  readonly dependsOn: readonly CallerRead[];
  readonly onAnswer: (status: CacheNote['status']) => void;
}

/** The kept answers and the running calls of all routes. */
export class ResponseCache {
  private readonly inFlight: InFlightCalls;

  constructor(
    private readonly entries: Entries,
    private readonly clock: Clock,
  ) {
    this.inFlight = new InFlightCalls(clock);
  }

  async close(): Promise<void> {
    this.inFlight.close();
    await this.entries.close();
  }

  /** Returns the layer around the call of one route. */
  interceptor(policy: CachePolicy, { timeoutMs, dependsOn, onAnswer }: CacheOptions): Interceptor {
    const { scope, ttlMs, staleWhileRevalidateMs, staleIfErrorMs } = policy;
    const keepMs = ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);

    return (next) => async (request) => {
      const asked = scope === 'public' ? withoutCaller(request) : request;
      const key = cacheKey(asked, dependsOn);
      const kept = this.entries.get(key);
      const found = kept instanceof Promise ? await kept : kept;
      const entry = found === 'unavailable' ? undefined : found;
      const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.clock.now() - entry.storedAt);
      if (entry !== undefined && ageMs < ttlMs) return noted(entry, { status: 'hit', ageMs });
      const fetch = (signal: AbortSignal) => this.fetch(next, { ...asked, signal }, key, keepMs, timeoutMs);
      if (entry !== undefined && ageMs < ttlMs + staleWhileRevalidateMs) {
        this.inFlight.startAlone(key, (signal) =>
          this.fetch(next, { ...withoutRecord(asked), signal }, key, keepMs, timeoutMs),
        );
        return noted(entry, { status: 'stale', ageMs });
      }
      try {
        let joined = this.inFlight.isUnderWay(key);
        const answered = this.inFlight.join(key, request, fetch);
        // An answer with a cookie, or one that the upstream marks as private, belongs to the request that caused the
        // call. Requests that joined the call make their own.
        const own = joined && (await answered.then(isForOneRequest, isFailureForOneRequest));
        if (own) joined = false;
        const response = await (own ? next(asked) : answered);
        const note: CacheNote = { status: found === 'unavailable' ? 'bypass' : 'miss', ageMs: 0, collapsed: joined };
        onAnswer(note.status);
        return { ...response, notes: { ...response.notes, cache: note } };
      } catch (error) {
        if (entry === undefined || ageMs >= ttlMs + staleIfErrorMs || !isFailure(error)) throw error;
        return noted(entry, { status: 'stale', ageMs });
      }
    };

    function noted({ headers, message, trailers }: Entry, cache: CacheNote): CallResponse {
      onAnswer(cache.status);
      return { headers, message, trailers, notes: { cache } };
    }
  }

  private async fetch(
    next: Call,
    asked: CallRequest,
    key: string,
    keepMs: number,
    timeoutMs: number,
  ): Promise<CallResponse> {
    // Several requests may wait for this answer, so it must not wait for the connection of one client.
    const { room: _, ...context } = asked.context;
    const deadline = { at: this.clock.now() + timeoutMs, owner: 'route' } as const;
    const response = await next({ ...asked, context, deadline });
    const entry = storable(response, this.clock.now());
    if (entry !== undefined) this.entries.set(key, entry, keepMs);
    return response;
  }
}

/**
 * Removes the caller and the client's address from a request, so that an answer for everybody cannot depend on them.
 */
function withoutCaller(request: CallRequest): CallRequest {
  const { principal, ...context } = request.context;
  const identity = new Set(principal?.metadata ?? []);
  const metadata = request.metadata.filter(
    (entry) => !identity.has(entry) && entry[0] !== 'authorization' && entry[0] !== 'x-forwarded-for',
  );
  return { ...request, metadata, context };
}

/** Removes record and span from the request for a renewal: the client has a stale answer already and does not wait for it. */
function withoutRecord(request: CallRequest): CallRequest {
  const { record: _, span: _ended, ...context } = request.context;
  return { ...request, context };
}

/**
 * Returns what can be kept of a response. Undefined when it is only for this request, lacks parts of an aggregate, or has a
 * status other than 200. The bytes are copied, because they may be part of a larger buffer.
 */
function storable(response: CallResponse, now: number): Entry | undefined {
  const { headers, message, trailers, notes } = response;
  if (!(message instanceof Uint8Array) || (notes.parts?.length ?? 0) > 0) return undefined;
  if (isForOneRequest(response)) return undefined;
  if ((statusFromMetadata(headers, trailers) ?? 200) !== 200) return undefined;
  return { storedAt: now, headers, message: new Uint8Array(message), trailers };
}

function isFailureForOneRequest(error: unknown): boolean {
  return error instanceof StatusError && error.metadata !== undefined && isForOneRequest(error.metadata);
}

/** True for the failures in which a stale answer may be given instead (RFC 5861 §4). */
function isFailure(error: unknown): boolean {
  return error instanceof StatusError && [500, 502, 503, 504].includes(error.httpStatus);
}
