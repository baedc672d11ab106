/** How a codec maps messages to JSON (protobuf.dev/programming-guides/json, “JSON options”). */

export interface JsonOptions {
  /** Write fields without presence even when they hold their default. Default false. */
  readonly emitDefaults: boolean;
  /** Write enums as numbers. Default false. */
  readonly enumsAsInts: boolean;
  /** Write `display_name` instead of `displayName`; both are always read. Default false. */
  readonly protoNames: boolean;
  /** What an unknown JSON field in a request gets, and an unknown name of an enum. Default reject. */
  readonly unknownFields: 'reject' | 'ignore';
  /** Deepest nesting of JSON that is read; whatever was read is also written. Default 100. */
  readonly maxDepth: number;
  /** Of the JSON of one answer, counted while it is written; more is 502. Default: no bound. */
  readonly maxBytes?: number;
  /** Full names of fields that are neither written nor read (to a client they do not exist). */
  readonly omitFields: ReadonlySet<string>;
}
