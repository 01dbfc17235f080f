/**
 * Declares the layout of a fleet in the hash `devices:meta`: the number of its partitions, its dialect, whether other
 * programs write to it, and how much history and log it keeps.
 */

import { mapConcurrently } from '../async/settled.js';
import type { Dialect } from '../model/device.js';
import { DevstateError, usageError } from '../model/errors.js';
import { HISTORY_KINDS, type HistoryKind } from '../model/keyspace.js';
import type { QueryOptions } from '../query/device-reader.js';
import { PARTITIONS_AT_ONCE } from '../store/by-partition.js';
import type { Fleet } from '../store/fleet.js';
import type { Partition } from '../store/partition.js';
import { DECLARE, DECLARE_LAYOUT } from '../store/scripts.js';
import type { CapName, Hold } from '../store/settings.js';
import { alignIndex } from './align-index.js';
import { type HistoryCaps, trimHistories } from './trim-histories.js';

/**
 * Who writes to a fleet.
 * - shared: other programs may write too, without updating the index; so queries read the record and the heartbeat key
 *   of each device
 * - exclusive: only devstate writes, so the index is right and queries may use it alone
 */
export type Writers = 'shared' | 'exclusive';

export interface FleetLayout {
  /** The version of the layout of keys and fields in Redis; always 1 so far. */
  version: number;
  /** The number of partitions; 1: the fleet is not partitioned, so it cannot be on a cluster. */
  partitions: number;
  dialect: Dialect;
  writers: Writers;
  /** Whether devices have logins of their own (`DeclaredSettings`). */
  deviceLogins: boolean;
  /** How long devices are held while no device sends heartbeats, in TTLs (`DeclaredSettings`). */
  hold: Hold;
  /** The most entries that the history of a device keeps, by kind of change; 0: none. */
  history: Readonly<Record<HistoryKind, number>>;
  /** How many presence events the logs of all partitions keep together; 0: none. */
  logCap: number;
}

export interface DeclareOptions extends Pick<QueryOptions, 'onProgress'> {
  /** Who writes to the fleet. Not given: as declared so far; a new fleet is shared. */
  writers?: Writers;
  /** Whether devices have logins of their own. Not given: as declared so far; in a new fleet they have none. */
  deviceLogins?: boolean;
  /** As in `FleetLayout`; 0: no device is ever held. Not given: as declared so far; in a new fleet 2. */
  hold?: Hold;
  /**
   * The most entries that the history of a device keeps, from 0 to `MAX_HISTORY_CAP`, for each kind of change that is
   * given; longer lists are trimmed at once. A kind that is not given stays as declared so far.
   */
  history?: HistoryCaps;
  /** As in `FleetLayout`, up to `MAX_LOG_CAP`; a longer log is trimmed by its next events. Not given: as declared so far. */
  logCap?: number;
  /** The number of partitions, from 1 to `MAX_PARTITIONS`. Not given: as declared so far; a new fleet has one. */
  partitions?: number;
}

const LAYOUT_VERSION = 1;

/**
 * Declares the layout of a fleet, and returns it. If the fleet becomes exclusive, or `deviceLogins` is given as true, its
 * index is corrected first, because from then on queries or detectors rely on it. Histories are trimmed last: other
 * programs may go by the former caps for a minute, until they read the settings again.
 * @throws DevstateError CONFLICT: the fleet has devices, so the number of partitions cannot change; BAD_RECORD:
 *   the index cannot be corrected, or a history cannot be trimmed; USAGE: read-only, one partition on a cluster, or exclusive with device logins; CONNECTION
 */
export async function declareFleet(fleet: Fleet, options: DeclareOptions = {}): Promise<FleetLayout> {
  fleet.assertWritable('init');
  const { partitions: former } = await fleet.declared();
  await assertMayDeclare(fleet, former);
  const { partitions = former } = options;
  fleet.assertPartitionedOnCluster(partitions);
  const settings = await fleet.settings();
  const { dialect, exclusive, deviceLogins: hadLogins, hold: heldSoFar } = settings;
  const writers = options.writers ?? (exclusive ? 'exclusive' : 'shared');
  const { deviceLogins = hadLogins, hold = heldSoFar } = options;
  if (writers === 'exclusive' && deviceLogins)
    throw usageError(
      'a fleet whose devices have logins of their own is shared: devices do not update the index',
    );
  await declareInPartitions(fleet, former, partitions);
  const layout: FleetLayout = {
    version: LAYOUT_VERSION,
    partitions,
    dialect,
    writers,
    deviceLogins,
    hold,
    history: { ...settings.historyCaps, ...options.history },
    logCap: options.logCap ?? settings.logCap,
  };
  const all = fleet.layOutPartitions(partitions);
  if ((writers === 'exclusive' && !exclusive) || options.deviceLogins)
    await inAllPartitions(all, alignIndex, options.onProgress);
  const [anyPartition] = all as [Partition, ...Partition[]];
  const declaration = {
    version: LAYOUT_VERSION,
    partitions,
    declaredDialect: dialect,
    writers,
    deviceLogins: deviceLogins ? 1 : 0,
    hold,
    caps: declaredCaps(options),
  };
  await anyPartition.run(DECLARE, declaration, []);
  fleet.invalidateSettings();
  const { history } = options;
  if (history) {
    await inAllPartitions(
      all,
      (partition, onProgress) => trimHistories(partition, history, onProgress),
      options.onProgress,
    );
  }
  return layout;
}

/** Returns the caps that are given, as the script `declare` takes them. Those that are not given stay as they are. */
function declaredCaps({ history = {}, logCap }: DeclareOptions): string {
  const caps: [field: string, cap: number | undefined][] = [
    ['logCap', logCap],
    ...HISTORY_KINDS.map((kind) => [`${kind}Cap`, history[kind]] satisfies [CapName, number | undefined]),
  ];
  return caps.flatMap(([field, cap]) => (cap === undefined ? [] : [`${field} ${cap}`])).join(' ');
}

/** Does work in each partition. @param onProgress called with the number of devices that are done in all of them */
async function inAllPartitions(
  partitions: readonly Partition[],
  work: (partition: Partition, onProgress: (count: number) => void) => Promise<void>,
  onProgress: DeclareOptions['onProgress'],
): Promise<void> {
  let done = 0;
  const onChunk = (count: number) => {
    done += count;
    onProgress?.(done);
  };
  await mapConcurrently(partitions, (partition) => work(partition, onChunk), PARTITIONS_AT_ONCE);
}

/**
 * Writes the number of partitions to every former and every new partition, before it is written to the settings: from
 * then on a writer that believes in the former number is refused, and reads the settings again. If a partition has
 * devices, nothing is written; if it got them only after that was checked, the former number is written again. If this
 * function is interrupted, writers are refused until it is called again.
 * @param former the number that the settings have
 * @throws DevstateError CONFLICT: a partition has devices, so the number of partitions cannot change; CONNECTION
 */
async function declareInPartitions(fleet: Fleet, former: number, partitions: number): Promise<void> {
  // On a cluster the keys of an unpartitioned fleet are in many slots, so no devices can be there.
  const isFormerUsable = !(fleet.cluster && former === 1);
  const formerPartitions = isFormerUsable ? fleet.layOutPartitions(former) : [];
  // A number that is written, though for a moment only, ends the detectors of the partition.
  if (partitions !== former && (await haveDevices(formerPartitions))) throw partitionsInUse(former);
  const write = (some: readonly Partition[], args: { partitions: number; former: number }) =>
    mapConcurrently(
      some,
      async (partition) => (await partition.run(DECLARE_LAYOUT, args, [])).reply[0] === 1,
      PARTITIONS_AT_ONCE,
    );
  const written = await write(formerPartitions, { partitions, former });
  if (written.includes(false)) {
    await write(formerPartitions, { partitions: former, former });
    throw partitionsInUse(former);
  }
  if (partitions !== former)
    await write(fleet.layOutPartitions(partitions), { partitions, former: partitions });
}

async function haveDevices(partitions: readonly Partition[]): Promise<boolean> {
  const counts = await mapConcurrently(
    partitions,
    (partition) => partition.ask('scard', partition.keys.registered),
    PARTITIONS_AT_ONCE,
  );
  return counts.some((count) => count > 0);
}

function partitionsInUse(count: number): DevstateError {
  return new DevstateError('CONFLICT', `the fleet holds devices in ${partitionsText(count)}`, {
    reason: 'PARTITIONS_IN_USE',
  });
}

/**
 * Fails for a user who is no operator. A detector may write the settings too, because Redis 6.2 cannot permit reading a
 * key alone, so a command is sent that only operators may send. The id "-" is never registered.
 * @throws DevstateError CONNECTION: permission refused
 */
async function assertMayDeclare(fleet: Fleet, partitions: number): Promise<void> {
  const [first] = fleet.layOutPartitions(partitions) as [Partition, ...Partition[]];
  await first.ask('sismember', first.keys.registered, '-');
}

export function partitionsText(count: number): string {
  return count === 1 ? 'one partition' : `${count} partitions`;
}
