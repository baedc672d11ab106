/** A binding is one `google.api.http` rule of a method, parsed, with its fields resolved. */
import type { Position } from '../base/diagnostic.js';
import type { FieldDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import type { PathTemplate } from './path-template.js';

/** One HTTP mapping of one method. */
export interface Binding {
  readonly method: MethodDescriptor;
  /** The index of the binding: 0 for the rule itself, 1 and more for its additional bindings. */
  readonly index: number;
  /** The verb, such as `GET`, or `*` for all verbs. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  /** The path variables in the order of the template, which is the order of a MatchResult's captures. */
  readonly variables: readonly BoundVariable[];
  readonly body: BodyRule;
  /** The field that is the HTTP body; undefined when the whole response is. */
  readonly responseBody: FieldDescriptor | undefined;
  /** The place of the path template in its file. */
  readonly position: Position;
}

export interface BoundVariable {
  /** The field path as it is written: `book.name`. */
  readonly name: string;
  /** The fields from the request message down to a singular scalar or enum, or to a message that is written as text. */
  readonly fieldPath: readonly FieldDescriptor[];
}

export type BodyRule =
  | { readonly kind: 'none' }
  /** `withQuery`: true if the query may give fields too. Otherwise it may not, because the body takes every field. */
  | { readonly kind: 'whole'; readonly withQuery?: true }
  | { readonly kind: 'field'; readonly field: FieldDescriptor };
