/**
 * Finds records with a field that is too large to be read, before it is read. Used in fleets whose devices have logins of
 * their own: a device may write its record as it likes, and one field of 100 MB would otherwise be held in memory by each
 * program that lists the fleet.
 */
import type { FieldName } from '../model/dialect.js';
import { MAX_DOCUMENT_BYTES, MAX_FIELD_BYTES, oversizeError } from '../model/document-limits.js';
import type { DevstateError } from '../model/errors.js';
import type { Partition } from '../store/partition.js';
import { asDeviceDenial } from '../store/redis-errors.js';
import type { RedisRequest } from '../store/replies.js';
import { DOCUMENT_FIELDS } from './adaptive-page.js';

/** A field of a record: its name in devstate, and its name in Redis. */
export interface StoredField {
  name: FieldName;
  stored: string;
}

/**
 * Returns an error for each device whose record has a field that is too large.
 * @throws DevstateError CONNECTION
 */
export async function findOversize(
  partition: Partition,
  ids: readonly string[],
  fields: readonly StoredField[],
): Promise<Map<string, DevstateError>> {
  const commands = ids.flatMap((id) => {
    const key = partition.keys.state(id);
    return fields.map(({ stored }): RedisRequest => ['hstrlen', key, stored]);
  });
  const lengths = await partition.pipeline(commands).catch((error) => {
    throw asDeviceDenial(error);
  });
  const found = new Map<string, DevstateError>();
  for (const [i, id] of ids.entries()) {
    for (const [j, { name, stored }] of fields.entries()) {
      // If the key holds another Redis type, the reply is an error. It is left to the command that reads the record.
      const bytes = Number(lengths[i * fields.length + j]);
      if (bytes > (DOCUMENT_FIELDS.includes(name) ? MAX_DOCUMENT_BYTES : MAX_FIELD_BYTES))
        found.set(id, oversizeError(id, stored, bytes));
    }
  }
  return found;
}
