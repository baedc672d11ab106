/** The limits of an HTTP/2 connection to an upstream, which all transports of our own have in common. */

/** The number of bytes that an upstream may send on one stream before its consumer reads them. */
export const STREAM_WINDOW = 256 * 1024;
/** The number of bytes that an upstream may send on all streams together before they are read. */
export const CONNECTION_WINDOW = 16 * 1024 * 1024;
/** The time that connecting may take, until the first frame of the upstream. */
export const CONNECT_TIMEOUT_MS = 20_000;
/** The time that an upstream may take to end its side of a connection after a GOAWAY from either side and the last call. */
export const LINGER_MS = 2000;
/**
 * The number of streams that may be reset on a connection. nghttp2, and so every server on Node, ends a connection after
 * a burst of 1,000 resets and 33 per second.
 */
export const RESETS = { atOnce: 500, perSecond: 30 };
/** The highest stream id: no stream can follow it (RFC 9113 §5.1.1). */
export const LAST_STREAM_ID = 2 ** 31 - 1;
