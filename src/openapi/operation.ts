/** This module describes one binding as an OpenAPI operation. */
import { dayOf } from '../policy/deprecated/settings.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { givesRawBody, takesRawBody } from '../routing/is-http-body.js';
import { isDeprecated } from '../schema/document-options.js';
import { isWithoutContent } from '../status/http.js';
import type { Api, Example, Json } from './api.js';
import { filledMask, requestBody, responseContent, webSocket, webSocketText } from './bodies.js';
import { described, markdownOf, paragraphs, summaryOf } from './descriptions.js';
import { type ErrorStatus, errorReferences } from './errors.js';
import { headersOf, isLimited, limitsText } from './headers.js';
import { type DocumentPath, type PathParameter, partOf } from './paths.js';
import { queryParameters } from './query-parameters.js';
import type { SchemaBook } from './schema-book.js';
import { schemesOf, scopesText, securityOf } from './security.js';

/** Returns the operation of a route. `httpMethod` is one method, also if the route answers all of them. */
export function operationOf(
  route: PlannedRoute,
  path: DocumentPath,
  httpMethod: string,
  book: SchemaBook,
  api: Api,
): Json {
  const { config, examples } = api;
  const { binding, access } = route;
  const { method } = binding;
  const { service } = method;
  const example = examples?.(route);
  const comment = markdownOf(method.comment);
  const summary = summaryOf(comment);
  const description = paragraphs(
    comment === `${summary}.` ? '' : comment,
    deprecationText(route),
    scopesText(access),
    limitsText(route),
    webSocketText(binding),
  );
  const schemes = schemesOf(config.auth);
  const security = schemes.length === 0 ? [] : securityOf(access, schemes, takesQueryToken(route, httpMethod));
  const isOld =
    method.deprecated ||
    route.policy.settings.deprecated !== undefined ||
    isDeprecated(method.documentOptions()) ||
    isDeprecated(service.documentOptions());
  const parameters = [
    ...path.parameters.map((parameter) => pathParameter(route, path, parameter, book, example)),
    ...queryParameters(binding, book, filledMask(binding)).map((parameter) => withExample(parameter, example)),
    ...(answersFields(route) ? [FIELDS] : []),
    ...Object.keys(headerParameters(api)).map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
  return {
    operationId: operationId(route, httpMethod),
    tags: [service.fullName],
    ...(summary === '' ? {} : { summary }),
    ...described(description),
    ...(isOld ? { deprecated: true } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...requestBody(binding, book, example?.body),
    responses: responsesOf(route, httpMethod, book, config),
    ...(schemes.length > 0 ? { security } : {}),
    ...webSocket(binding, book),
  };
}

/** Returns the settings of the policy `deprecated` as sentences. Empty without the policy. */
function deprecationText({ policy }: PlannedRoute): string {
  const { deprecated } = policy.settings;
  if (deprecated === undefined) return '';
  const { sinceMs, sunsetMs, link } = deprecated;
  const end = sunsetMs === undefined ? '' : ` It may no longer exist from ${dayOf(sunsetMs)} on.`;
  return `Deprecated since ${dayOf(sinceMs)}.${end}${link === undefined ? '' : ` See <${link}>.`}`;
}

/** Returns an id that stays the same when other routes change: `shop.v1.Orders.GetOrder`, `….GetOrder-2`. */
function operationId({ binding: { method, index, httpMethod } }: PlannedRoute, as: string): string {
  const number = index === 0 ? '' : `-${index + 1}`;
  const every = httpMethod === '*' ? `-${as.toLowerCase()}` : '';
  return `${method.fullName.replace('/', '.')}${number}${every}`;
}

function takesQueryToken({ binding: { method } }: PlannedRoute, httpMethod: string): boolean {
  return httpMethod === 'GET' && method.serverStreaming;
}

function pathParameter(
  { binding }: PlannedRoute,
  path: DocumentPath,
  parameter: PathParameter,
  book: SchemaBook,
  example: Example | undefined,
): Json {
  const { name, segment } = parameter;
  const part = partOf(binding, path, parameter);
  const isRest = binding.template.segments[segment]?.kind === 'rest';
  const field = part?.variable.fieldPath.at(-1);
  const comment = field === undefined || !(part?.isWhole || part?.isLast) ? '' : markdownOf(field.comment);
  const form = part === undefined || part.isWhole ? '' : `Part of \`${part.variable.name}\`: \`${part.form}\`.`;
  const several = isRest ? 'It may have several segments; write the `/` between them as it is.' : '';
  const schema = part?.isWhole && !isRest ? book.valueSchema(field!, 'input') : { type: 'string', minLength: 1 };
  const value = part === undefined ? undefined : segmentOf(part.form, name, example?.variables.get(part.variable.name));
  return {
    name,
    in: 'path',
    required: true,
    ...described(paragraphs(comment, form, several)),
    schema: schema.type === 'string' && schema.enum === undefined ? { ...schema, minLength: 1 } : schema,
    ...(value === undefined ? {} : { example: value }),
    ...(isRest ? { 'x-several-segments': true } : {}),
  };
}

/** Returns the part of a variable’s value that one parameter gives: `ada` of `customers/ada` for `customers/{customer}`. */
function segmentOf(form: string, name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const at = form.split('/').indexOf(`{${name}}`);
  const segments = value.split('/');
  return at === form.split('/').length - 1 ? segments.slice(at).join('/') : segments[at];
}

function withExample(parameter: Json, example: Example | undefined): Json {
  const values = example?.query.getAll(String(parameter.name)) ?? [];
  const [value] = values;
  if (value === undefined) return parameter;
  const { type } = parameter.schema as Json;
  if (type === 'array') return { ...parameter, example: values };
  const isText = type !== 'integer' && type !== 'number' && type !== 'boolean';
  return { ...parameter, example: isText ? value : JSON.parse(value) };
}

/** True if `$fields` selects fields of the answer. */
function answersFields({ binding }: PlannedRoute): boolean {
  return binding.responseBody === undefined && !givesRawBody(binding);
}

const FIELDS: Json = { $ref: '#/components/parameters/fields' };

export const FIELDS_PARAMETER: Json = {
  name: '$fields',
  in: 'query',
  description:
    'The fields that the answer shall have, such as `name,author.displayName`. Without it, the answer has all fields.',
  schema: { type: 'string' },
};

/** Returns the parameters for the headers that choose the surface, by their names in the document. */
export function headerParameters({ headers }: Api): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      `header-${name}`,
      { name, in: 'header', required: true, schema: { type: 'string', const: value } },
    ]),
  );
}

function responsesOf(route: PlannedRoute, httpMethod: string, book: SchemaBook, config: Api['config']): Json {
  const { binding, policy } = route;
  const status = policy.settings.successStatus ?? 200;
  const hasContent = !isWithoutContent(status) && httpMethod !== 'HEAD';
  const success = {
    description: successText(route),
    ...headersOf(route, config),
    ...(hasContent ? { content: responseContent(binding, book) } : {}),
  };
  return {
    [status]: success,
    ...(route.cache === undefined
      ? {}
      : { 304: { description: 'The answer with the ETag of `If-None-Match` is current.' } }),
    ...errorReferences(statusesOf(route, config)),
  };
}

function successText({ binding: { method } }: PlannedRoute): string {
  return method.serverStreaming ? 'The messages of the stream.' : 'The answer.';
}

function statusesOf(route: PlannedRoute, config: Api['config']): readonly ErrorStatus[] {
  const { binding, access, addresses } = route;
  const { body, method } = binding;
  const hasBody = body.kind !== 'none';
  const mayRefuse = access.scopes.length > 0 || access.require.length > 0 || addresses.length > 0;
  return [
    400,
    ...(access.mode === 'public' ? [] : ([401] as const)),
    ...(mayRefuse ? ([403] as const) : []),
    ...(method.serverStreaming ? ([406] as const) : []),
    ...(hasBody ? ([408, 413] as const) : []),
    ...(hasBody && !takesRawBody(binding) ? ([415] as const) : []),
    ...(isLimited(route, config) ? ([429] as const) : []),
    502,
    503,
    504,
  ];
}
