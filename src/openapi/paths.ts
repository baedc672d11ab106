/**
 * This module writes path templates as OpenAPI paths. A variable of several segments is split, as people read it:
 *
 *     /v1/{name=shelves/*\/books/*}     /v1/shelves/{shelf}/books/{book}
 *     /v1/files/{path=**}               /v1/files/{path}, where the value may have several segments
 *     /v1/locales/*\/products           /v1/locales/{locale}/products
 */
import type { Binding, BoundVariable } from '../routing/binding.js';
import type { PathTemplate, TemplateSegment } from '../routing/path-template.js';
import { singularOf } from './singular.js';

/** A parameter of a path, for one segment of the template. */
export interface PathParameter {
  readonly name: string;
  /** The index of the segment in the template. */
  readonly segment: number;
}

/** The path of some bindings. Their templates match the same paths, so they have the same parameters. */
export interface DocumentPath {
  readonly text: string;
  readonly parameters: readonly PathParameter[];
}

/** Returns the OpenAPI path of a binding. `suffix` is added to the names of the parameters. */
export function pathOf({ template, variables }: Binding, suffix: string): DocumentPath {
  const { segments, verb } = template;
  const parameters: PathParameter[] = [];
  const used = new Set<string>();
  const texts = segments.map((segment, index) => {
    if (segment.kind === 'literal') return encodeSegment(segment.literal);
    const wanted = `${parameterName(template, variables, index)}${suffix}`;
    let name = wanted;
    for (let i = 2; used.has(name); i++) name = `${wanted}_${i}`;
    used.add(name);
    parameters.push({ name, segment: index });
    return `{${name}}`;
  });
  return { text: `/${texts.join('/')}${verb === undefined ? '' : `:${encodeVerb(verb)}`}`, parameters };
}

function parameterName(template: PathTemplate, variables: readonly BoundVariable[], index: number): string {
  const at = variableAt(template, index);
  const variable = template.variables[at];
  const isWhole = variable !== undefined && variable.end - variable.start === 1;
  if (isWhole) return variable.fieldPath;
  // The literal before a variable, such as `v1`, does not name the value of the variable.
  const before = index > (variable?.start ?? 0) ? template.segments[index - 1] : undefined;
  if (before?.kind === 'literal' && /^[\w.-]+$/.test(before.literal)) return singularOf(before.literal);
  return variable === undefined ? 'segment' : variables[at]!.fieldPath.at(-1)!.name;
}

/** Returns the index of the variable that a segment belongs to. -1 for a segment outside of all variables. */
function variableAt({ variables }: PathTemplate, segment: number): number {
  return variables.findIndex(({ start, end }) => start <= segment && segment < end);
}

/** Encodes a literal. A colon is encoded, because it would begin a verb in the last segment. */
function encodeSegment(literal: string): string {
  return encodeURIComponent(literal).replace(/%(?:24|26|2B|2C|3B|3D|40)/g, decodeURIComponent);
}

function encodeVerb(verb: string): string {
  return encodeSegment(verb).replaceAll('%3A', ':');
}

/** The part of a path variable that one parameter gives. */
export interface VariablePart {
  readonly variable: BoundVariable;
  /** True if the parameter gives the whole value. */
  readonly isWhole: boolean;
  /** True for the last parameter of the variable. */
  readonly isLast: boolean;
  /** The whole value with the names of its parameters: `shelves/{shelf}/books/{book}`. */
  readonly form: string;
}

/** Returns the part of a variable that the parameter gives. Undefined for a segment outside of all variables. */
export function partOf(
  { template, variables }: Binding,
  { parameters }: DocumentPath,
  { segment }: PathParameter,
): VariablePart | undefined {
  const at = variableAt(template, segment);
  const { start = 0, end = 0 } = template.variables[at] ?? {};
  if (at < 0) return undefined;
  const nameAt = new Map(parameters.map((one) => [one.segment, one.name]));
  const form = template.segments.slice(start, end).map((one, i) => segmentText(one, nameAt.get(start + i)));
  const inside = parameters.filter((one) => start <= one.segment && one.segment < end);
  return {
    variable: variables[at]!,
    isWhole: end - start === 1,
    isLast: inside.at(-1)?.segment === segment,
    form: form.join('/'),
  };
}

function segmentText(segment: TemplateSegment, name: string | undefined): string {
  return segment.kind === 'literal' ? segment.literal : `{${name}}`;
}
