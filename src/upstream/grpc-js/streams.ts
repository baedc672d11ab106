/**
 * The HTTP/2 streams of a channel's calls, each told as it begins. Only on them can be seen what grpc-js does not tell: the
 * bytes that come on a connection, and what is wrong with an answer.
 *
 * grpc-js 1.14 has no place for that. So its class for a call on a connection is followed by one that tells of itself, for
 * channels that ask for it; for all others it is the same class.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { createRequire } from 'node:module';
import type { ChannelOptions } from '@grpc/grpc-js';

/** A call of grpc-js on its connection. */
export interface StreamCall {
  cancelWithStatus(code: number, details: string): void;
}

export type OnStream = (stream: ClientHttp2Stream, call: StreamCall) => void;

/** The class of `build/src/subchannel-call.js`, as far as it matters here. */
type SubchannelCall = new (
  stream: ClientHttp2Stream,
  tracker: unknown,
  listener: unknown,
  transport: { getOptions(): ChannelOptions },
  callId: number,
) => StreamCall;

const OPTION = 'protogate.on_stream';
/** Marks the class that tells, so that a second copy of this module leaves it as it is. */
const TELLS = Symbol.for('protogate.tells_streams');

/** The option of a channel that makes its streams known before anything comes on them. */
export function tellingStreams(onStream: OnStream): ChannelOptions {
  install();
  return { [OPTION]: onStream };
}

function install(): void {
  const path = '@grpc/grpc-js/build/src/subchannel-call.js';
  const module = createRequire(import.meta.url)(path) as { Http2SubchannelCall: SubchannelCall };
  const Original = module.Http2SubchannelCall;
  if (TELLS in Original) return;
  module.Http2SubchannelCall = class extends Original {
    static readonly [TELLS] = true;

    constructor(...given: ConstructorParameters<SubchannelCall>) {
      const [stream, , , transport] = given;
      super(...given);
      (transport.getOptions()[OPTION] as OnStream | undefined)?.(stream, this);
    }
  };
}
