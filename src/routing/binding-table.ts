/**
 * This module builds route tables from bindings: one by verb and path, and one by path alone for WebSockets. A
 * WebSocket's handshake is a GET, whatever the method's own verb is.
 */
import { isStreaming } from '../call/call.js';
import type { Binding } from './binding.js';
import { RouteTableBuilder } from './route-table.js';

export interface Routed<T> {
  readonly binding: Binding;
  readonly value: T;
}

export function bindingTable<T>(routes: readonly Routed<T>[]): RouteTableBuilder<T> {
  const builder = new RouteTableBuilder<T>();
  for (const { binding, value } of routes) {
    const { httpMethod, template, method, position } = binding;
    builder.add(httpMethod, template, value, { name: method.fullName, position, derivesHead: !isStreaming(method) });
  }
  return builder;
}

/**
 * Returns the routes for WebSockets: each path of a method that streams, once, as a GET. If several bindings have the
 * path, one whose verb is GET wins.
 */
export function webSocketRoutes<T>(routes: readonly Routed<T>[]): readonly Routed<T>[] {
  const byShape = new Map<string, Routed<T>>();
  for (const { binding, value } of routes) {
    const { shape } = binding.template;
    if (!isStreaming(binding.method) || (byShape.has(shape) && binding.httpMethod !== 'GET')) continue;
    byShape.set(shape, { binding: { ...binding, httpMethod: 'GET' }, value });
  }
  return [...byShape.values()];
}
