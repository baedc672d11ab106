/** The Koa application: the pipeline, and what watches that its answers are taken. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Koa from 'koa';
import { dismiss, isOver, isWhole } from './answer.js';
import type { Exchange } from './exchange.js';
import { tellWhenGone } from './gone.js';
import { beforeMatch, type PipelineOptions } from './pipeline.js';
import { cutIfStalled } from './stall.js';

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Builds the request listener; it fits `http.createServer`. */
export function createApp(options: PipelineOptions): RequestListener {
  const app = new Koa<Exchange>();
  // Reached only if the funnel itself fails or a client leaves while an answer is written; the access log has the line.
  app.silent = true;
  for (const middleware of beforeMatch(options)) app.use(middleware);
  const handle = app.callback();
  const { snapshots, clock } = options;

  return function listener(req, res) {
    const { stallTimeoutMs } = snapshots.current;
    tellWhenGone(req, res);
    return handle(req, res).then(() => {
      dismiss(res, clock);
      if (!isWhole(res) && !isOver(res)) cutIfStalled(res, stallTimeoutMs, clock);
    });
  };
}
