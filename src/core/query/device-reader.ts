/**
 * Reads the devices whose ids come from a stream, in chunks. While the caller works on one chunk, the next is read, so
 * at most two chunks of devices are in memory.
 */
import { prefetch } from '../async/prefetch.js';
import type { DeviceRecord } from '../model/device.js';
import type { FieldName } from '../model/dialect.js';
import type { Fleet } from '../store/fleet.js';
import { AdaptivePage } from './adaptive-page.js';
import { type DeviceReading, type LivenessMode, readDevices } from './read-devices.js';

export interface QueryOptions {
  /** Only devices whose record has this type are returned. */
  type?: string;
  /**
   * True (default): the device type is read. False: it is null, unless `type` is given, so that a device with a broken
   * type is returned too.
   */
  withType?: boolean;
  /** Called for each id whose device cannot be read: its record does not exist, is broken, or lacks its id field. */
  onProblem?: (reading: DeviceReading) => void;
  /** Called after each chunk with the number of devices that the query has read so far. */
  onProgress?: (count: number) => void;
}

export type DeviceReader = (ids: AsyncIterable<string[]>) => AsyncGenerator<DeviceRecord[]>;

/**
 * Returns a function that reads some fields of the devices with given ids. If the function is called several times,
 * `onProgress` gets the number of devices that all calls have read together.
 * @throws DevstateError CONNECTION, BAD_RECORD, USAGE while the devices are read
 */
export function deviceReader(
  fleet: Fleet,
  fields: readonly FieldName[],
  { type, withType = true, onProblem, onProgress }: QueryOptions,
  liveness: LivenessMode = 'read',
): DeviceReader {
  const needed = withType || type !== undefined ? fields : fields.filter((field) => field !== 'type');
  let readCount = 0;
  return async function* (ids) {
    for await (const readings of prefetch(readingsOf(fleet, ids, needed, liveness))) {
      for (const reading of readings) if (!reading.device) onProblem?.(reading);
      yield readings.flatMap(({ device }) =>
        device && (type === undefined || device.deviceType === type) ? [device] : [],
      );
      readCount += readings.length;
      onProgress?.(readCount);
    }
  };
}

async function* readingsOf(
  fleet: Fleet,
  ids: AsyncIterable<string[]>,
  fields: readonly FieldName[],
  liveness: LivenessMode,
): AsyncGenerator<readonly DeviceReading[]> {
  const page = new AdaptivePage(fields);
  for await (const chunk of prefetch(ids)) {
    for (let from = 0; from < chunk.length; ) {
      const some = chunk.slice(from, from + page.size);
      const readings = await readDevices(fleet, some, fields, liveness);
      page.observe(readings);
      from += some.length;
      yield readings;
    }
  }
}
