/**
 * Decides how many devices are read in one round trip. A document may have up to 1 MiB, so if documents are read, the
 * number is such that the documents of one read have about 1 MiB together, judging by the sizes in the read before.
 */
import type { DeviceRecord } from '../model/device.js';
import type { FieldName } from '../model/dialect.js';
import { AdaptiveCount } from '../store/adaptive-count.js';

export const DOCUMENT_FIELDS: readonly FieldName[] = ['metadata', 'reported', 'desired'];

const MAX_SIZE = 500;

export class AdaptivePage {
  /** Undefined: no documents are read. */
  readonly #count: AdaptiveCount | undefined;

  /** @param fields the fields that are read of each device */
  constructor(fields: readonly FieldName[]) {
    if (fields.some((name) => DOCUMENT_FIELDS.includes(name))) this.#count = new AdaptiveCount(MAX_SIZE);
  }

  /** How many devices the next read should request, so that its documents have about 1 MiB together. */
  get size(): number {
    return this.#count?.value ?? MAX_SIZE;
  }

  /** Adapts `size` to the sizes of the documents that the last read returned. */
  observe(readings: readonly { device?: DeviceRecord }[]): void {
    const bytes = readings.reduce((sum, { device }) => sum + (device ? documentBytes(device) : 0), 0);
    this.#count?.observe(readings.length, bytes);
  }
}

function documentBytes({ reportedJson, desiredJson, metadataJson }: DeviceRecord): number {
  return reportedJson.length + desiredJson.length + metadataJson.length;
}
