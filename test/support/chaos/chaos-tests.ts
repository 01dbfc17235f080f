/**
 * Runs chaos on one topology and checks the result: the log must agree with what the devices did, and watchers
 * must have printed the log. Writes that a killed master had acknowledged but not replicated may be lost; they are
 * counted and printed.
 */

import { beforeAll, expect, test } from 'vitest';
import { decodeEntry } from '../../../src/core/history/history-entry.js';
import type { PresenceEvent } from '../../../src/core/model/presence-event.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { partitionNumber } from '../../../src/core/store/partition-number.js';
import { type ChaosOptions, type ChaosRun, chaos } from './chaos-run.js';
import { parseEventId, parsePrinted } from './event-ids.js';
import { findError, type Operation, withUnansweredWithin } from './log-checker.js';
import { useProcesses } from './processes.js';
import { mayBeLost, notLogged, riskSpansOf } from './replication-losses.js';
import { summarize } from './summary.js';
import { CLOCK_MS, type RealEvent } from './times.js';
import type { Outage, Topology } from './topologies.js';

/** Minimum counts of what must have happened in a run. */
export type Expected = Record<
  'connectionsKilled' | 'pauses' | 'crashes' | 'failovers' | 'holds' | 'events',
  number
>;

export function checkChaos(what: string, topology: Topology, options: ChaosOptions, expected: Expected) {
  useProcesses();

  let run: ChaosRun;
  let byDevice: Map<string, PresenceEvent[]>;
  let realByDevice: Map<string, RealEvent[]>;
  let found: Found[];
  const partitionAt = (id: string) => partitionNumber(id, topology.partitions);
  const holdsOf = (id: string) => run.holds.filter(({ partition }) => partition === partitionAt(id));
  const stepsOf = (id: string) => run.steps.filter(({ partitions }) => partitions.has(partitionAt(id)));
  const certainOperationsOf = (id: string) =>
    riskSpansOf(run, partitionAt(id)).reduce(
      withUnansweredWithin,
      run.operations.get(id) as readonly Operation[],
    );

  beforeAll(
    async () => {
      run = await chaos(topology, options);
      byDevice = byDeviceId(run.log);
      realByDevice = byDeviceId(run.realLog);
      found = await findAll(await topology.fleet(), [...run.operations.keys()]);
      summarize(what, options, run);
    },
    (options.seconds + 120) * 1000,
  );

  test('everything that was to break did break', () => {
    const { detectorsKilled, connectionsKilled, flushes, ...faults } = run.counts;
    const count = (sought: Outage['kind']) => run.outages.filter(({ kind }) => kind === sought).length;
    expect(detectorsKilled).toBeGreaterThanOrEqual(3);
    expect(connectionsKilled).toBeGreaterThanOrEqual(expected.connectionsKilled);
    expect(flushes).toBeGreaterThan(0);
    for (const kind of Object.values(faults)) expect(kind, JSON.stringify(faults)).toBeGreaterThan(0);
    expect(count('pause')).toBeGreaterThanOrEqual(expected.pauses);
    expect(count('crash')).toBeGreaterThanOrEqual(expected.crashes);
    expect(count('failover')).toBeGreaterThanOrEqual(expected.failovers);
    expect(run.holds.length).toBeGreaterThanOrEqual(expected.holds);
    expect(run.log.length).toBeGreaterThanOrEqual(expected.events);
    expect(run.steps.length).toBeGreaterThanOrEqual(4);
    expect(found.length).toBe(options.devices);
  });

  test('no event is missing, doubled or invented', () => {
    const errors = found.flatMap(({ deviceId: id, alive }) => {
      const events = realByDevice.get(id) ?? [];
      const text = findError(certainOperationsOf(id), events, holdsOf(id), stepsOf(id), alive);
      return text ? [`${id}: ${text}`] : [];
    });
    expect(errors.slice(0, 5).join('\n\n')).toBe('');
  });

  test('both watchers printed each event of the log once, in order', () => {
    const log = run.log.map(({ previousAt: _, ...event }) => JSON.stringify(event));
    const printedEvents = parsePrinted(run.liveWatcher);
    const missing = new Set(notLogged(run, idsOf(run.liveWatcher)));
    expect([...missing].filter((id) => !mayBeLost(run, id))).toEqual([]);
    expect(outOfOrder(idsOf(run.liveWatcher))).toEqual([]);
    const inLog = printedEvents.filter(({ id }) => !missing.has(id)).map(({ text }) => text);
    expect(differences(inLog.toSorted(), log.toSorted())).toEqual([]);
    const replayed = parsePrinted(run.replayWatcher).map(({ text }) => text);
    expect(differences(replayed, log)).toEqual([]);
  });

  test('no two detectors announced the same event', () => {
    const announced = run.detectors.flatMap(({ lines }) => idsOf(lines));
    expect(new Set(announced).size).toBe(announced.length);
    expect(notLogged(run, announced).filter((id) => !mayBeLost(run, id))).toEqual([]);
  });

  test('sets, index, records and history agree', () => {
    const differing = found.filter((device) => {
      const { deviceId } = device;
      return !isConsistent(device, byDevice.get(deviceId) ?? [], run.operations.get(deviceId)?.at(-1));
    });
    expect(differing.slice(0, 5)).toEqual([]);
    expect(found.filter(({ alive }) => alive).length).toBeGreaterThan(options.devices / 5);
  });
}

interface Found {
  deviceId: string;
  alive: boolean;
  online: boolean;
  registered: boolean;
  score: number;
  status: string;
  lastSeen: number;
  seq: number;
  presenceAt: number;
  /** The seq of each entry in the presence history. */
  history: number[];
}

async function findAll(fleet: Fleet, ids: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const deviceId of ids) {
    const partition = await fleet.partitionFor(deviceId);
    const { keys } = partition;
    const [alive, online, registered, score, record, history] = (await partition.pipeline([
      ['exists', keys.heartbeat(deviceId)],
      ['sismember', keys.online, deviceId],
      ['sismember', keys.registered, deviceId],
      ['zscore', keys.activity, deviceId],
      ['hmget', keys.state(deviceId), 'status', 'lastSeen', 'devstate'],
      ['lrange', keys.history('presence', deviceId), 0, -1],
    ])) as [number, number, number, string, [string, string, string | null], string[]];
    const [status, lastSeen, packed] = record;
    const [, , , , seq = 0, presenceAt = 0] = (packed ?? '').split(' ').map(Number);
    found.push({
      deviceId,
      alive: alive === 1,
      online: online === 1,
      registered: registered === 1,
      score: Number(score),
      status,
      lastSeen: Number(lastSeen),
      seq,
      presenceAt,
      history: history.map((entry) => decodeEntry(deviceId, 'presence', entry).number),
    });
  }
  return found;
}

/** Whether a device's data agree. `beat` is its last operation: an answered heartbeat, if the device is alive. */
function isConsistent(device: Found, events: readonly PresenceEvent[], beat: Operation | undefined): boolean {
  const last = events.at(-1);
  const deadline = beat?.kind === 'beat' ? beat.reply?.expiresAt : undefined;
  const kept = events.slice(-100).map(({ seq }) => seq);
  return (
    device.registered &&
    device.online === device.alive &&
    device.status === (device.alive ? 'online' : 'offline') &&
    isScoreOf(device, deadline) &&
    device.seq === events.length &&
    device.presenceAt === (last?.timestamp ?? 0) &&
    (last?.status ?? 'offline') === device.status &&
    JSON.stringify(device.history) === JSON.stringify(kept)
  );
}

/** The audit may have replaced an exact deadline by one that it read from the key's TTL. */
function isScoreOf({ alive, score, lastSeen }: Found, deadline = Number.NaN): boolean {
  return alive ? Math.abs(score - deadline) <= CLOCK_MS : score === 0 - lastSeen;
}

function idsOf(lines: readonly string[]): string[] {
  return parsePrinted(lines).map(({ id }) => id);
}

/** The ids that are not greater than the previous id of the same partition. */
function outOfOrder(ids: readonly string[]): string[] {
  const last = new Map<number, { ms: number; seq: number }>();
  return ids.filter((id) => {
    const { ms, seq, partition } = parseEventId(id);
    const before = last.get(partition);
    last.set(partition, { ms, seq });
    return before && (ms < before.ms || (ms === before.ms && seq <= before.seq));
  });
}

function byDeviceId<Event extends PresenceEvent>(events: readonly Event[]): Map<string, Event[]> {
  const found = new Map<string, Event[]>();
  for (const event of events) found.set(event.deviceId, [...(found.get(event.deviceId) ?? []), event]);
  return found;
}

/** The first three differences between two lists. */
function differences(found: readonly string[], expected: readonly string[]): string[] {
  const indexes = Array.from({ length: Math.max(found.length, expected.length) }, (_, i) => i);
  return indexes
    .filter((i) => found[i] !== expected[i])
    .slice(0, 3)
    .map((i) => `${i}: ${found[i]} instead of ${expected[i]}`);
}
