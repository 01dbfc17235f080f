/**
 * Decides how many devices are read in one round trip. A document may have up to 1 MiB, so if documents are read, the
 * number is such that the documents of one read have about 1 MiB together, judging by the sizes in the read before.
 */
import type { DeviceRecord } from '../model/device.js';
import type { FieldName } from '../model/dialect.js';

export const DOCUMENT_FIELDS: readonly FieldName[] = ['metadata', 'reported', 'desired'];

/**
 * How many devices the first read with documents requests. The sizes of the documents are not known yet, and each may
 * have up to 1 MiB, so a high number could make the reply very large.
 */
const FIRST_SIZE = 20;
const MAX_SIZE = 500;
const PAGE_BYTES = 1024 * 1024;

export class AdaptivePage {
  /** How many devices the next read should request, so that its documents have about 1 MiB together. */
  size: number;
  readonly #hasDocuments: boolean;

  /** @param fields the fields that are read of each device */
  constructor(fields: readonly FieldName[]) {
    this.#hasDocuments = fields.some((name) => DOCUMENT_FIELDS.includes(name));
    this.size = this.#hasDocuments ? FIRST_SIZE : MAX_SIZE;
  }

  /** Adapts `size` to the sizes of the documents that the last read returned. */
  observe(readings: readonly { device?: DeviceRecord }[]): void {
    if (!this.#hasDocuments) return;
    const bytes = readings.reduce((sum, { device }) => sum + (device ? documentBytes(device) : 0), 1);
    this.size = Math.max(1, Math.min(MAX_SIZE, Math.floor((PAGE_BYTES * readings.length) / bytes)));
  }
}

function documentBytes({ reportedJson, desiredJson, metadataJson }: DeviceRecord): number {
  return reportedJson.length + desiredJson.length + metadataJson.length;
}
