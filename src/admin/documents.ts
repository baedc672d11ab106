/**
 * Serves the API documents on the admin port: `/openapi.json`, and `/reference`, a page that shows them. The page is Swagger
 * UI; its files come from its npm package, and the page loads nothing from other hosts. The document of a large API is too large
 * for a browser, so it is shown one service at a time.
 */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { listed } from '../base/listed.js';
import type { Api } from '../openapi/api.js';
import { documentedServices, documentParts } from '../openapi/document.js';
import { writeJson } from '../openapi/write.js';
import { gatewayError } from '../status/status-error.js';
import { referencePage, SCRIPT } from './reference-page.js';

/** The longest time for which a document is made without a pause, in milliseconds. */
const SLICE_MS = 10;
/** The most routes that the page of an API shows together. An API with more routes is shown one service at a time. */
const MOST_ROUTES = 200;

/** Adds the routes. `apis` returns the surfaces that are served. */
export function addDocuments(router: Router, apis: () => readonly Api[]): void {
  router.get('/openapi.json', (ctx) => {
    const api = surfaceAsked(ctx, apis());
    const parts = documentParts(api, serviceAsked(ctx, api));
    ctx.type = 'application/json';
    ctx.body = Readable.from(inTurns(writeJson(parts)));
  });
  router.get('/reference', (ctx) => {
    requireFiles();
    // The links of the page are relative, so that it also works below a path of a proxy.
    if (ctx.path.endsWith('/')) return ctx.redirect(`../reference${ctx.search}`);
    const all = apis();
    const api = surfaceAsked(ctx, all, all[0]?.name);
    const services = documentedServices(api);
    const isSmall = api.routes.length <= MOST_ROUTES;
    // When a reader chooses another surface, the form also sends the service, which that surface may not have.
    const service = services.find((name) => name === oneOf(ctx.query.service));
    const shown = service ?? (isSmall ? undefined : services[0]);
    ctx.set('content-security-policy', POLICY);
    ctx.type = 'html';
    ctx.body = referencePage({
      surfaces: all.map(({ name }) => name),
      surface: api.name,
      services,
      service: shown,
      isSmall,
    });
  });
  router.get('/reference/page.js', (ctx) => {
    ctx.type = 'js';
    ctx.body = SCRIPT;
  });
  for (const file of FILES) {
    router.get(`/reference/${file}`, (ctx) => {
      ctx.type = file.slice(file.lastIndexOf('.') + 1);
      ctx.body = createReadStream(join(requireFiles(), file));
    });
  }
}

/** The files of Swagger UI that the page needs. */
const FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'];

/** The browser runs only scripts that are files of this port. Swagger UI sets styles of elements and has its pictures as data. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Returns the folder of Swagger UI. Throws a 404 that names the package to install if it is not there. */
function requireFiles(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  } catch {
    throw gatewayError('ROUTE_NOT_FOUND', 'the reference page needs one more package: npm install swagger-ui-dist');
  }
}

/** Returns the surface that the query names. Throws 404 for a name that no surface has. */
function surfaceAsked({ query }: Context, apis: readonly Api[], byDefault?: string): Api {
  const names = apis.map(({ name }) => name);
  const name = oneOf(query.surface) ?? byDefault ?? (apis.length === 1 ? names[0] : undefined);
  const api = apis.find((one) => one.name === name);
  if (api === undefined) throw unknown('surface', names, name);
  return api;
}

/** Returns the service that the query names. Undefined without a name. Throws 404 for a name that no service has. */
function serviceAsked({ query }: Context, api: Api): string | undefined {
  const service = oneOf(query.service);
  if (service === undefined) return undefined;
  const services = documentedServices(api);
  if (!services.includes(service)) throw unknown('service', services, service);
  return service;
}

/** Returns a query parameter. An empty one counts as absent. */
function oneOf(value: string | string[] | undefined): string | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value;
  return last === '' ? undefined : last;
}

function unknown(parameter: string, names: readonly string[], got: string | undefined): Error {
  const found = got === undefined ? 'none' : JSON.stringify(got.slice(0, 80));
  return gatewayError('ROUTE_NOT_FOUND', `${parameter}: expected one of ${listed(names)}, got ${found}`);
}

/** Yields the pieces as blocks. Between two blocks the process does its other work. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  let block = '';
  let end = performance.now() + SLICE_MS;
  for (const piece of pieces) {
    block += piece;
    if (performance.now() < end) continue;
    if (block !== '') yield block;
    block = '';
    await nextTurn();
    end = performance.now() + SLICE_MS;
  }
  yield block;
}
