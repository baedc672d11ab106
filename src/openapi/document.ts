/**
 * This module makes the OpenAPI 3.1 document of a surface, part by part: no more than one path or one schema is in memory.
 * The order is that of the services' names, and inside of a service that of its proto.
 */
import type { PlannedRoute } from '../route/planned-route.js';
import type { Api, Json, Part } from './api.js';
import { described, markdownOf } from './descriptions.js';
import { ERROR_SCHEMA, errorResponses, errorSchema } from './errors.js';
import { HEADERS } from './headers.js';
import { FIELDS_PARAMETER, headerParameters, operationOf } from './operation.js';
import { type DocumentPath, pathOf } from './paths.js';
import { SchemaBook, titleOf } from './schema-book.js';
import { schemesOf } from './security.js';
import { isHiddenMethod } from './visibility.js';

/**
 * Yields the parts of the document. With `service`, it has the operations of that service alone. It also yields undefined, so
 * that the caller can pause.
 */
export function* documentParts(api: Api, service?: string): Generator<Part | undefined> {
  const routes = shownRoutes(api, service);
  const book = new SchemaBook(api.config.json);
  yield { keys: ['openapi'], value: '3.1.0' };
  yield { keys: ['info'], value: infoOf(api.name, routes) };
  yield { keys: ['servers'], value: api.servers };
  yield { keys: ['tags'], value: tagsOf(routes) };
  let isEmpty = true;
  for (const { path, routes: onPath } of pathsOf(routes)) {
    isEmpty = false;
    yield { keys: ['paths', path.text], value: pathItem(onPath, path, book, api) };
  }
  if (isEmpty) yield { keys: ['paths'], value: {} };
  yield { keys: ['components', 'schemas', ERROR_SCHEMA], value: errorSchema(api.config.errors.format) };
  yield* book.findAll();
  for (const [name, schema] of book.components()) yield { keys: ['components', 'schemas', name], value: schema };
  for (const [name, response] of errorResponses(api.config.errors.format))
    yield { keys: ['components', 'responses', name], value: response };
  yield { keys: ['components', 'parameters'], value: { fields: FIELDS_PARAMETER, ...headerParameters(api) } };
  yield { keys: ['components', 'headers'], value: HEADERS };
  const schemes = schemesOf(api.config.auth);
  if (schemes.length > 0)
    yield {
      keys: ['components', 'securitySchemes'],
      value: Object.fromEntries(schemes.map(({ name, scheme }) => [name, scheme])),
    };
}

/** Returns the services that the document of a surface has, by name. */
export function documentedServices(api: Api): readonly string[] {
  return [...new Set(shownRoutes(api).map(serviceName))];
}

function shownRoutes({ routes }: Api, service?: string): readonly PlannedRoute[] {
  const shown = routes.filter(
    (route) => (service === undefined || serviceName(route) === service) && !isHiddenMethod(route.binding.method),
  );
  const order = new Map([...new Set(shown.map(serviceName))].sort().map((name, index) => [name, index]));
  return shown.toSorted((a, b) => order.get(serviceName(a))! - order.get(serviceName(b))!);
}

function serviceName({ binding }: PlannedRoute): string {
  return binding.method.service.fullName;
}

function infoOf(name: string, routes: readonly PlannedRoute[]): Json {
  const packages = [...new Set(routes.map((route) => packageOf(serviceName(route))))];
  const shared = packages.length > 0 && packages.length <= 3 ? packages.join(', ') : 'API';
  const versions = new Set(packages.map((one) => one.slice(one.lastIndexOf('.') + 1)));
  const [version = ''] = versions;
  return {
    title: name === 'default' ? shared : `${shared} (${name})`,
    version: versions.size === 1 && /^v\d/.test(version) ? version : 'v1',
    description: ABOUT,
  };
}

function packageOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
}

const ABOUT = `Numbers of 64 bits are JSON strings. A field that is absent in an answer has its default value, or is not set.

Every JSON answer can be indented with \`$prettyPrint=true\`, and can have enums as numbers with \`$alt=json;enum-encoding=int\`.`;

function tagsOf(routes: readonly PlannedRoute[]): readonly Json[] {
  const services = new Map(routes.map((route) => [serviceName(route), route.binding.method.service]));
  return [...services].map(([name, service]) => ({
    name,
    ...described(markdownOf(service.comment)),
    'x-displayName': titleOf(name),
  }));
}

interface RoutesOfPath {
  readonly path: DocumentPath;
  readonly routes: { readonly method: string; readonly route: PlannedRoute }[];
}

/** The HTTP methods that a path of OpenAPI 3.1 can have. */
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
/** The methods that are shown for a route that answers every method. */
const EVERY = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'];

/** Groups the routes by path. Templates that match the same paths are one path, with the parameters of the first one. */
function pathsOf(routes: readonly PlannedRoute[]): Iterable<RoutesOfPath> {
  const byShape = new Map<string, RoutesOfPath>();
  const texts = new Set<string>();
  const place = (route: PlannedRoute, method: string): void => {
    const { binding } = route;
    for (let number = 1; ; number++) {
      const key = `${binding.template.shape} ${number}`;
      const known = byShape.get(key);
      if (known?.routes.some((other) => other.method === method)) continue;
      if (known !== undefined) return void known.routes.push({ method, route });
      const path = freePath(route, number, texts);
      byShape.set(key, { path, routes: [{ method, route }] });
      return;
    }
  };
  const every = routes.filter(({ binding }) => binding.httpMethod === '*');
  for (const route of routes) if (route.binding.httpMethod !== '*') place(route, route.binding.httpMethod);
  for (const route of every) {
    const own = byShape.get(`${route.binding.template.shape} 1`)?.routes.map(({ method }) => method) ?? [];
    for (const method of EVERY) if (!own.includes(method)) place(route, method);
  }
  return byShape.values();
}

/**
 * Returns the path of a route as a text that no other route has. `/v1/{name}` and `/v1/{name=**}` match different paths and
 * would have the same text, so the second one gets another name of its parameter.
 */
function freePath({ binding }: PlannedRoute, number: number, texts: Set<string>): DocumentPath {
  for (let i = number; ; i++) {
    const path = pathOf(binding, i === 1 ? '' : `_${i}`);
    if (texts.has(path.text) && path.parameters.length > 0) continue;
    // Without parameters, two routes can differ only in the fragment.
    const text = texts.has(path.text) ? `${path.text}#${binding.method.fullName}-${i}` : path.text;
    texts.add(text);
    return { ...path, text };
  }
}

function pathItem(routes: RoutesOfPath['routes'], path: DocumentPath, book: SchemaBook, api: Api): Json {
  const operations = routes.map(({ method, route }) => ({
    method: method.toLowerCase(),
    operation: operationOf(route, path, method, book, api),
  }));
  const standard = operations.filter(({ method }) => METHODS.includes(method));
  const others = operations.filter(({ method }) => !METHODS.includes(method));
  return {
    ...Object.fromEntries(standard.map(({ method, operation }) => [method, operation])),
    ...(others.length === 0
      ? {}
      : {
          'x-additionalOperations': Object.fromEntries(
            others.map(({ method, operation }) => [method.toUpperCase(), operation]),
          ),
        }),
  };
}
