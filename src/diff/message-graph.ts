/**
 * This module compares all messages that routes need. Each pair of messages is compared once for each direction, however
 * many routes and fields use it. The routes that a change affects are looked up afterwards, from the changed message
 * upwards.
 */
import type { EnumDescriptor, FieldDescriptor, FieldType, MessageDescriptor } from '../schema/descriptor.js';
import { enumChanges } from './compare-enums.js';
import { messageChanges, otherMessage, type PathFields, replacedMessage } from './compare-messages.js';
import type { Direction, Meeting, Versions, Where } from './direction.js';
import type { Cause, Findings } from './finding.js';
import { type JsonKind, kindOf } from './json-kind.js';

/**
 * Two versions of a message or enum that are compared, in one direction. `parents` are the messages that have it as a field.
 */
interface Node {
  causes: readonly Cause[];
  readonly parents: Set<Node>;
  /** The routes whose request or answer it is. */
  readonly routes: Set<string>;
}

/** Messages that have a JSON form of their own, so that clients do not see their fields. */
const WITHOUT_FIELDS: ReadonlySet<JsonKind> = new Set<JsonKind>(['any', 'list', 'struct', 'value']);

export class MessageGraph {
  private readonly nodes = new Map<string, Node>();
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly versions: Versions) {}

  /**
   * Compares the messages that a route reads or answers. `path` has the fields that clients send in the path and not in
   * this direction.
   */
  addMessage(
    old: MessageDescriptor,
    now: MessageDescriptor,
    use: Where & { readonly path?: PathFields; readonly route: string },
  ): void {
    this.messages(old, now, use, use.path).routes.add(use.route);
    this.compareWaiting();
  }

  /** Compares the contents of two types which a route reads or answers as a whole. */
  addType(old: FieldType, now: FieldType, use: Where & { readonly route: string }): void {
    this.inside(old, now, use)?.routes.add(use.route);
    this.compareWaiting();
  }

  /** Adds each change with the routes that it affects. */
  report(findings: Findings): void {
    for (const node of this.nodes.values()) {
      if (node.causes.length === 0) continue;
      const routes = routesOf(node);
      for (const cause of node.causes) findings.add(cause, routes);
    }
  }

  private compareWaiting(): void {
    for (let next = this.waiting.pop(); next !== undefined; next = this.waiting.pop()) next();
  }

  private inside(old: FieldType, now: FieldType, where: Where): Node | undefined {
    if (old.kind === 'enum' && now.kind === 'enum') return this.enums(old.enum, now.enum, where.direction);
    if (old.kind !== 'message' || now.kind !== 'message') return undefined;
    const kind = kindOf(old);
    if (kind !== kindOf(now) || kind !== 'message') return undefined;
    return this.messages(old.message, now.message, where, undefined);
  }

  private messages(
    old: MessageDescriptor,
    now: MessageDescriptor,
    { direction, isUpdate = false }: Where,
    path: PathFields | undefined,
  ): Node {
    const where: Where = { direction, isUpdate };
    const key = `${old.fullName} ${now.fullName} ${direction}${isUpdate ? ' update' : ''}${pathKey(path)}`;
    return this.node(key, (node) => {
      const shared = otherMessage(old, now, this.versions.renames);
      if (shared !== undefined) {
        node.causes = [replacedMessage(old, now, shared, this.meeting(where))];
        return;
      }
      const { causes, pairs } = messageChanges(old, now, this.meeting(where), path);
      node.causes = causes;
      for (const [before, after] of pairs) {
        if (direction === 'query' && !isInQuery(before)) continue;
        this.inside(before.type, after.type, where)?.parents.add(node);
      }
    });
  }

  private enums(old: EnumDescriptor, now: EnumDescriptor, direction: Direction): Node {
    return this.node(`${old.fullName} ${now.fullName} ${direction}`, (node) => {
      node.causes = enumChanges(old, now, this.meeting({ direction }));
    });
  }

  /**
   * Returns the node of a key. The comparison of a new one is done later, so that messages may contain themselves at any depth.
   */
  private node(key: string, compare: (node: Node) => void): Node {
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    const node: Node = { causes: [], parents: new Set(), routes: new Set() };
    this.nodes.set(key, node);
    this.waiting.push(() => compare(node));
    return node;
  }

  private meeting(where: Where): Meeting {
    return { ...this.versions, ...where };
  }
}

/**
 * True if a query can have the field or fields inside of it. That is not so for lists and maps of messages, and for messages
 * without fixed fields, such as a Struct.
 */
function isInQuery({ type, cardinality }: FieldDescriptor): boolean {
  if (type.kind !== 'message') return true;
  return cardinality === 'singular' && !WITHOUT_FIELDS.has(kindOf(type));
}

function pathKey(path: PathFields | undefined): string {
  if (path === undefined) return '';
  const names = (fields: ReadonlySet<FieldDescriptor>) => [...fields].map(({ name }) => name).join();
  return ` ${names(path.old)} ${names(path.new)}`;
}

function routesOf(node: Node): ReadonlySet<string> {
  const routes = new Set<string>();
  const seen = new Set([node]);
  for (const one of seen) {
    for (const route of one.routes) routes.add(route);
    // The loop also visits elements that are added to the set while it runs.
    for (const parent of one.parents) seen.add(parent);
  }
  return routes;
}
