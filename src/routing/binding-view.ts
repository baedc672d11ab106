/** This module finds the fields of a binding in a view of the schema that lacks some fields. */
import type { FieldDescriptor, MessageDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import type { Binding, BodyRule, BoundVariable } from './binding.js';

export type BindingView =
  | { readonly kind: 'found'; readonly binding: Binding }
  /** The binding needs a field that the view lacks. `what` is the part of the rule, such as `path variable 'name'`. */
  | { readonly kind: 'lacking'; readonly what: string; readonly field: FieldDescriptor };

/** Returns a binding with the method and the fields of a view. `method` is the method of the view. */
export function bindingIn(method: MethodDescriptor, binding: Binding): BindingView {
  if (method === binding.method) return { kind: 'found', binding };
  const variables: BoundVariable[] = [];
  for (const { name, fieldPath } of binding.variables) {
    const field = lackingIn(method.input, fieldPath);
    if (field !== undefined) return { kind: 'lacking', what: `path variable '${name}'`, field };
    variables.push({ name, fieldPath: fieldsIn(method.input, fieldPath) });
  }
  let { body, responseBody } = binding;
  if (body.kind === 'field') {
    const field = method.input.field(body.field.number);
    if (field === undefined) return { kind: 'lacking', what: 'body', field: body.field };
    body = { kind: 'field', field } satisfies BodyRule;
  }
  if (responseBody !== undefined) {
    const field = method.output.field(responseBody.number);
    if (field === undefined) return { kind: 'lacking', what: 'response_body', field: responseBody };
    responseBody = field;
  }
  return { kind: 'found', binding: { ...binding, method, variables, body, responseBody } };
}

/** Returns the first field of a path that the view lacks. Undefined when it has all of them. */
export function lackingIn(root: MessageDescriptor, path: readonly FieldDescriptor[]): FieldDescriptor | undefined {
  return path[fieldsIn(root, path).length];
}

/** Returns the fields of a path in the view, up to the first one that the view lacks. */
function fieldsIn(root: MessageDescriptor, path: readonly FieldDescriptor[]): readonly FieldDescriptor[] {
  const fields: FieldDescriptor[] = [];
  let message: MessageDescriptor | undefined = root;
  for (const { number } of path) {
    const found: FieldDescriptor | undefined = message?.field(number);
    if (found === undefined) break;
    fields.push(found);
    message = found.type.kind === 'message' ? found.type.message : undefined;
  }
  return fields;
}
