/**
 * This module marks a request that asks to become a WebSocket (RFC 6455 §4.2.1). The listener marks the request, and
 * the endpoint of its route accepts it. Between them it is handled like any other GET, and a refusal is sent like any
 * other answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hasBody } from './answer.js';

export interface Handshake {
  readonly socket: Socket;
  /** The bytes that the client has sent after the head. */
  readonly head: Buffer;
  /** The answer. Its headers are sent with the 101. Its body is sent only if the request is refused. */
  readonly res: ServerResponse;
  /** Returns true while the gateway shuts down. A WebSocket that began then would be cut soon. */
  readonly isDraining: () => boolean;
  /** Aborted when the gateway ends before the WebSocket does. */
  readonly ending: AbortSignal;
}

const announced = new WeakMap<IncomingMessage, Handshake>();

/** True for a GET without a body that asks to become a WebSocket. HTTP/1.0 has no upgrades (RFC 6455 §4.1). */
export function isHandshake(req: IncomingMessage): boolean {
  const { method, headers, httpVersionMinor } = req;
  return method === 'GET' && httpVersionMinor > 0 && headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(req);
}

export function announceHandshake(req: IncomingMessage, handshake: Handshake): void {
  announced.set(req, handshake);
}

/** Returns the handshake of a request. Undefined when the request does not ask for a WebSocket. */
export function handshakeOf(req: IncomingMessage): Handshake | undefined {
  return announced.get(req);
}
