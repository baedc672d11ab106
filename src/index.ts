/** The public API of protogate as a library. */
export type { Diagnostic, Position } from './base/diagnostic.js';
export type {
  Call,
  CallContext,
  CallMethod,
  CallNotes,
  CallRequest,
  CallResponse,
  Interceptor,
  Messages,
} from './call/call.js';
export type { Metadata, MetadataEntry } from './call/metadata.js';
export type { Credential, Principal } from './call/principal.js';
export type { ConfigInput } from './config/config.js';
export type { Context, Middleware } from './exchange/exchange.js';
export { createGateway, type Gateway, GatewayError, type GatewayOptions } from './gateway/gateway.js';
export { Code } from './status/code.js';
export { StatusError } from './status/status-error.js';
