/**
 * Beside the article's programs, at random: their detectors (late, and wrong about ids with a colon), their
 * heartbeats, re-registrations and repairs come in between the steps of ours. Whatever they do, what we
 * announce stays a true story, and a last look puts everything right.
 */
import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../../src/core/model/device.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect, heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevices, SUMMARY } from '../../../src/core/query/read-devices.js';
import { register, unregister } from '../../../src/core/registry/register.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import type { Fleet } from '../../../src/core/store/fleet.js';
import { type ArticleProgram, articleProgram, interleave } from '../../support/article.js';
import { cut, logOf, openFleet, until } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** The node program takes `aa` for the id of the second, the python program `cc`: both are devices. */
const IDS = ['plain', 'aa:bb:cc', 'aa', 'cc', 'urn:dev:aa', '温度-1'];
/** All that anybody may take for an id. */
const NAMES = [...IDS, 'urn', 'dev', 'bb'];
/** 450 operations a test, 3,600 in all. */
const ROUNDS = 90;
const AT_ONCE = 5;

/** The same numbers for the same seed (mulberry32). */
function random(seed: number): <T>(list: readonly T[]) => T {
  let state = seed;
  return (list) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return list[((mixed ^ (mixed >>> 14)) >>> 0) % list.length] as never;
  };
}

/** One of our operations as one step: its script is atomic, so there is nothing to get in between of. */
async function* ours(name: string, run: () => Promise<unknown>): AsyncGenerator<string> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof DevstateError && error.code === 'NOT_FOUND')) throw error;
  }
  yield name;
}

function operations(fleet: Fleet, { steps }: ArticleProgram, pick: ReturnType<typeof random>) {
  const id = () => pick(IDS);
  const beat = (ttl?: number) => ({
    id: id(),
    ...(ttl && { ttl }),
    reportedJson: `{"n":${pick([1, 2, 3])}}`,
  });
  return [
    () => steps.heartbeat(id(), { n: pick([1, 2, 3]) }),
    () => steps.heartbeat(id()),
    () => steps.pollDetector(),
    () => steps.keyspaceDetector(fleet.keys.heartbeat(id())),
    () => steps.register(id(), pick(['lamp', 'plug'])),
    () => steps.get(id()),
    () => steps.setDesired(id(), { theirs: pick([1, 2, 3]) }),
    () => ours('time passes', () => cut(fleet, id(), id())),
    () => ours('time passes', () => cut(fleet, id(), id())),
    () => ours('heartbeat', () => heartbeat(fleet, beat())),
    () => ours('short heartbeat', () => heartbeat(fleet, beat(pick([1, 3, 10])))),
    () => ours('heartbeats', () => heartbeats(fleet, [beat(), beat(), beat()])),
    () => ours('merge', () => heartbeat(fleet, { id: id(), patch: { ours: pick([true, false, null]) } })),
    () => ours('settle', () => settle(fleet, [id(), id(), id()], { detector: pick([true, false]) })),
    () => ours('settle all', () => settle(fleet, NAMES)),
    () => ours('disconnect', () => disconnect(fleet, id())),
    () => ours('register', () => register(fleet, id(), pick(['lamp', 'plug']), { metadataJson: '{"m":1}' })),
    () => ours('set desired', () => setDesired(fleet, id(), { ours: pick(['a', 'b', null]) })),
    () => ours('unregister', () => unregister(fleet, id())),
  ];
}

/** All short heartbeats have run out, and everybody was looked at once more. */
async function lastLook(fleet: Fleet): Promise<void> {
  await until(async () => {
    const left = await Promise.all(IDS.map((id) => fleet.redis.pttl(fleet.keys.heartbeat(id))));
    return left.every((ms) => ms < 0 || ms > 5_000);
  });
  await settle(fleet, NAMES, { honourHold: false });
}

async function expectTrueStories(fleet: Fleet): Promise<void> {
  for (const id of NAMES) {
    let previous = 0;
    for (const { seq, status } of await logOf(fleet, id)) {
      // A registration begins with 1; the one before it ended offline.
      expect(
        seq === previous + 1 || (seq === 1 && previous % 2 === 0),
        `${id}: ${seq} after ${previous}`,
      ).toBe(true);
      expect(status, `${id}: ${seq}`).toBe(Number(seq) % 2 === 1 ? 'online' : 'offline');
      previous = Number(seq);
    }
  }
}

async function expectAgreement(fleet: Fleet): Promise<void> {
  const { redis: raw, keys } = fleet;
  const scores = new Map<string, number>();
  const flat = await raw.zrange(keys.activity, 0, -1, 'WITHSCORES');
  for (let i = 0; i < flat.length; i += 2) scores.set(flat[i] as string, Number(flat[i + 1]));
  const online = await raw.smembers(keys.online);
  for (const { id, device } of await readDevices(fleet, NAMES, SUMMARY)) {
    const alive = (await raw.exists(keys.heartbeat(id))) === 1;
    if (!device) {
      expect(scores.has(id), `${id} is no device, and in no index`).toBe(false);
      expect(!online.includes(id) || alive, `${id} is no device, but online if alive`).toBe(true);
      continue;
    }
    const [last] = (await logOf(fleet, id)).slice(-1);
    const told = device.presenceSeq > 0 ? last?.status : 'offline';
    expect(
      {
        announced: device.presenceSeq % 2 === 1,
        told,
        inOnline: online.includes(id),
        status: await raw.hget(keys.state(id), 'status'),
        armed: (scores.get(id) ?? Number.NaN) > 0,
        score: alive || Math.abs(scores.get(id) ?? Number.NaN) === (device.lastSeen ?? 0),
      },
      id,
    ).toEqual({
      announced: alive,
      told: alive ? 'online' : 'offline',
      inOnline: alive,
      status: alive ? 'online' : 'offline',
      armed: alive,
      score: true,
    });
  }
}

describe.each<Dialect>(['node', 'python'])('beside the %s program', (dialect) => {
  /** Rounds of operations, each round run in its own way; then late handlers, and the last look. */
  async function live(seed: number, run: (seed: number, ops: AsyncIterator<unknown>[]) => Promise<unknown>) {
    const fleet = await openFleet(redis, { dialect });
    const article = articleProgram(await redis.client(), dialect);
    const pick = random(seed);
    const all = operations(fleet, article, pick);
    for (const id of IDS) await article.register(id, 'lamp');
    for (let round = 0; round < ROUNDS; round++) {
      await run(
        seed + round,
        Array.from({ length: AT_ONCE }, () => pick(all)() as AsyncIterator<unknown>),
      );
    }
    await article.register('plain', 'lamp');
    for (const id of IDS) await article.keyspaceDetector(fleet.keys.heartbeat(id));
    await lastLook(fleet);
    return fleet;
  }

  async function expectOrder(fleet: Fleet): Promise<void> {
    const told = await logOf(fleet);
    expect(told.length).toBeGreaterThan(50);
    await expectTrueStories(fleet);
    await expectAgreement(fleet);
    await settle(fleet, NAMES, { honourHold: false });
    expect(await logOf(fleet)).toEqual(told);
  }

  test.each([1, 20_251, 77_777])('step by step, seed %i', async (seed) => {
    await expectOrder(await live(seed, (each, ops) => interleave(each, ...ops)));
  });

  test('all at once', async () => {
    const whole = async (op: AsyncIterator<unknown>) => {
      for (let turn = await op.next(); !turn.done; ) turn = await op.next();
    };
    await expectOrder(await live(4711, (_, ops) => Promise.all(ops.map(whole))));
  });
});
