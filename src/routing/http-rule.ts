/**
 * This module turns `google.api.http` rules into bindings. It parses the path template, and resolves the variables, the
 * body and the response body to fields. Each problem is a diagnostic at its place; problems in a template have a
 * column.
 *
 *     { get: "/v1/{name=shelves/*}"  additional_bindings { post: "/v1/shelves:get" body: "*" } }
 *     → GET  index 0, variables [name], body none;  POST index 1, verb get, body whole
 */

import { METHODS } from 'node:http';
import { type Diagnostic, errorAt, type Position, warningAt } from '../base/diagnostic.js';
import { listed } from '../base/listed.js';
import type { RuleId } from '../base/rules.js';
import type { HttpRule } from '../schema/annotations.js';
import { type FieldDescriptor, LinkError, type MethodDescriptor } from '../schema/descriptor.js';
import type { Binding, BodyRule, BoundVariable } from './binding.js';
import { fieldHint, fieldOf, resolvePathVariable } from './field-path.js';
import { takesRawBody } from './is-http-body.js';
import { ANY_METHOD } from './matcher.js';
import { type PathTemplate, parsePathTemplate, TemplateError, type TemplateVariable } from './path-template.js';

export interface Bindings {
  /** The bindings without an error. */
  readonly bindings: readonly Binding[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Returns the bindings of a method. `rule` is the method's own (`method.httpRule`), or the one of an automatic route. */
export function bindingsOf(method: MethodDescriptor, rule: HttpRule): Bindings {
  const bindings: Binding[] = [];
  const diagnostics: Diagnostic[] = [];
  const others = rule.additionalBindings.length > 0;
  for (const [index, one] of [rule, ...rule.additionalBindings].entries()) {
    if (index === 0 && others && isEmpty(one)) {
      diagnostics.push(...unusedBodies(one));
      continue;
    }
    const reader = new RuleReader(method, one, index);
    const binding = reader.read();
    if (binding !== undefined) bindings.push(binding);
    diagnostics.push(...reader.diagnostics);
  }
  return { bindings, diagnostics };
}

/** True if the rule has no pattern. If it has additional bindings, they are then its only bindings. */
function isEmpty({ kind, path }: HttpRule): boolean {
  return kind === '' && path === '';
}

function unusedBodies({ body, responseBody, positions }: HttpRule): readonly Diagnostic[] {
  const unused = (name: string, found: string, position: Position) => {
    const text = `${name}: expected a pattern such as get or post in the same rule, got none; each additional binding has a ${name} of its own`;
    return found === '' ? [] : [warningAt(position, 'http-rule', text)];
  };
  return [...unused('body', body, positions.body), ...unused('response_body', responseBody, positions.responseBody)];
}

/** Reads one rule. It continues after an error, so that one run reports all errors. */
class RuleReader {
  readonly diagnostics: Diagnostic[] = [];

  constructor(
    private readonly method: MethodDescriptor,
    private readonly rule: HttpRule,
    private readonly index: number,
  ) {}

  read(): Binding | undefined {
    const { method, rule, index } = this;
    this.checkNesting();
    if (!this.checkKind()) return undefined;
    try {
      const template = this.template();
      const variables = template?.variables.flatMap((variable) => this.variable(variable)) ?? [];
      const body = this.body(variables);
      this.checkRawBody(body, variables);
      const responseBody = this.responseBody();
      const failed = this.diagnostics.some(({ severity }) => severity === 'error');
      if (failed || template === undefined) return undefined;
      this.checkQuery(variables);
      const position = rule.positions.path;
      return { method, index, httpMethod: rule.kind, template, variables, body, responseBody, position };
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.diagnostics.push(error.diagnostic);
      return undefined;
    }
  }

  private checkNesting(): void {
    const nested = this.index === 0 ? undefined : this.rule.additionalBindings[0];
    if (nested === undefined) return;
    this.error(
      nested.positions.rule,
      'additional-bindings',
      'additional_bindings: expected none inside of an additional binding, got some',
    );
  }

  private checkKind(): boolean {
    const { kind, positions } = this.rule;
    if (kind === '') {
      this.error(positions.rule, 'http-rule', 'http rule: expected get, put, post, delete, patch or custom, got none');
      return false;
    }
    if (kind === ANY_METHOD || SERVED_METHODS.has(kind)) return true;
    const hint = SERVED_METHODS.has(kind.toUpperCase()) ? ` (write '${kind.toUpperCase()}')` : '';
    this.error(positions.rule, 'custom-kind', `custom kind: expected an HTTP method or '*', got '${kind}'${hint}`);
    return false;
  }

  private template(): PathTemplate | undefined {
    try {
      return parsePathTemplate(this.rule.path);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      this.error(this.inPath(error.column), 'path-template', error.message);
      return undefined;
    }
  }

  private variable({ fieldPath: name, column }: TemplateVariable): BoundVariable[] {
    const resolved = resolvePathVariable(this.method.input, name);
    if (resolved.kind === 'found') return [{ name, fieldPath: resolved.fields }];
    this.error(this.inPath(column + resolved.offset), 'path-variable', `path variable {${name}}: ${resolved.text}`);
    return [];
  }

  private body(variables: readonly BoundVariable[]): BodyRule {
    const { kind, body, positions } = this.rule;
    if (body === '') return { kind: 'none' };
    if (kind === 'GET' || kind === 'HEAD') {
      // Clients and proxies may drop such a body (RFC 9110 §9.3.1). Some real APIs declare one, and Envoy serves them.
      const text = `body: expected none with ${kind}, got '${body}'`;
      this.diagnostics.push(warningAt(positions.body, 'body-method', text));
    }
    if (body === '*') return { kind: 'whole' };
    const field = fieldOf(this.method.input, body);
    if (field === undefined) {
      const { input } = this.method;
      const text = `body: expected '*' or a top-level field of ${input.fullName}, got '${body}'${fieldHint(input, body)}`;
      this.error(positions.body, 'body-field', text);
      return { kind: 'none' };
    }
    if (variables.some(({ fieldPath }) => fieldPath.length === 1 && fieldPath[0] === field)) {
      const text = `body: expected a field that is not a variable of the path, got '${body}'`;
      this.error(positions.body, 'body-field', text);
    }
    return { kind: 'field', field };
  }

  /**
   * Warns of a rule that writes and has no `body`, although the path does not bind all fields: the other fields become
   * query parameters (google/api/http.proto), which is rarely meant.
   */
  private checkQuery(variables: readonly BoundVariable[]): void {
    const { method, rule } = this;
    if (!WRITING.has(rule.kind) || rule.body !== '' || method.clientStreaming) return;
    const bound = new Set(variables.flatMap(({ fieldPath: [first, ...rest] }) => (rest.length === 0 ? [first] : [])));
    const open = method.input.fields.filter((field) => !bound.has(field)).map(({ name }) => name);
    if (open.length === 0) return;
    const text = `body: expected '*' or a field, got none, so clients must send ${listed(open)} in the query of this ${rule.kind}`;
    this.diagnostics.push(warningAt(rule.positions.path, 'body-missing', text));
  }

  /** Reports path variables inside of a raw body, because only the client sets the body's content type and bytes. */
  private checkRawBody(body: BodyRule, variables: readonly BoundVariable[]): void {
    if (body.kind === 'none' || !takesRawBody({ body, method: this.method })) return;
    const inside = variables.find(({ fieldPath }) => body.kind === 'whole' || fieldPath[0] === body.field);
    if (inside === undefined) return;
    const text = `path variable {${inside.name}}: expected a field outside of the google.api.HttpBody that is the body`;
    this.error(this.rule.positions.path, 'path-variable', text);
  }

  private responseBody(): FieldDescriptor | undefined {
    const { responseBody, positions } = this.rule;
    if (responseBody === '') return undefined;
    const field = fieldOf(this.method.output, responseBody);
    if (field === undefined) {
      const { output } = this.method;
      const found = `'${responseBody}'${fieldHint(output, responseBody)}`;
      const text = `response_body: expected a top-level field of ${output.fullName}, got ${found}`;
      this.error(positions.responseBody, 'response-body', text);
    }
    return field;
  }

  /** Returns the position in the file for a column of the template. */
  private inPath(templateColumn: number): Position {
    const { path } = this.rule.positions;
    return path.column === undefined ? path : { ...path, column: path.column + templateColumn - 1 };
  }

  private error(position: Position, rule: RuleId, text: string): void {
    this.diagnostics.push(errorAt(position, rule, text));
  }
}

/** The methods of requests that usually have a body. */
const WRITING: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** The methods that Node's parser knows and passes to a request handler. CONNECT never reaches one. */
const SERVED_METHODS: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));
