/**
 * The public API of protogate as a library; docs/library.md is its guide. Every type that a public type names is exported
 * too. `@types/node` and `@types/koa` are dependencies of the package, because the declarations below need them.
 */
/// <reference types="node" preserve="true" />
export type { Diagnostic, Position } from './base/diagnostic.js';
export type { RuleId } from './base/rules.js';
export type { Span, SpanAttributes } from './base/span.js';
export type {
  CacheNote,
  Call,
  CallContext,
  CallMethod,
  CallNotes,
  CallRequest,
  CallResponse,
  Interceptor,
  Messages,
  Room,
  TriedEndpoints,
} from './call/call.js';
export type { Attempt, CallRecord } from './call/call-record.js';
export type { Deadline, DeadlineOwner } from './call/deadline.js';
export type { Metadata, MetadataEntry } from './call/metadata.js';
export type { Credential, Principal } from './call/principal.js';
export type { ConfigInput } from './config/config.js';
export type { Context, MatchedRoute, Middleware, RequestState } from './exchange/request-state.js';
export { createGateway, type Gateway, GatewayError, type GatewayOptions } from './gateway/gateway.js';
export type { RequestListener } from './server/connection/watched.js';
export { Code } from './status/code.js';
export type { ErrorDetail } from './status/details.js';
export type { Reason } from './status/reasons.js';
export { StatusError, type StatusErrorOptions, type StatusMetadata } from './status/status-error.js';
