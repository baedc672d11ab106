/**
 * This module sets the caching headers of an answer: its age, its lifetime, who may keep it, and the ETag with which a
 * client can ask for it again (RFC 9110 §8.8.3, RFC 9111, RFC 9211).
 */
import { createHash } from 'node:crypto';
import type { CacheNote } from '../../call/call.js';
import type { Context } from '../../exchange/exchange.js';

export interface FreshnessSettings {
  /** True if any cache between client and gateway may keep the answer and give it to every client. */
  readonly forAll: boolean;
  readonly ttlMs: number;
  /** The request headers that affect the answer. `name*` stands for all headers that begin with `name`. */
  readonly varies: readonly string[];
}

/**
 * Sets the headers. Returns true if the client has this answer already, by its `If-None-Match`, so a 304 is enough. With
 * `forOneRequest` no cache may keep the answer.
 */
export type TellFreshness = (ctx: Context, note: CacheNote, forOneRequest: boolean, body: Uint8Array) => boolean;

export function compileFreshness({ forAll, ttlMs, varies }: FreshnessSettings): TellFreshness {
  // `Vary` cannot list all headers that match a pattern. So it becomes `*`, and caches ask again for each request (RFC
  // 9110 §12.5.5).
  const deciding = varies.some((name) => name.endsWith('*')) ? ['*'] : varies.map((name) => name.toLowerCase());
  const visibility = forAll ? 'public' : 'private';
  const maxAge = `${visibility}, max-age=${Math.floor(ttlMs / 1000)}`;
  return function tellFreshness(ctx, note, forOneRequest, body) {
    const { res, req } = ctx;
    res.setHeader('cache-status', statusText(note));
    if (forOneRequest) {
      res.setHeader('cache-control', 'no-store');
      return false;
    }
    const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    res.setHeader('etag', etag);
    res.setHeader('cache-control', maxAge);
    if (note.status === 'hit' || note.status === 'stale') res.setHeader('age', Math.floor(note.ageMs / 1000));
    vary(res, deciding);
    return matches(req.headers['if-none-match'], etag);
  };
}

/** Adds to the `Vary` header that earlier stages set. `*` replaces all names. */
function vary(res: Context['res'], names: readonly string[]): void {
  const before = String(res.getHeader('vary') ?? '').toLowerCase();
  const all = new Set([...before.split(/\s*,\s*/), ...names].filter((name) => name !== ''));
  if (all.size > 0) res.setHeader('vary', all.has('*') ? '*' : [...all].join(', '));
}

function statusText({ status, collapsed }: CacheNote): string {
  switch (status) {
    case 'hit':
      return 'protogate; hit';
    case 'stale':
      return 'protogate; hit; detail=stale';
    case 'miss':
      return collapsed === true ? 'protogate; fwd=miss; collapsed' : 'protogate; fwd=miss';
    case 'bypass':
      return 'protogate; fwd=bypass';
  }
}

/** True if one of the ETags in the header equals `etag` by weak comparison (RFC 9110 §13.1.2). */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = etag.slice(2);
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === opaque);
}
