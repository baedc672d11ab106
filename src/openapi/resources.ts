/** This module reads google.api.resource, which has the patterns of a resource's names (AIP-122). */
import { escaped } from '../base/escaped.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { isMessage, type OptionValue } from '../schema/option-tree.js';
import type { Json } from './api.js';

/** Returns the patterns of a resource's names, such as `shelves/{shelf}/books/{book}`. */
export function patternsOf(resource: readonly OptionValue[] | undefined): readonly string[] {
  return textsOf(resource, 'pattern').filter((pattern) => pattern !== '*');
}

/** Returns the pattern and an example for the field with the resource's name. Empty for all other fields. */
export function resourcePattern(resource: readonly OptionValue[] | undefined, field: FieldDescriptor): Json {
  if (resource === undefined) return {};
  const [nameField = 'name'] = textsOf(resource, 'name_field');
  const patterns = patternsOf(resource);
  const isAny = textsOf(resource, 'pattern').includes('*');
  const isText = field.type.kind === 'scalar' && field.type.scalar === 'string' && field.cardinality === 'singular';
  if (field.name !== nameField || patterns.length === 0 || !isText) return {};
  const examples = patterns.map((pattern) => pattern.replace(VARIABLE, (_, name: string) => `my-${name}`));
  if (isAny) return { examples };
  return { pattern: `^(?:${patterns.map(expressionOf).join('|')})$`, examples };
}

const VARIABLE = /\{([^{}=]*)(?:=[^{}]*)?\}/g;

/** Returns a regular expression for a pattern. A variable with `=**` may have several segments. */
function expressionOf(pattern: string): string {
  let text = '';
  let end = 0;
  for (const match of pattern.matchAll(VARIABLE)) {
    text += escaped(pattern.slice(end, match.index));
    text += match[0].includes('=**') ? '.+' : '[^/]+';
    end = match.index + match[0].length;
  }
  return text + escaped(pattern.slice(end));
}

function textsOf(option: readonly OptionValue[] | undefined, name: string): readonly string[] {
  const last = option?.at(-1);
  if (last === undefined || !isMessage(last)) return [];
  return (last.value.get(name) ?? []).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}
