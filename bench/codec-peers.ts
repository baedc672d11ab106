/** The two libraries that the codec is compared with. They convert strings, so their bytes are converted too. */
import { otherCodecs } from '../test/support/other-codecs.js';

/** Converts messages of one type. */
export interface PeerCodec {
  read(json: Uint8Array): Uint8Array;
  write(wire: Uint8Array): Uint8Array;
}

const NAMES = ['@bufbuild/protobuf', 'ext/protojson'];

export function peerCodecs(proto: string) {
  return otherCodecs({ 't.proto': proto }).map((of, index) => ({
    name: NAMES[index]!,
    codecOf: (type: string): PeerCodec => {
      const codec = of(type);
      return {
        read: (json) => codec.read(Buffer.from(json.buffer, json.byteOffset, json.length).toString()),
        write: (wire) => Buffer.from(codec.write(wire)),
      };
    },
  }));
}
