/**
 * Whether a browser sends a request for another site's page. A cookie or a certificate comes along by itself, so what it may be used for
 * depends on who asked (CSRF): reading is free (the answer stays unreadable without CORS), the rest is for pages of this
 * site and for origins that the config names.
 */

export interface PageRequest {
  /** It may change something. */
  readonly writes: boolean;
  /** Name, value, name, value… as sent. */
  readonly rawHeaders: readonly string[];
  readonly authority: string;
}

/** True unless the request only reads, or says that it comes from this site or an allowed origin. */
export function isForeign({ writes, rawHeaders, authority }: PageRequest, allowed: ReadonlySet<string>): boolean {
  if (!writes) return false;
  const origin = headerOf(rawHeaders, 'origin');
  if (origin !== undefined && allowed.has(origin)) return false;
  // Fetch Metadata: written by the browser, out of reach of the page's scripts.
  const site = headerOf(rawHeaders, 'sec-fetch-site');
  if (site !== undefined) return site !== 'same-origin' && site !== 'same-site';
  return origin === undefined || !URL.canParse(origin) || new URL(origin).host !== hostOf(authority, origin);
}

/** The same for what programs send as well: true if a browser says where the request comes from, and it is foreign. */
export function isForeignPage(request: PageRequest, allowed: ReadonlySet<string>): boolean {
  const { rawHeaders } = request;
  const page = headerOf(rawHeaders, 'origin') ?? headerOf(rawHeaders, 'sec-fetch-site');
  return page !== undefined && isForeign(request, allowed);
}

/** The authority as a URL writes it: in lower case, without the port that the origin's scheme implies. */
function hostOf(authority: string, origin: string): string | undefined {
  const url = `${origin.slice(0, origin.indexOf(':'))}://${authority}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
  }
  return undefined;
}
