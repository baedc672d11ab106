/** Which framing of a stream a client gets (rule 20): what it likes best of what there is. */
import { gatewayError } from '../../status/status-error.js';
import { preferredType } from '../negotiate.js';
import { EVENTS, FRAMINGS, type Framing } from './framing.js';

const TYPES = [...FRAMINGS.keys()];
/** For those who don't care: what they can read as it comes. */
const LINES_FIRST = TYPES.toSorted((a, b) => Number(b.endsWith('ndjson')) - Number(a.endsWith('ndjson')));

export interface FramingWish {
  readonly accept: string | undefined;
  /** The client streams as well. */
  readonly bothWays: boolean;
  /** The query asks for server-sent events, which counts more than Accept. */
  readonly events: boolean;
}

/** Throws 406 where nothing fits. */
export function acceptedFraming({ accept, bothWays, events }: FramingWish): Framing {
  if (events) return EVENTS;
  const framing = FRAMINGS.get(preferredType(accept, bothWays ? LINES_FIRST : TYPES) ?? '');
  if (framing !== undefined) return framing;
  const got = JSON.stringify((accept ?? '').slice(0, 80));
  throw gatewayError(406, 'NOT_ACCEPTABLE', `accept: expected one of ${TYPES.join(', ')}, got ${got}`);
}
