/** The Koa application: the pipeline, inside the listener that looks after connections and unread answers. */
import Koa from 'koa';
import type { Exchange } from '../exchange/exchange.js';
import { type RequestListener, watched } from './connection/watched.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Koa<Exchange>();
  // Koa itself reports only errors of the error funnel, and clients that leave while an answer is written; the access log has
  // those.
  app.silent = true;
  for (const middleware of beforeMatch(options)) app.use(middleware);
  const { snapshots, clock } = options;
  return watched(app.callback(), () => snapshots.current, clock);
}
