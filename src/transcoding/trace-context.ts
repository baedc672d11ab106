/** This module passes W3C Trace Context headers on to the upstream. */
import type { MetadataEntry } from '../call/metadata.js';
import type { HeaderValue } from './headers.js';

/** Matches a traceparent. Version 00 has exactly 55 characters, later versions may append text, and version ff is invalid. */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?$/;

/** Returns the trace headers as metadata. Headers that do not parse are not passed on (W3C Trace Context §3.2.2). */
export function traceContext(traceparent: HeaderValue, tracestate: HeaderValue): readonly MetadataEntry[] {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return NONE;
  const parent: MetadataEntry = ['traceparent', traceparent];
  const isState = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate);
  return isState ? [parent, ['tracestate', tracestate]] : [parent];
}

/** Returns the id of the trace that a request belongs to, in hex. Undefined when it names none. */
export function traceIdOf(traceparent: HeaderValue): string | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return traceparent.slice(3, 35);
}

const NONE: readonly MetadataEntry[] = [];
