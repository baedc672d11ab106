/**
 * This module makes the JSON Schema of the config file, for editors. It also lists the known keys of an object in the config,
 * for "did you mean" hints.
 */
import * as z from 'zod';
import { configSchema } from './config.js';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

let cached: JsonSchema | undefined;

/** Returns the JSON Schema of the config file (draft 2020-12). */
export function configJsonSchema(): JsonSchema {
  cached ??= { title: 'protogate config', ...z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) };
  return cached;
}

/** Returns the keys that the object at `path` in the config may have. */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let nodes: JsonSchema[] = [configJsonSchema()];
  for (const key of path) nodes = nodes.flatMap((node) => step(node, String(key)));
  return nodes.flatMap((node) => alternatives(node).flatMap(({ properties }) => Object.keys(properties ?? {})));
}

function step(node: JsonSchema, key: string): JsonSchema[] {
  return alternatives(node).flatMap(({ properties, additionalProperties, items }) => {
    const next = Object.hasOwn(properties ?? {}, key) ? properties?.[key] : additionalProperties || items;
    return typeof next === 'object' ? [next as JsonSchema] : [];
  });
}

function alternatives(node: JsonSchema): JsonSchema[] {
  return [node, ...((node.anyOf ?? []) as JsonSchema[])];
}
