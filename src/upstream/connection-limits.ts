/** The limits of an HTTP/2 connection to an upstream. The transports `lean` and `http2` use them. */

/** The number of bytes that an upstream may send on one stream before its consumer reads them (flow control window). */
export const STREAM_WINDOW = 256 * 1024;
/** The number of bytes that an upstream may send on all streams of a connection before they are read. */
export const CONNECTION_WINDOW = 16 * 1024 * 1024;
/**
 * The milliseconds within which a connection must be established. It is established when the first frame of the upstream has
 * come.
 */
export const CONNECT_TIMEOUT_MS = 20_000;
/** The milliseconds that an upstream has to close its side of a connection after this side has closed its own. */
export const LINGER_MS = 2000;
/**
 * The most streams that this side resets on a connection before it uses another one. Servers with nghttp2, which Node uses, end
 * a connection after 1,000 resets at once and 33 more per second.
 */
export const RESETS = { atOnce: 500, perSecond: 30 };
/** The highest stream id. A connection that has used it can have no new stream (RFC 9113 §5.1.1). */
export const LAST_STREAM_ID = 2 ** 31 - 1;
