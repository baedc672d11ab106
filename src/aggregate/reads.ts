/**
 * Reads values for the steps of one request: from its message, the results of named steps and the answer so far. The path to a
 * value is compiled into a function that finds the value in encoded bytes and Drafts, and decodes nothing else.
 */
import type { Principal } from '../call/principal.js';
import { fieldValues } from '../codec/field-values.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { StatusError } from '../status/status-error.js';
import { Draft, MissingPart, type Node } from './answer-draft.js';
import type { FieldPlace } from './place.js';

export interface Scope {
  readonly request: Uint8Array;
  readonly response: Draft;
  /** The results of the steps that have no `into`, by step index; a StatusError when the step failed. */
  readonly results: readonly (readonly Uint8Array[] | StatusError | undefined)[];
  readonly caller: Principal | undefined;
}

/**
 * Reads a value. `each` is the current element of `for_each`. Throws MissingPart or StatusError for a value that cannot
 * be read, BrokenWire for broken bytes.
 */
export type Read<T> = (scope: Scope, each: Node | undefined) => T;

const NONE: readonly Node[] = [];

export function compileRead({ root, fields }: FieldPlace): Read<readonly Uint8Array[]> {
  const read = startOf(root);
  const inList = isList(root) || fields.some(({ cardinality }) => cardinality === 'repeated');
  return (scope, each) => valuesOf(nodesBelow(read(scope, each), fields, isList(root)), inList);
}

/**
 * Compiles a path through a list, such as `lines.product.tags`. The function returns a list of values for each element of the
 * last list on the path.
 */
export function compileItems({ root, fields }: FieldPlace): Read<readonly (readonly Uint8Array[])[]> {
  const read = startOf(root);
  const end = fields.findLastIndex(({ cardinality }) => cardinality === 'repeated') + 1;
  const [list, rest] = [fields.slice(0, end), fields.slice(end)];
  return (scope, each) =>
    nodesBelow(read(scope, each), list, isList(root)).map((node) => valuesOf(nodesBelow([node], rest, true), true));
}

function isList(root: FieldPlace['root']): boolean {
  return root.kind === 'step' && root.many;
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
  start: readonly Node[],
  fields: readonly FieldDescriptor[],
  startsInList: boolean,
): readonly Node[] {
  let nodes = start;
  let inList = startsInList;
  for (const field of fields) {
    const below = inList ? childrenOfElement : children;
    nodes = nodes.flatMap((node) => below(node, field));
    inList ||= field.cardinality === 'repeated';
  }
  return nodes;
}

/** Returns nothing for a list element in which the field is missing, so that the other elements can still be read. */
function childrenOfElement(node: Node, field: FieldDescriptor): readonly Node[] {
  try {
    return children(node, field);
  } catch (error) {
    if (error instanceof MissingPart) return NONE;
    throw error;
  }
}

function children(node: Node, field: FieldDescriptor): readonly Node[] {
  return node instanceof Draft ? node.nodes(field) : fieldValues(node, field);
}

/**
 * Returns the nodes as bytes, without messages in which nothing was filled. A message that is missing because a step failed is
 * left out of a list; elsewhere it throws MissingPart.
 */
function valuesOf(nodes: readonly Node[], inList: boolean): readonly Uint8Array[] {
  const values: Uint8Array[] = [];
  for (const node of nodes) {
    if (!(node instanceof Draft)) values.push(node);
    else if (node.missing === undefined) {
      if (node.isThere) values.push(node.bytes());
    } else if (!inList) throw new MissingPart(node.missing);
  }
  return values;
}

/** An element of the list that `for_each` runs over. */
export interface Element {
  readonly node: Node;
  /** The message of the answer that gets the element's result. */
  readonly home: Draft;
  /** The index of the element in each list between the answer and `home`. */
  readonly indices: readonly number[];
}

/**
 * Compiles a path to a list, which may run through other lists, into a function that returns its elements. `shared` is
 * the number of leading fields that the path shares with `into`. The message at the end of these fields gets the results of the
 * elements in it; without shared fields the answer itself does.
 */
export function compileElements({ root, fields }: FieldPlace, shared: number): Read<readonly Element[]> {
  const read = startOf(root);
  return (scope, each) => {
    const elements: Element[] = [];
    for (const node of read(scope, each)) collect({ node, home: scope.response, indices: [] }, 0, isList(root));
    return elements;

    function collect(element: Element, depth: number, inList: boolean): void {
      const field = fields[depth];
      if (field === undefined) {
        elements.push(element);
        return;
      }
      const { node, home, indices } = element;
      const isRepeated = field.cardinality === 'repeated';
      const below = inList ? childrenOfElement(node, field) : children(node, field);
      for (const [index, child] of below.entries()) {
        const isShared = depth < shared;
        const next = {
          node: child,
          home: isShared && child instanceof Draft ? child : home,
          indices: isShared && isRepeated ? [...indices, index] : indices,
        };
        collect(next, depth + 1, inList || isRepeated);
      }
    }
  };
}
