/** This module chooses the framing of a stream that the client prefers: a JSON array, lines of JSON, or server-sent events. */
import { gatewayError } from '../../status/status-error.js';
import { preferredType } from '../negotiate.js';
import { EVENTS, FRAMINGS, type Framing } from './framing.js';

const TYPES = [...FRAMINGS.keys()];
/**
 * The media types in the order for clients that stream too and have no preference: lines first, because they can be read one by
 * one as they arrive.
 */
const LINES_FIRST = TYPES.toSorted((a, b) => Number(b.endsWith('ndjson')) - Number(a.endsWith('ndjson')));

export interface FramingWish {
  readonly accept: string | undefined;
  /** True if the client streams as well. */
  readonly bothWays: boolean;
  /** True if the query asks for server-sent events, which counts more than Accept. */
  readonly events: boolean;
}

/** Returns the framing of the answer. Throws 406 if the client accepts none. */
export function acceptedFraming({ accept, bothWays, events }: FramingWish): Framing {
  if (events) return EVENTS;
  const framing = FRAMINGS.get(preferredType(accept, bothWays ? LINES_FIRST : TYPES) ?? '');
  if (framing !== undefined) return framing;
  const got = JSON.stringify((accept ?? '').slice(0, 80));
  throw gatewayError('NOT_ACCEPTABLE', `accept: expected one of ${TYPES.join(', ')}, got ${got}`);
}
