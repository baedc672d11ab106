/**
 * What an answer from a cached route says of itself: how old it is, for whom, until when, and by what it can be asked
 * for again (RFC 9110 §8.8.3, RFC 9111, RFC 9211).
 */
import { createHash } from 'node:crypto';
import type { CacheNote } from '../call/call.js';
import type { Context } from './exchange.js';

export interface FreshnessSettings {
  /** Any cache on the way may keep the answer and give it to anybody. */
  readonly forAll: boolean;
  readonly ttlMs: number;
  /** Request headers that decide the answer; `name*` stands for those of a request that begin so. */
  readonly varies: readonly string[];
}

/** Sets the headers; true: the client has this answer already. */
export type TellFreshness = (ctx: Context, note: CacheNote, body: Uint8Array) => boolean;

export function compileFreshness({ forAll, ttlMs, varies }: FreshnessSettings): TellFreshness {
  const exact = varies.filter((name) => !name.endsWith('*'));
  const prefixes = varies.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const visibility = forAll ? 'public' : 'private';
  const maxAge = `${visibility}, max-age=${Math.floor(ttlMs / 1000)}`;
  return function tellFreshness(ctx, note, body) {
    const { res, req } = ctx;
    const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    res.setHeader('etag', etag);
    res.setHeader('cache-control', maxAge);
    res.setHeader('cache-status', statusText(note));
    if (note.status === 'hit' || note.status === 'stale') res.setHeader('age', Math.floor(note.ageMs / 1000));
    const sent = prefixes.length === 0 ? [] : Object.keys(req.headers);
    vary(res, [...exact, ...sent.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))]);
    return matches(req.headers['if-none-match'], etag);
  };
}

/** Koa's own reads the whole header again for each name: a request of a thousand headers would hold up all others. */
function vary(res: Context['res'], names: readonly string[]): void {
  const before = String(res.getHeader('vary') ?? '').split(/\s*,\s*/);
  const all = new Set([...before, ...names].map((name) => name.toLowerCase()).filter((name) => name !== ''));
  if (all.size > 0) res.setHeader('vary', [...all].join(', '));
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

/** RFC 9110 §13.1.2, by weak comparison. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = etag.slice(2);
  return [...header.matchAll(/(?:W\/)?("[^"]*")/g)].some(([, tag]) => tag === opaque);
}
