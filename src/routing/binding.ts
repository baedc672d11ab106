/** A Binding: what one rule of one method comes to. */
import type { Position } from '../base/diagnostic.js';
import type { FieldDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import type { PathTemplate } from './path-template.js';

/** One HTTP mapping of one method. */
export interface Binding {
  readonly method: MethodDescriptor;
  /** 0 for the rule itself, 1… for its additional bindings. */
  readonly index: number;
  /** `GET`, …, or `*` for every method. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** In the order of the template, as {@link MatchResult} captures them. */
  readonly variables: readonly BoundVariable[];
  readonly body: BodyRule;
  /** The whole response where undefined. */
  readonly responseBody: FieldDescriptor | undefined;
  /** Of the path. */
  readonly position: Position;
}

export interface BoundVariable {
  /** As written: `book.name`. */
  readonly name: string;
  /** From the request message down to a singular scalar or enum, or a message that is written as text. */
  readonly fieldPath: readonly FieldDescriptor[];
}

export type BodyRule =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole' }
  | { readonly kind: 'field'; readonly field: FieldDescriptor };
