/**
 * This module has the places (positions, comments and document options) of a file from a descriptor set. Unlike those of a
 * `.proto` file, they are known as soon as the set is read.
 */
import type { Position } from '../base/diagnostic.js';
import type { Places } from './declaration.js';
import type { DocumentOptions } from './descriptor.js';
import { NO_OPTIONS } from './document-options.js';

/** The positions, comments and document options by full name, as plain data that can be sent to another thread. */
export interface PlaceMaps {
  readonly file: string;
  readonly positions: ReadonlyMap<string, Position>;
  readonly comments: ReadonlyMap<string, string>;
  readonly options: ReadonlyMap<string, DocumentOptions>;
}

export class KnownPlaces implements Places {
  constructor(readonly maps: PlaceMaps) {}

  position(fullName: string): Position {
    return this.maps.positions.get(fullName) ?? { file: this.maps.file };
  }

  comment(fullName: string): string | undefined {
    return this.maps.comments.get(fullName);
  }

  documentOptions(fullName: string): DocumentOptions {
    return this.maps.options.get(fullName) ?? NO_OPTIONS;
  }
}
