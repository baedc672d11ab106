/** The options that decide how a codec maps messages to JSON (protobuf.dev/programming-guides/json, “JSON options”). */

export interface JsonOptions {
  /** True to write fields without presence even if they have their default value. The default is false. */
  readonly emitDefaults: boolean;
  /** True to write enums as numbers. The default is false. */
  readonly enumsAsInts: boolean;
  /** True to write `display_name` instead of `displayName`. Both are always read. The default is false. */
  readonly protoNames: boolean;
  /** The treatment of unknown JSON fields and unknown enum names in a request. The default is `reject`. */
  readonly unknownFields: 'reject' | 'ignore';
  /**
   * The most levels of nested objects and lists in JSON that is read. What can be read can also be written. The default is 100.
   */
  readonly maxDepth: number;
  /** The largest number of bytes of JSON in one answer. A larger answer becomes a 502. There is no limit by default. */
  readonly maxBytes?: number;
  /**
   * The full names of fields that are neither written nor read, so that clients do not see them. A FieldMask is written
   * without the paths that have their names.
   */
  readonly omitFields: ReadonlySet<string>;
}
