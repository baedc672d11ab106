/** The public API of protogate as a library. */
export type { Diagnostic, Position } from './base/diagnostic.js';
export type { Call, CallRequest, CallResponse, Interceptor } from './call/call.js';
export type { ConfigInput } from './config/config.js';
export { createGateway, type Gateway, GatewayError, type GatewayOptions } from './gateway/gateway.js';
export { Code } from './status/code.js';
export { StatusError } from './status/status-error.js';
