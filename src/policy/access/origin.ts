/**
 * This module decides whether a browser sends a request for a page of another site (CSRF). A browser adds a cookie or a
 * certificate by itself, so the page that sends the request decides whether the credential may be used. Reading is always
 * allowed, because another site's page cannot read the answer without CORS. All else is allowed only for pages of this site and
 * for origins that the config names.
 */

export interface PageRequest {
  /** True if the request may change something. */
  readonly writes: boolean;
  /** The headers as they were sent: name, value, name, value and so on. */
  readonly rawHeaders: readonly string[];
  readonly authority: string;
}

/** True unless the request only reads, or its headers prove that it comes from this site or an allowed origin. */
export function isForeign({ writes, rawHeaders, authority }: PageRequest, allowed: ReadonlySet<string>): boolean {
  if (!writes) return false;
  const origin = headerOf(rawHeaders, 'origin');
  if (origin !== undefined && allowed.has(origin)) return false;
  // The browser writes the Fetch Metadata headers, and a page's scripts cannot change them.
  const site = headerOf(rawHeaders, 'sec-fetch-site');
  if (site !== undefined) return site !== 'same-origin' && site !== 'same-site';
  return origin === undefined || !URL.canParse(origin) || new URL(origin).host !== hostOf(authority, origin);
}

/**
 * True if the headers of a browser prove that the request comes from another site. Unlike `isForeign`, it is false for
 * programs that send no such headers.
 */
export function isForeignPage(request: PageRequest, allowed: ReadonlySet<string>): boolean {
  const { rawHeaders } = request;
  const page = headerOf(rawHeaders, 'origin') ?? headerOf(rawHeaders, 'sec-fetch-site');
  return page !== undefined && isForeign(request, allowed);
}

/** Returns the authority as a URL writes it: in lower case, and without the default port of the origin's scheme. */
function hostOf(authority: string, origin: string): string | undefined {
  const url = `${origin.slice(0, origin.indexOf(':'))}://${authority}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** Returns the first value of a header. Undefined if there is none. */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
