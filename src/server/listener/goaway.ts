/**
 * Ends an HTTP/2 connection without losing a request (RFC 9113 §6.8):
 *
 *     leave        GOAWAY with the highest stream id: the client begins no more streams, and those on their way are served
 *     closeSoon    for a client that got no notice: waits for a good moment, and then does the same as `close`
 *     close        GOAWAY with the id of the last stream that was served: the client may repeat later ones elsewhere
 *
 * nghttp2 ignores new streams after any GOAWAY that it sends, and Node does not offer its "shutdown notice". So the first one
 * is written to the connection beside nghttp2, which is impossible with TLS. A client that got no notice is refused at a
 * moment when none of its requests should be on its way: when it has as many streams open as it ever had.
 */
import { writeSync } from 'node:fs';
import { constants, type ServerHttp2Session } from 'node:http2';

export interface Departure {
  /** Asks the client to leave. A client that has made no request yet is asked when it has made one. */
  leave(): void;
  /** Refuses new streams as soon as no request should be on its way. */
  closeSoon(): void;
  /** Refuses new streams. */
  close(): void;
}

/** The most turns of the event loop in which the code waits for one without a new stream. */
const MOST_TURNS = 100;
/** A GOAWAY frame for stream 0 with the highest stream id and no error: 8 bytes (RFC 9113 §6.8). */
const NOTICE = Buffer.from('0000080700000000007fffffff00000000', 'hex');

/** Counts the streams of a session, so that it can be ended. Must be called when the session begins. */
export function prepareDeparture(session: ServerHttp2Session): Departure {
  let begun = 0;
  let open = 0;
  let most = 0;
  let isLeaving = false;
  let isClosing = false;
  let wasSent = false;
  session.on('stream', (stream) => {
    begun++;
    open++;
    most = Math.max(most, open);
    if (isLeaving) sendNoticeSoon();
    stream.once('close', () => {
      open--;
      if (isLeaving) sendNoticeSoon();
    });
  });

  /**
   * Sends the notice when the frames that have come are processed, which takes up to a whole turn of the event loop. If it
   * cannot be sent (TLS) and `closeSoon` was called, it closes instead when no request should be on its way.
   */
  function sendNoticeSoon(): void {
    if (wasSent) return;
    setImmediate(() => {
      const before = begun;
      sendNoticeOnce();
      setImmediate(() => {
        if (isClosing && !wasSent && begun === before && open === most) close();
      });
    });
  }

  function sendNoticeOnce(): void {
    if (!wasSent && !session.closed && !session.destroyed && begun > 0) wasSent = sendNotice(session);
  }

  function close(): void {
    wasSent = true;
    if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  /** Refuses new streams after a turn of the event loop in which no stream came, or after many turns. */
  function closeWhenQuiet(turns: number): void {
    const before = begun;
    setImmediate(() => {
      if (begun === before || turns === 0) close();
      else closeWhenQuiet(turns - 1);
    });
  }

  return {
    leave() {
      isLeaving = true;
      sendNoticeSoon();
    },
    closeSoon() {
      isClosing = true;
      sendNoticeSoon();
    },
    close: () => closeWhenQuiet(MOST_TURNS),
  };
}

interface Handle {
  readonly fd?: number;
  readonly writeQueueSize?: number;
}

/** Writes the notice between two frames. Returns false if that is not possible now. */
function sendNotice(session: ServerHttp2Session): boolean {
  if (session.encrypted === true) return false;
  const { fd = -1, writeQueueSize = 0 } = (session.socket as { readonly _handle?: Handle | null })._handle ?? {};
  // Node hands over whole frames: with an empty queue the kernel has the last one to its end.
  if (fd < 0 || writeQueueSize > 0) return false;
  try {
    const written = writeSync(fd, NOTICE);
    // There was no room for the rest of the frame, and the next one would follow in its place.
    if (written < NOTICE.length) session.destroy();
    return true;
  } catch {
    return false;
  }
}
