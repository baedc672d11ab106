/**
 * Serves the API documents on the admin port: `/openapi.json`, and `/reference`, a page that shows them. The page is Swagger
 * UI. Its files come from the npm package, and the page loads nothing from other hosts. A browser cannot show the document of a
 * large API at once, so it shows one service at a time.
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

/** The milliseconds for which the process works on a document before other work may run. */
const SLICE_MS = 10;
/** The most routes of an API that is shown as a whole. A larger API is shown one service at a time. */
const MOST_ROUTES = 200;

/** Adds the routes of the documents to the router. `apis` returns the surfaces that are served. */
export function addDocuments(router: Router, apis: () => readonly Api[]): void {
  router.get('/openapi.json', (ctx) => {
    const api = surfaceAsked(ctx, apis());
    const parts = documentParts(api, serviceAsked(ctx, api));
    ctx.type = 'application/json';
    ctx.body = Readable.from(inTurns(writeJson(parts)));
  });
  router.get('/reference', (ctx) => {
    requireFiles();
    // The links of the page are relative, so that the page also works if a proxy serves it under another path.
    if (ctx.path.endsWith('/')) return ctx.redirect(`../reference${ctx.search}`);
    const all = apis();
    const api = surfaceAsked(ctx, all, all[0]?.name);
    const services = documentedServices(api);
    const isSmall = api.routes.length <= MOST_ROUTES;
    // When a reader chooses another surface, the form also sends the service, but the surface may not have it.
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

/**
 * The Content-Security-Policy of the page: the browser runs only scripts that are files of this port. Swagger UI sets `style`
 * attributes and uses `data:` URLs for its pictures, so these are allowed.
 */
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

/** Returns the folder of Swagger UI. If it is not installed, throws a StatusError (404) that names the package to install. */
function requireFiles(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  } catch {
    throw gatewayError('ROUTE_NOT_FOUND', 'the reference page needs one more package: npm install swagger-ui-dist');
  }
}

/** Returns the surface that the query names, or the default one. Throws a StatusError (404) if there is no such surface. */
function surfaceAsked({ query }: Context, apis: readonly Api[], byDefault?: string): Api {
  const names = apis.map(({ name }) => name);
  const name = oneOf(query.surface) ?? byDefault ?? (apis.length === 1 ? names[0] : undefined);
  const api = apis.find((one) => one.name === name);
  if (api === undefined) throw unknown('surface', names, name);
  return api;
}

/**
 * Returns the service that the query names; undefined if it names none. Throws a StatusError (404) if there is no such service.
 */
function serviceAsked({ query }: Context, api: Api): string | undefined {
  const service = oneOf(query.service);
  if (service === undefined) return undefined;
  const services = documentedServices(api);
  if (!services.includes(service)) throw unknown('service', services, service);
  return service;
}

/** Returns the last value of a query parameter; undefined if it is absent or empty. */
function oneOf(value: string | string[] | undefined): string | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value;
  return last === '' ? undefined : last;
}

function unknown(parameter: string, names: readonly string[], got: string | undefined): Error {
  const found = got === undefined ? 'none' : JSON.stringify(got.slice(0, 80));
  return gatewayError('ROUTE_NOT_FOUND', `${parameter}: expected one of ${listed(names)}, got ${found}`);
}

/** Joins the pieces to blocks, and yields a block about every 10 ms. Between two blocks the process does its other work. */
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
