/**
 * This module reads the options that only API documents need: resources, visibility, validation rules and deprecation. They are
 * read from the file when a document needs them, so that loading a schema costs nothing more.
 */
import type { DocumentOptions } from './descriptor.js';
import { mergedOption } from './merged-option.js';
import { means } from './option-names.js';
import { isMessage, type OptionValue } from './option-tree.js';
import type { OptionNode } from './syntax-tree.js';

export const RESOURCE = 'google.api.resource';
export const RESOURCE_REFERENCE = 'google.api.resource_reference';
/** The options with a google.api.VisibilityRule, one for each kind of declaration (google/api/visibility.proto). */
export const VISIBILITIES: readonly string[] = ['field', 'message', 'method', 'api', 'enum', 'value'].map(
  (owner) => `google.api.${owner}_visibility`,
);
/** The rules of protovalidate (buf/validate/validate.proto). */
export const FIELD_RULES = 'buf.validate.field';
/** The rules of protoc-gen-validate (validate/validate.proto). */
export const OLD_FIELD_RULES = 'validate.rules';
export const DEPRECATED = 'deprecated';

/** The extensions that are read for API documents. */
export const DOCUMENT_EXTENSIONS: readonly string[] = [
  RESOURCE,
  RESOURCE_REFERENCE,
  ...VISIBILITIES,
  FIELD_RULES,
  OLD_FIELD_RULES,
];

export const NO_OPTIONS: DocumentOptions = new Map();

/** The last parts of the extensions' names. An option whose name ends with none of them is none of these extensions. */
const SIMPLE_NAMES = new Set(DOCUMENT_EXTENSIONS.map((name) => name.slice(name.lastIndexOf('.') + 1)));

/** Returns the document options among the options of a declaration in a `.proto` file whose package is `packageName`. */
export function documentOptionsOf(options: readonly OptionNode[], packageName: string): DocumentOptions {
  if (options.length === 0) return NO_OPTIONS;
  const found = new Map<string, readonly OptionValue[]>();
  const deprecated = options.filter(({ name }) => name === DEPRECATED);
  if (deprecated.length > 0) found.set(DEPRECATED, [deprecated.at(-1)!.value]);
  const named = options.filter(({ name }) => SIMPLE_NAMES.has(name.slice(name.lastIndexOf('.') + 1, -1)));
  for (const extension of named.length === 0 ? [] : DOCUMENT_EXTENSIONS) {
    const meant = named.filter(({ name }) => means(name, extension, packageName));
    const message = mergedOption(meant);
    if (message !== undefined) found.set(extension, [message]);
  }
  return found.size === 0 ? NO_OPTIONS : found;
}

/** Returns the last value of a field of an option that is a message. Undefined when the option or the field is absent. */
export function lastOf(options: DocumentOptions, extension: string, name: string): OptionValue['value'] | undefined {
  const option = options.get(extension)?.at(-1);
  return option !== undefined && isMessage(option) ? option.value.get(name)?.at(-1)?.value : undefined;
}

/** True if the declaration has `deprecated = true`. */
export function isDeprecated(options: DocumentOptions): boolean {
  return options.get(DEPRECATED)?.at(-1)?.value === true;
}
