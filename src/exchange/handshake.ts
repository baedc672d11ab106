/**
 * A request that asks to become a WebSocket (RFC 6455 §4.2.1). The listener announces it, its route's endpoint takes it up;
 * in between it is a GET like any other, and a refusal is an answer like any other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hasBody } from './answer.js';

export interface Handshake {
  readonly socket: Socket;
  /** What the client has sent after the head. */
  readonly head: Buffer;
  /** Its headers go out with the 101; its body if the request is refused. */
  readonly res: ServerResponse;
  /** The gateway goes away: a conversation that begins now would be cut soon. */
  readonly isDraining: () => boolean;
  /** Aborted when the gateway ends before the conversation does. */
  readonly ending: AbortSignal;
}

const announced = new WeakMap<IncomingMessage, Handshake>();

export function isHandshake(req: IncomingMessage): boolean {
  return req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(req);
}

export function announceHandshake(req: IncomingMessage, handshake: Handshake): void {
  announced.set(req, handshake);
}

/** Undefined: the request is none. */
export function handshakeOf(req: IncomingMessage): Handshake | undefined {
  return announced.get(req);
}
