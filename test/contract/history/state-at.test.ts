/**
 * `get --at` and `history --diff` after seeded runs of thousands of changes to 50 devices, on a simulated clock,
 * with and without another program writing. A model records the state after each change, and derives from the
 * heartbeats whether a device was online.
 */
import { parse, stringify } from 'lossless-json';
import { expect, test } from 'vitest';
import { decodeEntry } from '../../../src/core/history/history-entry.js';
import { type Json, type JsonObject, parseJsonObject, toJson } from '../../../src/core/model/json.js';
import { jsonEqual } from '../../../src/core/model/json-equality.js';
import { HISTORY_KINDS } from '../../../src/core/model/keyspace.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { cli } from '../../support/cli.js';
import { RecordedFleet } from '../../support/recorded-fleet.js';
import { useRedis } from '../../support/redis.js';

const CHANGES = 5000;
const DEVICES = 50;
const MOMENTS = 500;
const SEED = 20261124;

const redis = useRedis();
const devstate = cli(redis);

async function live(historyCap: number): Promise<RecordedFleet> {
  const recorded = await RecordedFleet.begin(redis, SEED, DEVICES, historyCap);
  while (recorded.changes < CHANGES) {
    await recorded.pass(4000);
    await recorded.change(recorded.random(recorded.ids));
  }
  return recorded;
}

/** Runs `get --at`. Values that it reports as unknown are null in `state`. */
async function getAt(id: string, moment: number) {
  const { exit, stdout, stderr } = await devstate.run(['get', id, '--at', String(moment), '--json']);
  const shown = (exit === 0 ? parse(stdout) : {}) as Record<string, unknown>;
  const number = (value: unknown) => (value === null ? null : Number(value));
  const text = (value: unknown) => (value === null ? null : (stringify(value) as string));
  const state = {
    reportedState: text(shown.reportedState),
    reportedVersion: number(shown.reportedVersion),
    reportedAt: number(shown.reportedAt),
    desiredState: text(shown.desiredState),
    desiredVersion: number(shown.desiredVersion),
    desiredAt: number(shown.desiredAt),
    status: shown.status as string | null,
  };
  return { exit, stderr, state };
}

const STATE = { reported: 'reportedState', desired: 'desiredState', presence: 'status' } as const;
const randomMoment = ({ start, model, below }: RecordedFleet) => start + below(model.now - start + 1);

interface Entry {
  kind: 'reported' | 'desired';
  value: JsonObject;
  changes: { path: string; from?: Json; to?: Json }[] | null;
}
type EntryChange = NonNullable<Entry['changes']>[number];

/** The document after one change of a diff. Paths are split at dots, which no key of this test contains. */
function applyChange(document: JsonObject, { path, to }: EntryChange): JsonObject {
  const [key = '', ...rest] = path.split('.');
  const { [key]: before, ...others } = document;
  if (rest.length > 0)
    return {
      ...document,
      [key]: applyChange(before as JsonObject, { path: rest.join('.'), ...(to !== undefined && { to }) }),
    };
  return to === undefined ? others : { ...others, [key]: to };
}

/** Expects the history to hold one entry for each change by devstate, of which the newest are kept. */
async function expectEntriesAreChanges(recorded: RecordedFleet): Promise<void> {
  const { redis, keys } = recorded.fleet;
  for (const id of recorded.ids) {
    for (const kind of HISTORY_KINDS) {
      const entries = await redis.lrange(keys.history(kind, id), 0, -1);
      const numbers = recorded.keptOf(id, kind).map((event) => ('seq' in event ? event.seq : event.version));
      expect(
        entries.map((text) => decodeEntry(id, kind, text).number),
        `${kind} of ${id}`,
      ).toEqual(numbers);
    }
  }
}

/** Expects the changes of the history, applied one after the other, to give each entry's value and the current state. */
async function expectDiffsReplay({ fleet, ids }: RecordedFleet): Promise<void> {
  for (const id of ids) {
    const { stdout } = await devstate.run(['history', id, '--diff', '--kind', 'reported,desired', '--json']);
    const documents = { reported: {}, desired: {} } as Record<Entry['kind'], JsonObject>;
    for (const { kind, value, changes } of parse(stdout) as unknown as Entry[]) {
      documents[kind] = (changes as EntryChange[]).reduce(applyChange, documents[kind]);
      expect(jsonEqual(documents[kind], value), `${id} ${kind} ${toJson(changes)}`).toBe(true);
    }
    const { reportedJson, desiredJson } = await readDevice(fleet, id);
    expect(jsonEqual(documents.reported, parseJsonObject(reportedJson)), `${id} reported`).toBe(true);
    expect(jsonEqual(documents.desired, parseJsonObject(desiredJson)), `${id} desired`).toBe(true);
  }
}

test('after 5,000 changes the history has an entry for each, get --at is right, and the diffs lead to the current state', {
  timeout: 120_000,
}, async () => {
  const recorded = await live(2 * CHANGES);
  await expectEntriesAreChanges(recorded);
  const statuses = new Set<string>();
  for (let i = 0; i < MOMENTS; i++) {
    const id = recorded.random(recorded.ids);
    const moment = randomMoment(recorded);
    const { exit, stderr, state } = await getAt(id, moment);
    const label = `${id} at ${moment}`;
    if (moment < recorded.model.of(id).registeredAt)
      expect([exit, stderr], label).toEqual([3, expect.anything()]);
    else expect([stderr, state], label).toEqual(['', recorded.at(id, moment)]);
    statuses.add(String(state.status));
  }
  expect([...statuses].sort()).toEqual(expect.arrayContaining(['offline', 'online']));
  await expectDiffsReplay(recorded);
});

test('beyond the history cap get --at reports unknown, and since when the state is known', {
  timeout: 120_000,
}, async () => {
  const cap = 12;
  const recorded = await live(cap);
  await expectEntriesAreChanges(recorded);
  const count = { known: 0, unknown: 0 };
  for (let i = 0; i < MOMENTS; i++) {
    const id = recorded.random(recorded.ids);
    const device = recorded.model.of(id);
    const moment = Math.max(randomMoment(recorded), device.registeredAt);
    const { stderr, state } = await getAt(id, moment);
    const then = recorded.at(id, moment);
    for (const kind of HISTORY_KINDS) {
      const kept = recorded.keptOf(id, kind);
      const reaches = device.history[kind].length <= cap || (kept[0]?.at ?? 0) <= moment;
      const from = new Date(kept[0]?.at ?? 0).toISOString();
      const label = `${kind} of ${id} at ${moment}`;
      expect(state[STATE[kind]], label).toEqual(reaches ? then[STATE[kind]] : null);
      expect(stderr.includes(`${id}: ${kind} is known from ${from} on\n`), label).toBe(!reaches);
      count[reaches ? 'known' : 'unknown'] += 1;
    }
  }
  expect(Math.min(count.known, count.unknown)).toBeGreaterThan(MOMENTS / 2);
});

/** Expects `get --at` to be right or unknown at random moments, and returns how often it was which. */
async function expectNothingWrong(
  recorded: RecordedFleet,
  devstateOnly: ReadonlySet<string>,
  moments: number,
) {
  const count = { known: 0, unknown: 0 };
  for (let i = 0; i < moments; i++) {
    const id = recorded.random(recorded.ids);
    const device = recorded.model.of(id);
    const moment = randomMoment(recorded);
    const { exit, stderr, state } = await getAt(id, moment);
    if (exit === 3) {
      expect(moment, `${id}: ${stderr}`).toBeLessThan(device.registeredAt);
      continue;
    }
    const then = recorded.at(id, moment);
    for (const kind of HISTORY_KINDS) {
      const label = `${kind} of ${id} at ${moment}`;
      const reported = state[STATE[kind]];
      count[reported === null ? 'unknown' : 'known'] += 1;
      if (reported === null) {
        expect(stderr, label).toContain(`${id}: ${kind} is`);
        const kept = recorded.keptOf(id, kind);
        const reaches = device.history[kind].length === kept.length || (kept[0]?.at ?? Infinity) <= moment;
        expect(devstateOnly.has(id) && reaches, label).toBe(false);
      } else if (kind !== 'presence' || !recorded.isTurning(id, moment)) {
        expect(reported, label).toEqual(then[STATE[kind]]);
        if (kind !== 'presence') expect(state[`${kind}Version`], label).toBe(then[`${kind}Version`]);
      }
    }
  }
  return count;
}

test('beside another program and with a changing cap, get --at is right or unknown, and known where only devstate wrote', {
  timeout: 240_000,
}, async () => {
  const recorded = await RecordedFleet.begin(redis, SEED, DEVICES, 12);
  const devstateOnly = new Set(recorded.ids.slice(0, DEVICES / 5));
  const shared = recorded.ids.filter((id) => !devstateOnly.has(id));
  const count = { known: 0, unknown: 0 };
  for (let round = 1; recorded.changes < CHANGES / 2; round++) {
    if (round % 200 === 0) await recorded.setCap(recorded.random([0, 3, 12, 12]));
    await recorded.pass(4000);
    await recorded.detect();
    for (let i = recorded.below(3); i >= 0; i--) {
      await recorded.pass(50);
      if (recorded.below(3) === 0) await recorded.theirChange(recorded.random(shared));
      else await recorded.change(recorded.random(recorded.ids));
    }
    if (round % 100 > 0) continue;
    const { known, unknown } = await expectNothingWrong(recorded, devstateOnly, MOMENTS / 20);
    count.known += known;
    count.unknown += unknown;
  }
  await expectEntriesAreChanges(recorded);
  const { known, unknown } = await expectNothingWrong(recorded, devstateOnly, MOMENTS);
  expect(Math.min(count.known + known, count.unknown + unknown)).toBeGreaterThan(MOMENTS / 2);
});
