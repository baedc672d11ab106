/** How a codec maps messages to JSON (protobuf.dev/programming-guides/json, “JSON options”). */

export interface JsonOptions {
  /** Write fields without presence even when they hold their default. Default false. */
  readonly emitDefaults: boolean;
  /** Write enums as numbers. Default false. */
  readonly enumsAsInts: boolean;
  /** Write `display_name` instead of `displayName`; both are always read. Default false. */
  readonly protoNames: boolean;
  /** How unknown JSON fields and unknown enum names in a request are treated. Default reject. */
  readonly unknownFields: 'reject' | 'ignore';
  /** The deepest nesting of JSON that is read. Everything that can be read can also be written. Default 100. */
  readonly maxDepth: number;
  /** The most bytes of JSON that one answer may have; more is answered with 502. Default: no bound. */
  readonly maxBytes?: number;
  /** Full names of fields that are neither written nor read (to a client they do not exist). */
  readonly omitFields: ReadonlySet<string>;
}
