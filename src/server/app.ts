/** The Koa application: the pipeline and nothing else. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import type { Exchange } from './exchange.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Koa<Exchange>();
  // Reached only if the funnel itself fails or a client leaves while an answer is written; the access log has the line.
  app.silent = true;
  for (const middleware of beforeMatch(options)) app.use(middleware);
  return app.callback();
}
