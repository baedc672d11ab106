/** Reads the headers of a gRPC answer as PROTOCOL-HTTP2.md demands. All transports share these functions. */

/** Returns the number in `grpc-status`; NaN if the text is none, such as an empty text or `1e0`. */
export function statusCode(text: string): number {
  return /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
}

/** Decodes `grpc-message`, which is percent-encoded UTF-8. A text that does not decode is returned unchanged. */
export function statusMessage(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * True for the content type of gRPC with any suffix or parameter. The type of gRPC-Web has the same beginning, but is
 * another protocol.
 */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/.test(contentType);
}
