/**
 * Operations of devstate interleaved at random with single Redis commands of the article's programs, whose
 * detectors are late and cut ids at a colon. Events must alternate with a rising seq, and after a final settle
 * all records, sets and the index must agree.
 */

import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../../src/core/model/device.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevices, SUMMARY_FIELDS } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { type ArticleProgram, articleProgram } from '../../support/article.mjs';
import { cut, logOf, openFleet, type SingleFleet, until } from '../../support/fleet.js';
import { interleave } from '../../support/interleave.js';
import { randomPicker } from '../../support/random.mjs';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();

/** From the key of `aa:bb:cc`, the Node program reads the id `aa` and the Python program `cc`, so both are devices. */
const IDS = ['plain', 'aa:bb:cc', 'aa', 'cc', 'urn:dev:aa', '温度-1'];
/** Every id that any of the programs may write, right or wrong. */
const POSSIBLE_IDS = [...IDS, 'urn', 'dev', 'bb'];
/** 90 rounds of 5 operations: 450 in each test. */
const ROUNDS = 90;
const AT_ONCE = 5;

/** An operation of devstate as a single step, because its script is atomic. */
async function* devstateStep(name: string, run: () => Promise<unknown>): AsyncGenerator<string> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof DevstateError && error.code === 'NOT_FOUND')) throw error;
  }
  yield name;
}

function operations(fleet: SingleFleet, { steps }: ArticleProgram, pick: ReturnType<typeof randomPicker>) {
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
    () => devstateStep('time passes', () => cut(fleet, id(), id())),
    () => devstateStep('time passes', () => cut(fleet, id(), id())),
    () => devstateStep('heartbeat', () => heartbeat(fleet, beat())),
    () => devstateStep('short heartbeat', () => heartbeat(fleet, beat(pick([1, 3, 10])))),
    () => devstateStep('heartbeats', () => heartbeats(fleet, [beat(), beat(), beat()])),
    () =>
      devstateStep('merge', () => heartbeat(fleet, { id: id(), patch: { ours: pick([true, false, null]) } })),
    () =>
      devstateStep('settle', () => settle(fleet.only, [id(), id(), id()], { detector: pick([true, false]) })),
    () => devstateStep('settle all', () => settle(fleet.only, POSSIBLE_IDS)),
    () => devstateStep('disconnect', () => disconnect(fleet, id())),
    () =>
      devstateStep('register', () =>
        register(fleet, id(), pick(['lamp', 'plug']), { metadataJson: '{"m":1}' }),
      ),
    () => devstateStep('set desired', () => setDesired(fleet, id(), { ours: pick(['a', 'b', null]) })),
    () => devstateStep('unregister', () => unregister(fleet, id())),
  ];
}

/** Waits until all short TTLs have expired, then settles every id. */
async function settleAll(fleet: SingleFleet): Promise<void> {
  await until(async () => {
    const left = await Promise.all(IDS.map((id) => fleet.redis.pttl(fleet.keys.heartbeat(id))));
    return left.every((ms) => ms < 0 || ms > 5_000);
  });
  await settle(fleet.only, POSSIBLE_IDS, { honourHold: false });
}

async function expectAlternatingEvents(fleet: SingleFleet): Promise<void> {
  for (const id of POSSIBLE_IDS) {
    let previous = 0;
    for (const { seq, status } of await logOf(fleet, id)) {
      // seq restarts at 1 when a device is registered again, which happens after an offline event.
      expect(
        seq === previous + 1 || (seq === 1 && previous % 2 === 0),
        `${id}: ${seq} after ${previous}`,
      ).toBe(true);
      expect(status, `${id}: ${seq}`).toBe(Number(seq) % 2 === 1 ? 'online' : 'offline');
      previous = Number(seq);
    }
  }
}

async function expectAgreement(fleet: SingleFleet): Promise<void> {
  const { redis: raw, keys } = fleet;
  const scores = new Map<string, number>();
  const flat = await raw.zrange(keys.activity, 0, -1, 'WITHSCORES');
  for (let i = 0; i < flat.length; i += 2) scores.set(flat[i] as string, Number(flat[i + 1]));
  const online = await raw.smembers(keys.online);
  for (const { id, device } of await readDevices(fleet, POSSIBLE_IDS, SUMMARY_FIELDS)) {
    const alive = (await raw.exists(keys.heartbeat(id))) === 1;
    if (!device) {
      expect(scores.has(id), `${id} is no device, and in no index`).toBe(false);
      expect(!online.includes(id) || alive, `${id} is no device, but online if alive`).toBe(true);
      continue;
    }
    const [last] = (await logOf(fleet, id)).slice(-1);
    const lastAnnounced = device.presenceSeq > 0 ? last?.status : 'offline';
    expect(
      {
        announced: device.presenceSeq % 2 === 1,
        lastAnnounced,
        inOnline: online.includes(id),
        status: await raw.hget(keys.state(id), 'status'),
        armed: (scores.get(id) ?? Number.NaN) > 0,
        score: alive || Math.abs(scores.get(id) ?? Number.NaN) === (device.lastSeen ?? 0),
      },
      id,
    ).toEqual({
      announced: alive,
      lastAnnounced: alive ? 'online' : 'offline',
      inOnline: alive,
      status: alive ? 'online' : 'offline',
      armed: alive,
      score: true,
    });
  }
}

describe.each<Dialect>(['node', 'python'])('with the %s program writing to the same fleet', (dialect) => {
  /** Runs rounds of random operations with `run`, then late keyspace handlers of the article, then settles. */
  async function runRounds(
    seed: number,
    run: (seed: number, ops: AsyncIterator<unknown>[]) => Promise<unknown>,
  ) {
    const fleet = await openFleet(redis, { dialect });
    const article = articleProgram(await redis.client(), dialect);
    const pick = randomPicker(seed);
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
    await settleAll(fleet);
    return fleet;
  }

  async function expectConsistent(fleet: SingleFleet): Promise<void> {
    const log = await logOf(fleet);
    expect(log.length).toBeGreaterThan(50);
    await expectAlternatingEvents(fleet);
    await expectAgreement(fleet);
    await settle(fleet.only, POSSIBLE_IDS, { honourHold: false });
    expect(await logOf(fleet)).toEqual(log);
  }

  test.each([1, 20_251, 77_777])(
    'stays consistent, when single commands are interleaved (seed %i)',
    async (seed) => {
      await expectConsistent(await runRounds(seed, (each, ops) => interleave(each, ...ops)));
    },
  );

  test('stays consistent, when operations run concurrently', async () => {
    const runToEnd = async (op: AsyncIterator<unknown>) => {
      for (let turn = await op.next(); !turn.done; ) turn = await op.next();
    };
    await expectConsistent(await runRounds(4711, (_, ops) => Promise.all(ops.map(runToEnd))));
  });
});
