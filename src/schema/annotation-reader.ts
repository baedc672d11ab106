/**
 * This module reads google.api.HttpRule from option trees. It also reads the labels in policies, and the names of the methods
 * that aggregates call.
 */
import type { Diagnostic } from '../base/diagnostic.js';
import type { HttpRule } from './annotations.js';
import { isMessage, type OptionMessage, OptionReader } from './option-tree.js';

/** The full names of the extensions that are read. */
export const HTTP = 'google.api.http';
export const POLICY = 'protogate.v1.policy';
export const DEFAULT_POLICY = 'protogate.v1.default_policy';
export const AGGREGATE = 'protogate.v1.aggregate';
export const FIELD_BEHAVIOR = 'google.api.field_behavior';

/** The rule id of diagnostics about the content of an HTTP rule. */
export const HTTP_RULE = 'http-rule';

const VERBS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/**
 * Returns the HTTP rule of an option. Its `kind` and `path` are empty when the option has no pattern such as `get`. That is not
 * reported here.
 */
export function readHttpRule(option: OptionMessage, diagnostics: Diagnostic[]): HttpRule {
  return httpRule(new OptionReader(option, HTTP_RULE, diagnostics));
}

function httpRule(reader: OptionReader): HttpRule {
  const patterns: { kind: string; path: string; position: HttpRule['positions']['path'] }[] = [];
  for (const verb of VERBS) {
    const path = reader.string(verb);
    if (reader.has(verb)) patterns.push({ kind: verb.toUpperCase(), path, position: reader.positionOf(verb) });
  }
  for (const custom of reader.messages('custom')) {
    patterns.push({ kind: custom.string('kind'), path: custom.string('path'), position: custom.positionOf('path') });
    custom.close();
  }
  if (patterns.length > 1) {
    reader.error('additional_bindings', `expected one pattern, got ${patterns.map(({ kind }) => kind).join(' and ')}`);
  }
  const pattern = patterns[0] ?? { kind: '', path: '', position: reader.position };
  reader.string('selector');
  const rule: HttpRule = {
    kind: pattern.kind,
    path: pattern.path,
    body: reader.string('body'),
    responseBody: reader.string('response_body'),
    additionalBindings: reader.messages('additional_bindings').map(httpRule),
    positions: {
      rule: reader.position,
      path: pattern.position,
      body: reader.positionOf('body'),
      responseBody: reader.positionOf('response_body'),
    },
  };
  reader.close();
  return rule;
}

/**
 * Returns the labels of a method, for selectors such as `label:mobile`: those of its own policy or, if it has none, those of
 * the default policy of its service.
 */
export function labelsOf(own: OptionMessage | undefined, ofService: OptionMessage | undefined): readonly string[] {
  const labels = textsOf(own, 'labels');
  return labels.length > 0 ? labels : textsOf(ofService, 'labels');
}

/** Returns the names of the methods that the steps of an aggregate call, as written. */
export function calledBySteps(aggregate: OptionMessage): readonly string[] {
  const steps = aggregate.value.get('steps') ?? [];
  return steps.flatMap((step) => (isMessage(step) ? textsOf(step, 'call') : []));
}

/** Returns the strings in a field. Other values are ignored here; the code that reads the whole option reports them. */
function textsOf(option: OptionMessage | undefined, name: string): readonly string[] {
  const values = option?.value.get(name) ?? [];
  return values.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}
