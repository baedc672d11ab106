/** The Koa application: the pipeline, and what watches that its answers are taken. */
import Koa from 'koa';
import type { Exchange } from '../exchange/exchange.js';
import { type RequestListener, watched } from './connection/watched.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Koa<Exchange>();
  // Reached only if the funnel itself fails or a client leaves while an answer is written; the access log has the line.
  app.silent = true;
  for (const middleware of beforeMatch(options)) app.use(middleware);
  const { snapshots, clock } = options;
  return watched(app.callback(), () => snapshots.current.stallTimeoutMs, clock);
}
