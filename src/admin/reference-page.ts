/**
 * This module makes the HTML page around Swagger UI, with a form to choose the surface and the service, and the script that
 * starts Swagger UI.
 */

export interface ReferencePage {
  readonly surfaces: readonly string[];
  readonly surface: string;
  readonly services: readonly string[];
  /** The service that is shown. Undefined when all services are shown. */
  readonly service: string | undefined;
  /** True if the API is small enough to show all services together. */
  readonly isSmall: boolean;
}

export function referencePage({ surfaces, surface, services, service, isSmall }: ReferencePage): string {
  const query = new URLSearchParams({ surface, ...(service === undefined ? {} : { service }) });
  const all = isSmall ? [option('', service === undefined, 'all services')] : [];
  const ofServices = services.map((name) => option(name, name === service));
  const ofSurfaces = surfaces.map((name) => option(name, name === surface));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>API reference</title>
<link rel="stylesheet" href="reference/swagger-ui.css">
<style>
  body { margin: 0; font-family: sans-serif; }
  form { display: flex; gap: 1rem; align-items: center; padding: 0.75rem 1.25rem; background: #f4f4f4; }
  select { font-size: 1rem; max-width: 40rem; }
  .swagger-ui .scheme-container { display: none; }
</style>
</head>
<body>
<form action="reference" id="choice">
${surfaces.length > 1 ? `<label>Surface <select name="surface">${ofSurfaces.join('')}</select></label>` : ''}
<label>Service <select name="service">${[...all, ...ofServices].join('')}</select></label>
<noscript><button>Show</button></noscript>
<a href="openapi.json?${escaped(query.toString())}">OpenAPI document</a>
</form>
<div id="reference" data-document="openapi.json?${escaped(query.toString())}"></div>
<script src="reference/swagger-ui-bundle.js"></script>
<script src="reference/page.js"></script>
</body>
</html>
`;
}

function option(value: string, isChosen: boolean, text = value): string {
  return `<option value="${escaped(value)}"${isChosen ? ' selected' : ''}>${escaped(text)}</option>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The script of the page. It turns off the sending of requests in Swagger UI, because the admin port does not serve the API.
 */
export const SCRIPT = `'use strict';
const place = document.getElementById('reference');
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  supportedSubmitMethods: [],
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  defaultModelRendering: 'model',
  showExtensions: true,
  validatorUrl: null,
});
document.getElementById('choice').addEventListener('change', (event) => event.currentTarget.submit());
`;
