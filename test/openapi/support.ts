/** Makes documents of inline protos for tests. */
import { Validator } from '@seriousme/openapi-schema-validator';
import type { ConfigInput } from '../../src/config/config.js';
import type { Plan } from '../../src/gateway/plan.js';
import { type Api, apisOf } from '../../src/openapi/api.js';
import { documentParts } from '../../src/openapi/document.js';
import { writeJson } from '../../src/openapi/write.js';
import { planOf, type Teardown } from '../support/gateway.js';

/** A document, as far as tests look at it. */
export interface Document {
  readonly info: Members;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Members>>;
    readonly responses: Members;
    readonly securitySchemes?: Members;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: each test reads other members at other depths, and asserts their values
export type Members = Readonly<Record<string, any>>;

export interface Operation extends Members {
  readonly operationId: string;
  readonly parameters?: readonly Members[];
  readonly responses: Readonly<Record<string, Members>>;
}

/** Returns the document of protos, after a public validator has accepted it. */
export async function documentOf(
  t: Teardown,
  protos: string | Readonly<Record<string, string>>,
  overrides: Partial<ConfigInput> = {},
): Promise<Document> {
  return documentOfPlan(await planOf(t, protos, overrides));
}

export async function documentOfPlan(plan: Pick<Plan, 'surfaces'>, service?: string): Promise<Document> {
  return validated(textOf(apisOf(plan)[0]!, service));
}

/** Returns the document as JSON text. */
export function textOf(api: Api, service?: string): string {
  return [...writeJson(documentParts(api, service))].join('');
}

/** The validator compiles its schemas once. */
const validator = new Validator();

/** Parses a document. Throws if it is not valid OpenAPI 3.1. */
export async function validated(text: string): Promise<Document> {
  const { valid, errors } = await validator.validate(text);
  if (!valid || validator.version !== '3.1')
    throw new Error(`OpenAPI ${validator.version}: ${JSON.stringify(errors).slice(0, 2000)}`);
  return JSON.parse(text) as Document;
}

/** Returns a parameter of an operation by its name. */
export function parameter({ parameters = [] }: Operation, name: string): Members | undefined {
  return parameters.find((one) => one.name === name);
}

export function namesOf({ parameters = [] }: Operation, place: 'path' | 'query'): readonly string[] {
  return parameters.filter((one) => one.in === place).map(({ name }) => String(name));
}
