/** The numbers of HTTP/2 (RFC 9113 §6 and §7), and the error that ends a connection. */

export const FRAME_HEAD = 9;

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

/** The flow control windows of a new connection, in bytes (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW = 65_535;
/** The most bytes that a flow control window may have (RFC 9113 §6.9.1). */
export const LARGEST_WINDOW = 2 ** 31 - 1;
/** The smallest limit for the payload of a frame that a peer may set, in bytes (RFC 9113 §6.5.2). */
export const SMALLEST_FRAME_LIMIT = 16_384;
/** The largest limit for the payload of a frame that a peer may set, in bytes. */
export const LARGEST_FRAME_LIMIT = 2 ** 24 - 1;

/** The peer broke a rule of HTTP/2 in a way that ends the whole connection. */
export class ConnectionError extends Error {
  constructor(
    /** The error code that the GOAWAY frame to the peer has. */
    readonly errorCode: number,
    message: string,
  ) {
    super(message);
  }
}
