/**
 * All reasons of the errors that the gateway itself raises: the values of `reason` in the google.rpc.ErrorInfo of an error
 * answer. Each reason has one gRPC code and one HTTP status. The table in docs/errors.md is written from this list.
 */
import { Code } from './code.js';

export interface ReasonEntry {
  readonly code: Code;
  readonly httpStatus: number;
  /** A sentence that says when a client gets this error. */
  readonly when: string;
  /** Advice for the client, or for the operator of the gateway. */
  readonly whatToDo: string;
}

/** The reason of an error that the gateway itself raises (docs/errors.md). */
export type Reason = keyof typeof REASONS;

export const REASONS = {
  // The request as HTTP.
  MALFORMED_REQUEST: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The request is not valid HTTP, such as a header line without a colon, two different content lengths, or a `Transfer-Encoding` that does not end in `chunked`.',
    whatToDo: 'Correct the part that the message names. A proxy or a hand-written client usually causes it.',
  },
  BAD_REQUEST_TARGET: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The path in the request line is not valid, or the `Host` header is missing, sent twice or not valid.',
    whatToDo: 'Send a path that begins with `/` and one `Host` header with a name or an address.',
  },
  HEADERS_TIMEOUT: {
    code: Code.DEADLINE_EXCEEDED,
    httpStatus: 408,
    when: 'The headers of the request did not arrive within `listen.headersTimeout`.',
    whatToDo: 'Send all headers at once. For slow networks raise `listen.headersTimeout`.',
  },
  HEADERS_TOO_LARGE: {
    code: Code.RESOURCE_EXHAUSTED,
    httpStatus: 431,
    when: 'The headers of the request are larger than `limits.headerBytes`.',
    whatToDo: 'Send fewer or shorter headers, often cookies, or raise `limits.headerBytes`.',
  },
  TOO_MANY_HEADERS: {
    code: Code.RESOURCE_EXHAUSTED,
    httpStatus: 431,
    when: 'The request has more than 100 headers that `metadata.request` passes on.',
    whatToDo: 'Send fewer of them, or make the patterns in `metadata.request` narrower.',
  },
  OUT_OF_MEMORY: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'The process has used 90 % of the memory that it may use, and refuses new requests until some is free.',
    whatToDo: 'Try again after `Retry-After`. Give the gateway more memory, or run more gateways.',
  },
  UNKNOWN_EXPECTATION: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 417,
    when: 'The `Expect` header has a value other than `100-continue`.',
    whatToDo: 'Leave the header out.',
  },
  UNSUPPORTED_TRANSFER_CODING: {
    code: Code.UNIMPLEMENTED,
    httpStatus: 501,
    when: 'The `Transfer-Encoding` header names another coding before `chunked`, such as `gzip, chunked`.',
    whatToDo: 'Send the body as it is, with `chunked` or with a `Content-Length`.',
  },
  UNEXPECTED_TRANSFER_CODING: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'An HTTP/1.0 request has a `Transfer-Encoding` header.',
    whatToDo: 'Use HTTP/1.1, or send a `Content-Length`.',
  },
  METHOD_NOT_IMPLEMENTED: {
    code: Code.UNIMPLEMENTED,
    httpStatus: 501,
    when: 'The method of the request is `CONNECT`.',
    whatToDo: 'Do not use the gateway as a forward proxy.',
  },

  // The route.
  MALFORMED_PATH: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The path has a broken percent escape, a dot segment or bytes that are not UTF-8.',
    whatToDo: 'Encode each segment of the path, for example with `encodeURIComponent`.',
  },
  ROUTE_NOT_FOUND: {
    code: Code.NOT_FOUND,
    httpStatus: 404,
    when: 'No route has this path. The message names a route with a similar path, if there is one.',
    whatToDo: 'Compare the path with `protogate routes`, and try it with `protogate explain`.',
  },
  METHOD_NOT_ALLOWED: {
    code: Code.UNIMPLEMENTED,
    httpStatus: 405,
    when: 'The path has routes, but none with this method.',
    whatToDo: 'Use one of the methods in the `Allow` header.',
  },
  MISDIRECTED_REQUEST: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 421,
    when: 'A request to the admin port names a host that is not in `admin.hosts`.',
    whatToDo: 'Use an IP address or `localhost`, or add the host to `admin.hosts`.',
  },

  // These reasons concern the caller and its permissions.
  UNAUTHENTICATED: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The route needs a caller, and the request has no credential.',
    whatToDo: 'Send a token, an API key or a client certificate. The message names the headers that are read.',
  },
  INVALID_TOKEN: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The token is malformed, expired, wrongly signed, or made for another audience or by another issuer.',
    whatToDo: 'Get a new token. The message says what was expected.',
  },
  INVALID_API_KEY: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The API key is unknown or has expired.',
    whatToDo:
      'Use another key. The operator makes keys with `protogate keygen` and adds them to the file in `auth.apiKeys.file`.',
  },
  INVALID_CERTIFICATE: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The client certificate is not trusted, is not valid now, or names no caller.',
    whatToDo:
      'Use a certificate that an authority in `listen.tls.clientCa` has signed, and that has a name of a kind in `auth.mtls.identity`.',
  },
  AMBIGUOUS_CREDENTIALS: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The request has several credentials, for example a token and an API key.',
    whatToDo: 'Send one credential.',
  },
  KEYS_UNAVAILABLE: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'The keys of the token’s issuer have not been fetched yet, so that the token cannot be checked.',
    whatToDo:
      'Try again later. The operator finds the cause in the log: `the keys of a token issuer cannot be fetched`.',
  },
  MISSING_SCOPE: {
    code: Code.PERMISSION_DENIED,
    httpStatus: 403,
    when: 'The caller lacks a scope that the route demands.',
    whatToDo: 'Get a credential with the scope that the message names.',
  },
  NOT_ALLOWED: {
    code: Code.PERMISSION_DENIED,
    httpStatus: 403,
    when: 'A `require` of the route is not true, the client address is not allowed, or a claim is missing.',
    whatToDo: 'Ask only for resources that the caller may use. `protogate explain` shows each `require` of a route.',
  },
  FOREIGN_ORIGIN: {
    code: Code.PERMISSION_DENIED,
    httpStatus: 403,
    when: 'A page of a foreign origin sends a cookie or a client certificate, or opens a WebSocket.',
    whatToDo: 'Add the origin of the page to `cors.origins`, or send a token in a header.',
  },

  // Limits.
  RATE_LIMITED: {
    code: Code.RESOURCE_EXHAUSTED,
    httpStatus: 429,
    when: 'A rate limit of the route, of the plan or of the client address is used up.',
    whatToDo: 'Wait as long as `Retry-After` says.',
  },
  LIMITS_UNAVAILABLE: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'Redis, which counts the requests, does not answer, and `rateLimiting.onStoreFailure` is `closed`.',
    whatToDo: 'Try again later. The operator checks Redis and the metric `protogate_store_up`.',
  },

  // Path, query, headers and body as fields of the request message.
  INVALID_PATH: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'A variable of the path does not fit the type of its field, such as a word where a number is expected.',
    whatToDo: 'Correct the value that `BadRequest` names.',
  },
  INVALID_QUERY: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'A query parameter is unknown, is given twice, or does not fit the type of its field.',
    whatToDo: 'Correct the parameter that `BadRequest` names, or let `query.ignore` drop it.',
  },
  INVALID_BODY: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The body is not JSON, has an unknown field or a wrong type, or is nested too deeply.',
    whatToDo: 'Correct the field that `BadRequest` names.',
  },
  UNEXPECTED_BODY: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The request has a body, and the HTTP rule of its route has no `body`. A client stream with a GET rule needs a WebSocket.',
    whatToDo: 'Send the fields in the query, or add `body: "*"` to the HTTP rule.',
  },
  INVALID_METADATA: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'A header for the upstream has control characters, or its name ends in `-bin` and its value is not base64.',
    whatToDo: 'Correct the header that `BadRequest` names.',
  },
  INVALID_TIMEOUT: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: '`grpc-timeout` or `x-request-timeout` has a value that is not a timeout.',
    whatToDo: 'Write `grpc-timeout: 500m` or `x-request-timeout: 1.5`.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 415,
    when: 'The body has a `Content-Type` or a `Content-Encoding` that the route does not take.',
    whatToDo: 'Send `application/json` without compression. Client streams also take `application/x-ndjson`.',
  },
  NOT_ACCEPTABLE: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 406,
    when: 'The `Accept` header names no format in which a stream can be answered.',
    whatToDo: 'Accept one of the types that the message names.',
  },
  BODY_TOO_LARGE: {
    code: Code.RESOURCE_EXHAUSTED,
    httpStatus: 413,
    when: 'The body, or a message of a client stream, is larger than `maxRequestBytes` or `limits.bodyBytes`.',
    whatToDo: 'Send less, or raise the limit for the method.',
  },
  BODY_TIMEOUT: {
    code: Code.DEADLINE_EXCEEDED,
    httpStatus: 408,
    when: 'The body did not arrive in time, or the client of a client stream sent nothing for too long.',
    whatToDo: 'Send the body faster. `limits.requestTimeout` and `streamIdleTimeout` set how long it may take.',
  },
  BODY_ALREADY_READ: {
    code: Code.INTERNAL,
    httpStatus: 500,
    when: 'The gateway is embedded in a server, and a body parser in front of it has read the body.',
    whatToDo: 'Put the parser behind the gateway, or let it keep the bytes: `express.raw({ type: "*/*" })`.',
  },

  // Streams and WebSockets.
  BAD_HANDSHAKE: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The handshake of a WebSocket is not valid.',
    whatToDo: 'Use a WebSocket client. The message names the header that is wrong.',
  },
  UNSUPPORTED_WEBSOCKET_VERSION: {
    code: Code.FAILED_PRECONDITION,
    httpStatus: 426,
    when: 'The handshake of a WebSocket asks for a version other than 13.',
    whatToDo: 'Send `Sec-WebSocket-Version: 13`, as the answer says.',
  },
  BINARY_FRAME: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'A binary frame came on a WebSocket whose messages are JSON.',
    whatToDo: 'Send each message as a text frame.',
  },
  UNEXPECTED_MESSAGE: {
    code: Code.INVALID_ARGUMENT,
    httpStatus: 400,
    when: 'The client sent a frame after the end of its messages, or a second frame although the method takes one message.',
    whatToDo: 'Open a new WebSocket for the next call.',
  },
  HALF_DUPLEX_LIMIT: {
    code: Code.RESOURCE_EXHAUSTED,
    httpStatus: 413,
    when: 'In a bidirectional stream over HTTP/1.1, more than 1 MiB of answers waits for the end of the request.',
    whatToDo: 'Use HTTP/2 or a WebSocket, which carry both directions at once.',
  },
  STREAM_IDLE: {
    code: Code.DEADLINE_EXCEEDED,
    httpStatus: 504,
    when: 'No message came on a stream for the `streamIdleTimeout` of its upstream.',
    whatToDo: 'Open the stream again, let the service send messages more often, or raise `streamIdleTimeout`.',
  },
  CREDENTIAL_EXPIRED: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The credential of an open stream has expired, and `auth.streamGrace` is over.',
    whatToDo: 'Open the stream again with a new credential.',
  },
  CREDENTIAL_WITHDRAWN: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The API key or the signing key of an open stream was removed, and `auth.streamGrace` is over.',
    whatToDo: 'Open the stream again with a new credential.',
  },
  ROUTE_WITHDRAWN: {
    code: Code.PERMISSION_DENIED,
    httpStatus: 403,
    when: 'A reload has removed the route of an open stream.',
    whatToDo: 'Look for the new route with `protogate routes`.',
  },
  CALLER_CHANGED: {
    code: Code.UNAUTHENTICATED,
    httpStatus: 401,
    when: 'The request that opened the stream has several credentials, and since a reload another one of them counts.',
    whatToDo: 'Open the stream again with one credential.',
  },
  DEMANDS_CHANGED: {
    code: Code.PERMISSION_DENIED,
    httpStatus: 403,
    when: 'A reload has added a `require` about messages of the client, and an open stream has sent some of them already.',
    whatToDo: 'Open the stream again.',
  },

  // Aggregates.
  TOO_MANY_ITEMS: {
    code: Code.OUT_OF_RANGE,
    httpStatus: 400,
    when: 'A step of an aggregate makes a call for each element of a list, and the list has more elements than the `max_items` of the step.',
    whatToDo: 'Ask for fewer elements, or raise `max_items` in the step.',
  },
  ELEMENT_NOT_FOUND: {
    code: Code.NOT_FOUND,
    httpStatus: 404,
    when: 'The answer to a batch call of an aggregate lacks an element that was asked for.',
    whatToDo: 'Make the step `optional`, so that the answer comes without this part.',
  },

  // The upstream, and the connection to it.
  UPSTREAM_UNREACHABLE: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'The gateway cannot connect to the upstream, or the connection broke during the call.',
    whatToDo: 'Try again later. The operator checks `upstreams` with `protogate check --connect`, and reads the log.',
  },
  CIRCUIT_OPEN: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'Too many calls of the method have failed, and the circuit breaker of its upstream refuses calls for a while.',
    whatToDo: 'Wait as long as `Retry-After` says. The operator looks at `protogate_circuit_state` and at the service.',
  },
  UPSTREAM_BUSY: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'The upstream has as many running calls as its `maxConcurrent` allows, and none of them ended in time.',
    whatToDo:
      'Wait as long as `Retry-After` says. The operator finds out why the service is slow, or raises the limit.',
  },
  UPSTREAM_CLOSED: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'The connections to the upstream are being closed: the gateway stops, or a reload has removed the upstream.',
    whatToDo: 'Try again.',
  },
  UPSTREAM_BROKEN_ANSWER: {
    code: Code.INTERNAL,
    httpStatus: 502,
    when: 'The upstream’s answer is not valid gRPC, or its message does not fit the proto.',
    whatToDo: 'The operator compares the protos of gateway and service, and reads the log for the cause.',
  },
  UPSTREAM_ANSWER_TOO_LARGE: {
    code: Code.INTERNAL,
    httpStatus: 502,
    when: 'The upstream’s answer, or the JSON that is made of it, is larger than `limits.responseBytes`.',
    whatToDo: 'Ask for less, for example with `$fields` or a smaller page, or raise `limits.responseBytes`.',
  },
  DEADLINE_EXCEEDED: {
    code: Code.DEADLINE_EXCEEDED,
    httpStatus: 504,
    when: 'The deadline passed before the upstream had answered, or before all messages of the client were sent and read.',
    whatToDo: 'Try again, allow more time with a longer `timeout`, or find out why the service is slow.',
  },

  // The gateway.
  DRAINING: {
    code: Code.UNAVAILABLE,
    httpStatus: 503,
    when: 'A client opens a WebSocket while the gateway stops.',
    whatToDo: 'Connect again, to another gateway if there are several.',
  },
  INTERNAL: {
    code: Code.INTERNAL,
    httpStatus: 500,
    when: 'The gateway, or your own middleware or interceptor, has a bug.',
    whatToDo: 'Look for the request id of the message in the log, and report a bug if the gateway is the cause.',
  },
} as const satisfies Readonly<Record<string, ReasonEntry>>;
