/** What gRPC over HTTP/2 demands of an answer's headers (PROTOCOL-HTTP2.md), for all transports. */

/** The number in `grpc-status`; NaN where it holds none, as in an empty text or `1e0`. */
export function statusCode(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
}

/** The text in `grpc-message`: percent-encoded UTF-8; what does not decode is shown as it came. */
export function statusMessage(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** True for gRPC with any suffix or parameter. gRPC-Web, which begins alike, is something else. */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/.test(contentType);
}
