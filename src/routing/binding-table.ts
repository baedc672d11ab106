/**
 * This module builds route tables from bindings: one by verb and path, and one by path alone for WebSockets. A
 * WebSocket's handshake is a GET, whatever the method's own verb is.
 */
import { isStreaming } from '../call/call.js';
import type { Binding, BodyRule } from './binding.js';
import { takesRawBody } from './is-http-body.js';
import { type Claim, RouteTableBuilder } from './route-table.js';

export interface Routed<T> {
  readonly binding: Binding;
  readonly value: T;
}

export function bindingTable<T>(routes: readonly Routed<T>[]): RouteTableBuilder<T> {
  const builder = new RouteTableBuilder<T>();
  for (const route of routes) builder.add(claimOf(route));
  return builder;
}

export function claimOf<T>({ binding, value }: Routed<T>): Claim<T> {
  const { httpMethod, template, method, position } = binding;
  const origin = { name: method.fullName, position, derivesHead: !isStreaming(method) };
  return { httpMethod, template, value, origin };
}

/**
 * Returns the routes for WebSockets: each path of a method that streams, once, with its {@link webSocketBinding}. If several
 * bindings have the path, one whose verb is GET wins.
 */
export function webSocketRoutes<T>(routes: readonly Routed<T>[]): readonly Routed<T>[] {
  const byShape = new Map<string, Routed<T>>();
  for (const { binding, value } of routes) {
    const { shape } = binding.template;
    if (!isStreaming(binding.method) || (byShape.has(shape) && binding.httpMethod !== 'GET')) continue;
    byShape.set(shape, { binding: webSocketBinding(binding), value });
  }
  return [...byShape.values()];
}

/**
 * Returns the binding for use over WebSockets. A handshake is a GET, and a GET should have no body rule. If there is none,
 * each frame of a client stream is a whole message, and the query may give fields of the first one.
 */
export function webSocketBinding(binding: Binding): Binding {
  return { ...binding, httpMethod: 'GET', body: frameRule(binding) };
}

function frameRule({ method, body, variables }: Binding): BodyRule {
  if (!method.clientStreaming || body.kind !== 'none') return body;
  if (!takesRawBody({ method, body: WHOLE })) return { ...WHOLE, withQuery: true };
  // The frames of an upload are its bytes. Of its other fields the path may give the content type.
  return variables.every(({ fieldPath }) => fieldPath[0]?.name === 'content_type') ? WHOLE : body;
}

const WHOLE = { kind: 'whole' } as const;
