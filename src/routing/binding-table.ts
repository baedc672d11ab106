/**
 * Bindings → tables: by verb and path; and by path alone for WebSockets, whose handshake is a GET whatever the verb of a
 * method that streams.
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

/** Each path of a method that streams once, as a GET; where several verbs stream, the one that is a GET. */
export function webSocketRoutes<T>(routes: readonly Routed<T>[]): readonly Routed<T>[] {
  const byShape = new Map<string, Routed<T>>();
  for (const { binding, value } of routes) {
    const { shape } = binding.template;
    if (!isStreaming(binding.method) || (byShape.has(shape) && binding.httpMethod !== 'GET')) continue;
    byShape.set(shape, { binding: { ...binding, httpMethod: 'GET' }, value });
  }
  return [...byShape.values()];
}
