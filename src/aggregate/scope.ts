/**
 * What the steps of one request read from: its message, its caller, what named steps gave, the answer so far. And the
 * reading: a Place compiled into a function that fetches its values from bytes and Drafts, and decodes nothing else.
 */
import type { Principal } from '../call/principal.js';
import { fieldValues } from '../codec/field-values.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { StatusError } from '../status/status-error.js';
import { Draft, MissingPart, type Node } from './draft.js';
import type { FieldPlace } from './place.js';

export interface Scope {
  readonly request: Uint8Array;
  readonly response: Draft;
  /** By step; of the named ones. */
  readonly results: readonly (readonly Uint8Array[] | StatusError | undefined)[];
  readonly caller: Principal | undefined;
}

/** `each`: the element that a `for_each` is at. Throws MissingPart, StatusError, BrokenWire. */
export type Read<T> = (scope: Scope, each: Node | undefined) => T;

const NONE: readonly Node[] = [];

export function compileRead({ root, fields, held }: FieldPlace): Read<readonly Uint8Array[]> {
  const read = startOf(root);
  const startsWithList =
    root.kind === 'step' && held.many && !fields.some(({ cardinality }) => cardinality === 'repeated');
  return (scope, each) => nodesBelow(read(scope, each), fields, 0, startsWithList).map(bytesOf);
}

function startOf(root: FieldPlace['root']): Read<readonly Node[]> {
  switch (root.kind) {
    case 'request':
      return ({ request }) => [request];
    case 'response':
      return ({ response }) => [response];
    case 'each':
      return (_scope, each) => (each === undefined ? NONE : [each]);
    case 'step': {
      const { step } = root;
      return ({ results }) => {
        const result = results[step];
        if (result instanceof StatusError) throw new MissingPart(result);
        return result ?? NONE;
      };
    }
  }
}

function nodesBelow(
  nodes: readonly Node[],
  fields: readonly FieldDescriptor[],
  index: number,
  inList: boolean,
): readonly Node[] {
  const field = fields[index];
  if (field === undefined || nodes.length === 0) return nodes;
  const below = (node: Node) =>
    nodesBelow(children(node, field), fields, index + 1, inList || field.cardinality === 'repeated');
  if (!inList) return below(nodes[0]!);
  // Of the elements of a list, those with a part missing are passed over: the others are there.
  return nodes.flatMap((node) => {
    try {
      return below(node);
    } catch (error) {
      if (error instanceof MissingPart) return NONE;
      throw error;
    }
  });
}

function children(node: Node, field: FieldDescriptor): readonly Node[] {
  return node instanceof Draft ? node.nodes(field) : fieldValues(node, field);
}

function bytesOf(node: Node): Uint8Array {
  return node instanceof Draft ? node.bytes() : node;
}

/** An element of a `for_each`. */
export interface Element {
  readonly node: Node;
  /** What of the answer its result goes into. */
  readonly home: Draft;
  /** Of each list between the answer and `home`, which element. */
  readonly indices: readonly number[];
}

/**
 * The elements of a list, through lists too. `shared`: how many of the first fields are also those of `into`, up to the
 * last list; what lies below them is its home.
 */
export function compileElements({ root, fields }: FieldPlace, shared: number): Read<readonly Element[]> {
  const read = startOf(root);
  return (scope, each) => {
    const elements: Element[] = [];
    for (const node of read(scope, each)) collect(node, fields, 0, shared, scope.response, [], elements);
    return elements;
  };
}

function collect(
  node: Node,
  fields: readonly FieldDescriptor[],
  depth: number,
  shared: number,
  home: Draft,
  indices: readonly number[],
  elements: Element[],
): void {
  const field = fields[depth];
  if (field === undefined) {
    elements.push({ node, home, indices });
    return;
  }
  const below = children(node, field);
  for (const [index, child] of below.entries()) {
    const isShared = depth < shared;
    const next = isShared && child instanceof Draft ? child : home;
    const path = isShared && field.cardinality === 'repeated' ? [...indices, index] : indices;
    collect(child, fields, depth + 1, shared, next, path, elements);
  }
}
