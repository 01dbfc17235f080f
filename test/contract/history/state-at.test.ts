/**
 * What was when: seeded runs of thousands of changes on 50 devices, on the model's time, asked about afterwards,
 * and beside another program in between too. The model knows what each change made; whether a device was online
 * is known from its heartbeats alone.
 */
import { parse, stringify } from 'lossless-json';
import { expect, test } from 'vitest';
import { HISTORY_KINDS } from '../../../src/core/history/entries.js';
import {
  type Json,
  type JsonObject,
  jsonEqual,
  parseJsonObject,
  toJson,
} from '../../../src/core/model/json.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { cli } from '../../support/cli.js';
import { Lives } from '../../support/lives.js';
import { useRedis } from '../../support/redis.js';

const CHANGES = 5000;
const DEVICES = 50;
const MOMENTS = 500;
const SEED = 20261124;

const redis = useRedis();
const devstate = cli(redis);

async function live(historyCap: number): Promise<Lives> {
  const lives = await Lives.begin(redis, SEED, DEVICES, historyCap);
  while (lives.changes < CHANGES) {
    await lives.pass(4000);
    await lives.change(lives.random(lives.ids));
  }
  return lives;
}

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

const STATE = { reported: 'reportedState', desired: 'desiredState', presence: 'status' } as const;
const aMoment = ({ start, model, below }: Lives) => start + below(model.now - start + 1);

interface Entry {
  kind: 'reported' | 'desired';
  value: JsonObject;
  changes: { path: string; from?: Json; to?: Json }[] | null;
}
type EntryChange = NonNullable<Entry['changes']>[number];

/** A document after one of the places of a diff; no name in this test holds a dot. */
function applied(document: JsonObject, { path, to }: EntryChange): JsonObject {
  const [key = '', ...rest] = path.split('.');
  const { [key]: before, ...others } = document;
  if (rest.length > 0)
    return {
      ...document,
      [key]: applied(before as JsonObject, { path: rest.join('.'), ...(to !== undefined && { to }) }),
    };
  return to === undefined ? others : { ...others, [key]: to };
}

/** Each change of devstate's is one entry, of which the newest are left. */
async function expectEntriesAreChanges(lives: Lives): Promise<void> {
  const { redis, keys } = lives.fleet;
  for (const id of lives.ids) {
    for (const kind of HISTORY_KINDS) {
      const entries = (await redis.lrange(keys.history(kind, id), 0, -1)).map((text) => JSON.parse(text));
      const numbers = lives.keptOf(id, kind).map((event) => ('seq' in event ? event.seq : event.version));
      expect(
        entries.map(({ seq, version }) => seq ?? version),
        `${kind} of ${id}`,
      ).toEqual(numbers);
    }
  }
}

async function expectReplayed({ fleet, ids }: Lives): Promise<void> {
  for (const id of ids) {
    const { stdout } = await devstate.run(['history', id, '--diff', '--kind', 'reported,desired', '--json']);
    const documents = { reported: {}, desired: {} } as Record<Entry['kind'], JsonObject>;
    for (const { kind, value, changes } of parse(stdout) as unknown as Entry[]) {
      documents[kind] = (changes as EntryChange[]).reduce(applied, documents[kind]);
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
  const lives = await live(2 * CHANGES);
  await expectEntriesAreChanges(lives);
  const seen = new Set<string>();
  for (let i = 0; i < MOMENTS; i++) {
    const id = lives.random(lives.ids);
    const moment = aMoment(lives);
    const { exit, stderr, state } = await getAt(id, moment);
    const label = `${id} at ${moment}`;
    if (moment < lives.model.of(id).registeredAt)
      expect([exit, stderr], label).toEqual([3, expect.anything()]);
    else expect([stderr, state], label).toEqual(['', lives.at(id, moment)]);
    seen.add(String(state.status));
  }
  expect([...seen].sort()).toEqual(expect.arrayContaining(['offline', 'online']));
  await expectReplayed(lives);
});

test('beyond the cap the state is unknown, from when on it is known is said, and nothing is wrong', {
  timeout: 120_000,
}, async () => {
  const cap = 12;
  const lives = await live(cap);
  await expectEntriesAreChanges(lives);
  const count = { known: 0, unknown: 0 };
  for (let i = 0; i < MOMENTS; i++) {
    const id = lives.random(lives.ids);
    const device = lives.model.of(id);
    const moment = Math.max(aMoment(lives), device.registeredAt);
    const { stderr, state } = await getAt(id, moment);
    const then = lives.at(id, moment);
    for (const kind of HISTORY_KINDS) {
      const kept = lives.keptOf(id, kind);
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

/** What is said of a device beside which others write: right, or unknown. How much of each there was. */
async function expectNothingWrong(lives: Lives, ours: ReadonlySet<string>, moments: number) {
  const count = { known: 0, unknown: 0 };
  for (let i = 0; i < moments; i++) {
    const id = lives.random(lives.ids);
    const device = lives.model.of(id);
    const moment = aMoment(lives);
    const { exit, stderr, state } = await getAt(id, moment);
    if (exit === 3) {
      expect(moment, `${id}: ${stderr}`).toBeLessThan(device.registeredAt);
      continue;
    }
    const then = lives.at(id, moment);
    for (const kind of HISTORY_KINDS) {
      const label = `${kind} of ${id} at ${moment}`;
      const said = state[STATE[kind]];
      count[said === null ? 'unknown' : 'known'] += 1;
      if (said === null) {
        expect(stderr, label).toContain(`${id}: ${kind} is`);
        const kept = lives.keptOf(id, kind);
        const reaches = device.history[kind].length === kept.length || (kept[0]?.at ?? Infinity) <= moment;
        expect(ours.has(id) && reaches, label).toBe(false);
      } else if (kind !== 'presence' || !lives.isTurning(id, moment)) {
        expect(said, label).toEqual(then[STATE[kind]]);
        if (kind !== 'presence') expect(state[`${kind}Version`], label).toBe(then[`${kind}Version`]);
      }
    }
  }
  return count;
}

test('beside another program, the cap at times 0: what is said is right, and known where only devstate wrote', {
  timeout: 240_000,
}, async () => {
  const lives = await Lives.begin(redis, SEED, DEVICES, 12);
  const ours = new Set(lives.ids.slice(0, DEVICES / 5));
  const shared = lives.ids.filter((id) => !ours.has(id));
  const count = { known: 0, unknown: 0 };
  for (let round = 1; lives.changes < CHANGES / 2; round++) {
    if (round % 200 === 0) await lives.setCap(lives.random([0, 3, 12, 12]));
    await lives.pass(4000);
    await lives.detect();
    for (let i = lives.below(3); i >= 0; i--) {
      await lives.pass(50);
      if (lives.below(3) === 0) await lives.theirChange(lives.random(shared));
      else await lives.change(lives.random(lives.ids));
    }
    if (round % 100 > 0) continue;
    const { known, unknown } = await expectNothingWrong(lives, ours, MOMENTS / 20);
    count.known += known;
    count.unknown += unknown;
  }
  await expectEntriesAreChanges(lives);
  const { known, unknown } = await expectNothingWrong(lives, ours, MOMENTS);
  expect(Math.min(count.known + known, count.unknown + unknown)).toBeGreaterThan(MOMENTS / 2);
});
