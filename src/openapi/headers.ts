/** This module describes the headers of answers that the gateway itself sets. */
import { formatDuration } from '../base/duration.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { Api, Json } from './api.js';

/** The headers by name, for `components.headers`. */
export const HEADERS: Readonly<Record<string, Json>> = {
  'RateLimit-Limit': integer('The number of requests that the tightest rate limit allows in its period.'),
  'RateLimit-Remaining': integer('The number of requests that it still allows.'),
  'RateLimit-Reset': integer('The number of seconds after which it allows all of them again.'),
  'Retry-After': integer('The number of seconds after which the request can be sent again.'),
  ETag: text('The version of the answer. Send it as `If-None-Match`; an answer that has not changed is 304.'),
  Age: integer('The number of seconds since the service gave the answer.'),
  'Cache-Control': text('The rules for caches: how long the answer may be kept, and by which caches.'),
  'Cache-Status': text('This header says whether the answer comes from the cache (RFC 9211).'),
  'x-protogate-partial': text('The parts that are missing in the answer, because a service did not give them.'),
};

function integer(description: string): Json {
  return { description, schema: { type: 'integer', minimum: 0 } };
}

function text(description: string): Json {
  return { description, schema: { type: 'string' } };
}

/** True if requests of the route are counted for a rate limit that can refuse them. */
export function isLimited({ rateLimits, access }: PlannedRoute, { plans }: Api['config']): boolean {
  return rateLimits.some(({ rule }) => rule.enforce) || (plans.size > 0 && access.mode !== 'public');
}

/** Returns an object with the member `headers` for the successful answers of a route, or without members if there are none. */
export function headersOf(route: PlannedRoute, config: Api['config']): Json {
  const limited = isLimited(route, config) ? ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] : [];
  const cached = route.cache === undefined ? [] : ['ETag', 'Age', 'Cache-Control', 'Cache-Status'];
  const partial = mayBePartial(route) ? ['x-protogate-partial'] : [];
  const names = [...limited, ...cached, ...partial];
  if (names.length === 0) return {};
  return { headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])) };
}

/** True if the route is an aggregate whose answer may lack a part that clients of the surface see. */
function mayBePartial({ aggregate }: PlannedRoute): boolean {
  return aggregate?.plan.steps.some(({ optional }, index) => optional && !aggregate.hidden.has(index)) === true;
}

/** Returns the declared limits as a sentence. Empty when there are none. */
export function limitsText({ rateLimits }: PlannedRoute): string {
  const limits = rateLimits
    .filter(({ rule }) => rule.enforce)
    .map(({ rule, perConsumer, perAddress }) => {
      const per = [...(perConsumer ? ['consumer'] : []), ...(perAddress ? ['client address'] : [])];
      const whose = per.length === 0 ? '' : ` for each ${per.join(' and ')}`;
      return `${rule.limit} in ${formatDuration(rule.periodMs)}${whose}`;
    });
  return limits.length === 0 ? '' : `Rate limit: ${limits.join(', ')}.`;
}
