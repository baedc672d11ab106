/**
 * Reports the HTTP/2 stream of each grpc-js call when it begins. The stream shows what grpc-js hides: the bytes that come on a
 * connection, and what is wrong with an answer.
 *
 * grpc-js 1.14 offers no hook for that. Therefore its class for a call on a connection is replaced by a subclass. The
 * subclass reports the streams of channels that have the option `protogate.on_stream`, and changes nothing for other channels.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { createRequire } from 'node:module';
import type { ChannelOptions } from '@grpc/grpc-js';

/** A call of grpc-js on a connection, with the method that is used here. */
export interface StreamCall {
  cancelWithStatus(code: number, details: string): void;
}

export type OnStream = (stream: ClientHttp2Stream, call: StreamCall) => void;

/** The constructor of the class in `build/src/subchannel-call.js`, with the parameters that are used here. */
type SubchannelCall = new (
  stream: ClientHttp2Stream,
  tracker: unknown,
  listener: unknown,
  transport: { getOptions(): ChannelOptions },
  callId: number,
) => StreamCall;

const OPTION = 'protogate.on_stream';
/** Marks the subclass as installed, so that a second copy of this module does not make a subclass of it again. */
const TELLS = Symbol.for('protogate.tells_streams');

/** Returns the channel option that makes grpc-js call `onStream` with each new stream, before any data comes on the stream. */
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
