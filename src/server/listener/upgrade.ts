/**
 * Serves requests that ask for another protocol (RFC 9110 §7.8). The handshake of a WebSocket takes the path of every
 * request, and its answer goes to the socket itself. Every other upgrade is ignored, as a server may: the JDK's client asks
 * for `h2c` with its first request. Node cannot ignore an upgrade if there is a listener for `upgrade`, so the head is put
 * back without it.
 */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { answerOn } from '../../exchange/answer.js';
import { announceHandshake, isHandshake } from '../../exchange/handshake.js';
import type { RequestListener } from '../connection/watched.js';

export interface UpgradeSettings {
  /** Serves a connection as HTTP/1.1, from its next bytes on. */
  readonly serveHttp1: (socket: Socket) => void;
  readonly handle: RequestListener;
  /** True once the gateway shuts down: a conversation that begins then would soon be cut. */
  readonly isDraining: () => boolean;
  /** Aborted when conversations that still run must end. */
  readonly ending: AbortSignal;
}

export function acceptUpgrades(server: Server, { serveHttp1, handle, isDraining, ending }: UpgradeSettings): void {
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    // Either an earlier request has no answer yet, and Node has given up the socket, so that both cannot be answered; or
    // this request came after an answer that ended the connection.
    if (answerOn(socket) !== undefined || socket.writableEnded) {
      socket.destroy();
      return;
    }
    if (!isHandshake(req)) {
      socket.unshift(Buffer.concat([headWithoutUpgrade(req), head]));
      serveHttp1(socket);
      return;
    }
    // `close` follows every error, and the answer listens to that.
    socket.on('error', () => {});
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    res.once('finish', () => socket.destroySoon());
    announceHandshake(req, { socket, head, res, isDraining, ending });
    void handle(req, res);
  });
}

/**
 * Leaves the body of an upgrade to the code that takes the socket, as Node did before version 26. Since then Node parses the
 * body too and keeps the socket meanwhile, so the head could not be put back in front of the body. Node's option to ignore
 * the upgrade (`shouldUpgradeCallback`) cannot be used: it loses the bytes that follow the request in the same packet.
 */
export function leaveBodiesOfUpgrades(server: Server): void {
  const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  const [ofNode] = server.listeners(event);
  server.off(event, ofNode as () => void);
  server.on(event, (socket: ParsedSocket) => {
    ofNode!.call(server, socket);
    const { parser } = socket;
    const onIncoming = parser?.onIncoming;
    if (!parser || !onIncoming) return;
    parser.onIncoming = (req, keepAlive) => {
      const next = onIncoming(req, keepAlive);
      return req.upgrade ? HEAD_ONLY : next;
    };
  });
}

/** The function that Node's parser calls with each head. Its result says which bytes follow the head. */
type OnIncoming = (req: IncomingMessage & { readonly upgrade?: boolean }, keepAlive: boolean) => number;

type ParsedSocket = Socket & { readonly parser?: { onIncoming: OnIncoming | null } | null };

/** This result means that all bytes after the head belong to another protocol. */
const HEAD_ONLY = 2;

const ABOUT_UPGRADE = new Set(['upgrade', 'http2-settings']);

function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (ABOUT_UPGRADE.has(name.toLowerCase())) continue;
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? optionsWithoutUpgrade(value) : value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function optionsWithoutUpgrade(value: string): string {
  const options = value.split(',').map((option) => option.trim());
  return options.filter((option) => !ABOUT_UPGRADE.has(option.toLowerCase())).join(', ');
}
