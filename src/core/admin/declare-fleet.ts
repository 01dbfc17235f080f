/**
 * What `devices:meta` declares of a fleet. Exclusive: all its writers are devstate's, so that
 * the index can be gone by; before that is declared, the index is brought in line with what
 * other programs may have left.
 */

import type { ItemResult } from '../async/item-results.js';
import type { Dialect } from '../model/device.js';
import { DevstateError } from '../model/errors.js';
import { settle } from '../presence/settle.js';
import type { QueryOptions } from '../query/device-reader.js';
import { readDevicesIn } from '../query/read-devices.js';
import { registeredIdsIn } from '../query/registered-ids.js';
import { type Registration, registerAllIn } from '../registry/register.js';
import { forEachConcurrently } from '../store/by-partition.js';
import type { Command } from '../store/connection.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { REMOVE_FROM_TYPE } from '../store/scripts.js';
import { scanSet, scanSortedSet } from '../store/set-scan.js';

export type Writers = 'shared' | 'exclusive';

export interface FleetLayout {
  /** Of the layout. */
  version: number;
  /** 1: it is not partitioned, and fits one server. */
  partitions: number;
  dialect: Dialect;
  writers: Writers;
}

export interface DeclareOptions extends Pick<QueryOptions, 'onLooked'> {
  writers?: Writers;
  /** From 1 to `MOST_PARTITIONS`. */
  partitions?: number;
}

/** What is asked of the whole fleet is asked of each. */
export const MAX_PARTITIONS = 1024;

const VERSION = 1;

/**
 * Declares what the fleet is; what is not given stays as it is.
 * @throws DevstateError CONFLICT: it holds devices, and partitions can never change
 */
export async function declareFleet(fleet: Fleet, options: DeclareOptions = {}): Promise<FleetLayout> {
  fleet.assertWritable('init');
  const partitions = await partitionsToBe(fleet, options.partitions);
  const { dialect, exclusive } = await fleet.settings();
  const writers = options.writers ?? (exclusive ? 'exclusive' : 'shared');
  const layout: FleetLayout = { version: VERSION, partitions, dialect, writers };
  if (writers === 'exclusive' && !exclusive) {
    let looked = 0;
    const onLooked = (count: number) => {
      looked += count;
      options.onLooked?.(looked);
    };
    await forEachConcurrently(fleet.partitionsFor(partitions), (partition) =>
      alignIndex(partition, onLooked),
    );
  }
  await fleet.send(() => fleet.redis.hset(fleet.keys.meta, { ...layout }));
  fleet.invalidateSettings();
  return layout;
}

async function partitionsToBe(fleet: Fleet, asked: number | undefined): Promise<number> {
  const declared = await fleet.declared();
  // Asked in any case: whom Redis does not let look is not to declare it, though it lets them write the hash.
  const inUse = await holdsDevices(fleet, declared.partitions);
  const partitions = asked ?? declared.partitions;
  if (inUse && partitions !== declared.partitions) {
    throw new DevstateError('CONFLICT', `the fleet holds devices in ${partitionsText(declared.partitions)}`, {
      reason: 'PARTITIONS_IN_USE',
    });
  }
  fleet.assertPartitionable(partitions);
  return partitions;
}

/** Whether any of so many partitions does. */
async function holdsDevices(fleet: Fleet, partitions: number): Promise<boolean> {
  for (const { redis, keys } of fleet.partitionsFor(partitions)) {
    if ((await fleet.send(() => redis.exists(keys.registered))) === 1) return true;
  }
  return false;
}

export function partitionsText(count: number): string {
  return count === 1 ? 'one partition' : `${count} partitions`;
}

/** Sets, types and index as the records and heartbeat keys have it. @throws BAD_RECORD: some cannot be */
async function alignIndex(partition: Partition, onLooked: (count: number) => void): Promise<void> {
  const failures: DevstateError[] = [];
  for await (const ids of registeredIdsIn(partition)) {
    failures.push(...(await align(partition, ids)));
    onLooked(ids.length);
  }
  for await (const ids of scanSet(partition, partition.keys.online))
    failures.push(...(await alignStrays(partition, ids)));
  for await (const ids of scanSortedSet(partition, partition.keys.activity))
    failures.push(...(await alignStrays(partition, ids)));
  for await (const types of scanSet(partition, partition.keys.types)) {
    for (const type of types) {
      for await (const ids of registeredIdsIn(partition, type)) await leaveType(partition, type, ids);
    }
  }
  const [first] = failures;
  if (first) {
    throw new DevstateError('BAD_RECORD', `${failures.length} devices cannot be indexed: ${first.message}`, {
      reason: 'BROKEN_RECORDS',
      cause: first,
    });
  }
}

/** Gives why some cannot be. */
async function align(partition: Partition, ids: readonly string[]): Promise<DevstateError[]> {
  const { verdicts } = await settle(partition, ids);
  const registrations = await complete(partition, ids);
  return [...verdicts, ...registrations].filter((outcome) => outcome instanceof DevstateError);
}

/** Into all sets that they belong to: registering them as what they are says no more than that. */
async function complete(partition: Partition, ids: readonly string[]): Promise<ItemResult<Registration>[]> {
  const typed = (await readDevicesIn(partition, ids, ['type'])).flatMap(({ id, device }) =>
    device?.deviceType ? [{ id, type: device.deviceType }] : [],
  );
  const there = await partition.pipeline(
    typed.flatMap(({ id, type }): Command[] => [
      ['sismember', partition.keys.type(type), id],
      ['sismember', partition.keys.types, type],
      ['sismember', partition.keys.registered, id],
    ]),
  );
  return registerAllIn(
    partition,
    typed.filter((_, i) => there.slice(3 * i, 3 * i + 3).includes(0)),
  );
}

/** Who is in a set or the index without being registered: where there is a record, it is by now. */
async function alignStrays(partition: Partition, ids: readonly string[]): Promise<DevstateError[]> {
  const known = await partition.send(() => partition.redis.smismember(partition.keys.registered, ...ids));
  const strays = ids.filter((_, i) => known[i] === 0);
  return strays.length > 0 ? align(partition, strays) : [];
}

async function leaveType(partition: Partition, type: string, ids: readonly string[]): Promise<void> {
  const readings = await readDevicesIn(partition, ids, ['type']);
  const others = readings.filter(({ device, error }) => !error && device?.deviceType !== type);
  await Promise.all(others.map(({ id }) => partition.run(REMOVE_FROM_TYPE, {}, [{ id, type }])));
}
