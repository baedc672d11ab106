/** Ends the span of a request, with the names of OpenTelemetry's semantic conventions for HTTP servers. */
import type { Span } from '../../base/span.js';
import { isHttp2 } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import type { StatusError } from '../../status/status-error.js';

export interface Outcome {
  readonly status: number;
  readonly error: StatusError | undefined;
  readonly clientGone: boolean;
}

export function endRequestSpan(span: Span, { req, state }: Context, { status, error, clientGone }: Outcome): void {
  const { route, rawPath, clientAddress, requestId, surface } = state;
  const method = req.method ?? '';
  const template = route?.binding.template.text;
  span.rename(template === undefined ? method : `${method} ${template}`);
  span.set({
    'http.request.method': method,
    'http.response.status_code': status,
    'http.route': template,
    'url.path': surface.basePath + rawPath,
    'network.protocol.version': isHttp2(req) ? '2' : req.httpVersion,
    'client.address': clientAddress,
    'user_agent.original': req.headers['user-agent'],
    'protogate.surface': surface.name,
    'protogate.request_id': requestId,
    'protogate.reason': error?.reason,
    'protogate.client_gone': clientGone ? true : undefined,
  });
  // A 4xx is the client's failure, and not one of this server.
  span.end(status >= 500 ? (error?.reason ?? String(status)) : undefined);
}
