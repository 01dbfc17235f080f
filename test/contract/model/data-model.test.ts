/**
 * Property test of the data model: after any sequence of operations by devstate and the article's programs, Redis
 * equals a model in memory. The clock is the model's, so a failure can be repeated with the seed that fast-check
 * prints.
 */

import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { sweep } from '../../../src/core/detection/sweep.js';
import { decodeEntry } from '../../../src/core/history/history-entry.js';
import type { Dialect } from '../../../src/core/model/device.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { parseJsonObject } from '../../../src/core/model/json.js';
import { HISTORY_KINDS } from '../../../src/core/model/keyspace.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeat, heartbeats } from '../../../src/core/presence/heartbeats.js';
import { settle } from '../../../src/core/presence/settle.js';
import { readDevice } from '../../../src/core/query/read-devices.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { type ArticleProgram, articleProgram } from '../../support/article.mjs';
import { DIALECTS, historyOf, logOf, SingleFleet } from '../../support/fleet.js';
import { Model, type ModelDevice, merged, near, type Patch, pinKeys, shownOf } from '../../support/model.js';
import { useRedis } from '../../support/redis.js';
import { printReport } from '../../support/report.js';
import { bySize, seedsOf } from '../../support/size.js';

/** The number of runs in each dialect. */
const RUNS = bySize(500, 2000);
const [SEED = 3] = seedsOf(3);
/** From the key of `aa:bb:cc`, the article's detectors read the id `aa` (Node) or `cc` (Python). */
const IDS = ['d1', 'aa:bb:cc', 'aa', '温度-1'];

interface Real {
  fleet: SingleFleet;
  article: ArticleProgram;
  /** The JSON text of a document as the article's program writes it. */
  dumps: (document: Record<string, unknown>) => string;
}
type Command = fc.AsyncCommand<Model, Real>;

let steps = 0;

function step(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    async run(model, real) {
      steps += 1;
      await run(model, real);
      await pinKeys(real.fleet, model);
    },
    toString: () => name,
  };
}

/** The result of an operation, or null when it failed with NOT_FOUND. */
async function orNull<T>(operation: Promise<T>): Promise<T | null> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof DevstateError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

const id = fc.constantFrom(...IDS);
const some = fc.uniqueArray(id, { minLength: 1 });
const type = fc.constantFrom('lamp', 'meter');
/** Chosen with the time steps below such that no deadline is closer than half a minute to the model's now. */
const ttl = fc.constantFrom(undefined, undefined, 60_000, 180_000, 420_000);
const document = fc.constantFrom<Patch>({}, { n: 1 }, { n: 2 }, { m: 1 });
const patch = fc.constantFrom<Patch>({}, { n: 1 }, { n: 2 }, { m: 1 }, { n: null });

const commands: fc.Arbitrary<Command>[] = [
  fc.record({ id, type, ttl, onlyIfNew: fc.boolean() }).map(({ id, type, ttl, onlyIfNew }) =>
    step(`register ${id} ${type} ${ttl} ${onlyIfNew}`, async (model, { fleet }) => {
      const options = { onlyIfNew, ...(ttl !== undefined && { ttl }) };
      const done = await register(fleet, id, type, options).catch(({ code }) => code);
      const expected = model.register(id, type, ttl, onlyIfNew);
      const { registeredAt } = model.of(id);
      if (expected === 'conflict') expect(done).toBe('CONFLICT');
      else expect(done).toMatchObject({ created: expected === 'created', registeredAt });
    }),
  ),
  fc.record({ id, ttl, document: fc.option(document, { nil: undefined }) }).map(({ id, ttl, document }) =>
    step(`heartbeat ${id} ${ttl} ${JSON.stringify(document)}`, async (model, { fleet }) => {
      const reported = document && JSON.stringify(document);
      const done = await orNull(
        heartbeat(fleet, {
          id,
          ...(ttl !== undefined && { ttl }),
          ...(reported !== undefined && { reportedJson: reported }),
        }),
      );
      const [wasOffline] = model.heartbeats([
        { id, ...(ttl !== undefined && { ttl }), ...(reported !== undefined && { reported }) },
      ]);
      if (wasOffline === null) expect(done).toBeNull();
      else expect(done).toMatchObject({ wasOffline, lastSeen: model.now, expiresAt: model.of(id).key });
    }),
  ),
  fc.record({ id, patch }).map(({ id, patch }) =>
    step(`merge ${id} ${JSON.stringify(patch)}`, async (model, { fleet }) => {
      const done = await orNull(heartbeat(fleet, { id, patch: parseJsonObject(JSON.stringify(patch)) }));
      const reported = merged(model.of(id).reported, patch);
      const [wasOffline] = model.heartbeats([{ id, reported }]);
      expect(done?.wasOffline ?? null).toBe(wasOffline);
    }),
  ),
  some.map((ids) =>
    step(`heartbeats ${ids}`, async (model, { fleet }) => {
      const beats = ids.map((id) => ({ id }));
      const done = await heartbeats(fleet, beats);
      expect(done.map((each) => (each instanceof DevstateError ? null : each.wasOffline))).toEqual(
        model.heartbeats(beats),
      );
    }),
  ),
  id.map((id) =>
    step(`disconnect ${id}`, async (model, { fleet }) => {
      expect(await orNull(disconnect(fleet, id))).toBe(model.disconnect(id));
    }),
  ),
  id.map((id) =>
    step(`unregister ${id}`, async (model, { fleet }) => {
      const done = await orNull(unregister(fleet, id).then(() => true));
      expect(done ?? false).toBe(model.unregister(id));
    }),
  ),
  fc.record({ id, patch }).map(({ id, patch }) =>
    step(`set desired ${id} ${JSON.stringify(patch)}`, async (model, { fleet }) => {
      const done = await orNull(setDesired(fleet, id, parseJsonObject(JSON.stringify(patch))));
      expect(done?.changed ?? null).toBe(model.setDesired(id, patch));
    }),
  ),
  fc
    .constantFrom(1000, 120_000, 240_000, 600_000)
    .map((ms) => step(`${ms / 1000} s pass`, async (model) => model.pass(ms))),
  fc.record({ ids: some, detector: fc.boolean(), honourHold: fc.boolean() }).map(({ ids, ...options }) =>
    step(`settle ${ids} ${JSON.stringify(options)}`, async (model, { fleet }) => {
      expect((await settle(fleet.only, ids, options)).verdicts).toEqual(model.settle(ids, options));
    }),
  ),
  fc.constant(
    step('sweep', async (model, { fleet }) => {
      for await (const _ of sweep(fleet));
      model.sweep();
    }),
  ),
  fc.record({ id, type }).map(({ id, type }) =>
    step(`article registers ${id} ${type}`, async (model, { article }) => {
      await article.register(id, type);
      model.article.register(id, type);
    }),
  ),
  fc.record({ id, document: fc.option(document, { nil: undefined }) }).map(({ id, document }) =>
    step(`article's heartbeat ${id} ${JSON.stringify(document)}`, async (model, { article, dumps }) => {
      await article.heartbeat(id, document);
      const skipped = article.dialect === 'python' && Object.keys(document ?? {}).length === 0;
      model.article.heartbeat(id, document && !skipped ? dumps(document) : undefined);
    }),
  ),
  fc.record({ id, document }).map(({ id, document }) =>
    step(`article sets desired ${id} ${JSON.stringify(document)}`, async (model, { article, dumps }) => {
      await article.setDesired(id, document);
      const before = JSON.parse(model.of(id).desired || '{}');
      model.article.setDesired(id, dumps({ ...before, ...document }));
    }),
  ),
  id.map((id) =>
    step(`article gets ${id}`, async (model, { article }) => {
      await article.get(id);
      const { known, record } = model.of(id);
      model.article.get(id, article.dialect === 'node' ? known : record);
    }),
  ),
  fc.constant(
    step("article's poll", async (model, { article }) => {
      await article.pollDetector();
      model.article.poll();
    }),
  ),
  id.map((id) =>
    step(`article's expired event of ${id}, late or not`, async (model, { fleet, article }) => {
      model.article.markOffline((await article.keyspaceDetector(fleet.keys.heartbeat(id))) as string);
    }),
  ),
  id.map((id) =>
    step(`the heartbeat key of ${id} is deleted`, async (model) => {
      model.of(id).key = null;
    }),
  ),
];

/** Expects the presence log to equal the model's, event by event. */
async function expectSameLog(model: Model, fleet: SingleFleet): Promise<void> {
  const logged = new Map<string, unknown[]>();
  for (const { deviceId, status, reason, seq, timestamp } of await logOf(fleet)) {
    const index = logged.get(deviceId)?.length ?? 0;
    const at = model.log.get(deviceId)?.[index]?.at ?? 0;
    const event = { status, reason, seq, at: near(at, timestamp) ? at : timestamp };
    logged.set(deviceId, [...(logged.get(deviceId) ?? []), event]);
  }
  expect(logged).toEqual(model.log);
}

/** Expects the events of each registration to start online, to alternate, and to have seq 1, 2, 3, … */
async function expectAlternation(fleet: SingleFleet): Promise<void> {
  const last = new Map<string, number>();
  for (const { deviceId, status, seq } of await logOf(fleet)) {
    const before = last.get(deviceId) ?? 0;
    if (seq === 1) expect(before % 2).toBe(0);
    else expect(seq).toBe(before + 1);
    expect(status).toBe((seq as number) % 2 === 1 ? 'online' : 'offline');
    last.set(deviceId, seq as number);
  }
}

/** Expects records, histories, sets and the index to equal the model's. */
async function expectSameDevices(model: Model, fleet: SingleFleet): Promise<void> {
  const { redis, keys } = fleet;
  const idsWhere = (isTrue: (device: ModelDevice) => unknown) =>
    model.ids.filter((id) => isTrue(model.of(id))).sort();
  for (const id of model.ids) {
    const device = model.of(id);
    const shown = await orNull(readDevice(fleet, id));
    if (device.known) expect(shown, id).toMatchObject(shownOf(device));
    else expect(shown, id).toBeNull();
    expect((await redis.hget(keys.state(id), 'status')) ?? '', id).toBe(device.status);
    for (const kind of HISTORY_KINDS) {
      const entries = await historyOf(fleet, kind, id);
      const numbers = entries.map((entry) => decodeEntry(id, kind, entry).number);
      expect(numbers, `${kind} of ${id}`).toEqual(device.history[kind].map((_, i) => i + 1));
    }
    if (device.known) expect(await redis.sismember(keys.type(device.type), id)).toBe(1);
  }
  expect((await redis.smembers(keys.registered)).sort()).toEqual(idsWhere(({ registered }) => registered));
  expect((await redis.smembers(keys.online)).sort()).toEqual(idsWhere(({ online }) => online));
  const scores = await scoresOf(fleet);
  expect([...scores.keys()].sort()).toEqual(idsWhere(({ score }) => score !== null));
  for (const [id, score] of scores) {
    const expected = model.of(id).score ?? 0;
    expect(near(score, expected), `${id}: ${score}, not ${expected}`).toBe(true);
  }
}

/** After a settle of all devices, expects the announced state, the status field, the sets and the index to agree. */
async function expectAgreement(model: Model, { redis, keys }: SingleFleet): Promise<void> {
  for (const id of model.ids) {
    const { known, key, score, seq, status, online, registered } = model.of(id);
    const alive = (await redis.exists(keys.heartbeat(id))) === 1;
    expect(alive).toBe(key !== null);
    if (!known) expect([score, online && !alive], id).toEqual([null, false]);
    else {
      expect([seq % 2 === 1, online, (score ?? 0) > 0, registered], id).toEqual([alive, alive, alive, true]);
      expect(status).toBe(alive ? 'online' : 'offline');
    }
  }
}

async function scoresOf({ redis, keys }: SingleFleet): Promise<Map<string, number>> {
  const flat = await redis.zrange(keys.activity, 0, -1, 'WITHSCORES');
  return new Map(flat.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(flat[i + 1])]] : [])));
}

describe.each(DIALECTS)('in a %s fleet', (dialect: Dialect) => {
  const redis = useRedis();
  let client: Awaited<ReturnType<typeof redis.client>>;
  beforeAll(async () => {
    client = await redis.client();
  });

  const dumps = (document: Record<string, unknown>) =>
    dialect === 'node' ? JSON.stringify(document) : JSON.stringify(document).replace(/[:,]/g, '$& ');

  test(`${RUNS} runs of 30 or more steps leave Redis equal to the model`, {
    timeout: bySize(300_000, 1_200_000),
  }, async () => {
    steps = 0;
    const run = async (list: Iterable<Command>) => {
      await client.flushall();
      const model = new Model(Date.now());
      const clock = () => model.now;
      const fleet = new SingleFleet(client, { dialect, clock });
      const article = articleProgram(client, dialect, { now: clock });
      await fc.asyncModelRun(() => ({ model, real: { fleet, article, dumps } }), list);
      await expectSameDevices(model, fleet);
      await settle(fleet.only, model.ids, { honourHold: false });
      model.settle(model.ids, { honourHold: false });
      await expectSameLog(model, fleet);
      await expectAlternation(fleet);
      await expectSameDevices(model, fleet);
      await expectAgreement(model, fleet);
    };
    const property = fc.asyncProperty(fc.commands(commands, { maxCommands: 80, size: 'max' }), run);
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    expect(steps).toBeGreaterThanOrEqual(RUNS * 30);
    printReport(`model, ${dialect}`, [`seed ${SEED}: ${RUNS} runs, ${steps} steps`]);
  });
});
