/**
 * What was when: a seeded run of 5,000 changes on 50 devices, on the model's time, asked about afterwards.
 * The model knows what each change made; whether a device was online is known from its heartbeats alone.
 */
import { parse, stringify } from 'lossless-json';
import { expect, test } from 'vitest';
import { sweep } from '../../src/core/detector.js';
import type { Fleet } from '../../src/core/fleet.js';
import { disconnect, heartbeat } from '../../src/core/heartbeats.js';
import { HISTORY_KINDS } from '../../src/core/history.js';
import { type Json, type JsonObject, jsonEqual, parseJsonObject, toJson } from '../../src/core/json.js';
import { readDevice } from '../../src/core/records.js';
import { register } from '../../src/core/registry.js';
import { setDesired } from '../../src/core/shadows.js';
import { cli } from '../support/cli.js';
import { openFleet } from '../support/fleet.js';
import { Model, type ModelDevice, merged, type Patch } from '../support/model.js';
import { type TestRedis, useRedis } from '../support/redis.js';

const CHANGES = 5000;
const DEVICES = 50;
const MOMENTS = 500;
const SEED = 20261124;

/** Numbers from 0 up to, not including, 1: the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Past {
  fleet: Fleet;
  model: Model;
  start: number;
  /** By device: from a heartbeat until what it promised ran out, or goodbye. */
  spells: Map<string, [from: number, to: number][]>;
  random: <T>(choices: readonly T[]) => T;
  below: (limit: number) => number;
}

const PATCHES = [
  '{"n":1}',
  '{"n":12345678901234567890}',
  '{"n":null}',
  '{"m":0.10,"s":"ü"}',
  '{"m":[1e400]}',
];
const REPORTS = [
  '{}',
  '{"n":1}',
  '{"net":{"wifi":{"rssi":-40}}}',
  '{"net":{"wifi":{"rssi":-41,"ssid":"a b"}}}',
  '{"net":{"lan":1},"n":[1,2]}',
];

async function live(redis: TestRedis, historyCap: number): Promise<Past> {
  const roll = randomFrom(SEED);
  const below = (limit: number) => Math.floor(roll() * limit);
  const random = <T>(choices: readonly T[]) => choices[below(choices.length)] as T;
  // A day ahead, so that no key runs out before the model says so.
  const model = new Model(Date.now() + 86_400_000);
  const fleet = await openFleet(redis, { clock: () => model.now });
  await fleet.redis.hset(fleet.keys.meta, 'historyCap', historyCap);
  const start = model.now;
  const past = { fleet, model, start, spells: new Map<string, [number, number][]>(), random, below };
  for (let i = 0; i < DEVICES; i++) {
    const id = `dev:${i}`;
    await pass(past);
    await register(fleet, id, 'lamp');
    model.register(id, 'lamp');
  }
  while (changesOf(model) < CHANGES) {
    await pass(past);
    await change(past, random(model.ids));
  }
  return past;
}

function changesOf(model: Model): number {
  return model.ids.reduce(
    (sum, id) => sum + HISTORY_KINDS.reduce((all, kind) => all + model.of(id).history[kind].length, 0),
    0,
  );
}

/** Up to four seconds; Redis expires what the model does. */
async function pass({ fleet, model, below }: Past): Promise<void> {
  const alive = model.ids.filter((id) => model.of(id).key !== null);
  model.pass(1 + below(4000));
  const gone = alive.filter((id) => model.of(id).key === null);
  if (gone.length > 0) await fleet.redis.del(gone.map((id) => fleet.keys.heartbeat(id)));
}

async function change(past: Past, id: string): Promise<void> {
  const { fleet, model, random, below } = past;
  const kind = below(10);
  if (kind < 3) {
    const reported = random(REPORTS);
    await heartbeat(fleet, { id, reportedJson: reported });
    beaten(past, id, { reported });
  } else if (kind < 5) {
    const patch = random(PATCHES);
    await heartbeat(fleet, { id }, { patch: parseJsonObject(patch) });
    beaten(past, id, { reported: merged(model.of(id).reported, parse(patch) as Patch) });
  } else if (kind < 6) {
    const ttl = random([10_000, 180_000]);
    await heartbeat(fleet, { id, ttl });
    beaten(past, id, { ttl });
  } else if (kind < 8) {
    const patch = random(PATCHES);
    await setDesired(fleet, id, parseJsonObject(patch));
    model.setDesired(id, parse(patch) as Patch);
  } else if (kind < 9) {
    await disconnect(fleet, id);
    const spell = past.spells.get(id)?.at(-1);
    if (spell && model.of(id).key !== null) spell[1] = model.now;
    model.disconnect(id);
  } else {
    await swept(fleet);
    model.sweep();
  }
}

function beaten({ model, spells }: Past, id: string, beat: { reported?: string; ttl?: number }): void {
  const device = model.of(id);
  const list = spells.get(id) ?? [];
  spells.set(id, list);
  if (device.key === null) list.push([model.now, 0]);
  model.heartbeats([{ id, ...beat }]);
  (list.at(-1) as [number, number])[1] = device.key as number;
}

async function swept(fleet: Fleet): Promise<void> {
  for await (const _ of sweep(fleet));
}

/** What was known of a device then, in the words of `get --json`; only what it had. */
function thenOf({ spells }: Past, id: string, device: ModelDevice, moment: number) {
  const last = <T extends { at: number }>(list: readonly T[]) => list.findLast(({ at }) => at <= moment);
  const reported = last(device.history.reported);
  const desired = last(device.history.desired);
  const online = (spells.get(id) ?? []).some(([from, to]) => from <= moment && moment < to);
  return {
    reportedState: reported?.text ?? '{}',
    reportedVersion: reported?.version ?? 0,
    reportedAt: reported?.at ?? null,
    desiredState: desired?.text ?? '{}',
    desiredVersion: desired?.version ?? 0,
    desiredAt: desired?.at ?? null,
    status: online ? 'online' : 'offline',
  };
}

const redis = useRedis();
const devstate = cli(redis);

/** What `get --at` says, in the same words; what is not known is null. */
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

const aMoment = ({ start, model, below }: Past) => start + below(model.now - start + 1);

interface Entry {
  kind: 'reported' | 'desired';
  value: JsonObject;
  changes: { path: string; from?: Json; to?: Json }[];
}

/** A document after one of the places of a diff; no name in this test holds a dot. */
function applied(document: JsonObject, { path, to }: Entry['changes'][number]): JsonObject {
  const [key = '', ...rest] = path.split('.');
  const { [key]: before, ...others } = document;
  if (rest.length > 0)
    return {
      ...document,
      [key]: applied(before as JsonObject, { path: rest.join('.'), ...(to !== undefined && { to }) }),
    };
  return to === undefined ? others : { ...others, [key]: to };
}

async function expectEntriesAreChanges({ fleet, model }: Past): Promise<void> {
  let entries = 0;
  for (const id of model.ids) {
    for (const kind of HISTORY_KINDS) {
      const length = await fleet.redis.llen(fleet.keys.history(kind, id));
      expect(length, `${kind} of ${id}`).toBe(model.of(id).history[kind].length);
      entries += length;
    }
  }
  expect(entries).toBe(changesOf(model));
  expect(entries).toBeGreaterThanOrEqual(CHANGES);
}

async function expectReplayed({ fleet, model }: Past): Promise<void> {
  for (const id of model.ids) {
    const { stdout } = await devstate.run(['history', id, '--diff', '--kind', 'reported,desired', '--json']);
    const documents = { reported: {}, desired: {} } as Record<Entry['kind'], JsonObject>;
    for (const { kind, value, changes } of parse(stdout) as unknown as Entry[]) {
      documents[kind] = changes.reduce(applied, documents[kind]);
      expect(jsonEqual(documents[kind], value), `${id} ${kind} ${toJson(changes)}`).toBe(true);
    }
    const { reportedJson, desiredJson } = await readDevice(fleet, id);
    expect(jsonEqual(documents.reported, parseJsonObject(reportedJson)), `${id} reported`).toBe(true);
    expect(jsonEqual(documents.desired, parseJsonObject(desiredJson)), `${id} desired`).toBe(true);
  }
}

test('5,000 changes: each is one entry, each moment is what it was, the diffs lead to now', {
  timeout: 120_000,
}, async () => {
  const past = await live(redis, 2 * CHANGES);
  await expectEntriesAreChanges(past);
  const seen = new Set<string>();
  for (let i = 0; i < MOMENTS; i++) {
    const id = past.random(past.model.ids);
    const device = past.model.of(id);
    const moment = aMoment(past);
    const { exit, stderr, state } = await getAt(id, moment);
    const label = `${id} at ${moment}`;
    if (moment < device.registeredAt) expect([exit, stderr], label).toEqual([3, expect.anything()]);
    else expect([stderr, state], label).toEqual(['', thenOf(past, id, device, moment)]);
    seen.add(String(state.status));
  }
  expect([...seen].sort()).toEqual(expect.arrayContaining(['offline', 'online']));
  await expectReplayed(past);
});

test('beyond the cap the state is unknown, from when on it is known is said, and nothing is wrong', {
  timeout: 120_000,
}, async () => {
  const cap = 12;
  const past = await live(redis, cap);
  const kinds = { reported: 'reportedState', desired: 'desiredState', presence: 'status' } as const;
  const count = { known: 0, unknown: 0 };
  for (let i = 0; i < MOMENTS; i++) {
    const id = past.random(past.model.ids);
    const device = past.model.of(id);
    const moment = Math.max(aMoment(past), device.registeredAt);
    const { stderr, state } = await getAt(id, moment);
    const then = thenOf(past, id, device, moment);
    for (const kind of HISTORY_KINDS) {
      const kept = device.history[kind].slice(-cap);
      const reaches = device.history[kind].length <= cap || (kept[0]?.at ?? 0) <= moment;
      const from = new Date(kept[0]?.at ?? 0).toISOString();
      const label = `${kind} of ${id} at ${moment}`;
      expect(state[kinds[kind]], label).toEqual(reaches ? then[kinds[kind]] : null);
      expect(stderr.includes(`${id}: ${kind} is known from ${from} on\n`), label).toBe(!reaches);
      count[reaches ? 'known' : 'unknown'] += 1;
    }
  }
  expect(Math.min(count.known, count.unknown)).toBeGreaterThan(MOMENTS / 2);
});
