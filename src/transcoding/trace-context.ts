/** W3C Trace Context: what of a request's trace travels on. */
import type { MetadataEntry } from '../call/metadata.js';
import type { HeaderValue } from './headers.js';

/** Version 00 is 55 characters long and ff is none; what later ones append must be able to travel. */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?$/;

/** §3.2.2: what does not parse is not passed on. */
export function traceContext(traceparent: HeaderValue, tracestate: HeaderValue): readonly MetadataEntry[] {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return NONE;
  const parent: MetadataEntry = ['traceparent', traceparent];
  const isState = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate);
  return isState ? [parent, ['tracestate', tracestate]] : [parent];
}

const NONE: readonly MetadataEntry[] = [];
