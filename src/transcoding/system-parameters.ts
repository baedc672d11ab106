/**
 * This module reads the query parameters that choose how the answer is written and are no fields of the request: `$fields`
 * (AIP-157), and those of Google's system parameters that apply here (cloud.google.com/apis/docs/system-parameters). Google's
 * generated REST clients send `$alt=json;enum-encoding=int` with every call.
 *
 *     $fields=title,author.name · $alt=json · $alt=json;enum-encoding=int · $alt=media · $alt=sse · $prettyPrint=true
 */
import type { MessageDescriptor } from '../schema/descriptor.js';
import { queryViolation } from './binding-problem.js';

/** A parameter that is `ignored` has a meaning for Google's servers and none here. */
export type SystemParameter = 'fields' | 'alt' | 'prettyPrint' | 'ignored';

/** The content of a route's answer: one JSON message, a stream of them, or an HttpBody. */
export type AnswerKind = 'message' | 'stream' | 'bytes';

/** Parameters that work with `$` and, if the request has no field of that name, without it. */
const SUPPORTED = ['fields', 'alt', 'prettyPrint'] as const;
const IGNORED = ['$.xgafv', '$quotaUser', '$userProject', '$trace', '$unique', '$ct'];

/** Returns the parameters of one route by every name that they may have. */
export function systemParametersOf(input: MessageDescriptor): ReadonlyMap<string, SystemParameter> {
  const names = new Map<string, SystemParameter>(IGNORED.map((name) => [name, 'ignored']));
  for (const name of SUPPORTED) {
    names.set(`$${name}`, name);
    if (input.fieldNamed(name) === undefined) names.set(name, name);
  }
  return names;
}

/** Collects the parameters of one request. */
export class GivenParameters {
  private fieldsText: string | undefined;
  private alt: string | undefined;
  private prettyPrint: boolean | undefined;

  constructor(private readonly answer: AnswerKind) {}

  /**
   * Stores a parameter. Throws INVALID_ARGUMENT for a second value and for an invalid one. `name` is the name as the client
   * wrote it.
   */
  take(parameter: SystemParameter, name: string, value: string): void {
    switch (parameter) {
      case 'fields':
        if (this.fieldsText !== undefined) throw queryViolation(name, TWICE);
        this.fieldsText = value;
        return;
      case 'alt':
        if (this.alt !== undefined) throw queryViolation(name, TWICE);
        this.alt = altOf(name, value, this.answer);
        return;
      case 'prettyPrint':
        if (this.prettyPrint !== undefined) throw queryViolation(name, TWICE);
        this.prettyPrint = SWITCH.get(value);
        if (this.prettyPrint === undefined)
          throw queryViolation(name, `expected true or false, got ${JSON.stringify(value.slice(0, 40))}`);
    }
  }

  /** The value of `$fields`; undefined when all fields are wanted. */
  get fields(): string | undefined {
    return this.fieldsText === ALL_FIELDS ? undefined : this.fieldsText;
  }

  get enumsAsInts(): boolean {
    return this.alt === INTS;
  }

  get indented(): boolean {
    return this.prettyPrint === true;
  }

  /** True if the answer must be server-sent events, even if Accept names something else. */
  get events(): boolean {
    return this.alt === 'sse';
  }
}

/** The values of `$prettyPrint`; google-gax sends `$prettyPrint=0`. */
const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);
const TWICE = 'expected once, found twice';
/** The value of `$fields` that asks for everything (AIP-157). */
const ALL_FIELDS = '*';
const INTS = 'json;enum-encoding=int';

const ALTS: Readonly<Record<AnswerKind, readonly string[]>> = {
  message: ['json', INTS],
  stream: ['json', INTS, 'sse'],
  bytes: ['json', INTS, 'media'],
};

function altOf(name: string, value: string, answer: AnswerKind): string {
  const alt = value.toLowerCase();
  if (ALTS[answer].includes(alt)) return alt;
  throw queryViolation(name, `expected one of ${ALTS[answer].join(', ')}, got ${JSON.stringify(value.slice(0, 40))}`);
}
