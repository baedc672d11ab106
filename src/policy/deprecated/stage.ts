/**
 * This stage tells clients that a method is deprecated, with the headers of RFC 9745 (`Deprecation`, a structured date) and
 * RFC 8594 (`Sunset`, an HTTP date), and with links to the page that says more.
 *
 *     Deprecation: @1767225600
 *     Sunset: Thu, 31 Dec 2026 00:00:00 GMT
 *     Link: <https://example.com/v2>; rel="deprecation", <https://example.com/v2>; rel="sunset"
 */
import type { Middleware } from '../../exchange/exchange.js';
import type { DeprecatedSettings } from './settings.js';

/** Returns the stage. It sets the headers first, so that refusals have them too. */
export function deprecated({ sinceMs, sunsetMs, link }: DeprecatedSettings): Middleware {
  const since = `@${Math.floor(sinceMs / 1000)}`;
  const sunset = sunsetMs === undefined ? undefined : new Date(sunsetMs).toUTCString();
  const relations = sunset === undefined ? ['deprecation'] : ['deprecation', 'sunset'];
  const links = link === undefined ? undefined : relations.map((relation) => `<${link}>; rel="${relation}"`).join(', ');
  return function deprecated({ res }, next) {
    res.setHeader('deprecation', since);
    if (sunset !== undefined) res.setHeader('sunset', sunset);
    if (links !== undefined) res.setHeader('link', links);
    return next();
  };
}
