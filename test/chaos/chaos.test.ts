/**
 * Everything at once, for a minute (CHAOS_SECONDS makes it longer, CHAOS_SEED another one): 2,000 devices in
 * three processes, three detectors of three strategies, a watcher; detectors and Redis are killed, Redis is
 * paused, connections are cut. At the end the log must be what the devices did.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../src/core/device.js';
import type { Fleet } from '../../src/core/fleet.js';
import { complaint, loggedAt, type Operation, type Span } from '../support/chaos/checker.js';
import { say, spread } from '../support/chaos/figures.js';
import { usePrograms } from '../support/chaos/programs.js';
import { type ChaosRun, chaos } from '../support/chaos/run.js';
import { openFleet } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 60);
const SEED = Number(process.env.CHAOS_SEED ?? 1);

describe('chaos', () => {
  const redis = useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  usePrograms();

  let run: ChaosRun;
  let byDevice: Map<string, PresenceEvent[]>;
  let found: Found[];

  beforeAll(
    async () => {
      run = await chaos(redis, { seconds: SECONDS, seed: SEED, devices: 2000, workers: 3 });
      byDevice = new Map([...run.operations.keys()].map((id) => [id, []]));
      for (const event of run.log) byDevice.get(event.deviceId)?.push(event);
      found = await findAll(await openFleet(redis), [...byDevice.keys()]);
      summarize(run);
    },
    (SECONDS + 120) * 1000,
  );

  test('happened', () => {
    const { detectorsKilled, connectionsCut, pauses, crashes } = run.counts;
    expect(detectorsKilled).toBeGreaterThanOrEqual(3);
    expect(connectionsCut).toBeGreaterThanOrEqual(4);
    expect(pauses).toBeGreaterThanOrEqual(3);
    expect(crashes).toBeGreaterThanOrEqual(2);
    expect(run.holds.length).toBeGreaterThanOrEqual(3);
    expect(run.log.length).toBeGreaterThan(10_000);
    expect(byDevice.size).toBe(2000);
  });

  test('no transition is missing, doubled or invented', () => {
    const complaints = [...byDevice].flatMap(([id, events]) => {
      const alive = found.find(({ deviceId }) => deviceId === id)?.alive ?? false;
      const text = complaint(run.operations.get(id) ?? [], events, run.holds, alive);
      return text ? [`${id}: ${text}`] : [];
    });
    expect(complaints.slice(0, 5).join('\n\n')).toBe('');
  });

  test('no device is announced offline during a hold', () => {
    const lies = run.log.filter(
      (event) =>
        event.reason === 'timeout' &&
        run.holds.some(({ certain: [from, to] }) => loggedAt(event) >= from && loggedAt(event) <= to),
    );
    expect(lies.slice(0, 5)).toEqual([]);
  });

  test('both watchers printed the log, each event once and in its order', () => {
    const log = run.log.map(({ previousAt: _, ...event }) => JSON.stringify(event));
    expect(run.witness.length).toBe(log.length);
    expect(differences(run.witness, log)).toEqual([]);
    expect(differences(run.latecomer, log)).toEqual([]);
  });

  test('no two detectors announced the same', () => {
    const logged = new Set(run.log.map(({ id }) => id));
    const announced = run.detectors.flatMap(({ lines }) =>
      lines.map((line) => JSON.parse(line).id as string),
    );
    expect(new Set(announced).size).toBe(announced.length);
    expect(announced.filter((id) => !logged.has(id))).toEqual([]);
  });

  test('sets, index, records and history agree', () => {
    const differing = found.filter((device) => {
      const { deviceId } = device;
      return !agrees(device, byDevice.get(deviceId) ?? [], run.operations.get(deviceId)?.at(-1));
    });
    expect(differing.slice(0, 5)).toEqual([]);
    expect(found.filter(({ alive }) => alive).length).toBeGreaterThan(400);
  });
});

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
  /** The seqs that the history keeps. */
  history: number[];
}

async function findAll(fleet: Fleet, ids: readonly string[]): Promise<Found[]> {
  const { keys } = fleet;
  const found: Found[] = [];
  for (const deviceId of ids) {
    const [alive, online, registered, score, record, history] = (await fleet.pipeline([
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
      ...{ deviceId, alive: alive === 1, online: online === 1, registered: registered === 1 },
      ...{ score: Number(score), status, lastSeen: Number(lastSeen), seq, presenceAt },
      history: history.map((entry) => (JSON.parse(entry) as { seq: number }).seq),
    });
  }
  return found;
}

/** Who is alive at the end has just beaten, and was answered. */
function agrees(device: Found, events: readonly PresenceEvent[], beat: Operation | undefined): boolean {
  const last = events.at(-1);
  const deadline = beat?.kind === 'beat' ? beat.reply?.expiresAt : undefined;
  const kept = events.slice(-100).map(({ seq }) => seq);
  return (
    device.registered &&
    device.online === device.alive &&
    device.status === (device.alive ? 'online' : 'offline') &&
    device.score === (device.alive ? deadline : 0 - device.lastSeen) &&
    device.seq === events.length &&
    device.presenceAt === (last?.timestamp ?? 0) &&
    (last?.status ?? 'offline') === device.status &&
    JSON.stringify(device.history) === JSON.stringify(kept)
  );
}

/** The first few places where two lists part. */
function differences(found: readonly string[], expected: readonly string[]): string[] {
  const places = Array.from({ length: Math.max(found.length, expected.length) }, (_, i) => i);
  return places
    .filter((i) => found[i] !== expected[i])
    .slice(0, 3)
    .map((i) => `${i}: ${found[i]} instead of ${expected[i]}`);
}

function summarize({ log, operations, holds, outages, counts, detectors }: ChaosRun): void {
  const all = [...operations.values()].flat();
  // What was due while Redis was away, detectors were not back yet, or verdicts were held, had to wait.
  const away = [
    ...outages.map(({ began, ended }): Span => [began[0], ended + 2500]),
    ...holds.map(({ possible }) => possible),
  ];
  const quiet = (at: number) => !away.some(([from, to]) => at >= from && at <= to);
  const late = log
    .filter(({ reason, timestamp }) => reason === 'timeout' && quiet(timestamp))
    .map((event) => loggedAt(event) - event.timestamp);
  const reasons = ['heartbeat', 'timeout', 'disconnect', 'observed'].map(
    (reason) => `${log.filter((event) => event.reason === reason).length} ${reason}`,
  );
  const lengths = outages.map(({ began, ended }) => `${((ended - began[0]) / 1000).toFixed(1)} s`);
  say('chaos', [
    `seed ${SEED}, ${SECONDS} s: ${all.length} operations, ${all.filter(({ reply }) => !reply).length} not answered`,
    `${log.length} events: ${reasons.join(', ')}`,
    `${counts.detectorsKilled} detectors killed of ${detectors.length}, ${counts.connectionsCut} connections cut`,
    `${counts.pauses} pauses and ${counts.crashes} crashes: away for ${lengths.join(', ')}; ${holds.length} holds`,
    `timeouts announced after their deadline, where nothing stood in the way: ${spread(late)}`,
  ]);
}
