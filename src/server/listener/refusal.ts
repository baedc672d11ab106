/**
 * Refuses requests that never reach the pipeline, such as one whose head does not parse: they too are answered with a Status,
 * and have a line in the access log.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { randomId } from '../../base/random-id.js';
import { closeAfter } from '../../exchange/answer.js';
import { NONE_EXPOSED } from '../../status/client-text.js';
import type { StatusError } from '../../status/status-error.js';
import { type ErrorFormat, errorBody } from '../../transcoding/error-body.js';
import { hasEnded } from '../connection/linger.js';
import { type TellingOfRefusals, tellRefusal } from '../stages/access-log.js';

export interface RefusalSettings {
  readonly errorFormat: ErrorFormat;
  readonly telling: TellingOfRefusals;
}

export interface Refuse {
  /** Refuses a request whose head Node has parsed. */
  request(res: ServerResponse, error: StatusError): void;
  /**
   * Refuses a request on a connection, and ends the connection. `req` is the request, if it could be parsed. `method` is
   * its method, if nothing else could be parsed.
   */
  connection(socket: Duplex, error: StatusError, req?: IncomingMessage, method?: string): void;
}

/**
 * The time that the connection may stay open after the answer. It is not read any more, so a client that has left is never
 * noticed.
 */
const LINGER_MS = 1000;

/** Builds the refusals. `settings` is read for each of them, because a reload may change it. */
export function compileRefuse(settings: RefusalSettings, clock: Clock): Refuse {
  function answer(error: StatusError, socket: Duplex, req: IncomingMessage | undefined) {
    const requestId = randomId();
    const format = settings.errorFormat;
    const { contentType, body } = errorBody(error, requestId, { format, exposed: NONE_EXPOSED });
    tellRefusal(settings.telling, { requestId, socket, req, error });
    const headers = {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'x-content-type-options': 'nosniff',
      'x-request-id': requestId,
    };
    return { body, headers };
  }

  return {
    request(res, error) {
      const { req } = res;
      if (hasEnded(req)) return;
      const { body, headers } = answer(error, req.socket, req);
      closeAfter(res);
      res.writeHead(error.httpStatus, headers).end(body);
    },
    connection(socket, error, req, method = req?.method) {
      if (socket.writableEnded) {
        socket.destroy();
        return;
      }
      const { body, headers } = answer(error, socket, req);
      const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
      const head = [`HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus] ?? ''}`, ...lines];
      const cancel = clock.after(LINGER_MS, () => socket.destroy());
      socket.once('close', cancel);
      socket.on('error', () => {});
      // An answer to HEAD has no content (RFC 9110 §9.3.2).
      socket.end(`${head.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : body}`);
    },
  };
}
